package fleetapi

import (
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// A personRecord is a person in a response.
type personRecord struct {
	ID             uuid.UUID    `json:"id" format:"uuid"`
	Email          string       `json:"email"`
	Name           string       `json:"name" doc:"Empty: unknown."`
	Role           string       `json:"role" enum:"viewer,operator,admin"`
	Clinics        *[]uuid.UUID `json:"clinics" format:"uuid" nullable:"true" doc:"The clinics that the person is limited to; null: all."`
	State          string       `json:"state" enum:"invited,active" doc:"invited: has never signed in."`
	Password       bool         `json:"password" doc:"Whether one is set."`
	OpenID         bool         `json:"openId" doc:"Whether an account of the OpenID Connect provider has signed in."`
	CreatedAt      web.Instant  `json:"createdAt"`
	LastSignedInAt *web.Instant `json:"lastSignedInAt" nullable:"true" doc:"null: never."`
	Link           string       `json:"link,omitempty" doc:"Sets a password, once, within 7 days. Only in the response that makes it; left out where there is no console."`
}

type personList struct {
	Items []personRecord `json:"items" nullable:"false"`
}

// personRequest is the body of POST /api/people.
type personRequest struct {
	Email   string   `json:"email" maxLength:"254" example:"ada@example.com"`
	Name    *string  `json:"name,omitempty" maxLength:"200" example:"Ada"`
	Role    string   `json:"role,omitempty" enum:"viewer,operator,admin" doc:"Default: viewer."`
	Clinics []web.ID `json:"clinics,omitempty" doc:"Limit the person to these clinics. Default: all."`
}

// personChange is the body of PATCH /api/people/{id}.
type personChange struct {
	Email      *string  `json:"email,omitempty" maxLength:"254"`
	Name       *string  `json:"name,omitempty" maxLength:"200"`
	Role       *string  `json:"role,omitempty" enum:"viewer,operator,admin"`
	Clinics    []web.ID `json:"clinics,omitempty" doc:"Limit the person to these clinics."`
	AllClinics bool     `json:"allClinics,omitempty" doc:"Limit the person to no clinics any more."`
	Reset      bool     `json:"resetSignIn,omitempty" doc:"Forget the password and the account of the OpenID Connect provider, and make a new link."`
}

func personOf(p *people.Person) personRecord {
	record := personRecord{
		ID: p.ID, Email: p.Email, Name: p.Name, Role: string(p.Role), State: p.State(), Password: !p.Password.Empty(), OpenID: p.Issuer != "",
		CreatedAt: web.Instant(p.CreatedAt), LastSignedInAt: web.Moment(p.LastSignedIn),
	}
	if p.Limited {
		record.Clinics = new(append([]uuid.UUID{}, p.Clinics...))
	}
	return record
}

// invitedOf returns a person with a new link.
func (o *Options) invitedOf(c *web.Call, p *people.Person) (personRecord, error) {
	record := personOf(p)
	if o.LinkOf == nil {
		return record, nil
	}
	token, err := o.People.InviteLink(c.Context(), p.ID)
	if err == nil {
		record.Link = o.LinkOf(c.Request, token)
	}
	return record, err
}

// personClinics returns the clinics that a body names. An unknown one is refused.
func (o *Options) personClinics(c *web.Call, named []web.ID) ([]uuid.UUID, error) {
	ids := make([]uuid.UUID, len(named))
	for i, id := range named {
		ids[i] = uuid.UUID(id)
		if _, err := o.Clinics.Clinic(c.Context(), ids[i]); errors.Is(err, clinic.ErrNotFound) {
			return nil, web.Invalid("clinics", "clinics names a clinic that does not exist")
		} else if err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// personRole reads the role that a body names.
func personRole(text string) (access.Role, error) {
	role, err := people.ParseRole(text)
	if err != nil {
		return "", web.Invalid("role", "role must be one of viewer, operator, admin")
	}
	return role, nil
}

func (o *Options) listPeople() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/people", ID: "listPeople", Tag: TagFleet,
		Summary:     "List people",
		Description: "Who may sign in, by e-mail address.",
		Needs:       access.ChangeSystem,
		Of:          web.OfInstallation,
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "The people.", Example: personList{[]personRecord{personOf(sample.Person())}}}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest},
		Handle: func(c *web.Call) (web.Reply, error) {
			all, err := o.People.People(c.Context())
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(personList{web.Items(all, personOf)})
		},
	}
}

func (o *Options) invitePerson() web.Operation {
	invited := personOf(sample.Person())
	invited.Link = "https://sync.example.com/console/link#…"
	return web.Operation{
		Method: http.MethodPost, Path: "/api/people", ID: "invitePerson", Tag: TagFleet,
		Summary:     "Invite a person",
		Description: "The response alone shows the link with which the person sets a password. With OpenID Connect the person needs no link.",
		Needs:       access.ChangeSystem,
		Of:          web.OfInstallation,
		Body:        personRequest{Email: "ada@example.com", Name: new("Ada"), Role: string(access.RoleOperator)},
		Offers:      []web.Offer{{Status: http.StatusCreated, Description: "The person.", Example: invited}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest, web.CodeBodyTooLarge},
		Handle: func(c *web.Call) (web.Reply, error) {
			body := personRequest{Role: string(access.RoleViewer)}
			if err := web.ReadBody(c.Request, &body); err != nil {
				return web.Reply{}, err
			}
			clinics, err := o.personClinics(c, body.Clinics)
			if err != nil {
				return web.Reply{}, err
			}
			draft := people.Person{Email: body.Email, Limited: body.Clinics != nil, Clinics: clinics}
			if body.Name != nil {
				draft.Name = *body.Name
			}
			if draft.Role, err = personRole(body.Role); err != nil {
				return web.Reply{}, err
			}
			added, err := o.People.Invite(c.Context(), c.By(), draft)
			if err != nil {
				return web.Reply{}, err
			}
			record, err := o.invitedOf(c, &added)
			return web.Reply{Status: http.StatusCreated, Body: record}, err
		},
	}
}

func (o *Options) changePerson() web.Operation {
	return web.Operation{
		Method: http.MethodPatch, Path: "/api/people/{id}", ID: "changePerson", Tag: TagFleet,
		Summary:     "Change a person",
		Description: "Changes what the body names. Another role, other clinics and a reset end the person's sessions at once.",
		Needs:       access.ChangeSystem,
		Of:          web.OfInstallation,
		Params:      []*huma.Param{web.IDParam("a person")},
		Body:        personChange{Role: new(string(access.RoleViewer))},
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "The person.", Example: personOf(sample.Person())}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound, web.CodeBodyTooLarge},
		Handle: func(c *web.Call) (web.Reply, error) {
			id, err := c.PathID()
			if err != nil {
				return web.Reply{}, err
			}
			var body personChange
			if err := web.ReadBody(c.Request, &body); err != nil {
				return web.Reply{}, err
			}
			if body.empty() {
				present, err := o.People.Person(c.Context(), id)
				if err != nil {
					return web.Reply{}, err
				}
				return web.OK(personOf(&present))
			}
			clinics, err := o.personClinics(c, body.Clinics)
			if err != nil {
				return web.Reply{}, err
			}
			after, err := o.People.Change(c.Context(), c.By(), id, func(p *people.Person) error { return body.apply(p, clinics) })
			if err != nil {
				return web.Reply{}, err
			}
			if body.Reset {
				record, err := o.invitedOf(c, &after)
				return web.Reply{Status: http.StatusOK, Body: record}, err
			}
			return web.OK(personOf(&after))
		},
	}
}

// empty reports whether the body changes nothing, which is no action (R44).
func (b *personChange) empty() bool {
	return b.Email == nil && b.Name == nil && b.Role == nil && b.Clinics == nil && !b.AllClinics && !b.Reset
}

// apply changes what the body names.
func (b *personChange) apply(p *people.Person, clinics []uuid.UUID) error {
	if b.AllClinics && b.Clinics != nil {
		return web.Invalid("allClinics", "allClinics contradicts clinics: leave one of them out")
	}
	if b.Email != nil {
		email, err := people.ParseEmail(*b.Email)
		if err != nil {
			return web.Invalid("email", "email is not an e-mail address such as name@example.com")
		}
		p.Email = email
	}
	if b.Name != nil {
		p.Name = *b.Name
	}
	if b.Role != nil {
		role, err := personRole(*b.Role)
		if err != nil {
			return err
		}
		p.Role = role
	}
	if b.AllClinics {
		p.Limited, p.Clinics = false, nil
	}
	if b.Clinics != nil {
		p.Limited, p.Clinics = true, clinics
	}
	if b.Reset {
		p.ResetSignIn()
	}
	return nil
}

func (o *Options) removePerson() web.Operation {
	return web.Operation{
		Method: http.MethodDelete, Path: "/api/people/{id}", ID: "removePerson", Tag: TagFleet,
		Summary:     "Remove a person",
		Description: "All sessions of the person end at once. What the person did stays recorded.",
		Needs:       access.ChangeSystem,
		Of:          web.OfInstallation,
		Params:      []*huma.Param{web.IDParam("a person")},
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "Who was removed.", Example: personOf(sample.Person())}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		Handle: func(c *web.Call) (web.Reply, error) {
			id, err := c.PathID()
			if err != nil {
				return web.Reply{}, err
			}
			removed, err := o.People.Remove(c.Context(), c.By(), id)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(personOf(&removed))
		},
	}
}
