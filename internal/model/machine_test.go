package model_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A machine plays one sequence of what may happen.
type machine struct {
	*rapid.T
	*world
	stage   stage
	ids     int
	plans   []uuid.UUID       // that were kept
	deleted map[uuid.UUID]row // what a restore is to put back: the rows before their soft delete
	touched map[uuid.UUID]bool
	syncs   []uuid.UUID

	othersRows string
	seen       tally
}

func newMachine(t *rapid.T, location *time.Location, s stage, seen tally) *machine {
	m := &machine{
		T: t, stage: s, world: newWorld(location, rapid.Bool().Draw(t, "the PIMS can look up")),
		deleted: map[uuid.UUID]row{}, touched: map[uuid.UUID]bool{}, seen: seen,
	}
	m.calendarNames = rapid.IntRange(0, 2).Draw(t, "how many rows name their patient, of two")
	m.notesName = rapid.Bool().Draw(t, "consultations name their patient")
	m.othersRows = m.others()
	m.open()
	return m
}

// open is the practice's first week: some visits a day, a sync, and days that pass.
func (m *machine) open() {
	visits := []int{10, 0, 3, 20, 40}[m.draw("visits at first", 0, 4)]
	for i := range visits {
		m.ids++
		m.enter(m.newVisit(fmt.Sprint(m.ids)), m.at(i%7, 8+i/7))
	}
	if visits > 0 {
		m.run(syncs.TypeInbound, syncs.Plan{}, faultNone)
	}
	m.now = m.now.AddDate(0, 0, m.draw("days that have passed", 0, 7))
}

// actions are what may happen, one at a time; the empty name is checked after each.
func (m *machine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"the PIMS adds visits":       m.play(m.add),
		"the PIMS moves a visit":     m.play(m.move),
		"the PIMS changes a status":  m.play(m.changeStatus),
		"the PIMS renames a patient": m.play(m.rename),
		"the PIMS deletes visits":    m.play(m.remove),
		"the PIMS brings one back":   m.play(m.bringBack),
		"a vet writes notes":         m.play(m.writeNotes),

		"the PIMS corrects a patient":       m.play(m.correctPatient),
		"the PIMS merges patients":          m.play(m.mergePatients),
		"the PIMS gives an id out again":    m.play(m.giveOutAgain),
		"the PIMS replaces a consultation":  m.play(m.replaceConsultation),
		"the PIMS takes a replacement back": m.play(m.takeBack),
		"the PIMS discards a consultation":  m.play(m.discardConsultation),
		"the PIMS swaps two consultations":  m.play(m.swapConsultations),
		"the calendar names a consultation": m.play(m.nameConsultation),
		"the PIMS misnames a consultation":  m.play(m.misnameConsultation),
		"two visits have a consultation":    m.play(m.twinConsultation),
		"two more have a consultation":      m.play(m.twinConsultation),

		"a person edits a case":       m.play(m.editCase),
		"a person makes a case":       m.play(m.makeCase),
		"a person changes settings":   m.play(m.changeSettings),
		"time passes":                 m.play(m.pass),
		"a sync runs":                 m.play(m.sync),
		"a sync runs once more":       m.play(m.sync),
		"a reconciliation runs":       m.play(m.reconcile),
		"a person decides on a plan":  m.play(m.decide),
		"a person restores a case":    m.play(m.restoreCase),
		"a person restores by a sync": m.play(m.restoreSync),
		"":                            func(t *rapid.T) { m.T = t; m.holds() },
	}
}

func (m *machine) play(action func()) func(*rapid.T) {
	return func(t *rapid.T) {
		m.T = t
		action()
		m.seen["steps"]++
	}
}

func (m *machine) draw(what string, low, high int) int {
	return rapid.IntRange(low, high).Draw(m.T, what)
}

// pick draws one of the ids that the PIMS ever had; false where there is none.
func (m *machine) pick() (string, bool) {
	if m.ids == 0 {
		return "", false
	}
	return fmt.Sprint(m.draw("id", 1, m.ids)), true
}

func (m *machine) add() {
	for range m.draw("visits", 1, 8) {
		m.ids++
		m.enter(m.newVisit(fmt.Sprint(m.ids)), m.at(m.draw("days from today", -7, 9), m.draw("hour", 0, 23)))
	}
}

// moving puts a visit elsewhere: often beyond every window.
func (m *machine) move() {
	m.onVisit(func(a pims.Appointment) {
		m.enter(a, m.at(m.draw("days from today", -40, 40), m.draw("hour", 0, 23)))
	})
}

func (m *machine) onVisit(do func(pims.Appointment)) {
	id, ok := m.pick()
	if a, there := m.calendar[id]; ok && there {
		do(a)
	}
}

// words are the PIMS's own for its states, and what a case makes of them.
var words = []struct {
	word       string
	status     pims.Status
	caseStatus string // empty: not known
}{
	{"Scheduled", pims.StatusScheduled, "draft"},
	{"In Progress", pims.StatusInProgress, "draft"},
	{"Completed", pims.StatusCompleted, "pending"},
	{"Cancelled", pims.StatusCancelled, "reviewed"},
	{"No Show", pims.StatusNoShow, "reviewed"},
	{"Levitating", pims.StatusUnknown, ""},
}

func (m *machine) changeStatus() {
	m.onVisit(func(a pims.Appointment) {
		w := words[m.draw("status", 0, len(words)-1)]
		a.Status, a.StatusText = w.status, w.word
		m.calendar[a.ID] = a
	})
}

func (m *machine) rename() {
	m.onVisit(func(a pims.Appointment) {
		a.PatientName = []string{"", " ", "Mochi", "Zoë"}[m.draw("name", 0, 3)]
		m.calendar[a.ID] = a
	})
}

func (m *machine) remove() {
	for range m.draw("visits", 1, 6) {
		m.onVisit(func(a pims.Appointment) { delete(m.calendar, a.ID) })
	}
}

func (m *machine) bringBack() {
	if id, ok := m.pick(); ok && m.calendar[id].ID == "" {
		a := m.newVisit(id)
		m.named(&a, m.draw("the row names its patient", 0, 1))
		m.enter(a, m.at(m.draw("days from today", -7, 9), 10))
	}
}

func (m *machine) editCase() {
	rows := m.rows()
	if len(rows) == 0 {
		return
	}
	m.edit(rows[m.draw("case", 0, len(rows)-1)].ID)
}

// edit changes a case as a person does.
func (m *machine) edit(id uuid.UUID) {
	e := []edit{
		{status: "approved"}, {status: "draft"}, {status: "reviewed"}, {phone: "(555) 0199"}, {foreign: "paid"}, {foreign: "due"},
	}[m.draw("edit", 0, 5)]
	before := m.row(id)
	require.NoError(m, m.stage.edit(context.Background(), id, e))
	if after := m.row(id); after.Status != before.Status || after.PhoneNumber != before.PhoneNumber {
		m.touched[id] = true
	}
	if kept, ok := m.deleted[id]; ok { // what is other people's is not the restore's to put back
		kept.foreign = m.row(id).foreign
		m.deleted[id] = kept
	}
}

// makeCase makes a case by hand: of a visit that no sync has seen yet, or of none
// (R10, R11).
func (m *machine) makeCase() {
	c := cases.Case{PatientName: "By hand", Status: []string{"draft", "approved"}[m.draw("status", 0, 1)]}
	c.ScheduledDate = m.at(m.draw("days from today", -7, 9), m.draw("hour", 0, 23))
	if id, ok := m.pick(); ok && m.draw("of a visit", 0, 3) > 0 {
		c.PIMSID = id
		if a, there := m.calendar[id]; there {
			c.ScheduledDate = a.Start
		}
	}
	require.NoError(m, m.stage.make(context.Background(), c))
	m.seen["cases made by hand"]++
	m.othersRows = m.others()
}

func (m *machine) pass() { m.now = m.now.Add(time.Duration(m.draw("hours", 1, 40)) * time.Hour) }

func (m *machine) sync() {
	m.run(syncs.Types()[m.draw("type", 0, 3)], syncs.Plan{}, faults[m.draw("fault", 0, len(faults)-1)])
}

func (m *machine) reconcile() {
	m.run(syncs.TypeReconciliation, syncs.Plan{}, faultNone)
}

func (m *machine) decide() {
	if len(m.plans) == 0 {
		return
	}
	id := m.plans[len(m.plans)-1-m.draw("plan", 0, min(1, len(m.plans)-1))]
	status := []syncs.PlanStatus{syncs.PlanApproved, syncs.PlanApproved, syncs.PlanRejected}[m.draw("decision", 0, 2)]
	if m.stage.decide(context.Background(), id, status, m.now) != nil || status == syncs.PlanRejected {
		return
	}
	plan, err := m.stage.plan(context.Background(), id)
	require.NoError(m, err)
	require.Equal(m, syncs.PlanApproved, plan.Status)
	require.True(m, m.now.Before(plan.ExpiresAt), "an expired plan was approved")
	m.run(plan.SyncType, plan, faults[m.draw("fault", 0, len(faults)-1)])
	require.Error(m, m.stage.decide(context.Background(), id, syncs.PlanApproved, m.now), "a plan is decided once")
}

// A play is one sync and all that is known about it.
type play struct {
	kind    syncs.Type
	plan    syncs.Plan // whose approval started it; zero: none
	fault   fault
	edited  uuid.UUID // by a person, while it ran; zero: none
	windows syncs.Windows
	answers map[string]pims.Appointment // what the PIMS holds, for this sync
	hidden  []string                    // which of that only a lookup by id finds
	heard   testimony
	force   bool // read every consultation again (R19)

	settings settings.Settings // of the clinic, while it ran (R50)

	before  map[uuid.UUID]row
	after   map[uuid.UUID]row
	learned map[uuid.UUID]cases.Reading // by enrichment, before
	doomed  map[uuid.UUID]row           // in the moment before the soft delete, after what the earlier phases wrote
	audit   syncs.Audit
}

// run plays a sync, demands what must hold of it, and runs it once more.
func (m *machine) run(kind syncs.Type, plan syncs.Plan, f fault) {
	nth, force := m.draw("nth", 0, 5), kind == syncs.TypeCases && m.draw("force", 0, 3) == 0
	problem := []error{pims.ErrSessionExpired, pims.ErrUnreachable, pims.ErrRemote, pims.ErrSchemaDrift}[m.draw("problem", 0, 3)]
	p := m.carryOut(kind, plan, f, nth, problem, force)
	m.judge(p)
	once := f == faultError || f == faultPerson // and not again
	if p.audit.Status != syncs.StatusCompleted || p.audit.Result.Stats.CasesFailed > 0 || once || p.leavesWork() {
		return
	}
	if f == faultCrash { // it came too late to matter
		f = faultNone
	}
	again := m.carryOut(kind, plan, f, nth, problem, force)
	require.Equal(m, syncs.StatusCompleted, again.audit.Status, "the second run: %s", again.audit.Result.Error)
	require.Equal(m, versions(p.after), versions(again.after), "R12: an identical second run wrote cases")
}

// leavesWork reports whether a full sync's last phase brought cases back or up to
// date: its second phase, which came before, may have notes to read for them.
func (p *play) leavesWork() bool {
	last := p.phases()[syncs.TypeReconciliation]
	return p.kind == syncs.TypeFull && last.Result.Stats.CasesUpdated > 0
}

func (m *machine) carryOut(kind syncs.Type, plan syncs.Plan, f fault, nth int, problem error, force bool) *play {
	p := &play{kind: kind, plan: plan, fault: f, force: force, settings: m.settings, before: m.byID(), learned: m.readings()}
	p.answers, p.hidden = m.show(f, nth, problem)
	ctx, end := context.WithCancelCause(context.Background())
	defer end(nil)
	interrupted := &interruption{stage: m.stage, nth: nth + 1, deleting: func() { p.doomed = m.byID() }}
	switch f { //nolint:exhaustive // the others change nothing here
	case faultCrash:
		interrupted.after = func() { end(syncs.ErrShutdown) }
	case faultPerson:
		interrupted.before = func() error { return m.interfere(p) }
	}
	runner := casesync.NewRunner(casesync.RunnerOptions{
		Connect: func(_ context.Context, id uuid.UUID) (casesync.Connection, error) {
			connection, err := m.connect(id, &p.heard)
			if err != nil {
				return nil, err
			}
			return connection, nil
		},
		Plan:  func(ctx context.Context, _, id uuid.UUID) (syncs.Plan, error) { return m.stage.plan(ctx, id) },
		Cases: interrupted, Recorder: interrupted, Now: m.time,
	})
	run, err := m.stage.start(context.Background(), kind, plan.ID, m.now)
	require.NoError(m, err)
	run.Options.Force = force
	p.windows = m.windowsOf(kind, plan)
	result, err := runner.Run(ctx, run)
	status, concluded := casesync.Conclude(result, err)
	require.NotEqual(m, syncs.CodeInternal, concluded.Code, "%v", err)
	require.NoError(m, m.stage.finish(context.Background(), run.Lease, status, concluded, m.now))

	p.after = m.byID()
	p.audit, err = m.stage.audit(context.Background(), run.Lease.AuditID)
	require.NoError(m, err)
	m.syncs = append(m.syncs, p.audit.ID)
	m.seen.sync(p)
	for _, a := range append(slices.Clone(p.audit.Children), p.audit) {
		if id := a.Result.PlanID; id != uuid.Nil && !slices.Contains(m.plans, id) {
			m.plans = append(m.plans, id)
		}
	}
	return p
}

// interfere edits a case while a sync runs: from then on its state before is the
// person's.
func (m *machine) interfere(p *play) error {
	rows := m.rows()
	if len(rows) > 0 {
		id := rows[m.draw("case", 0, len(rows)-1)].ID
		m.edit(id)
		p.edited, p.before[id] = id, m.row(id)
	}
	return nil
}

func (m *machine) windowsOf(kind syncs.Type, plan syncs.Plan) syncs.Windows {
	if plan.ID != uuid.Nil {
		w := plan.Window
		w.Location = m.location
		return syncs.Windows{Inbound: w, Reconciliation: w, CandidatesUntil: w.Until()}
	}
	windows, err := syncs.Options{}.Windows(kind, m.now, m.location)
	require.NoError(m, err)
	return windows
}

func (m *machine) restoreCase() {
	rows := m.rows()
	if len(rows) > 0 {
		m.restore([]uuid.UUID{rows[m.draw("case", 0, len(rows)-1)].ID})
	}
}

func (m *machine) restoreSync() {
	if len(m.syncs) == 0 {
		return
	}
	ids, err := m.stage.deletedBy(context.Background(), m.syncs[m.draw("sync", 0, len(m.syncs)-1)])
	require.NoError(m, err)
	m.restore(ids)
}

// restore undoes deletes, and demands that it does so by value (R24).
func (m *machine) restore(ids []uuid.UUID) {
	before := m.byID()
	restorations, err := m.stage.restore(context.Background(), ids, m.now)
	require.NoError(m, err)
	require.Len(m, restorations, len(ids))
	outcomes := map[uuid.UUID]cases.RestoreOutcome{}
	for _, r := range restorations {
		outcomes[r.CaseID] = r.Outcome
		m.seen["restore "+string(r.Outcome)]++
	}
	after := m.byID()
	for id, was := range before {
		switch {
		case !slices.Contains(ids, id):
			require.Equal(m, was, after[id], "another case was restored")
		case !was.SoftDeleted():
			require.Equal(m, cases.RestoreUnchanged, outcomes[id])
			require.Equal(m, was, after[id])
		case m.touched[id]:
			require.Equal(m, cases.RestoreRefused, outcomes[id])
			require.Equal(m, was, after[id])
		default:
			require.Equal(m, cases.RestoreDone, outcomes[id])
			require.Equal(m, byValue(m.restorable(before, id)), byValue(after[id]), "R24: equal by value")
			require.True(m, after[id].protected)
		}
	}
}

// restorable is the state that a restore puts back: without the consultation where another
// patient's case has it too, and it does not tell whose it is (R9).
func (m *machine) restorable(rows map[uuid.UUID]row, id uuid.UUID) row {
	r := m.deleted[id]
	if c := r.Consultation; withheld(rows, &r) {
		r.Shown = maps.Clone(r.Shown)
		if r.Shown == nil {
			r.Shown = map[string]cases.Whose{}
		}
		r.Shown[c.ID] = cases.Whose{PatientID: r.Appointment.PatientID, ClientID: cmp.Or(c.ClientID, r.Appointment.ClientID), PatientName: r.PatientName}
		r.Consultation = nil
		m.seen["restores without a shared consultation"]++
	}
	return r
}

// withheld reports whether a restore does not put a case's consultation back (R9).
func withheld(rows map[uuid.UUID]row, r *row) bool {
	c := r.Consultation
	return c != nil && c.PatientID == "" && c.AppointmentID == "" && isShared(rows, r, c.ID, "")
}

// byValue is a row without what a restore may change.
func byValue(r row) row {
	r.UpdatedAt, r.Version, r.protected = time.Time{}, 0, false
	return r
}

// versions are the row versions of cases, by their PIMS ids.
func versions(rows map[uuid.UUID]row) map[string]uint32 {
	of := map[string]uint32{}
	for _, r := range rows {
		of[r.PIMSID] = r.Version
	}
	return of
}

func (m *machine) rows() []row {
	rows, err := m.stage.rows(context.Background())
	require.NoError(m, err)
	return rows
}

func (m *machine) byID() map[uuid.UUID]row {
	rows := map[uuid.UUID]row{}
	for _, r := range m.rows() {
		rows[r.ID] = r
	}
	return rows
}

func (m *machine) row(id uuid.UUID) row { return m.byID()[id] }

func (m *machine) others() string {
	text, err := m.stage.others(context.Background())
	require.NoError(m, err)
	return text
}

func (m *machine) readings() map[uuid.UUID]cases.Reading {
	readings, err := m.stage.readings(context.Background())
	require.NoError(m, err)
	return readings
}

// sum adds up the phases of a full sync.
func sum(audits []syncs.Audit) (total syncs.Stats) {
	for i := range audits {
		total = total.Add(audits[i].Result.Stats)
	}
	return total
}

// phases are the audits of a sync's phases: a full one's children, or itself.
func (p *play) phases() map[syncs.Type]syncs.Audit {
	phases := map[syncs.Type]syncs.Audit{p.kind: p.audit}
	if p.kind == syncs.TypeFull {
		phases = map[syncs.Type]syncs.Audit{}
		for _, child := range p.audit.Children {
			phases[child.Type] = child
		}
	}
	return maps.Clone(phases)
}
