package systempages

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/people"
)

// peoplePage shows who may sign in, and invites, changes and removes people.
func (s *screens) peoplePage() page.Page {
	return page.Page{
		Path: "/people", Title: "People", Template: "people", Nav: "people", Group: page.GroupInstallation, Needs: access.ChangeSystem,
		Show: func(v *page.Visit) (any, error) { return s.people(v) },
		Acts: map[string]page.Act{
			"invite":  {Needs: access.ChangeSystem, Do: s.invite},
			"role":    {Needs: access.ChangeSystem, Do: s.changeRole},
			"clinics": {Needs: access.ChangeSystem, Do: s.limitPerson},
			"reset":   {Needs: access.ChangeSystem, Do: s.resetSignIn},
			"remove":  {Needs: access.ChangeSystem, Do: s.removePerson},
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
		State, SignIn page.Badge
		Clinics       string
		LimitedTo     string // the names of these clinics, one a line
		LastSignedIn  page.Moment
		Me            bool
	}
)

func (s *screens) people(v *page.Visit) (*peopleView, error) {
	all, err := s.o.People.People(v.Context())
	if err != nil {
		return nil, err
	}
	clinics, err := s.o.SeenClinics(v)
	if err != nil {
		return nil, err
	}
	byID := screen.ClinicsByID(clinics)
	shown := &peopleView{Roles: access.Roles()}
	for i := range all {
		p := &all[i]
		row := personRow{
			ID: p.ID, Email: p.Email, Name: p.Name, Role: p.Role, State: page.Good("Active", "check"),
			SignIn: page.Idle("None yet", "ring"), Clinics: "All", LastSignedIn: v.Moment(p.LastSignedIn, nil), Me: p.ID == v.Session.Person.ID,
		}
		if p.State() == people.StateInvited {
			row.State = page.Info("Invited", "ring")
		}
		switch {
		case p.Issuer != "":
			row.SignIn = page.Good("OpenID", "key")
		case !p.Password.Empty():
			row.SignIn = page.Good("Password", "key")
		}
		if p.Limited {
			row.Clinics, row.LimitedTo = page.Counted(len(p.Clinics), "clinic"), namesOf(p.Clinics, byID)
		}
		shown.Rows = append(shown.Rows, row)
	}
	return shown, nil
}

// namesOf lists clinics by name, one a line, as clinicsOf reads them. One whose name
// another clinic has, too, stands by its id.
func namesOf(ids []uuid.UUID, byID map[uuid.UUID]*clinic.Clinic) string {
	times := map[string]int{}
	for _, of := range byID {
		times[of.Name]++
	}
	lines := make([]string, 0, len(ids))
	for _, id := range ids {
		if of := byID[id]; of != nil && times[of.Name] == 1 {
			lines = append(lines, of.Name)
			continue
		}
		lines = append(lines, id.String())
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// limitPerson changes which clinics a person sees (R42).
func (s *screens) limitPerson(v *page.Visit) (page.Notice, error) {
	id, err := person(v)
	if err != nil {
		return page.Notice{}, err
	}
	if id == v.Session.Person.ID {
		return page.Notice{}, page.Problem("Nobody limits themselves. Ask another admin, or use the command line.")
	}
	clinics, err := s.clinicsOf(v, v.Text("clinics"))
	if err != nil {
		return page.Notice{}, err
	}
	p, err := s.o.People.Change(v.Context(), v.By(), id, func(p *people.Person) error {
		p.Clinics, p.Limited = clinics, len(clinics) > 0
		return nil
	})
	if err != nil {
		return page.Notice{}, s.typed(err)
	}
	if !p.Limited {
		return page.Notice{Text: p.Label() + " sees all clinics now and must sign in again."}, nil
	}
	return page.Notice{Text: fmt.Sprintf("%s sees %s now and must sign in again.", p.Label(), page.Counted(len(p.Clinics), "clinic"))}, nil
}

// invite adds a person and shows the link that sets a password.
func (s *screens) invite(v *page.Visit) (page.Notice, error) {
	role, err := people.ParseRole(v.Text("role"))
	if err != nil {
		return page.Notice{}, page.Problem(page.Sentence(err.Error()))
	}
	clinics, err := s.clinicsOf(v, v.Text("clinics"))
	if err != nil {
		return page.Notice{}, err
	}
	p, err := s.o.People.Invite(v.Context(), v.By(), people.Person{Email: v.Text("email"), Name: v.Text("name"), Role: role, Clinics: clinics, Limited: len(clinics) > 0})
	if err != nil {
		return page.Notice{}, s.typed(err)
	}
	return s.invitation(v, p)
}

// typed returns an error of a person's fields as a Problem, and any other as it is.
func (s *screens) typed(err error) error {
	if errors.Is(err, people.ErrNotFound) {
		return page.ErrNotFound
	}
	if errors.Is(err, people.ErrExists) || errors.Is(err, people.ErrField) {
		return page.Problem(page.Sentence(err.Error()))
	}
	return err
}

// invitation makes a link for a person and says how to pass it on.
func (s *screens) invitation(v *page.Visit, p people.Person) (page.Notice, error) {
	token, err := s.o.People.InviteLink(v.Context(), p.ID)
	if err != nil {
		return page.Notice{}, err
	}
	return page.Notice{
		Text: fmt.Sprintf("Send %s this link. It sets a password, once, within 7 days. It is not shown again.", p.Label()),
		Copy: page.LinkAddress(v.Base, token),
	}, nil
}

// person returns whom a form names.
func person(v *page.Visit) (uuid.UUID, error) {
	id, err := uuid.Parse(v.Text("person"))
	if err != nil {
		return id, page.ErrNotFound
	}
	return id, nil
}

func (s *screens) changeRole(v *page.Visit) (page.Notice, error) {
	id, err := person(v)
	if err != nil {
		return page.Notice{}, err
	}
	role, err := people.ParseRole(v.Text("role"))
	if err != nil {
		return page.Notice{}, page.Problem(page.Sentence(err.Error()))
	}
	if id == v.Session.Person.ID {
		return page.Notice{}, page.Problem("Nobody changes their own role. Ask another admin, or use the command line.")
	}
	p, err := s.o.People.Change(v.Context(), v.By(), id, func(p *people.Person) error { p.Role = role; return nil })
	if err != nil {
		return page.Notice{}, s.typed(err)
	}
	return page.Notice{Text: fmt.Sprintf("%s has the role %s now and must sign in again.", p.Label(), p.Role)}, nil
}

// resetSignIn removes a person's password and OpenID Connect account, and invites again.
func (s *screens) resetSignIn(v *page.Visit) (page.Notice, error) {
	id, err := person(v)
	if err != nil {
		return page.Notice{}, err
	}
	p, err := s.o.People.Change(v.Context(), v.By(), id, func(p *people.Person) error { p.ResetSignIn(); return nil })
	if err != nil {
		return page.Notice{}, s.typed(err)
	}
	return s.invitation(v, p)
}

func (s *screens) removePerson(v *page.Visit) (page.Notice, error) {
	id, err := person(v)
	if err != nil {
		return page.Notice{}, err
	}
	if id == v.Session.Person.ID {
		return page.Notice{}, page.Problem("Nobody removes themselves. Ask another admin, or use the command line.")
	}
	p, err := s.o.People.Remove(v.Context(), v.By(), id)
	if err != nil {
		return page.Notice{}, s.typed(err)
	}
	return page.Notice{Text: p.Label() + " is removed and signed out."}, nil
}
