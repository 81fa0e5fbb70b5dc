package volumestore_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
	"github.com/pims-sync/pims-sync/internal/postgres/feedstore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/postgres/volumestore"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/timetest"
	"github.com/pims-sync/pims-sync/internal/volume"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// A bench has a clinic with cases, and two replicas that judge its syncs.
type bench struct {
	*testing.T

	db      *postgres.DB
	clinic  uuid.UUID
	now     time.Time // about noon at the clinic: no test sees the end of a day
	workers []*volume.Worker

	mu      sync.Mutex
	counted []syncs.Type
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, db: pgtest.New(t), now: time.Now().In(timetest.ZoneAtNoon(t)).Truncate(time.Second)}
	require.NoError(t, b.db.Pool().QueryRow(t.Context(), "insert into clinics (name, timezone) values ('Fjord', $1) returning id", b.now.Location().String()).Scan(&b.clinic))
	b.exec("insert into cases (clinic_id, pims_id, status, metadata) select $1, n, 'pending', '{\"appointment\": {\"room\": \"1\"}}' from generate_series(1, 60) n", b.clinic)
	for range 2 {
		b.workers = append(b.workers, volume.NewWorker(volume.Options{
			Store: volumestore.New(b.db), Logger: slog.New(slog.DiscardHandler), Observe: func(t syncs.Type) {
				b.mu.Lock()
				defer b.mu.Unlock()
				b.counted = append(b.counted, t)
			},
		}))
	}
	return b
}

func (b *bench) exec(sql string, args ...any) {
	b.Helper()
	_, err := b.db.Pool().Exec(b.Context(), sql, args...)
	require.NoError(b.T, err, sql)
}

// A run is one that the test makes.
type run struct {
	ago              time.Duration
	kind             string // of the phase
	full             bool   // it is a phase of a full sync
	request          string
	created, updated int
}

// sync stores a run that completes. write runs before its end, in its name.
func (b *bench) sync(r run, write string) uuid.UUID {
	b.Helper()
	id, began := uuid.New(), b.now.Add(-r.ago)
	parent, master, request := (*uuid.UUID)(nil), id, r.request
	if r.full {
		master, parent, request = uuid.New(), new(uuid.UUID), "{}"
		*parent = master
		b.exec("insert into case_sync_audits (id, clinic_id, sync_type, status, request, started_at) values ($1, $2, 'full', 'queued', $3, $4)", master, b.clinic, r.request, began)
	}
	b.exec(`insert into case_sync_audits (id, clinic_id, parent_id, sync_type, status, request, started_at, appointments_found, cases_created, cases_updated)
		values ($1, $2, $3, $4, 'queued', $5, $6, 100, $7, $8)`, id, b.clinic, parent, r.kind, request, began, r.created, r.updated)
	if write != "" {
		b.exec("begin; set local app.actor = 'sync:" + id.String() + "'; " + write + "; commit")
	}
	b.exec("update case_sync_audits set status = 'completed', completed_at = $2 where id = $1", id, began.Add(time.Second))
	if r.full {
		b.exec("update case_sync_audits set status = 'completed', completed_at = $2 where id = $1", master, began.Add(time.Second))
	}
	return id
}

// look lets both replicas judge at the same time, after the feed has its positions.
func (b *bench) look() {
	b.Helper()
	_, err := feedstore.New(b.db).Sequence(b.Context())
	require.NoError(b.T, err)
	var looking sync.WaitGroup
	for _, w := range b.workers {
		looking.Go(func() {
			if err := w.Look(b.Context()); err != nil {
				b.Error(err)
			}
		})
	}
	looking.Wait()
	_, err = feedstore.New(b.db).Sequence(b.Context())
	require.NoError(b.T, err)
}

// events returns the events volume.unusual of the feed, as JSON.
func (b *bench) events() string {
	b.Helper()
	var documents []string
	require.NoError(b.T, b.db.Pool().QueryRow(b.Context(),
		"select coalesce(array_agg(data::text order by position), '{}') from pims_sync_feed where type = 'volume.unusual'").Scan(&documents))
	return "[" + strings.Join(documents, ",") + "]"
}

func (b *bench) condition() scheduler.Condition {
	b.Helper()
	c, err := scheduler.ReadCondition(b.Context(), clinicstore.NewClinics(b.db), b.clinic, b.now)
	require.NoError(b.T, err)
	return c
}

const week = 7 * 24 * time.Hour

func TestASyncWithUnusualCountsIsToldOnceWithItsField(t *testing.T) { // R49
	t.Parallel()
	b := newBench(t)
	for i := range 4 {
		b.sync(run{ago: time.Duration(i+1) * week, kind: "inbound", request: `{"daysAhead": 7}`, created: 10, updated: 5}, "")
	}
	b.look()
	require.Equal(t, "[]", b.events())
	id := b.sync(run{kind: "inbound", request: `{}`, full: true, created: 10, updated: 60}, // seven days ahead by default
		`update cases set metadata = '{"appointment": {"room": "A"}}', sync_status = 'synced'; update cases set status = 'reviewed' where pims_id::int <= 20`)
	b.look()
	want := []map[string]any{{
		"syncId": id, "type": "inbound", "field": "metadata.appointment.room",
		"findings": []map[string]any{{"count": "casesUpdated", "value": 60, "usual": 5, "low": false}},
	}}
	document, err := json.Marshal(want)
	require.NoError(t, err)
	require.JSONEq(t, string(document), b.events())
	require.Equal(t, []syncs.Type{syncs.TypeInbound}, b.counted, "once over both replicas")

	unusual := b.condition().Unusual
	require.Len(t, unusual, 1)
	require.Equal(t, id, unusual[0].SyncID)
	require.Equal(t, "metadata.appointment.room", unusual[0].Field)
	require.Equal(t, []volume.Finding{{Count: "casesUpdated", Value: 60, Usual: 5}}, unusual[0].Findings)
	require.Equal(t, scheduler.ClinicNeverSynced, b.stateOfAnother(), "another clinic")

	b.now = b.now.Add(time.Hour)
	b.sync(run{kind: "inbound", request: `{}`, updated: 60}, "")
	b.look()
	require.JSONEq(t, string(document), b.events(), "it is not told again")
	require.Len(t, b.condition().Unusual, 2, "but shown")
	b.now = b.now.Add(scheduler.UnusualFor + time.Second)
	require.Empty(t, b.condition().Unusual)
}

func (b *bench) stateOfAnother() scheduler.ClinicState {
	b.Helper()
	var other uuid.UUID
	require.NoError(b.T, b.db.Pool().QueryRow(b.Context(), "insert into clinics (name, timezone) values ('Mesa', 'UTC') returning id").Scan(&other))
	c, err := scheduler.ReadCondition(b.Context(), clinicstore.NewClinics(b.db), other, b.now)
	require.NoError(b.T, err)
	require.Empty(b.T, c.Unusual)
	return c.Verdict().State
}

func TestOnlyRunsOfTheSameDaysThatNobodyApprovedAreJudged(t *testing.T) { // R49
	t.Parallel()
	b := newBench(t)
	day := func(ago time.Duration) string { return b.now.Add(-ago).Format(time.DateOnly) }
	for i := range 5 {
		ago := time.Duration(i+1) * week
		b.sync(run{ago: ago, kind: "inbound", request: `{"startDate": "` + day(ago) + `", "endDate": "` + day(ago-24*time.Hour) + `"}`, updated: 5}, "")
	}
	b.sync(run{kind: "inbound", request: `{"daysAhead": 7}`, updated: 60}, "")
	b.sync(run{kind: "inbound", request: `{"daysAhead": 1, "approval": "` + uuid.NewString() + `"}`, updated: 60}, "")
	b.sync(run{kind: "inbound", request: `{"daysAhead": 1, "dryRun": true}`, updated: 60}, "")
	b.sync(run{kind: "inbound", request: `{"daysAhead": "many", "startDate": 5}`, updated: 60}, "")
	b.look()
	require.Equal(t, "[]", b.events())
	b.sync(run{kind: "inbound", request: `{"daysAhead": 1}`, updated: 60}, "")
	b.look()
	require.Contains(t, b.events(), "casesUpdated")
}

func TestAClinicWithoutAZoneOrThatIsGoneStopsNoJudging(t *testing.T) { // R49
	t.Parallel()
	b := newBench(t)
	b.exec("update clinics set timezone = null")
	for i := range 45 { // more than one call takes
		b.sync(run{ago: time.Duration(i) * time.Hour, kind: "inbound", request: "{}", updated: 60}, "")
	}
	b.exec("delete from case_sync_audits")
	b.look()
	var behind int
	require.NoError(t, b.db.Pool().QueryRow(context.Background(), "select f.position - v.position from pims_sync_feed_state f, pims_sync_volume_state v").Scan(&behind))
	require.Zero(t, behind)
	require.Empty(t, b.counted)
}
