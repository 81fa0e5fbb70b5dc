package console

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/people"
)

// peoplePage shows who may sign in, and invites, changes and removes people.
func (c *console) peoplePage() Page {
	return Page{
		Path: "/people", Title: "People", Template: "people", Nav: "people", Group: groupInstallation, Needs: access.ChangeSystem,
		Show: func(v *Visit) (any, error) { return c.people(v) },
		Acts: map[string]Act{
			"invite": {access.ChangeSystem, c.invite},
			"role":   {access.ChangeSystem, c.changeRole},
			"reset":  {access.ChangeSystem, c.resetSignIn},
			"remove": {access.ChangeSystem, c.removePerson},
		},
	}
}

type (
	peopleView struct {
		Roles []access.Role
		Rows  []personRow
	}

	personRow struct {
		ID            uuid.UUID
		Email, Name   string
		Role          access.Role
		State, SignIn Badge
		Clinics       string
		LastSignedIn  Moment
		Me            bool
	}
)

func (c *console) people(v *Visit) (*peopleView, error) {
	all, err := c.o.People.People(v.Context())
	if err != nil {
		return nil, err
	}
	shown := &peopleView{Roles: access.Roles()}
	for i := range all {
		p := &all[i]
		row := personRow{
			ID: p.ID, Email: p.Email, Name: p.Name, Role: p.Role, State: Badge{"Active", "check", "good"},
			SignIn: Badge{"None yet", "ring", "idle"}, Clinics: "All", LastSignedIn: v.Moment(p.LastSignedIn, nil), Me: p.ID == v.Session.Person.ID,
		}
		if p.State() == people.StateInvited {
			row.State = Badge{"Invited", "ring", "info"}
		}
		switch {
		case p.Issuer != "":
			row.SignIn = Badge{"OpenID", "key", "good"}
		case p.Password != "":
			row.SignIn = Badge{"Password", "key", "good"}
		}
		if p.Limited {
			row.Clinics = counted(len(p.Clinics), "clinic")
		}
		shown.Rows = append(shown.Rows, row)
	}
	return shown, nil
}

// invite adds a person and shows the link that sets a password.
func (c *console) invite(v *Visit) (Notice, error) {
	role, err := people.ParseRole(v.Text("role"))
	if err != nil {
		return Notice{}, Problem(sentence(err.Error()))
	}
	p, err := c.o.People.Invite(v.Context(), v.By(), people.Person{Email: v.Text("email"), Name: v.Text("name"), Role: role})
	if err != nil {
		return Notice{}, c.typed(err)
	}
	return c.invitation(v, p)
}

// typed returns an error of a person's fields as a Problem, and any other as it is.
func (c *console) typed(err error) error {
	if errors.Is(err, people.ErrNotFound) {
		return ErrNotFound
	}
	if errors.Is(err, people.ErrExists) || errors.Is(err, people.ErrField) {
		return Problem(sentence(err.Error()))
	}
	return err
}

// invitation makes a link for a person and says how to pass it on.
func (c *console) invitation(v *Visit, p people.Person) (Notice, error) {
	token, err := c.o.People.InviteLink(v.Context(), p.ID)
	if err != nil {
		return Notice{}, err
	}
	return Notice{
		Text: fmt.Sprintf("Send %s this link. It sets a password, once, within 7 days. It is not shown again.", p.Label()),
		Copy: LinkAddress(c.base(v.Request), token),
	}, nil
}

// LinkAddress returns the address of a one-time link of a server that people find at base.
func LinkAddress(base *url.URL, token string) string {
	return base.Scheme + "://" + base.Host + Root + "/link?token=" + url.QueryEscape(token)
}

// person returns whom a form names.
func person(v *Visit) (uuid.UUID, error) {
	id, err := uuid.Parse(v.Text("person"))
	if err != nil {
		return id, ErrNotFound
	}
	return id, nil
}

func (c *console) changeRole(v *Visit) (Notice, error) {
	id, err := person(v)
	if err != nil {
		return Notice{}, err
	}
	role, err := people.ParseRole(v.Text("role"))
	if err != nil {
		return Notice{}, Problem(sentence(err.Error()))
	}
	if id == v.Session.Person.ID {
		return Notice{}, Problem("Nobody changes their own role. Ask another admin, or use the command line.")
	}
	p, err := c.o.People.Change(v.Context(), v.By(), id, func(p *people.Person) error { p.Role = role; return nil })
	if err != nil {
		return Notice{}, c.typed(err)
	}
	return Notice{Text: fmt.Sprintf("%s has the role %s now and must sign in again.", p.Label(), p.Role)}, nil
}

// resetSignIn removes a person's password and OpenID Connect account, and invites again.
func (c *console) resetSignIn(v *Visit) (Notice, error) {
	id, err := person(v)
	if err != nil {
		return Notice{}, err
	}
	p, err := c.o.People.Change(v.Context(), v.By(), id, func(p *people.Person) error { p.ResetSignIn(); return nil })
	if err != nil {
		return Notice{}, c.typed(err)
	}
	return c.invitation(v, p)
}

func (c *console) removePerson(v *Visit) (Notice, error) {
	id, err := person(v)
	if err != nil {
		return Notice{}, err
	}
	if id == v.Session.Person.ID {
		return Notice{}, Problem("Nobody removes themselves. Ask another admin, or use the command line.")
	}
	p, err := c.o.People.Remove(v.Context(), v.By(), id)
	if err != nil {
		return Notice{}, c.typed(err)
	}
	return Notice{Text: p.Label() + " is removed and signed out."}, nil
}
