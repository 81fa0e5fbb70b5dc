package api

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// fakeKeys is clinic_api_keys in memory.
type fakeKeys struct {
	mu      sync.Mutex
	rows    []clinic.APIKey
	touched map[uuid.UUID]time.Time
	err     error
}

func (f *fakeKeys) KeysOf(_ context.Context, prefix, hash string) ([]clinic.APIKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []clinic.APIKey
	for _, row := range f.rows {
		if row.Prefix == prefix && strings.EqualFold(row.Hash, hash) {
			found = append(found, row)
		}
	}
	return found, f.err
}

func (f *fakeKeys) TouchKey(_ context.Context, id uuid.UUID, at time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.touched == nil {
		f.touched = map[uuid.UUID]time.Time{}
	}
	f.touched[id] = at
	return nil
}

// add makes a key of a clinic; no scopes are the four sync scopes.
func (f *fakeKeys) add(clinicID uuid.UUID, change func(*clinic.APIKey), scopes ...clinic.Scope) (key string, id uuid.UUID) {
	key = clinic.GenerateKey()
	row := clinic.APIKey{
		ID: uuid.New(), ClinicID: clinicID, Prefix: clinic.Prefix(key), Hash: clinic.Hash(key),
		Permissions: scopes, Active: true,
	}
	if change != nil {
		change(&row)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rows = append(f.rows, row)
	return key, row.ID
}

// fakeSyncs is the queue in memory: no sync ends unless the test says so.
type fakeSyncs struct {
	mu      sync.Mutex
	audits  map[uuid.UUID]syncs.Audit
	changed chan struct{} // closed and made anew with every change

	requests []syncs.Request
	keys     []string
	actors   []string
	filters  []syncs.AuditFilter
	across   [][]uuid.UUID  // the clinics of each list across clinics
	waiting  chan uuid.UUID // gets the id of every wait that begins

	// onStart, where set, decides what becomes of a new sync before Start returns.
	onStart  func(*syncs.Audit) error
	onCancel func(*syncs.Audit) error
	waitErr  error
	list     syncs.List[syncs.Audit]
}

func newFakeSyncs() *fakeSyncs {
	return &fakeSyncs{
		audits:  map[uuid.UUID]syncs.Audit{},
		changed: make(chan struct{}),
		waiting: make(chan uuid.UUID, 100),
	}
}

func (f *fakeSyncs) Start(ctx context.Context, request syncs.Request, key string) (syncs.Audit, error) {
	if err := ctx.Err(); err != nil {
		return syncs.Audit{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests, f.keys = append(f.requests, request), append(f.keys, key)
	audit := syncs.Audit{
		ID: cmp.Or(request.ID, uuid.New()), ClinicID: request.ClinicID, Type: request.Type, Trigger: request.Trigger,
		Options: request.Options, Status: syncs.StatusQueued, CreatedAt: testTime,
	}
	if f.onStart != nil {
		if err := f.onStart(&audit); err != nil {
			return syncs.Audit{}, err
		}
	}
	f.audits[audit.ID] = audit
	return audit, nil
}

func (f *fakeSyncs) Wait(ctx context.Context, clinicID, id uuid.UUID) (syncs.Audit, error) {
	select {
	case f.waiting <- id:
	default: // a stream waits again and again
	}
	for {
		f.mu.Lock()
		audit, changed, err := f.audits[id], f.changed, f.waitErr
		f.mu.Unlock()
		if err != nil {
			return syncs.Audit{}, err
		}
		if audit.ClinicID != clinicID {
			return syncs.Audit{}, syncs.Fail(syncs.CodeNotFound, "no such sync")
		}
		if audit.Status.Final() {
			return audit, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return audit, nil
		}
	}
}

func (f *fakeSyncs) Follow(ctx context.Context, clinicID, id uuid.UUID) iter.Seq2[syncs.Audit, error] {
	return syncs.Follow(ctx, 20*time.Millisecond, func(ctx context.Context) (syncs.Audit, error) { return f.Wait(ctx, clinicID, id) })
}

// end changes a sync and wakes who waits for it.
func (f *fakeSyncs) end(id uuid.UUID, change func(*syncs.Audit)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	audit := f.audits[id]
	change(&audit)
	f.audits[id] = audit
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fakeSyncs) put(audit *syncs.Audit) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.audits[audit.ID] = *audit
}

func (f *fakeSyncs) started() []syncs.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests
}

func (f *fakeSyncs) Audit(_ context.Context, clinicID, id uuid.UUID) (syncs.Audit, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	audit, ok := f.audits[id]
	if !ok || audit.ClinicID != clinicID {
		return syncs.Audit{}, syncs.Fail(syncs.CodeNotFound, "no such sync")
	}
	return audit, nil
}

func (f *fakeSyncs) Audits(_ context.Context, _ uuid.UUID, filter syncs.AuditFilter) (syncs.List[syncs.Audit], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.filters = append(f.filters, filter)
	return f.list, nil
}

func (f *fakeSyncs) AuditsAcross(_ context.Context, clinics []uuid.UUID, filter syncs.AuditFilter) (syncs.List[syncs.Audit], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.filters, f.across = append(f.filters, filter), append(f.across, clinics)
	return f.list, nil
}

func (f *fakeSyncs) Cancel(_ context.Context, _, id uuid.UUID, actor string) (syncs.Audit, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.actors = append(f.actors, actor)
	audit := f.audits[id]
	if f.onCancel != nil {
		if err := f.onCancel(&audit); err != nil {
			return syncs.Audit{}, err
		}
	}
	return audit, nil
}

// fakeReads is what the API reads: the cases and plans of one clinic.
type fakeReads struct {
	added       []clinic.Clinic
	schedules   []byte
	words       []settings.Word
	owner       clinic.Clinic
	records     map[uuid.UUID]cases.Record
	plans       map[uuid.UUID]syncs.Plan
	caseFilters []cases.Filter
	planFilters []syncs.PlanFilter
	across      [][]uuid.UUID // the clinics of each list across clinics
	events      []cases.Event
	cursor      string
	err         error
}

func (f *fakeReads) History(_ context.Context, clinicID, id uuid.UUID, _ syncs.Page) (syncs.List[cases.Event], error) {
	if _, ok := f.records[id]; !ok || clinicID != f.owner.ID {
		return syncs.List[cases.Event]{}, syncs.Fail(syncs.CodeNotFound, "no such case")
	}
	return syncs.List[cases.Event]{Items: f.events, NextCursor: f.cursor}, f.err
}

func (f *fakeReads) Case(_ context.Context, clinicID, id uuid.UUID) (cases.Record, error) {
	if record, ok := f.records[id]; ok && clinicID == f.owner.ID {
		return record, f.err
	}
	return cases.Record{}, syncs.Fail(syncs.CodeNotFound, "no such case")
}

func (f *fakeReads) Timeline(ctx context.Context, clinicID, id uuid.UUID) (cases.Timeline, error) {
	record, err := f.Case(ctx, clinicID, id)
	return cases.Timeline{Record: record, Events: f.events}, err
}

func (f *fakeReads) Cases(_ context.Context, _ uuid.UUID, filter cases.Filter) (syncs.List[cases.Record], error) {
	f.caseFilters = append(f.caseFilters, filter)
	list := syncs.List[cases.Record]{NextCursor: f.cursor}
	for _, record := range f.records {
		list.Items = append(list.Items, record)
	}
	return list, f.err
}

func (f *fakeReads) Plan(_ context.Context, clinicID, id uuid.UUID) (syncs.Plan, error) {
	if plan, ok := f.plans[id]; ok && clinicID == f.owner.ID {
		return plan, f.err
	}
	return syncs.Plan{}, syncs.Fail(syncs.CodeNotFound, "no such plan")
}

func (f *fakeReads) Plans(_ context.Context, _ uuid.UUID, filter syncs.PlanFilter) (syncs.List[syncs.Plan], error) {
	f.planFilters = append(f.planFilters, filter)
	list := syncs.List[syncs.Plan]{NextCursor: f.cursor}
	for _, plan := range f.plans {
		list.Items = append(list.Items, plan)
	}
	return list, f.err
}

func (f *fakeReads) PlansAcross(ctx context.Context, clinics []uuid.UUID, filter syncs.PlanFilter) (syncs.List[syncs.Plan], error) {
	f.across = append(f.across, clinics)
	return f.Plans(ctx, uuid.Nil, filter)
}

func (f *fakeReads) Clinic(_ context.Context, id uuid.UUID) (clinic.Clinic, error) {
	if id != f.owner.ID {
		return clinic.Clinic{}, clinic.ErrNotFound
	}
	return f.owner, f.err
}

// fakeReady is a database that answers, or not.
type fakeReady struct{ err error }

func (f *fakeReady) Ping(context.Context) error { return f.err }

// fakeDecisions notes what was decided.
type fakeDecisions struct {
	approved, rejected []uuid.UUID
	actor              string
	audit              syncs.Audit
	err                error
}

func (f *fakeDecisions) Approve(_ context.Context, _, planID uuid.UUID, _ syncs.Trigger, actor string) (syncs.Audit, error) {
	f.approved, f.actor = append(f.approved, planID), actor
	return f.audit, f.err
}

func (f *fakeDecisions) Reject(_ context.Context, _, planID uuid.UUID, actor string) error {
	f.rejected, f.actor = append(f.rejected, planID), actor
	return f.err
}

// fakeRestores returns what the test says.
type fakeRestores struct {
	deleted      []uuid.UUID
	restorations []cases.Restoration
	asked        []uuid.UUID
	actor        string
	err          error
}

func (f *fakeRestores) DeletedBy(context.Context, uuid.UUID, uuid.UUID) ([]uuid.UUID, error) {
	return f.deleted, f.err
}

func (f *fakeRestores) Restore(_ context.Context, _ uuid.UUID, ids []uuid.UUID, actor string, _ time.Time) ([]cases.Restoration, error) {
	f.asked, f.actor = ids, actor
	return f.restorations, f.err
}

// fakeConditions returns what the test says.
type fakeConditions struct {
	condition scheduler.Condition
	all       []scheduler.Condition // of a list; nil: the one
	err       error
}

func (f *fakeConditions) Condition(context.Context, uuid.UUID) (scheduler.Condition, error) {
	return f.condition, f.err
}

// Conditions are those of the clinic that the test says.
func (f *fakeConditions) Conditions(context.Context) ([]scheduler.Condition, error) {
	if f.all != nil {
		return slices.Clone(f.all), f.err
	}
	return []scheduler.Condition{f.condition}, f.err
}

func (f *fakeLog) Events(context.Context, access.Filter) (syncs.List[access.Event], error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return syncs.List[access.Event]{Items: slices.Clone(f.events)}, nil
}

func (f *fakeReads) Clinics(context.Context) ([]clinic.Clinic, error) {
	return []clinic.Clinic{f.owner}, f.err
}

func (f *fakeReads) Add(_ context.Context, c clinic.Clinic) (clinic.Clinic, error) {
	c.ID = uuid.New()
	f.added = append(f.added, c)
	return c, f.err
}

func (f *fakeReads) Update(_ context.Context, c clinic.Clinic, _ time.Time) (clinic.Clinic, error) {
	f.owner = c
	return c, f.err
}

func (f *fakeReads) Schedules(context.Context, uuid.UUID) ([]byte, error) { return f.schedules, f.err }

func (f *fakeReads) SetSchedules(_ context.Context, _ uuid.UUID, document []byte, _ time.Time) error {
	f.schedules = document
	return f.err
}

func (f *fakeReads) SetSettings(_ context.Context, _ uuid.UUID, set settings.Settings, _ time.Time) error {
	f.owner.Settings = set
	return f.err
}

func (f *fakeReads) Words(context.Context, uuid.UUID) ([]settings.Word, error) { return f.words, f.err }

func (f *fakeKeys) KeysOfClinic(_ context.Context, clinicID uuid.UUID) ([]clinic.APIKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.rows), func(k clinic.APIKey) bool { return k.ClinicID != clinicID }), f.err
}

func (f *fakeKeys) Key(_ context.Context, id uuid.UUID) (clinic.APIKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, row := range f.rows {
		if row.ID == id {
			return row, nil
		}
	}
	return clinic.APIKey{}, syncs.Fail(syncs.CodeNotFound, "there is no such API key")
}

func (f *fakeKeys) AddKey(_ context.Context, key clinic.APIKey) (clinic.APIKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rows = append(f.rows, key)
	return key, f.err
}

func (f *fakeKeys) RevokeKey(_ context.Context, id uuid.UUID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.rows {
		if f.rows[i].ID == id {
			f.rows[i].Active = false
		}
	}
	return nil
}

// fakeCredentials is pims_credentials in memory, and a PIMS that accepts all.
type fakeCredentials struct {
	mu     sync.Mutex
	stored *clinic.StoredCredential
	given  pims.Credentials
	err    error // of the next test
}

func (f *fakeCredentials) Credential(context.Context, uuid.UUID) (clinic.StoredCredential, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stored == nil {
		return clinic.StoredCredential{}, clinic.ErrCredentialsMissing
	}
	return *f.stored, nil
}

func (f *fakeCredentials) ReplaceCredential(_ context.Context, c clinic.StoredCredential) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stored = &c
	return nil
}

func (f *fakeCredentials) ResumeCredential(context.Context, uuid.UUID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stored.SuspendedAt, f.stored.SuspendedReason = time.Time{}, ""
	return nil
}

func (f *fakeCredentials) CanonicalProvider(name string) (string, error) {
	if name != "idexx_neo" {
		return "", errors.New("no such provider")
	}
	return name, nil
}

func (f *fakeCredentials) Declarations() []pims.Declaration {
	return []pims.Declaration{{Name: "idexx_neo"}}
}

func (f *fakeCredentials) NewCredential(clinicID uuid.UUID, provider string, c pims.Credentials) (clinic.StoredCredential, error) {
	if c["username"] == "" {
		return clinic.StoredCredential{}, &pims.FieldError{Field: "username", Reason: "is missing"}
	}
	f.given = c
	return clinic.StoredCredential{ID: uuid.New(), ClinicID: clinicID, Provider: provider, CreatedAt: testTime}, nil
}

func (f *fakeCredentials) SealDraft(uuid.UUID, string) ([]byte, error) { return nil, f.err }

func (f *fakeCredentials) OpenDraft(uuid.UUID, []byte) (string, error) { return "", f.err }

func (f *fakeCredentials) PublicFields(context.Context, uuid.UUID) (map[string]string, error) {
	return nil, f.err
}

func (f *fakeCredentials) Test(context.Context, uuid.UUID) (clinic.Findings, error) {
	return clinic.Findings{Provider: "idexx_neo", Day: pims.Date{Year: 2026, Month: 1, Day: 17}, Appointments: 18}, f.err
}
