package console

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
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
	do func(*Visit, *clinic.Clinic) (acted, error)
}

// acted is what became of an action on one clinic.
type acted struct {
	Says    string
	Address string // where to look at it; empty: nowhere
}

// fleetActions lists the actions on clinics.
func (c *console) fleetActions() []fleetAction {
	return []fleetAction{
		{
			Name: "sync", Title: "Sync now", Verb: "Sync", Did: "%s started.", Thing: "sync", Icon: "play", Needs: access.SyncFull, Most: maxActedOn,
			What: "A full sync reads appointments and notes and looks for deletions, as the schedule does. A clinic whose sync runs already is left alone.",
			do:   c.startFull(false),
		},
		{
			Name: "dry", Title: "Dry run", Verb: "Try", Did: "%s started.", Thing: "dry run", Icon: "search", Needs: access.SyncFull, Most: maxActedOn,
			What: "A dry run does everything that a full sync does, and writes nothing. Its page shows what would change.",
			do:   c.startFull(true),
		},
		{
			Name: "test", Title: "Test the login", Verb: "Test the login of", Did: "%s signed in.", Thing: "clinic", Icon: "key", Needs: access.OperateClinics, Most: maxTested,
			What: "A new login at the clinic's PIMS, and a look at today's calendar. Nothing is stored but the outcome.",
			do:   c.tryLogin,
		},
		{
			Name: "off", Title: "Turn off", Verb: "Turn off", Did: "%s turned off.", Thing: "clinic", Icon: "dash", Needs: access.ChangeClinics, Harsh: true, Most: maxActedOn,
			What: "No sync starts any more, by schedule or by hand. The data stays and can be read. “Turn on” undoes it.",
			do:   c.turn(false),
		},
		{
			Name: "on", Title: "Turn on", Verb: "Turn on", Did: "%s turned on.", Thing: "clinic", Icon: "check", Needs: access.ChangeClinics, Most: maxActedOn,
			What: "The schedule applies again.",
			do:   c.turn(true),
		},
	}
}

type (
	actionsView struct {
		Action  *fleetAction // nil: none is chosen yet
		Offered []choice
		Rows    []actionRow
		Title   string // of the button
		Too     string // why it cannot be done; empty: it can
		Next    string // where to go back to
	}

	actionRow struct {
		ID, Name, Zone, Address string
		State                   Badge
		Provider                string
	}
)

// actionsPage asks before an action on clinics, says what it will do, and does it.
func (c *console) actionsPage() Page {
	p := Page{
		Path: "/actions", Title: "Act on clinics", Template: "actions", Needs: access.ReadClinics,
		Show: func(v *Visit) (any, error) { return c.actions(v) },
		Acts: map[string]Act{},
	}
	for _, a := range c.fleetActions() {
		p.Acts[a.Name] = Act{a.Needs, func(v *Visit) (Notice, error) { return c.actOn(v, &a) }}
	}
	return p
}

// actions shows the clinics that an address names and what is to be done with them.
func (c *console) actions(v *Visit) (*actionsView, error) {
	found, err := c.chosen(v)
	if err != nil {
		return nil, err
	}
	shown := &actionsView{Next: localPath(v.Text("next"))}
	pairs := []string{}
	for _, a := range c.fleetActions() {
		if v.Caller.Check(a.Needs, uuid.Nil) != nil {
			continue
		}
		pairs = append(pairs, a.Name, a.Title)
		if a.Name == cmp.Or(v.Text("do"), v.Text("act")) {
			shown.Action = &a
		}
	}
	if shown.Offered = choices(v.Text("do"), "", pairs...)[1:]; len(pairs) == 0 {
		return nil, Problem("Your role looks at clinics. Who acts on them needs the role operator or admin.")
	}
	for _, x := range found {
		shown.Rows = append(shown.Rows, actionRow{
			ID: x.Clinic.ID.String(), Name: x.Clinic.Name, Zone: x.Clinic.Timezone, Address: clinicAddress(x.Clinic.ID),
			State: stateBadges[x.State], Provider: x.Provider,
		})
	}
	switch a := shown.Action; {
	case len(found) == 0:
		shown.Too = "No clinic is chosen. Tick some on the page Fleet."
	case a != nil && len(found) > a.Most:
		shown.Too = fmt.Sprintf("These are %s. “%s” takes %s at once.", counted(len(found), "clinic"), a.Title, number(a.Most))
	case a != nil:
		shown.Title = a.Verb + " " + counted(len(found), "clinic")
	}
	return shown, nil
}

// chosen returns the clinics that the values clinic name or, with all, those that the
// fleet's page shows with the same search and state. One that the caller does not see does
// not exist (R42).
func (c *console) chosen(v *Visit) ([]*judged, error) {
	all, err := c.seen(v.Context(), v)
	if err != nil {
		return nil, err
	}
	if v.Text("all") != "" {
		state := v.Text("state")
		all = slices.DeleteFunc(all, func(x *judged) bool {
			return !x.matches(v.Text("q")) || state != "" && string(x.State) != state
		})
		return all, nil
	}
	wanted := map[string]bool{}
	for _, id := range v.Form["clinic"] {
		wanted[id] = true
	}
	all = slices.DeleteFunc(all, func(x *judged) bool { return !wanted[x.Clinic.ID.String()] })
	if len(all) != len(wanted) {
		return nil, ErrNotFound
	}
	return all, nil
}

// actOn does an action on the chosen clinics, and says what became of it.
func (c *console) actOn(v *Visit, a *fleetAction) (Notice, error) {
	found, err := c.chosen(v)
	switch {
	case err != nil:
		return Notice{}, err
	case len(found) == 0:
		return Notice{}, Problem("No clinic is chosen.")
	case len(found) > a.Most:
		return Notice{}, Problem(fmt.Sprintf("“%s” takes %s at once.", a.Title, counted(a.Most, "clinic")))
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
				err := v.allowed(a.Needs, x.Clinic.ID)
				if err == nil {
					results[i], err = a.do(v, &x.Clinic)
				}
				return err
			})
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return Notice{}, err
	}
	if len(found) == 1 {
		if errs[0] != nil {
			return Notice{}, told(errs[0])
		}
		text := fmt.Sprintf(a.Did, counted(1, a.Thing))
		return Notice{Text: cmp.Or(results[0].Says, text), Next: cmp.Or(results[0].Address, localPath(v.Text("next")))}, nil
	}
	return summary(v, a, found, errs), nil
}

// summary says what became of an action on several clinics.
func summary(v *Visit, a *fleetAction, found []*judged, errs []error) Notice {
	var refused []string
	var hidden []error
	done := 0
	for i, err := range errs {
		if err == nil {
			done++
			continue
		}
		words, all := inWords(err)
		if refused = append(refused, found[i].Clinic.Name+": "+words); !all {
			hidden = append(hidden, err)
		}
	}
	if len(hidden) > 0 {
		web.EntryOf(v.Context()).Cause = errors.Join(hidden...)
	}
	text := fmt.Sprintf(a.Did, counted(done, a.Thing))
	if len(refused) > 0 {
		text += " " + counted(len(refused), "clinic") + " left as it is: " + strings.Join(refused[:min(len(refused), maxRefused)], " ")
		if more := len(refused) - maxRefused; more > 0 {
			text += fmt.Sprintf(" And %s more.", number(more))
		}
	}
	return Notice{Text: text, Next: localPath(v.Text("next"))}
}

// inWords returns an error in a sentence that a person may read, and whether that tells all
// of it. What it does not tell belongs into the log.
func inWords(err error) (words string, all bool) {
	problem := told(err)
	if _, mendable := problem.(Problem); mendable { //nolint:errorlint // told returns it as it is
		return problem.Error(), true
	}
	if problem == ErrNotFound { //nolint:errorlint // told returns it as it is
		return "It does not exist any more.", true
	}
	return "The server could not do it; the log says why.", false
}

// startFull starts a full sync of a clinic.
func (c *console) startFull(dry bool) func(*Visit, *clinic.Clinic) (acted, error) {
	return func(v *Visit, of *clinic.Clinic) (acted, error) {
		started, err := c.start(v, syncs.Request{ClinicID: of.ID, Type: syncs.TypeFull, Options: syncs.Options{DryRun: dry}})
		says := "The sync of " + of.Name + " is started. This page follows it."
		if dry {
			says = "The dry run of " + of.Name + " is started. This page follows it and shows what would change."
		}
		return acted{says, runAddress(started.ID)}, err
	}
}

// tryLogin signs in to a clinic's PIMS.
func (c *console) tryLogin(v *Visit, of *clinic.Clinic) (acted, error) {
	found, err := c.o.Service.TestCredential(v.Context(), v.By(), of.ID)
	return acted{Says: fmt.Sprintf("%s: signed in, and read %s of today.", of.Name, counted(found.Appointments, "appointment"))}, err
}

// turn turns a clinic on or off.
func (c *console) turn(on bool) func(*Visit, *clinic.Clinic) (acted, error) {
	return func(v *Visit, of *clinic.Clinic) (acted, error) {
		_, err := c.o.Service.SetClinic(v.Context(), v.By(), of.ID, fleet.ClinicChange{Active: &on})
		word := "off. “Turn on” undoes it."
		if on {
			word = "on. Its schedule applies again."
		}
		return acted{Says: of.Name + " is turned " + word}, err
	}
}
