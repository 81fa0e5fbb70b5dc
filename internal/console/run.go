package console

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// shownChanges is how many cases one sync lists. The command line lists all.
const shownChanges = 200

type (
	runView struct {
		ID, Clinic, ClinicRuns string
		Row                    runRow
		Facts                  []fact
		Error                  string
		Plan                   string // its id; empty: none
		Running                bool
		Phases                 []runPhase
		Failures               []runFailure
		Warnings               []string
		Changes                []caseChange
		More                   int // changed cases that are not listed
		Would                  bool
		Deleted                int // cases that the sync deleted and that can be restored
		CanCancel, CanRepeat   bool
	}

	// A fact is a name and a value.
	fact struct {
		Name  string
		Value any
	}

	runPhase struct {
		Name, Step, Why string
		Status          Badge
		Took            string
		Counts          []string
		Percent         int
		Done, Total     int
	}

	runFailure struct {
		id                                 uuid.UUID
		Case, Address, Patient, Code, Text string
	}

	// A caseChange is what a sync did to one case, or would do.
	caseChange struct {
		id            uuid.UUID
		Case, Address string
		Action        Badge
		Patient       string
		Visit         Moment
		Sentences     []string
		Fields        []fieldChange
	}

	fieldChange struct{ Name, Before, After string }
)

// runPage shows one sync.
func (c *console) runPage() Page {
	return Page{
		Path: "/runs/{id}", Title: "Run", Template: "run", Needs: access.Read,
		Show: func(v *Visit) (any, error) { return c.run(v) },
		Acts: map[string]Act{
			"cancel":  {access.Read, c.cancelRun},
			"repeat":  {access.Read, c.repeatRun},
			"restore": {access.Restore, c.restoreRun},
		},
	}
}

// pathID returns the id in a page's address.
func pathID(v *Visit) (uuid.UUID, error) {
	id, err := uuid.Parse(v.PathValue("id"))
	if err != nil {
		return id, ErrNotFound
	}
	return id, nil
}

// theRun reads the sync that the address names and its clinic.
func (c *console) theRun(v *Visit) (of clinic.Clinic, a syncs.Audit, err error) {
	id, err := pathID(v)
	if err != nil {
		return of, a, err
	}
	clinicID, err := c.o.Runs.ClinicOf(v.Context(), id)
	if err != nil {
		return of, a, told(err)
	}
	if !v.Caller.Sees(clinicID) {
		return of, a, ErrNotFound
	}
	if of, err = c.o.Clinics.Clinic(v.Context(), clinicID); err != nil {
		return of, a, told(err)
	}
	a, err = c.o.Runs.Audit(v.Context(), clinicID, id)
	return of, a, told(err)
}

func (c *console) run(v *Visit) (*runView, error) {
	of, a, err := c.theRun(v)
	if err != nil {
		return nil, err
	}
	return c.runOf(v, of, a)
}

// runOf shows a sync of a clinic.
func (c *console) runOf(v *Visit, of clinic.Clinic, a syncs.Audit) (*runView, error) {
	may := func(p access.Permission) bool { return v.Caller.Check(p, of.ID) == nil }
	running := !a.Status.Final()
	shown := &runView{
		ID: a.ID.String(), Clinic: of.Name, ClinicRuns: runsOf(of.ID), Row: runRowOf(v, &of, &a),
		Facts: runFacts(v, &of, &a), Error: a.Result.Error, Running: running,
		Warnings: warnings(&a.Result.Warnings), Would: a.Options.DryRun,
		CanCancel: running && may(access.ForSync(a.Type)), CanRepeat: !running && a.ParentID == uuid.Nil && of.Active && may(access.ForSync(a.Type)),
	}
	phases := a.Children
	if len(phases) == 0 {
		phases = []syncs.Audit{a}
	}
	for i := range phases {
		p := &phases[i]
		shown.Phases = append(shown.Phases, phaseOf(p, &a))
		shown.fail(p)
	}
	for _, t := range syncs.Types() {
		if why, skipped := a.Result.Skipped[t]; skipped {
			shown.Phases = append(shown.Phases, runPhase{Name: typeName(t), Why: sentence(why), Status: Badge{"Left out", "dash", "idle"}, Percent: -1})
		}
	}
	if a.Result.PlanID != uuid.Nil {
		shown.Plan = a.Result.PlanID.String()
	}
	if err := c.changes(v, &of, phases, shown); err != nil {
		return nil, err
	}
	if err := c.recognise(v, &of, shown); err != nil {
		return nil, err
	}
	if may(access.Restore) && !shown.Would && a.Result.Stats.CasesDeleted > 0 {
		ids, err := c.o.Restores.DeletedBy(v.Context(), of.ID, a.ID)
		if err != nil {
			return nil, err
		}
		shown.Deleted = len(ids)
	}
	return shown, nil
}

func runFacts(v *Visit, of *clinic.Clinic, a *syncs.Audit) []fact {
	zone := zoneOf(of)
	facts := []fact{{"Started by", triggerName(a.Trigger)}, {"Asked for", v.Moment(a.CreatedAt, zone).Full()}}
	if !a.StartedAt.IsZero() {
		facts = append(facts, fact{"Began", v.Moment(a.StartedAt, zone).Full()})
	}
	if !a.CompletedAt.IsZero() {
		facts = append(facts, fact{"Ended", v.Moment(a.CompletedAt, zone).Full()})
	}
	if t := took(a); t != "" {
		facts = append(facts, fact{"Took", t})
	}
	if a.Attempt > 1 {
		facts = append(facts, fact{"Attempt", fmt.Sprint(a.Attempt)})
	}
	o := a.Options
	if o.StartDate != nil || o.EndDate != nil {
		var from, to string
		if o.StartDate != nil {
			from = o.StartDate.String()
		}
		if o.EndDate != nil {
			to = o.EndDate.String()
		}
		facts = append(facts, fact{"Days", strings.TrimSpace(from + " to " + to)})
	}
	if o.Force {
		facts = append(facts, fact{"Reads", "every consultation again"})
	}
	return facts
}

func phaseOf(p, whole *syncs.Audit) runPhase {
	shown := runPhase{Name: typeName(p.Type), Status: statusBadge(p), Took: took(p), Counts: counts(&p.Result.Stats), Percent: -1}
	if p.Result.Code != "" {
		shown.Why = explain(p.Result.Code)
	}
	if n := p.Result.Stats.CasesUnchanged; n > 0 {
		shown.Counts = append(shown.Counts, number(n)+" as before")
	}
	if !p.Status.Final() && (p.ID == whole.ID || whole.Progress.Phase == p.Type) {
		shown.Percent, shown.Step = percent(whole), whole.Progress.Step
		if whole.Progress.Phase != "" {
			shown.Name = typeName(whole.Progress.Phase)
		}
		shown.Done, shown.Total = whole.Progress.Done, whole.Progress.Total
	}
	return shown
}

// fail adds the cases that a phase could not serve.
func (r *runView) fail(p *syncs.Audit) {
	for i := range p.Result.Failures {
		f := &p.Result.Failures[i]
		r.Failures = append(r.Failures, runFailure{id: f.CaseID, Case: shortID(f.CaseID), Address: caseAddress(f.CaseID), Code: string(f.Code), Text: sentence(f.Error)})
	}
}

func caseAddress(id uuid.UUID) string { return Root + "/cases/" + id.String() }

// shortID returns the beginning of an id, by which a person tells it from others on a page.
func shortID(id uuid.UUID) string {
	text := id.String()
	return text[:8] + "…" + text[len(text)-4:]
}

// changes lists what the sync changed: deletions first, and of a dry run what it would do.
func (c *console) changes(v *Visit, of *clinic.Clinic, phases []syncs.Audit, shown *runView) error {
	zone := zoneOf(of)
	if shown.Would {
		for i := range phases {
			for j := range phases[i].Result.Changes {
				shown.add(wouldChange(v, zone, &phases[i].Result.Changes[j]))
			}
		}
		return nil
	}
	all, err := c.o.Cases.EventsOf(v.Context(), of.ID, uuid.MustParse(shown.ID))
	if err != nil {
		return err
	}
	byCase := map[uuid.UUID]int{}
	for _, e := range cases.DeletionsFirst(cases.WithoutEchoes(all)) {
		at, known := byCase[e.CaseID]
		if !known {
			at = len(shown.Changes)
			if !shown.add(caseChange{id: e.CaseID, Case: shortID(e.CaseID), Address: caseAddress(e.CaseID), Action: Badge{"Changed", "dots", "info"}}) {
				at = -1
			}
			byCase[e.CaseID] = at
		}
		if at < 0 {
			continue
		}
		change := &shown.Changes[at]
		change.Sentences = append(change.Sentences, e.Tell(zone)...)
		switch {
		case e.Action == "created":
			change.Action = Badge{"New", "plus", "good"}
		case e.Deletes():
			change.Action = Badge{"Deleted", "cross", "bad"}
		}
	}
	return nil
}

// recognise adds patients and visits by which people know the cases.
func (c *console) recognise(v *Visit, of *clinic.Clinic, shown *runView) error {
	var ids []uuid.UUID
	for i := range shown.Failures {
		ids = append(ids, shown.Failures[i].id)
	}
	for i := range shown.Changes {
		if shown.Changes[i].id != uuid.Nil {
			ids = append(ids, shown.Changes[i].id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	records, err := c.o.Cases.ByID(v.Context(), of.ID, ids)
	if err != nil {
		return err
	}
	for i := range shown.Failures {
		r := records[shown.Failures[i].id]
		shown.Failures[i].Patient = orEmpty(r.PatientName)
	}
	for i := range shown.Changes {
		change := &shown.Changes[i]
		if r, ok := records[change.id]; ok {
			change.Patient = orEmpty(r.PatientName)
			if r.ScheduledDate != nil {
				change.Visit = v.Moment(*r.ScheduledDate, zoneOf(of))
			}
		}
	}
	return nil
}

// add lists a change, or counts it where the list is long enough.
func (r *runView) add(change caseChange) bool {
	if len(r.Changes) == shownChanges {
		r.More++
		return false
	}
	r.Changes = append(r.Changes, change)
	return true
}

var actionBadges = map[syncs.Action]Badge{
	syncs.ActionCreated:  {"Would be new", "plus", "good"},
	syncs.ActionUpdated:  {"Would change", "dots", "info"},
	syncs.ActionEnriched: {"Would get notes", "file", "info"},
	syncs.ActionDeleted:  {"Would be deleted", "cross", "bad"},
	syncs.ActionRestored: {"Would be restored", "check", "good"},
	syncs.ActionHeldBack: {"A guard would hold back", "hand", "warn"},
}

func wouldChange(v *Visit, zone *time.Location, x *syncs.Change) caseChange {
	change := caseChange{Case: "visit " + x.PIMSID, Action: actionBadges[x.Action], Patient: x.PatientName, Visit: v.Moment(x.ScheduledDate, zone)}
	if x.CaseID != uuid.Nil {
		change.Address = caseAddress(x.CaseID)
	}
	for _, f := range x.Fields {
		change.Fields = append(change.Fields, fieldChange{f.Field, plain(f.Before), plain(f.After)})
	}
	return change
}

// plain shows a value of a dry run's change.
func plain(value any) string {
	switch x := value.(type) {
	case nil:
		return ""
	case string:
		return x
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "?"
	}
	return string(text)
}

// warnings says what a sync noticed without failing.
func warnings(w *syncs.Warnings) (words []string) {
	for _, part := range []struct {
		n    int
		word string
	}{
		{w.ConsultationsHidden, "case whose notes were hidden, because its patient or consultation changed|cases whose notes were hidden, because their patient or consultation changed"},
		{w.UnusableRows, "appointment that cannot be read|appointments that cannot be read"},
		{w.UnidentifiedRows, "appointment without an id|appointments without an id"},
		{w.DuplicateRows, "appointment that came twice|appointments that came twice"},
		{w.UnknownStatuses, "status word that nobody has explained yet|status words that nobody has explained yet"},
		{w.UnusableParts, "part of a consultation that cannot be read|parts of consultations that cannot be read"},
		{w.RefusedLookups, "missing appointment about which the PIMS says nothing|missing appointments about which the PIMS says nothing"},
		{w.UnusableLookups, "missing appointment whose lookup failed|missing appointments whose lookup failed"},
	} {
		if part.n > 0 {
			one, many, _ := strings.Cut(part.word, "|")
			if part.n > 1 {
				one = many
			}
			words = append(words, number(part.n)+" "+one)
		}
	}
	return words
}

// Restores undoes soft deletes (R24).
type Restores interface {
	// DeletedBy returns the cases that a sync deleted.
	DeletedBy(ctx context.Context, clinicID, syncID uuid.UUID) ([]uuid.UUID, error)

	// Restore returns the outcome for each case.
	Restore(ctx context.Context, clinicID uuid.UUID, caseIDs []uuid.UUID, actor string, at time.Time) ([]cases.Restoration, error)
}

// allowed refuses an act on a clinic that the caller lacks the permission for.
func (v *Visit) allowed(p access.Permission, clinicID uuid.UUID) error {
	if err := v.Caller.Check(p, clinicID); err != nil {
		return Problem(sentence(err.Error()))
	}
	return nil
}

func (c *console) cancelRun(v *Visit) (Notice, error) {
	of, a, err := c.theRun(v)
	if err == nil {
		err = v.allowed(access.ForSync(a.Type), of.ID)
	}
	if err != nil {
		return Notice{}, err
	}
	err = c.o.Log.Act(v.Context(), v.event(access.SyncCancel, of.ID, access.RecordOf("sync", a.ID)), func(ctx context.Context, e *access.Event) error {
		e.Before = access.Values{"status": a.Status}
		after, err := c.o.Queue.Cancel(ctx, of.ID, a.ID, v.Caller.Actor())
		e.After = access.Values{"status": after.Status, "asked": true}
		return err
	})
	if err != nil {
		return Notice{}, told(err)
	}
	return Notice{Text: "The sync ends at its next step. What it has stored stays."}, nil
}

// repeatRun starts the same sync again.
func (c *console) repeatRun(v *Visit) (Notice, error) {
	of, a, err := c.theRun(v)
	if err == nil {
		err = v.allowed(access.ForSync(a.Type), of.ID)
	}
	if err != nil {
		return Notice{}, err
	}
	started, err := c.start(v, syncs.Request{ClinicID: of.ID, Type: a.Type, Options: a.Options})
	if err != nil {
		return Notice{}, told(err)
	}
	return Notice{Text: "Started again. This page shows the new run.", Next: runAddress(started.ID)}, nil
}

// start starts a sync in the name of whoever is signed in and records it (R44).
func (c *console) start(v *Visit, r syncs.Request) (syncs.Audit, error) {
	r.Trigger = syncs.TriggerAPI
	started, err := c.o.Queue.Start(v.Context(), r, "")
	event := v.event(access.SyncStart, r.ClinicID, access.RecordOf("sync", started.ID))
	event.After = access.Values{"type": r.Type, "dryRun": r.Options.DryRun}
	if noted := c.o.Log.Note(v.Context(), event, err); err == nil {
		err = noted
	}
	return started, err
}

func (c *console) restoreRun(v *Visit) (Notice, error) {
	of, a, err := c.theRun(v)
	if err == nil {
		err = v.allowed(access.Restore, of.ID)
	}
	if err != nil {
		return Notice{}, err
	}
	ids, err := c.o.Restores.DeletedBy(v.Context(), of.ID, a.ID)
	if err != nil {
		return Notice{}, err
	}
	return c.restore(v, v.event(access.SyncRestore, of.ID, access.RecordOf("sync", a.ID)), ids)
}

// restore undoes the soft deletes of cases and says what came of it.
func (c *console) restore(v *Visit, event access.Event, ids []uuid.UUID) (Notice, error) {
	var outcomes []cases.Restoration
	err := c.o.Log.Act(v.Context(), event, func(ctx context.Context, e *access.Event) (err error) {
		outcomes, err = c.o.Restores.Restore(ctx, e.ClinicID, ids, v.Caller.Actor(), v.Now)
		e.After = access.Values{"cases": cases.ByOutcome(outcomes)}
		return err
	})
	if err != nil {
		return Notice{}, told(err)
	}
	by := cases.ByOutcome(outcomes)
	done, refused := len(by[cases.RestoreDone]), len(by[cases.RestoreRefused])
	switch {
	case refused == 0:
		return Notice{Text: counted(done, "case") + " restored."}, nil
	case len(outcomes) == 1:
		return Notice{}, Problem(sentence(outcomes[0].Refusal().Error()))
	default:
		return Notice{Text: fmt.Sprintf("%s restored. %s changed since and stay as they are.", counted(done, "case"), counted(refused, "other case"))}, nil
	}
}
