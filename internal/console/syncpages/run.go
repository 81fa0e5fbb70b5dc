package syncpages

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// shownChanges is how many cases one sync lists. The command line lists all.
const shownChanges = 200

// A RunView shows a sync.
type RunView struct {
	ID, Clinic, ClinicRuns string
	Row                    RunRow
	Facts                  []page.Fact
	Error                  string
	Plan                   string // its id; empty: none
	Trace                  string // address of its traces; empty: none
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

type runPhase struct {
	Name, Step, Why string
	Status          page.Badge
	Took            string
	Counts          []string
	Percent         int
	Done, Total     int
}

type runFailure struct {
	id                                 uuid.UUID
	Case, Address, Patient, Code, Text string
}

// A caseChange is what a sync did to one case, or would do.
type caseChange struct {
	id            uuid.UUID
	Case, Address string
	Action        page.Badge
	Patient       string
	Visit         page.Moment
	Sentences     []string
	Fields        []fieldChange
}

type fieldChange struct{ Name, Before, After string }

// runPage shows one sync.
func (s *Screens) runPage() page.Page {
	return page.Page{
		Path: "/runs/{id}", Title: "Run", Template: "run", Needs: access.Read,
		Show: func(v *page.Visit) (any, error) { return s.run(v) },
		Acts: map[string]page.Act{
			"cancel":  {Needs: access.Read, Do: s.cancelRun},
			"repeat":  {Needs: access.Read, Do: s.repeatRun},
			"restore": {Needs: access.Restore, Do: s.restoreRun},
		},
	}
}

// theRun reads the sync that the address names and its clinic.
func (s *Screens) theRun(v *page.Visit) (of clinic.Clinic, a syncs.Audit, err error) {
	id, err := v.PathID()
	if err != nil {
		return of, a, err
	}
	clinicID, err := s.o.Runs.ClinicOf(v.Context(), id)
	if err != nil {
		return of, a, screen.Told(err)
	}
	if !v.Caller.Sees(clinicID) {
		return of, a, page.ErrNotFound
	}
	if of, err = s.o.Clinics.Clinic(v.Context(), clinicID); err != nil {
		return of, a, screen.Told(err)
	}
	a, err = s.o.Runs.Audit(v.Context(), clinicID, id)
	return of, a, screen.Told(err)
}

func (s *Screens) run(v *page.Visit) (*RunView, error) {
	of, a, err := s.theRun(v)
	if err != nil {
		return nil, err
	}
	return s.RunOf(v, of, a)
}

// RunOf shows a sync of a clinic.
func (s *Screens) RunOf(v *page.Visit, of clinic.Clinic, a syncs.Audit) (*RunView, error) {
	may := func(p access.Permission) bool { return v.Caller.Check(p, of.ID) == nil }
	running := !a.Status.Final()
	shown := &RunView{
		ID: a.ID.String(), Clinic: of.Name, ClinicRuns: screen.RunsOf(of.ID), Row: RunRowOf(v, &of, &a),
		Facts: runFacts(v, &of, &a), Error: a.Result.Error, Running: running,
		Warnings: a.Result.Warnings.Words(page.Number), Would: a.Options.DryRun,
		CanCancel: running && may(access.ForSync(a.Type)), CanRepeat: !running && a.ParentID == uuid.Nil && of.Active && may(access.ForSync(a.Type)),
	}
	if s.o.TraceURL != "" {
		shown.Trace = strings.ReplaceAll(s.o.TraceURL, TracedSync, a.ID.String())
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
			shown.Phases = append(shown.Phases, runPhase{Name: screen.TypeName(t), Why: page.Sentence(why), Status: page.Idle("Left out", "dash"), Percent: -1})
		}
	}
	if a.Result.PlanID != uuid.Nil {
		shown.Plan = a.Result.PlanID.String()
	}
	if err := s.changes(v, &of, phases, shown); err != nil {
		return nil, err
	}
	if err := s.recognise(v, &of, shown); err != nil {
		return nil, err
	}
	if may(access.Restore) && !shown.Would && a.Result.Stats.CasesDeleted > 0 {
		ids, err := s.o.Service.DeletedBy(v.Context(), of.ID, a.ID)
		if err != nil {
			return nil, err
		}
		shown.Deleted = len(ids)
	}
	return shown, nil
}

func runFacts(v *page.Visit, of *clinic.Clinic, a *syncs.Audit) []page.Fact {
	zone := screen.ZoneOf(of)
	facts := []page.Fact{{Name: "Started by", Value: triggerName(a.Trigger)}, {Name: "Asked for", Value: v.Moment(a.CreatedAt, zone).Full()}}
	if !a.StartedAt.IsZero() {
		facts = append(facts, page.Fact{Name: "Began", Value: v.Moment(a.StartedAt, zone).Full()})
	}
	if !a.CompletedAt.IsZero() {
		facts = append(facts, page.Fact{Name: "Ended", Value: v.Moment(a.CompletedAt, zone).Full()})
	}
	if t := took(a); t != "" {
		facts = append(facts, page.Fact{Name: "Took", Value: t})
	}
	if a.Attempt > 1 {
		facts = append(facts, page.Fact{Name: "Attempt", Value: fmt.Sprint(a.Attempt)})
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
		facts = append(facts, page.Fact{Name: "Days", Value: strings.TrimSpace(from + " to " + to)})
	}
	if o.Force {
		facts = append(facts, page.Fact{Name: "Reads", Value: "every consultation again"})
	}
	return facts
}

func phaseOf(p, whole *syncs.Audit) runPhase {
	shown := runPhase{Name: screen.TypeName(p.Type), Status: StatusBadge(p), Took: took(p), Counts: counts(&p.Result.Stats), Percent: -1}
	if p.Result.Code != "" {
		shown.Why = screen.Explain(p.Result.Code)
	}
	if n := p.Result.Stats.CasesUnchanged; n > 0 {
		shown.Counts = append(shown.Counts, page.Number(n)+" as before")
	}
	if !p.Status.Final() && (p.ID == whole.ID || whole.Progress.Phase == p.Type) {
		shown.Percent, shown.Step = percent(whole), whole.Progress.Step
		if whole.Progress.Phase != "" {
			shown.Name = screen.TypeName(whole.Progress.Phase)
		}
		shown.Done, shown.Total = whole.Progress.Done, whole.Progress.Total
	}
	return shown
}

// fail adds the cases that a phase could not serve.
func (r *RunView) fail(p *syncs.Audit) {
	for i := range p.Result.Failures {
		f := &p.Result.Failures[i]
		r.Failures = append(r.Failures, runFailure{id: f.CaseID, Case: shortID(f.CaseID), Address: screen.CaseAddress(f.CaseID), Code: string(f.Code), Text: page.Sentence(f.Error)})
	}
}

// shortID returns the beginning of an id, by which a person tells it from others on a page.
func shortID(id uuid.UUID) string {
	text := id.String()
	return text[:8] + "…" + text[len(text)-4:]
}

// changes lists what the sync changed: deletions first, and of a dry run what it would do.
func (s *Screens) changes(v *page.Visit, of *clinic.Clinic, phases []syncs.Audit, shown *RunView) error {
	zone := screen.ZoneOf(of)
	if shown.Would {
		for i := range phases {
			for j := range phases[i].Result.Changes {
				shown.add(wouldChange(v, zone, &phases[i].Result.Changes[j]))
			}
		}
		return nil
	}
	all, err := s.o.Cases.EventsOf(v.Context(), of.ID, uuid.MustParse(shown.ID))
	if err != nil {
		return err
	}
	byCase := map[uuid.UUID]int{}
	for _, e := range cases.DeletionsFirst(cases.WithoutEchoes(all)) {
		at, known := byCase[e.CaseID]
		if !known {
			at = len(shown.Changes)
			if !shown.add(caseChange{id: e.CaseID, Case: shortID(e.CaseID), Address: screen.CaseAddress(e.CaseID), Action: page.Info("Changed", "dots")}) {
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
			change.Action = page.Good("New", "plus")
		case e.Deletes():
			change.Action = page.Bad("Deleted", "cross")
		}
	}
	return nil
}

// recognise adds patients and visits by which people know the cases.
func (s *Screens) recognise(v *page.Visit, of *clinic.Clinic, shown *RunView) error {
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
	records, err := s.o.Cases.ByID(v.Context(), of.ID, ids)
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
				change.Visit = v.Moment(*r.ScheduledDate, screen.ZoneOf(of))
			}
		}
	}
	return nil
}

// add lists a change, or counts it where the list is long enough.
func (r *RunView) add(change caseChange) bool {
	if len(r.Changes) == shownChanges {
		r.More++
		return false
	}
	r.Changes = append(r.Changes, change)
	return true
}

var actionBadges = map[syncs.Action]page.Badge{
	syncs.ActionCreated:  page.Good("Would be new", "plus"),
	syncs.ActionUpdated:  page.Info("Would change", "dots"),
	syncs.ActionEnriched: page.Info("Would get notes", "file"),
	syncs.ActionDeleted:  page.Bad("Would be deleted", "cross"),
	syncs.ActionRestored: page.Good("Would be restored", "check"),
	syncs.ActionHeldBack: page.Warn("A guard would hold back", "hand"),
}

func wouldChange(v *page.Visit, zone *time.Location, x *syncs.Change) caseChange {
	change := caseChange{Case: "visit " + x.PIMSID, Action: actionBadges[x.Action], Patient: x.PatientName, Visit: v.Moment(x.ScheduledDate, zone)}
	if x.CaseID != uuid.Nil {
		change.Address = screen.CaseAddress(x.CaseID)
	}
	for _, f := range x.Fields {
		change.Fields = append(change.Fields, fieldChange{fieldName(f.Field), plain(f.Before, zone), plain(f.After, zone)})
	}
	return change
}

var capital = regexp.MustCompile(`[A-Z]`)

// fieldName says a field of a case as a person does: "appointment.clientEmail" is "Client
// email in the PIMS".
func fieldName(field string) string {
	part, name, nested := strings.Cut(field, ".")
	if !nested {
		name = field
	}
	name = strings.ReplaceAll(capital.ReplaceAllStringFunc(name, func(c string) string { return " " + strings.ToLower(c) }), ".", ": ")
	if name == "scheduled date" {
		name = "visit"
	}
	switch {
	case !nested:
	case part == "appointment":
		name += " in the PIMS"
	default:
		name = part + ": " + name
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// plain shows a value of a dry run's change. A moment is shown in the clinic's zone.
func plain(value any, zone *time.Location) string {
	switch x := value.(type) {
	case nil:
		return ""
	case string:
		if at, err := time.Parse(time.RFC3339, x); err == nil {
			return at.In(zone).Format("Mon 2 Jan 2006, 15:04 MST")
		}
		return x
	case time.Time:
		return x.In(zone).Format("Mon 2 Jan 2006, 15:04 MST")
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "?"
	}
	return string(text)
}

func (s *Screens) cancelRun(v *page.Visit) (page.Notice, error) {
	of, a, err := s.theRun(v)
	if err == nil {
		err = v.Allowed(access.ForSync(a.Type), of.ID)
	}
	if err != nil {
		return page.Notice{}, err
	}
	err = s.o.Log.Act(v.Context(), v.Event(access.SyncCancel, of.ID, access.RecordOf("sync", a.ID)), func(ctx context.Context, e *access.Event) error {
		e.Before = access.Values{"status": a.Status}
		after, err := s.o.Queue.Cancel(ctx, of.ID, a.ID, v.Caller.Actor())
		e.After = access.Values{"status": after.Status, "asked": true}
		return err
	})
	if err != nil {
		return page.Notice{}, screen.Told(err)
	}
	return page.Notice{Text: "The sync ends at its next step. What it has stored stays."}, nil
}

// repeatRun starts the same sync again.
func (s *Screens) repeatRun(v *page.Visit) (page.Notice, error) {
	of, a, err := s.theRun(v)
	if err == nil {
		err = v.Allowed(access.ForSync(a.Type), of.ID)
	}
	if err != nil {
		return page.Notice{}, err
	}
	started, err := s.o.Start(v, syncs.Request{ClinicID: of.ID, Type: a.Type, Options: a.Options})
	if err != nil {
		return page.Notice{}, screen.Told(err)
	}
	return page.Notice{Text: "Started again. This page shows the new run.", Next: screen.RunAddress(started.ID)}, nil
}

func (s *Screens) restoreRun(v *page.Visit) (page.Notice, error) {
	of, a, err := s.theRun(v)
	if err == nil {
		err = v.Allowed(access.Restore, of.ID)
	}
	if err != nil {
		return page.Notice{}, err
	}
	outcomes, err := s.o.Service.RestoreSync(v.Context(), v.By(), of.ID, a.ID)
	return restored(outcomes, err)
}

// restored says what came of a restore.
func restored(outcomes []cases.Restoration, err error) (page.Notice, error) {
	if err != nil {
		return page.Notice{}, screen.Told(err)
	}
	by := cases.ByOutcome(outcomes)
	done, refused := len(by[cases.RestoreDone]), len(by[cases.RestoreRefused])
	switch {
	case refused == 0:
		return page.Notice{Text: page.Counted(done, "case") + " restored."}, nil
	case len(outcomes) == 1:
		return page.Notice{}, page.Problem(page.Sentence(outcomes[0].Refusal().Error()))
	default:
		return page.Notice{Text: fmt.Sprintf("%s restored. %s changed since and stay as they are.", page.Counted(done, "case"), page.Counted(refused, "other case"))}, nil
	}
}
