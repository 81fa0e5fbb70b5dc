package scratch

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Row is a stored case.
type Row struct {
	cases.Case

	Protected bool // a person restored it, and its id has not been seen again (R24)
}

// A Store has the cases and the syncs of one clinic. Every method is one transaction. It is
// safe for concurrent use.
type Store struct {
	mu      sync.Mutex
	cases   map[uuid.UUID]*Row
	notes   map[uuid.UUID]cases.Reading
	audits  map[uuid.UUID]*syncs.Audit
	plans   map[uuid.UUID]*syncs.Plan
	looked  pims.Date
	version uint32
}

var (
	_ casesync.Store    = (*Store)(nil)
	_ casesync.Recorder = (*Store)(nil)
)

// New returns a store without cases.
func New() *Store {
	return &Store{
		cases: map[uuid.UUID]*Row{}, notes: map[uuid.UUID]cases.Reading{},
		audits: map[uuid.UUID]*syncs.Audit{}, plans: map[uuid.UUID]*syncs.Plan{},
	}
}

// Put stores a case as it is, with a new row version, and returns the version.
func (s *Store) Put(r Row) uint32 {
	defer s.locked()()
	s.keep(&r, r.UpdatedAt)
	return r.Version
}

// PutReading stores what is known of earlier attempts at a case.
func (s *Store) PutReading(r cases.Reading) {
	defer s.locked()()
	s.notes[r.CaseID] = r
}

// PutLook stores the day of the last look for late corrections (R19).
func (s *Store) PutLook(day pims.Date) {
	defer s.locked()()
	s.looked = day
}

// Row returns a case.
func (s *Store) Row(id uuid.UUID) (Row, bool) {
	defer s.locked()()
	r, ok := s.cases[id]
	if !ok {
		return Row{}, false
	}
	return *r, true
}

// Rows lists all cases by date and PIMS id.
func (s *Store) Rows() []Row {
	defer s.locked()()
	var rows []Row
	for _, r := range s.find(func(*Row) bool { return true }) {
		rows = append(rows, *r)
	}
	return rows
}

// Readings returns what earlier attempts at enrichment learned, by case.
func (s *Store) Readings() map[uuid.UUID]cases.Reading {
	defer s.locked()()
	return maps.Clone(s.notes)
}

// locked locks the store and returns what unlocks it.
func (s *Store) locked() (unlock func()) {
	s.mu.Lock()
	return s.mu.Unlock
}

// find lists the cases that are wanted, by date and id, as the database does.
func (s *Store) find(wanted func(*Row) bool) []*Row {
	var found []*Row
	for _, r := range s.cases {
		if wanted(r) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *Row) int {
		return cmp.Or(a.ScheduledDate.Compare(b.ScheduledDate), cmp.Compare(a.PIMSID, b.PIMSID))
	})
	return found
}

// named reports whether a case has one of the ids.
func named(ids []string) func(*Row) bool {
	set := make(map[string]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return func(r *Row) bool { return set[r.PIMSID] }
}

// keep stores a new version of a row.
func (s *Store) keep(r *Row, at time.Time) {
	s.version++
	r.Version, r.UpdatedAt = s.version, at
	s.cases[r.ID] = r
}

// fence is what every writing transaction asks first (R30).
func (s *Store) fence(ctx context.Context, lease syncs.Lease) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if a := s.audits[lease.AuditID]; a == nil || a.Status != syncs.StatusInProgress || a.Attempt != lease.Attempt {
		return syncs.ErrLeaseLost
	}
	return nil
}

// Start opens the audit of a sync and returns its first attempt.
func (s *Store) Start(clinicID uuid.UUID, kind syncs.Type, at time.Time) syncs.Run {
	defer s.locked()()
	id := uuid.New()
	s.audits[id] = &syncs.Audit{ID: id, Type: kind, Status: syncs.StatusInProgress, Attempt: 1, StartedAt: at}
	return syncs.Run{Lease: syncs.Lease{ClinicID: clinicID, AuditID: id, Attempt: 1}, Type: kind}
}

// BeginPhase implements casesync.Recorder.
func (s *Store) BeginPhase(ctx context.Context, lease syncs.Lease, kind syncs.Type, at time.Time) (uuid.UUID, error) {
	defer s.locked()()
	if err := s.fence(ctx, lease); err != nil {
		return uuid.Nil, err
	}
	id := uuid.New()
	s.audits[id] = &syncs.Audit{ID: id, ParentID: lease.AuditID, Type: kind, Status: syncs.StatusInProgress, StartedAt: at}
	return id, nil
}

// EndPhase implements casesync.Recorder. It ends the audit of a sync, too.
func (s *Store) EndPhase(_ context.Context, _ syncs.Lease, id uuid.UUID, status syncs.Status, result syncs.Result, at time.Time) error {
	defer s.locked()()
	a := s.audits[id]
	a.Status, a.Result, a.CompletedAt = status, result, at
	return nil
}

// Audit returns a sync with its phases.
func (s *Store) Audit(id uuid.UUID) syncs.Audit {
	defer s.locked()()
	a := *s.audits[id]
	for _, child := range s.audits {
		if child.ParentID == id {
			a.Children = append(a.Children, *child)
		}
	}
	return a
}

// Unfinished counts the audits that are not over.
func (s *Store) Unfinished() (n int) {
	defer s.locked()()
	for _, a := range s.audits {
		if !a.Status.Final() {
			n++
		}
	}
	return n
}

// KeepPlan implements casesync.Recorder.
func (s *Store) KeepPlan(ctx context.Context, lease syncs.Lease, plan syncs.Plan) (first bool, err error) {
	defer s.locked()()
	if err := s.fence(ctx, lease); err != nil {
		return false, err
	}
	first = true
	for _, p := range s.plans {
		if p.Status == syncs.PlanOpen && p.Code == plan.Code && p.SyncType == plan.SyncType {
			p.Status, first = syncs.PlanSuperseded, false
		}
	}
	s.plans[plan.ID] = &plan
	return first, nil
}

// SupersedePlans implements casesync.Recorder.
func (s *Store) SupersedePlans(ctx context.Context, lease syncs.Lease, guards []syncs.Code, kind syncs.Type, seen pims.Window, at time.Time) error {
	defer s.locked()()
	if err := s.fence(ctx, lease); err != nil {
		return err
	}
	for _, p := range s.plans {
		if p.Status == syncs.PlanOpen && p.SyncType == kind && slices.Contains(guards, p.Code) && p.SeenBy(seen, at) {
			p.Status = syncs.PlanSuperseded
		}
	}
	return nil
}

// Plan returns a plan. The error is syncs.CodeNotFound where there is none.
func (s *Store) Plan(id uuid.UUID) (syncs.Plan, error) {
	defer s.locked()()
	if p := s.plans[id]; p != nil {
		return *p, nil
	}
	return syncs.Plan{}, syncs.Fail(syncs.CodeNotFound, "%s", fmt.Sprintf("there is no plan %s", id))
}

// PutPlan stores a plan as it is.
func (s *Store) PutPlan(plan syncs.Plan) {
	defer s.locked()()
	s.plans[plan.ID] = &plan
}

// Report implements casesync.Recorder. Nobody follows a run of this store.
func (*Store) Report(context.Context, syncs.Lease, syncs.Progress) {}
