package fleetpages

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

const (
	maxActedOn  = 500 // clinics of one action
	maxTested   = 20  // logins of one action: each takes seconds, and the page waits for them
	testsAtOnce = 5
	maxRefused  = 6 // clinics that a notice names
)

// A fleetAction is what one can do with one clinic or many.
type fleetAction struct {
	Name  string // in the address
	Title string // "Sync now"
	Verb  string // of the button: "Sync 3 clinics"
	Did   string // "Started 3 syncs."; has %s for a count of Thing
	Thing string
	What  string // what it does, for whoever is asked
	Icon  string
	Needs access.Permission
	Harsh bool // it takes something away, and is asked about also for one clinic
	Most  int  // clinics at once

	// do acts on one clinic and says what became of it; empty: nothing beyond that it is
	// done.
	do func(*page.Visit, *clinic.Clinic) (acted, error)
}

// acted is what became of an action on one clinic.
type acted struct {
	Says    string
	Address string // where to look at it; empty: nowhere
}

// fleetActions lists the actions on clinics.
func (s *screens) fleetActions() []fleetAction {
	return []fleetAction{
		{
			Name: "sync", Title: "Sync now", Verb: "Sync", Did: "%s started.", Thing: "sync", Icon: "play", Needs: access.SyncFull, Most: maxActedOn,
			What: "A full sync reads appointments and notes and looks for deletions, as the schedule does. A clinic whose sync runs already is left alone.",
			do:   s.startFull(false),
		},
		{
			Name: "dry", Title: "Dry run", Verb: "Try", Did: "%s started.", Thing: "dry run", Icon: "search", Needs: access.SyncFull, Most: maxActedOn,
			What: "A dry run does everything that a full sync does, and writes nothing. Its page shows what would change.",
			do:   s.startFull(true),
		},
		{
			Name: "test", Title: "Test the login", Verb: "Test the login of", Did: "%s signed in.", Thing: "clinic", Icon: "key", Needs: access.OperateClinics, Most: maxTested,
			What: "A new login at the clinic's PIMS, and a look at today's calendar. Nothing is stored but the outcome.",
			do:   s.tryLogin,
		},
		{
			Name: "off", Title: "Turn off", Verb: "Turn off", Did: "%s turned off.", Thing: "clinic", Icon: "dash", Needs: access.ChangeClinics, Harsh: true, Most: maxActedOn,
			What: "No sync starts any more, by schedule or by hand. The data stays and can be read. “Turn on” undoes it.",
			do:   s.turn(false),
		},
		{
			Name: "on", Title: "Turn on", Verb: "Turn on", Did: "%s turned on.", Thing: "clinic", Icon: "check", Needs: access.ChangeClinics, Most: maxActedOn,
			What: "The schedule applies again.",
			do:   s.turn(true),
		},
	}
}

type (
	actionsView struct {
		Action  *fleetAction // nil: none is chosen yet
		Offered []page.Choice
		Rows    []actionRow
		Title   string // of the button
		Too     string // why it cannot be done; empty: it can
		Next    string // where to go back to
	}

	actionRow struct {
		ID, Name, Zone, Address string
		State                   page.Badge
		Provider                string
	}
)

// actionsPage asks before an action on clinics, says what it will do, and does it.
func (s *screens) actionsPage() page.Page {
	p := page.Page{
		Path: "/actions", Title: "Act on clinics", Template: "actions", Needs: access.ReadClinics,
		Show: func(v *page.Visit) (any, error) { return s.actions(v) },
		Acts: map[string]page.Act{},
	}
	for _, a := range s.fleetActions() {
		p.Acts[a.Name] = page.Act{Needs: a.Needs, Do: func(v *page.Visit) (page.Notice, error) { return s.actOn(v, &a) }}
	}
	return p
}

// actions shows the clinics that an address names and what is to be done with them.
func (s *screens) actions(v *page.Visit) (*actionsView, error) {
	found, err := s.chosen(v)
	if err != nil {
		return nil, err
	}
	shown := &actionsView{Next: page.LocalPath(v.Text("next"))}
	pairs := []string{}
	for _, a := range s.fleetActions() {
		if v.Caller.Check(a.Needs, uuid.Nil) != nil {
			continue
		}
		pairs = append(pairs, a.Name, a.Title)
		if a.Name == cmp.Or(v.Text("do"), v.Text("act")) {
			shown.Action = &a
		}
	}
	if shown.Offered = page.Choices(v.Text("do"), "", pairs...)[1:]; len(pairs) == 0 {
		return nil, page.Problem("Your role looks at clinics. Who acts on them needs the role operator or admin.")
	}
	for _, x := range found {
		shown.Rows = append(shown.Rows, actionRow{
			ID: x.Clinic.ID.String(), Name: x.Clinic.Name, Zone: x.Clinic.Timezone, Address: screen.ClinicAddress(x.Clinic.ID),
			State: screen.StateBadges[x.State], Provider: x.Provider,
		})
	}
	switch a := shown.Action; {
	case len(found) == 0:
		shown.Too = "No clinic is chosen. Tick some on the page Fleet."
	case a != nil && len(found) > a.Most:
		shown.Too = fmt.Sprintf("These are %s. “%s” takes %s at once.", page.Counted(len(found), "clinic"), a.Title, page.Number(a.Most))
	case a != nil:
		shown.Title = a.Verb + " " + page.Counted(len(found), "clinic")
	}
	return shown, nil
}

// chosen returns the clinics that the values clinic name or, with all, those that the
// fleet's page shows with the same search and state. One that the caller does not see does
// not exist (R42).
func (s *screens) chosen(v *page.Visit) ([]*screen.Judged, error) {
	all, err := s.o.Seen(v)
	if err != nil {
		return nil, err
	}
	if v.Text("all") != "" {
		_, found := filter(v, all)
		return found, v.Known() // with an unknown state not all clinics
	}
	wanted := map[string]bool{}
	for _, id := range v.Form["clinic"] {
		wanted[id] = true
	}
	all = slices.DeleteFunc(all, func(x *screen.Judged) bool { return !wanted[x.Clinic.ID.String()] })
	if len(all) != len(wanted) {
		return nil, page.ErrNotFound
	}
	return all, nil
}

// actOn does an action on the chosen clinics, and says what became of it.
func (s *screens) actOn(v *page.Visit, a *fleetAction) (page.Notice, error) {
	found, err := s.chosen(v)
	switch {
	case err != nil:
		return page.Notice{}, err
	case len(found) == 0:
		return page.Notice{}, page.Problem("No clinic is chosen.")
	case len(found) > a.Most:
		return page.Notice{}, page.Problem(fmt.Sprintf("“%s” takes %s at once.", a.Title, page.Counted(a.Most, "clinic")))
	}
	results, errs := make([]acted, len(found)), make([]error, len(found))
	at := 1
	if a.Most == maxTested {
		at = testsAtOnce
	}
	group := panics.NewGroup(at)
	for i, x := range found {
		group.Do(func() error {
			errs[i] = panics.Catch(func() error {
				err := v.Allowed(a.Needs, x.Clinic.ID)
				if err == nil {
					results[i], err = a.do(v, &x.Clinic)
				}
				return err
			})
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return page.Notice{}, err
	}
	if len(found) == 1 {
		if errs[0] != nil {
			return page.Notice{}, screen.Told(errs[0])
		}
		text := fmt.Sprintf(a.Did, page.Counted(1, a.Thing))
		return page.Notice{Text: cmp.Or(results[0].Says, text), Next: cmp.Or(results[0].Address, page.LocalPath(v.Text("next")))}, nil
	}
	return summary(v, a, found, errs), nil
}

// summary says what became of an action on several clinics.
func summary(v *page.Visit, a *fleetAction, found []*screen.Judged, errs []error) page.Notice {
	var refused []string
	var hidden []error
	done := 0
	for i, err := range errs {
		if err == nil {
			done++
			continue
		}
		words, all := screen.InWords(err)
		if refused = append(refused, found[i].Clinic.Name+": "+words); !all {
			hidden = append(hidden, err)
		}
	}
	if len(hidden) > 0 {
		web.EntryOf(v.Context()).Cause = errors.Join(hidden...)
	}
	text := fmt.Sprintf(a.Did, page.Counted(done, a.Thing))
	if len(refused) > 0 {
		text += " " + page.Counted(len(refused), "clinic") + " left as it is: " + strings.Join(refused[:min(len(refused), maxRefused)], " ")
		if more := len(refused) - maxRefused; more > 0 {
			text += fmt.Sprintf(" And %s more.", page.Number(more))
		}
	}
	return page.Notice{Text: text, Next: page.LocalPath(v.Text("next"))}
}

// startFull starts a full sync of a clinic.
func (s *screens) startFull(dry bool) func(*page.Visit, *clinic.Clinic) (acted, error) {
	return func(v *page.Visit, of *clinic.Clinic) (acted, error) {
		started, err := s.o.Start(v, syncs.Request{ClinicID: of.ID, Type: syncs.TypeFull, Options: syncs.Options{DryRun: dry}})
		says := "The sync of " + of.Name + " is started. This page follows it."
		if dry {
			says = "The dry run of " + of.Name + " is started. This page follows it and shows what would change."
		}
		return acted{says, screen.RunAddress(started.ID)}, err
	}
}

// tryLogin signs in to a clinic's PIMS.
func (s *screens) tryLogin(v *page.Visit, of *clinic.Clinic) (acted, error) {
	found, err := s.o.Service.TestCredential(v.Context(), v.By(), of.ID)
	return acted{Says: fmt.Sprintf("%s: signed in, and read %s of today.", of.Name, page.Counted(found.Appointments, "appointment"))}, err
}

// turn turns a clinic on or off.
func (s *screens) turn(on bool) func(*page.Visit, *clinic.Clinic) (acted, error) {
	return func(v *page.Visit, of *clinic.Clinic) (acted, error) {
		_, err := s.o.Service.SetClinic(v.Context(), v.By(), of.ID, fleet.ClinicChange{Active: &on})
		word := "off. “Turn on” undoes it."
		if on {
			word = "on. Its schedule applies again."
		}
		return acted{Says: of.Name + " is turned " + word}, err
	}
}
