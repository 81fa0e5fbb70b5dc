package walls_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/casestore"
	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// ofClinic finds the condition that keeps a statement to its clinic.
var ofClinic = regexp.MustCompile(`(?:\b[a-z]+\.)?\bclinic_id = (\$\d+)`)

// every takes the condition out of every statement.
const every = "every statement"

// A mutator stands between the program and PostgreSQL. It notes the statements that name a
// clinic, and takes the condition out of the one that it is told to.
type mutator struct {
	server string

	mu      sync.Mutex
	seen    []string
	mutated string
}

func (m *mutator) rewrite(sql string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ofClinic.MatchString(sql) && !slices.Contains(m.seen, sql) {
		m.seen = append(m.seen, sql)
	}
	if sql != m.mutated && m.mutated != every {
		return sql
	}
	return ofClinic.ReplaceAllString(sql, "$1::uuid is not null") // the parameter stays
}

func (m *mutator) mutate(sql string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mutated = sql
}

// start serves on loopback and returns the URL of a database behind it.
func (m *mutator) start(t *testing.T, databaseURL string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	require.NoError(t, err)
	m.server = u.Query().Get("host") + "/.s.PGSQL." + u.Query().Get("port")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go m.relay(client)
		}
	}()
	host, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	u.RawQuery = url.Values{"host": {host}, "port": {port}, "sslmode": {"disable"}}.Encode()
	return u.String()
}

func (m *mutator) relay(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", m.server)
	if err != nil {
		return
	}
	defer server.Close()
	from, to := pgproto3.NewBackend(client, client), pgproto3.NewFrontend(server, server)
	first, err := from.ReceiveStartupMessage()
	if err != nil {
		return
	}
	to.Send(first)
	if to.Flush() != nil {
		return
	}
	go func() {
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			if _, failed := client.Write(buffer[:n]); err != nil || failed != nil {
				_ = client.Close()
				return
			}
		}
	}()
	for {
		message, err := from.Receive()
		if err != nil {
			return
		}
		if parse, ok := message.(*pgproto3.Parse); ok {
			parse.Query = m.rewrite(parse.Query)
		}
		to.Send(message)
		if to.Flush() != nil {
			return
		}
	}
}

// A practice is a clinic with one row of everything.
type practice struct{ clinic, kase, sync, plan, credential uuid.UUID }

func addPractice(t *testing.T, db *postgres.DB, name string) practice {
	t.Helper()
	p := practice{kase: uuid.New(), sync: uuid.New(), plan: uuid.New(), credential: uuid.New()}
	added, err := clinicstore.NewClinics(db).Add(t.Context(), clinic.Clinic{Name: name, Timezone: "UTC", Active: true})
	require.NoError(t, err)
	p.clinic = added.ID
	exec(t, db, strings.NewReplacer("CLINIC", p.clinic.String(), "CASE", p.kase.String(), "SYNC", p.sync.String(), "PLAN", p.plan.String(), "KEY", p.credential.String(), "NAME", name).Replace(`
		insert into pims_credentials (id, clinic_id, provider, sealed) values ('KEY', 'CLINIC', 'idexx_neo', 'NAME');
		insert into pims_sessions (clinic_id, credential_id, sealed, logged_in_at, used_at)
			select 'CLINIC', id, 'NAME', now(), now() from pims_credentials where clinic_id = 'CLINIC';
		insert into case_sync_audits (id, clinic_id, sync_type, status, result, created_at, started_at, completed_at)
			values ('SYNC', 'CLINIC', 'inbound', 'completed', '{"deletedIds": ["CASE"]}', now(), now(), now());
		insert into cases (id, clinic_id, pims_id, patient_name, scheduled_date, metadata) values ('CASE', 'CLINIC', 'a-1', 'NAME', '2026-03-02 09:00Z',
			'{"appointment": {}, "consultation": {"id": "c-1"}, "reconciliation": {"softDeleted": true, "syncId": "SYNC", "before": {"status": "draft"}}}');
		insert into deletion_plans (id, clinic_id, sync_id, sync_type, code, reason, window_start, window_end, expires_at)
			values ('PLAN', 'CLINIC', 'SYNC', 'reconciliation', 'deletion_guard', 'NAME', '2026-03-01', '2026-03-03', now() + interval '1 day')`))
	return p
}

// calls are what a tenant does by its statements: reads of all kinds, then changes. Ids are
// of either practice, so that a statement that forgot its clinic finds the other's row.
func calls(ctx context.Context, db *postgres.DB, own, other practice) map[string]func() (any, error) {
	id, at := own.clinic, time.Date(2026, time.March, 4, 12, 0, 0, 0, time.UTC)
	page := syncs.Page{Limit: 10}
	return map[string]func() (any, error){
		"schedules":   func() (any, error) { return clinicstore.NewClinics(db).Schedules(ctx, id) },
		"credential":  func() (any, error) { return clinicstore.NewCredentials(db).Credential(ctx, id) },
		"session":     func() (any, error) { return clinicstore.NewSessions(db).Session(ctx, id) },
		"audit":       func() (any, error) { return syncstore.NewAudits(db).Audit(ctx, id, other.sync) },
		"audits":      func() (any, error) { return syncstore.NewAudits(db).Audits(ctx, id, syncs.AuditFilter{Page: page}) },
		"plan":        func() (any, error) { return syncstore.NewPlans(db).Plan(ctx, id, other.plan) },
		"plans":       func() (any, error) { return syncstore.NewPlans(db).Plans(ctx, id, syncs.PlanFilter{Page: page}) },
		"case":        func() (any, error) { return casestore.NewRecords(db).Case(ctx, id, other.kase) },
		"cases":       func() (any, error) { return casestore.NewRecords(db).Cases(ctx, id, cases.Filter{Page: page}) },
		"cases by id": func() (any, error) { return casestore.NewRecords(db).ByID(ctx, id, []uuid.UUID{other.kase}) },
		"history":     func() (any, error) { return casestore.NewRecords(db).History(ctx, id, other.kase, page) },
		"changes of":  func() (any, error) { return casestore.NewRecords(db).EventsOf(ctx, id, other.sync) },
		"deleted by":  func() (any, error) { return casestore.NewCases(db).DeletedBy(ctx, id, other.sync) },
		"state":       func() (any, error) { return clinicstore.NewClinics(db).Conditions(ctx, id, at) },

		"zz reject": func() (any, error) { return nil, syncstore.NewPlans(db).Reject(ctx, id, other.plan, "os:ada", at) },
		"zz restore": func() (any, error) {
			return casestore.NewCases(db).Restore(ctx, id, []uuid.UUID{other.kase}, "os:ada", at)
		},
		"zz cancel":   func() (any, error) { return nil, syncstore.NewAudits(db).Cancel(ctx, id, other.sync, at) },
		"zz resume":   func() (any, error) { return nil, clinicstore.NewCredentials(db).ResumeCredential(ctx, id) },
		"zz schedule": func() (any, error) { return nil, clinicstore.NewClinics(db).SetSchedules(ctx, id, []byte(`[]`), at) },
		"zz tested": func() (any, error) {
			return nil, clinicstore.NewCredentials(db).NoteTest(ctx, id, other.credential, "Foreign", at)
		},
		"zz suspend": func() (any, error) {
			return nil, clinicstore.NewCredentials(db).SuspendCredential(ctx, id, other.credential, "Foreign", at)
		},
		"zz forget": func() (any, error) { return nil, clinicstore.NewCredentials(db).RemoveCredential(ctx, id) },
	}
}

// told returns everything that a call returned, as text.
func told(call func() (any, error)) string {
	result, err := call()
	text, unwritten := json.Marshal(result)
	return fmt.Sprintf("%s %v %v", text, err, unwritten)
}

// rowsOf is a digest of everything that a clinic has in the database.
func rowsOf(t *testing.T, db *postgres.DB, clinicID uuid.UUID) string {
	t.Helper()
	var all []string
	for _, table := range []string{"cases", "case_events", "case_sync_audits", "deletion_plans", "pims_credentials", "pims_sessions", "clinic_schedule_configs", "case_restores"} {
		all = append(all, column(t, db, "select coalesce(string_agg(t::text, ' ' order by t::text), '') from "+table+" t where clinic_id = $1", clinicID)...)
	}
	return strings.Join(all, "\n")
}

// leaks runs every call of one practice, with one statement without its clinic, and reports
// whether anything of the other practice came back or changed.
func leaks(t *testing.T, direct, db *postgres.DB, m *mutator, statement string) bool {
	t.Helper()
	own, other := addPractice(t, direct, "Own"), addPractice(t, direct, "Foreign")
	before := rowsOf(t, direct, other.clinic)
	m.mutate(statement)
	defer m.mutate("")
	list := calls(t.Context(), db, own, other)
	var names []string
	for name := range list {
		names = append(names, name)
	}
	slices.Sort(names)
	leaked := false
	for _, name := range names {
		text := told(list[name])
		leaked = leaked || strings.Contains(text, "Foreign") || strings.Contains(text, other.clinic.String()) || strings.Contains(text, "Rm9yZWlnb") // in base64
	}
	return leaked || rowsOf(t, direct, other.clinic) != before
}

// Each statement of a tenant in turn loses the condition that keeps it to its clinic, and
// row-level security keeps it there.
func TestAStatementThatForgetsItsClinicReachesNoOther(t *testing.T) { // R41, R45
	t.Parallel()
	databaseURL := pgtest.URL(t)
	m := new(mutator)
	behind := m.start(t, databaseURL)
	direct := pgtest.Open(t, databaseURL)
	open := func() *postgres.DB { // the cached statements of a connection are those of before
		return pgtest.Open(t, behind)
	}
	require.False(t, leaks(t, direct, open(), m, ""))
	statements := slices.Clone(m.seen)
	require.Greater(t, len(statements), 20)
	for _, statement := range statements {
		require.False(t, leaks(t, direct, open(), m, statement), statement)
	}

	exec(t, direct, "update pims_sync_installation set mode = 'single'") // new connections take no role
	require.True(t, leaks(t, direct, open(), m, every), "without row-level security the same test finds leaks")
}
