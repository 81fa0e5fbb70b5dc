package leavestore_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/leaving"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/feedstore"
	"github.com/pims-sync/pims-sync/internal/postgres/leavestore"
	"github.com/pims-sync/pims-sync/internal/postgres/oplog"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/postgres/walls"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func exec(t *testing.T, db *postgres.DB, sql string) {
	t.Helper()
	_, err := db.Pool().Exec(t.Context(), sql)
	require.NoError(t, err, sql)
}

func column(t *testing.T, db *postgres.DB, sql string, args ...any) []string {
	t.Helper()
	rows, err := db.Pool().Query(t.Context(), sql, args...)
	require.NoError(t, err, sql)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err, sql)
	return list
}

// A practice is a clinic with something in every table, each text of which names it.
type practice struct {
	name           string
	clinic, person uuid.UUID
	bella, milo    uuid.UUID // cases of the clients c-1 and c-2
	moved          uuid.UUID // of c-2, once of c-1
}

// plant stores a practice. name becomes part of every text.
func plant(t *testing.T, db *postgres.DB, name string) practice {
	t.Helper()
	p := practice{name: name, clinic: uuid.New(), person: uuid.New(), bella: uuid.New(), milo: uuid.New(), moved: uuid.New()}
	r := strings.NewReplacer("CLINIC", p.clinic.String(), "PERSON", p.person.String(), "BELLA", p.bella.String(), "MILO", p.milo.String(),
		"MOVED", p.moved.String(), "NAME", name, "HASH", strings.Repeat(hex.EncodeToString([]byte(name))[:2], 32))
	exec(t, db, r.Replace(`
		insert into clinics (id, name, timezone, is_active) values ('CLINIC', 'NAME clinic', 'UTC', false);
		insert into clinic_api_keys (clinic_id, name, key_prefix, key_hash) values ('CLINIC', 'NAME key', 'odis_sk_', 'HASH');
		insert into pims_credentials (id, clinic_id, sealed, suspended_reason) values ('PERSON', 'CLINIC', 'NAME sealed', 'NAME');
		insert into pims_sessions (clinic_id, credential_id, sealed, logged_in_at, used_at) values ('CLINIC', 'PERSON', 'NAME session', now(), now());
		insert into clinic_schedule_configs (clinic_id, sync_schedules) values ('CLINIC', '[{"note": "NAME"}]');
		insert into schedule_entries (clinic_id, entry_key, sync_type, cron, timezone, next_tick_at, next_run_at)
			values ('CLINIC', 'NAME', 'inbound', '0 6 * * *', 'UTC', now(), now());
		insert into schedule_ticks (clinic_id, entry_key, sync_type, due_at, outcome, recorded_at)
			select 'CLINIC', 'NAME', 'inbound', now() - n * interval '1 hour', 'missed', now() from generate_series(1, 3) n;
		insert into case_sync_audits (id, clinic_id, sync_type, status, result, completed_at) values ('PERSON', 'CLINIC', 'full', 'completed',
			'{"changes": [{"patientName": "NAME Bella"}]}', now());
		insert into case_sync_audits (id, clinic_id, sync_type, status, started_at) values ('CLINIC', 'CLINIC', 'full', 'in_progress', now());
		insert into case_sync_audits (clinic_id, parent_id, sync_type, status) values ('CLINIC', 'CLINIC', 'inbound', 'in_progress');
		insert into sync_leases (audit_id, clinic_id, attempt, worker, expires_at) values ('CLINIC', 'CLINIC', 1, 'NAME worker', now());
		insert into idempotency_keys (clinic_id, key, request_hash, sync_id) values ('CLINIC', 'NAME', 'x', 'PERSON');
		insert into deletion_plans (clinic_id, sync_id, sync_type, code, reason, window_start, window_end, expires_at, cases) values
			('CLINIC', 'PERSON', 'reconciliation', 'deletion_guard', 'NAME', '2026-03-01', '2026-03-02', now(), '[{"caseId": "BELLA", "pimsId": "NAME a-1"}, {"caseId": "MILO", "pimsId": "a-2"}]');
		insert into cases (id, clinic_id, pims_id, patient_name, client_name, phone_number, scheduled_date, metadata) values
			('BELLA', 'CLINIC', 'a-1', 'NAME Bella', 'NAME Ada', '=NAME 555-0101', '2026-03-02 09:00Z',
				'{"appointment": {"clientId": "c-1"}, "consultation": {"soapNotes": {"subjective": "NAME Bella limps"}, "diagnoses": ["NAME one", "two"]}}'),
			('MILO', 'CLINIC', 'a-2', 'NAME Milo', 'NAME Bob', null, '2026-03-02 10:00Z', '{"appointment": {"clientId": "c-2"}}'),
			('MOVED', 'CLINIC', 'a-3', 'NAME Rex', 'NAME Ada', null, '2026-03-02 11:00Z', '{"appointment": {"clientId": "c-1"}, "consultation": {"id": "k-3", "rawNotes": "NAME Rex of Ada"}}');
		update cases set patient_name = 'NAME Bella II' where id = 'BELLA';
		update cases set patient_name = 'NAME Kit', client_name = 'NAME Bob', metadata = '{"appointment": {"clientId": "c-2"}}' where id = 'MOVED';
		insert into cases (id, clinic_id, patient_name) values ('CLINIC', 'CLINIC', 'NAME gone');
		delete from cases where id = 'CLINIC';
		insert into case_enrichments (case_id, clinic_id, outcome) values ('BELLA', 'CLINIC', 'NAME');
		insert into case_restores (case_id, clinic_id, restored_at) values ('BELLA', 'CLINIC', now());
		insert into pims_sync_looks (clinic_id, provider, looked_on) values ('CLINIC', 'NAME', now());
		insert into pims_words (clinic_id, provider, kind, form, word, appointments, first_seen, last_seen) values ('CLINIC', 'idexx_neo', 'status', 'x', 'NAME', 1, now(), now());
		insert into pims_sync_clinic_states (clinic_id, state, code, since) values ('CLINIC', 'failing', 'NAME', now());
		insert into webhook_endpoints (id, clinic_id, url, types) values ('PERSON', 'CLINIC', 'https://NAME.example', '{sync.failed}');
		insert into webhook_secrets (id, endpoint_id, sealed) values ('PERSON', 'PERSON', 'NAME secret');
		insert into webhook_endpoints (id, url, types) values ('MILO', 'https://all.example', '{sync.failed}');
		insert into webhook_deliveries (endpoint_id, clinic_id, type, body, next_try_at, event_at, created_at)
			select e::uuid, 'CLINIC', 'sync.failed', 'NAME', now(), now(), now() from unnest(array['PERSON', 'MILO']) e;
		insert into notification_channels (id, clinic_id, kind, sealed, name, created_at) values ('PERSON', 'CLINIC', 'email', 'NAME', 'NAME', now());
		insert into pims_sync_told (channel_id, clinic_id, state, code, since) values ('PERSON', 'CLINIC', 'failing', 'NAME', now());
		insert into people (id, email, name, role, clinics) values ('PERSON', lower('NAME@example.com'), 'NAME Person', 'viewer', '{CLINIC}');
		insert into people (email, role, clinics) values (lower('NAME.both@else.example'), 'viewer', '{CLINIC,00000000-0000-0000-0000-000000000001}');
		insert into fleet_keys (name, key_prefix, key_hash, scope, clinics) values ('fleet', 'x', 'HASH', 'fleet:read', '{CLINIC}');
		insert into operator_events (who_kind, who_id, who_name, origin, action, clinic_id, before, after, outcome)
			values ('clinic_key', 'PERSON', 'NAME key', 'NAME address', 'clinic.set', 'CLINIC', '{"name": "NAME"}', '{"name": "NAME"}', 'done');
		insert into operator_events (who_kind, who_name, origin, action, record_kind, record_id, after, outcome)
			values ('os_user', 'root', 'command line', 'person.add', 'person', 'PERSON', '{"name": "NAME Person"}', 'done');
		insert into operator_events (who_kind, who_id, who_name, origin, action, outcome) values ('person', 'PERSON', 'NAME Person', 'x', 'person.sign_in', 'done')`))
	exec(t, db, r.Replace("update cases set patient_name = 'NAME Kitty' where id = 'MOVED'")) // later than the other changes
	return p
}

// everything is all rows of all tables, as text.
func everything(t *testing.T, db *postgres.DB) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, table := range walls.Names() {
		if !strings.HasPrefix(table, "river_") {
			all[table] = strings.Join(column(t, db, "select t::text from "+table+" t order by 1"), "\n")
		}
	}
	return all
}

// linesWith returns the rows that have a text, also as bytea.
func linesWith(rows, text string) (found []string) {
	for line := range strings.Lines(rows) {
		if strings.Contains(line, text) || strings.Contains(line, hex.EncodeToString([]byte(text))) {
			found = append(found, strings.TrimSuffix(line, "\n"))
		}
	}
	return found
}

func by() access.By { return access.By{Caller: access.OfOSUser("dana"), Origin: "command line"} }

func newFeed(t *testing.T, db *postgres.DB) *feed.Feed {
	t.Helper()
	return feed.New(feed.Options{Store: feedstore.New(db), Logger: slog.New(slog.DiscardHandler)})
}

func TestNothingOfAnErasedClinicIsLeftAndNothingElseIsTouched(t *testing.T) { // R14, R44, R45, R46
	t.Parallel()
	db := pgtest.New(t)
	gone, stays := plant(t, db, "Zephyrine"), plant(t, db, "Quillon")
	changes := newFeed(t, db)
	page, err := changes.Read(t.Context(), feed.Request{ClinicID: stays.clinic, Limit: 1})
	require.NoError(t, err)
	exec(t, db, "update cases set patient_name = 'Zephyrine Bella III' where id = '"+gone.bella.String()+"'") // has no position in the feed yet
	before := everything(t, db)
	planted := 0
	for _, table := range walls.Tables {
		if table.Clinic != "" && len(linesWith(before[table.Name], gone.clinic.String())) > 0 {
			planted++
		}
	}
	require.Greater(t, planted, 24, "a clinic has something in almost every table")
	store, log := leavestore.New(db), oplog.New(db, nil)

	counts, err := store.CountClinic(t.Context(), gone.clinic)
	require.NoError(t, err)
	require.Equal(t, int64(3), counts["cases"])
	require.Equal(t, before, everything(t, db), "counting changes nothing")

	removed, err := leaving.EraseClinic(t.Context(), log, by(), store, gone.clinic, func(leaving.Counts) {})
	require.NoError(t, err)
	for what, n := range counts {
		if told := removed[what]; told != 0 {
			require.Equal(t, n, told, what)
		}
	}
	for table, rows := range everything(t, db) {
		require.Empty(t, linesWith(rows, "Zephyrine"), table)
		require.Empty(t, linesWith(rows, "zephyrine@"), table)
		if table != "operator_events" {
			require.Empty(t, linesWith(rows, gone.clinic.String()), table)
			require.Empty(t, linesWith(rows, gone.bella.String()), table)
		}
		if !strings.HasPrefix(table, "pims_sync_feed") {
			require.Equal(t, linesWith(before[table], "Quillon"), linesWith(rows, "Quillon"), table)
			require.Equal(t, linesWith(before[table], stays.clinic.String()), linesWith(rows, stays.clinic.String()), table)
		}
	}
	require.Equal(t, []string{"dana clinic.erase done 3"}, column(t, db, `
		select concat_ws(' ', who_name, action, outcome, after ->> 'cases') from operator_events where clinic_id = $1 and after is not null`, gone.clinic))

	next, err := changes.Read(t.Context(), feed.Request{ClinicID: stays.clinic, After: page.Next.String(), Limit: 100})
	require.NoError(t, err, "the cursor of another clinic holds")
	require.Len(t, next.Changes, 4)

	_, err = leaving.EraseClinic(t.Context(), log, by(), store, stays.person, func(leaving.Counts) {})
	require.ErrorContains(t, err, "no such clinic")
	exec(t, db, "update clinics set is_active = true")
	_, err = leaving.EraseClinic(t.Context(), log, by(), store, stays.clinic, func(leaving.Counts) {})
	require.ErrorIs(t, err, leaving.ErrActive)
	require.Equal(t, linesWith(before["cases"], "Quillon"), linesWith(everything(t, db)["cases"], "Quillon"))
}

func TestAnErasureThatIsInterruptedIsRecordedWithWhatItRemoved(t *testing.T) { // R44
	t.Parallel()
	db := pgtest.New(t)
	gone := plant(t, db, "Zephyrine")
	ctx, interrupt := context.WithCancel(t.Context())
	_, err := leaving.EraseClinic(ctx, oplog.New(db, nil), by(), leavestore.New(db), gone.clinic, func(leaving.Counts) { interrupt() })
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, []string{"dana clinic.erase failed 3"}, column(t, db, `
		select concat_ws(' ', who_name, action, outcome, before ->> 'cases') from operator_events where action = 'clinic.erase'`))
}

func TestAnArchiveIsNamedAfterItsClinicAndTheDay(t *testing.T) {
	t.Parallel()
	subject := leaving.Subject{ClinicID: uuid.MustParse("0b6c2f0e-0000-4000-8000-000000000001")}
	day := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	require.Equal(t, "harbor-lights-0b6c2f0e-2026-03-02.zip", leaving.FileName("Harbor Lights", &subject, day))
	require.Equal(t, "0b6c2f0e-2026-03-02.zip", leaving.FileName("動物病院", &subject, day), "no command takes it for an option")
}

func TestEachTableOfAClinicIsErasedByTheFunctionOrWithItsRows(t *testing.T) { // R45
	t.Parallel()
	db := pgtest.New(t)
	source := column(t, db, "select prosrc from pg_proc where proname = 'pims_sync_erase_clinic'")[0]
	for _, table := range walls.Tables {
		if table.Clinic == "" || table.Name == "clinics" || regexp.MustCompile(`public\.`+table.Name+`\b`).MatchString(source) {
			continue
		}
		require.NotEmpty(t, column(t, db, `
			select conname::text from pg_constraint
			where conrelid = $1::text::regclass and confdeltype = 'c' and confrelid in ('clinics'::regclass, 'cases'::regclass, 'case_sync_audits'::regclass)
			union
			select tgname::text from pg_trigger join pg_proc p on p.oid = tgfoid
			where tgrelid = 'cases'::regclass and tgtype & 8 <> 0 and p.prosrc like '%delete from public.' || $1 || ' %'`, table.Name),
			"%s keeps rows of an erased clinic: let it reference clinics `on delete cascade`, or erase it in pims_sync_erase_clinic", table.Name)
	}
}

func TestAnErasedClientLeavesNothingAndOtherClientsStay(t *testing.T) { // R14, R46
	t.Parallel()
	db := pgtest.New(t)
	p, other := plant(t, db, "Zephyrine"), plant(t, db, "Quillon")
	for _, clinic := range []uuid.UUID{p.clinic, other.clinic} {
		exec(t, db, "insert into recordings (id, clinic_id, sync_type, status, requests, bytes, sealed) values (gen_random_uuid(), '"+clinic.String()+"', 'full', 'completed', 1, 1, 'sealed')")
	}
	store, log := leavestore.New(db), oplog.New(db, nil)
	changes := newFeed(t, db)
	page, err := changes.Read(t.Context(), feed.Request{ClinicID: p.clinic, Limit: 100})
	require.NoError(t, err)
	before := everything(t, db)
	subject := leaving.Subject{ClinicID: p.clinic, Client: "c-1"}

	trial, err := store.EraseClient(t.Context(), subject, true)
	require.NoError(t, err)
	require.Equal(t, before, everything(t, db))
	counts, err := leaving.EraseClient(t.Context(), log, by(), store, subject)
	require.NoError(t, err)
	require.Equal(t, trial, counts)
	require.Equal(t, leaving.Counts{"cases": 1, "case_events": 2, "cleared_events": 4, "deletion_plans": 1, "notes_shown": 1, "previews": 1, "recordings": 1}, counts)

	after := everything(t, db)
	for table, rows := range after {
		for _, text := range []string{"Zephyrine Bella", "Zephyrine Ada", "Zephyrine Rex", "Zephyrine 555", "Zephyrine a-1"} {
			require.Empty(t, linesWith(rows, text), "%s: %s", table, text)
		}
		if !strings.HasPrefix(table, "pims_sync_feed") {
			require.Equal(t, linesWith(before[table], other.clinic.String()), linesWith(rows, other.clinic.String()), table)
		}
	}
	require.Equal(t, linesWith(before["cases"], p.milo.String()), linesWith(after["cases"], p.milo.String()))
	require.Equal(t, []string{"created", "changed patient_name \"Zephyrine Kitty\""}, column(t, db, `
		select concat_ws(' ', action, field, after) from case_events where case_id = $1 and (action = 'created' or after is not null) order by id`, p.moved),
		"the history of the case since it is another client's stays")
	require.Equal(t, []string{"removed"}, column(t, db, "select action from case_events where case_id = $1", p.bella))

	next, err := changes.Read(t.Context(), feed.Request{ClinicID: p.clinic, After: page.Next.String(), Limit: 100})
	require.NoError(t, err)
	require.Len(t, next.Changes, 1)
	require.Equal(t, "removed", next.Changes[0].Action, "readers of the feed hear of it")
	require.Equal(t, p.bella, next.Changes[0].CaseID)
	require.Equal(t, "os:dana", next.Changes[0].Actor)

	counts, err = leaving.EraseClient(t.Context(), log, by(), store, leaving.Subject{ClinicID: p.clinic, Cases: []uuid.UUID{p.milo}})
	require.NoError(t, err)
	require.EqualValues(t, 1, counts["cases"])
	require.NotRegexp(t, `(^|[^0-9a-f])c-1([^0-9a-f]|$)`, everything(t, db)["operator_events"], "no client; a random id may hold these letters")
}

// An id that nothing names may be mistyped, or a client's whom only a recording names: what
// cannot be searched goes only if the caller says so.
func TestAClientWhomNothingNamesIsErasedOnlyIfThatIsSaid(t *testing.T) { // R52
	t.Parallel()
	db := pgtest.New(t)
	p := plant(t, db, "Zephyrine")
	exec(t, db, "insert into recordings (id, clinic_id, sync_type, status, requests, bytes, sealed) values (gen_random_uuid(), '"+p.clinic.String()+"', 'full', 'completed', 1, 1, 'sealed')")
	store, log := leavestore.New(db), oplog.New(db, nil)
	before := everything(t, db)
	for _, subject := range []leaving.Subject{
		{ClinicID: p.clinic, Client: "c-404"}, {ClinicID: p.clinic, Client: "C-1"}, {ClinicID: p.clinic, Client: "c-1 "},
	} {
		trial, err := store.EraseClient(t.Context(), subject, true)
		require.NoError(t, err)
		require.False(t, trial.Named())
		_, err = leaving.EraseClient(t.Context(), log, by(), store, subject)
		require.ErrorIs(t, err, leaving.ErrUnknownClient)
	}
	after := everything(t, db)
	require.Len(t, column(t, db, "select code from operator_events where action = 'client.erase' and code = 'not_found'"), 3, "each is recorded with its code")
	delete(before, "operator_events")
	delete(after, "operator_events")
	require.Equal(t, before, after)

	counts, err := leaving.EraseClient(t.Context(), log, by(), store, leaving.Subject{ClinicID: p.clinic, Client: "c-404", Unknown: true})
	require.NoError(t, err)
	require.EqualValues(t, 1, counts["recordings"])
	require.EqualValues(t, 1, counts["previews"])
	require.Empty(t, column(t, db, "select id::text from recordings"))
	require.Equal(t, before["cases"], everything(t, db)["cases"])

	exec(t, db, `insert into pims_sync_notes_shown (clinic_id, case_id, consultation_id, patient_id, client_id, patient_name)
		select clinic_id, id, 'k-1', 'a-9', 'c-9', 'Zephyrine Otto' from cases where clinic_id = '`+p.clinic.String()+`' limit 1`)
	counts, err = leaving.EraseClient(t.Context(), log, by(), store, leaving.Subject{ClinicID: p.clinic, Client: "c-9"})
	require.NoError(t, err, "what a case showed for the client names it")
	require.EqualValues(t, 1, counts["notes_shown"])
	require.NotContains(t, everything(t, db)["pims_sync_notes_shown"], "Otto")
}

// A case that the clinic does not have may be a mistyped id: then nothing is erased or
// exported.
func TestACaseThatTheClinicDoesNotHaveIsRefused(t *testing.T) { // R45, R52
	t.Parallel()
	db := pgtest.New(t)
	p, other := plant(t, db, "Zephyrine"), plant(t, db, "Quince")
	store, log := leavestore.New(db), oplog.New(db, nil)
	before := everything(t, db)
	for _, unknown := range []uuid.UUID{uuid.New(), other.milo} {
		subject := leaving.Subject{ClinicID: p.clinic, Client: "c-1", Cases: []uuid.UUID{p.milo, unknown}, Unknown: true}
		_, erased := leaving.EraseClient(t.Context(), log, by(), store, subject)
		_, tried := store.EraseClient(t.Context(), subject, true)
		_, exported := leaving.Export(t.Context(), log, by(), io.Discard, store, subject, time.Now())
		for _, err := range []error{erased, tried, exported} {
			require.ErrorContains(t, err, "the clinic has no case "+unknown.String()+": check the id")
		}
	}
	after := everything(t, db)
	delete(before, "operator_events")
	delete(after, "operator_events")
	require.Equal(t, before, after)
}

func TestNoRoleOfTheServiceErases(t *testing.T) { // R45
	t.Parallel()
	db := pgtest.New(t)
	p := plant(t, db, "Zephyrine")
	for _, role := range []string{"pims_sync_service", "pims_sync_tenant", "pims_sync_system", "pims_sync_operator"} {
		for _, call := range []string{
			"select pims_sync_erase_clinic('" + p.clinic.String() + "', 0, 1, false)", "select pims_sync_erase_client('" + p.clinic.String() + "', 'c-1', '{}', false)",
		} {
			err := pgx.BeginFunc(t.Context(), db.Pool(), func(tx pgx.Tx) error {
				_, err := tx.Exec(t.Context(), "set local role "+role)
				require.NoError(t, err)
				_, err = tx.Exec(t.Context(), call)
				return err
			})
			require.ErrorContains(t, err, "permission denied", role)
		}
	}
}

// open reads an archive into its files.
func open(t *testing.T, archive []byte) map[string]string {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	require.NoError(t, err)
	files := make(map[string]string)
	for _, f := range r.File {
		content, err := f.Open()
		require.NoError(t, err)
		text, err := io.ReadAll(content)
		require.NoError(t, err)
		files[f.Name] = string(text)
	}
	return files
}

func TestAnArchiveHasEverythingOfAClinicButSecretsAndNothingOfOthers(t *testing.T) { // R42, R44
	t.Parallel()
	db := pgtest.New(t)
	p := plant(t, db, "Zephyrine")
	plant(t, db, "Quillon")
	var b bytes.Buffer
	manifest, err := leaving.Export(t.Context(), oplog.New(db, nil), by(), &b, leavestore.New(db), leaving.Subject{ClinicID: p.clinic}, time.Now())
	require.NoError(t, err)
	files := open(t, b.Bytes())
	var stored leaving.Manifest
	require.NoError(t, json.Unmarshal([]byte(files["manifest.json"]), &stored))
	require.Equal(t, manifest.Files, stored.Files)
	for _, f := range manifest.Files {
		sum := sha256.Sum256([]byte(files[f.Name]))
		require.Equal(t, hex.EncodeToString(sum[:]), f.SHA256, f.Name)
		if f.Name != "README.txt" {
			require.Contains(t, files[f.Name], "Zephyrine", f.Name)
		}
		if strings.HasSuffix(f.Name, ".jsonl") {
			require.EqualValues(t, strings.Count(files[f.Name], "\n"), f.Records, f.Name)
			for line := range strings.Lines(files[f.Name]) {
				require.True(t, json.Valid([]byte(line)), line)
			}
		}
	}
	for name, text := range files {
		for _, secret := range []string{"Quillon", "sealed", hex.EncodeToString([]byte("Zephyrine")), strings.Repeat("5a", 8), "Zephyrine secret"} {
			require.NotContains(t, text, secret, name)
		}
	}
	require.Equal(t, leaving.Counts{"cases": 3, "history": 11, "syncs": 3, "plans": 1, "keys": 1, "words": 1}, manifest.Counts())
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(files["cases.csv"], "\ufeff"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 4)
	require.Equal(t, "'=Zephyrine 555-0101", rows[1][slices.Index(rows[0], "phone")], "a spreadsheet calculates nothing")
	require.Equal(t, []string{"clinic.export 3"}, column(t, db, "select action || ' ' || (after ->> 'cases') from operator_events where clinic_id = $1 and action like '%export'", p.clinic))

	b.Reset()
	_, err = leaving.Export(t.Context(), oplog.New(db, nil), by(), &b, leavestore.New(db), leaving.Subject{ClinicID: p.clinic, Client: "c-1"}, time.Now())
	require.NoError(t, err)
	files = open(t, b.Bytes())
	require.Equal(t, 1, strings.Count(files["cases.jsonl"], "\n"))
	require.Contains(t, files["history.jsonl"], "Zephyrine Rex of Ada", "what the history of another client's case says of this one")
	for name, text := range files {
		require.NotContains(t, text, "Milo", name)
		require.NotContains(t, text, "Zephyrine Kit", name)
		require.NotContains(t, text, "Zephyrine Bob", name)
	}

	for _, subject := range []leaving.Subject{{ClinicID: p.clinic, Client: "c-2"}, {ClinicID: p.clinic, Cases: []uuid.UUID{p.moved}}} {
		b.Reset()
		_, err = leaving.Export(t.Context(), oplog.New(db, nil), by(), &b, leavestore.New(db), subject, time.Now())
		require.NoError(t, err)
		files = open(t, b.Bytes())
		require.Contains(t, files["history.jsonl"], "Zephyrine Kitty")
		for name, text := range files { // whose the case was before is nobody's business
			require.NotContains(t, text, "Rex", name)
			require.NotContains(t, text, "Zephyrine Ada", name)
		}
	}

	_, err = leaving.Export(t.Context(), oplog.New(db, nil), by(), io.Discard, leavestore.New(db), leaving.Subject{ClinicID: uuid.New()}, time.Now())
	require.ErrorContains(t, err, "no such clinic")
}
