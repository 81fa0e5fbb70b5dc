package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/casestore"
	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

const (
	benchRows  = 100_000
	benchChunk = 1000
)

// BenchmarkInbound writes 100,000 new cases, and reads them again as an identical
// second run does, beside the least that a database can do with the same rows:
// COPY and one INSERT … ON CONFLICT.
func BenchmarkInbound(b *testing.B) {
	b.Run("bare", benchmarkBare)
	b.Run("write", benchmarkWrite)
	b.Run("identical", benchmarkIdentical)
}

func benchmarkBare(b *testing.B) {
	writes := benchWrites()
	for b.Loop() {
		b.StopTimer()
		db := pgtest.New(b)
		prepareBare(b, db)
		b.StartTimer()
		copyBare(b, db, writes)
	}
}

func prepareBare(b *testing.B, db *postgres.DB) {
	b.Helper()
	_, err := db.Pool().Exec(b.Context(), `create table bare (clinic_id uuid, pims_id text, patient_name text, client_name text, phone_number text,
		scheduled_date timestamptz, status text, case_type text, metadata jsonb, created_at timestamptz, updated_at timestamptz, primary key (clinic_id, pims_id))`)
	require.NoError(b, err)
}

func copyBare(b *testing.B, db *postgres.DB, writes []cases.Write) {
	b.Helper()
	ctx, clinicID := b.Context(), uuid.New()
	require.NoError(b, pgx.BeginFunc(ctx, db.Pool(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "create temp table incoming (like bare) on commit drop"); err != nil {
			return err
		}
		columns := []string{"clinic_id", "pims_id", "patient_name", "client_name", "phone_number", "scheduled_date", "status", "case_type", "metadata", "created_at", "updated_at"}
		_, err := tx.CopyFrom(ctx, pgx.Identifier{"incoming"}, columns, pgx.CopyFromSlice(len(writes), func(i int) ([]any, error) {
			c := &writes[i].After
			return []any{
				clinicID, c.PIMSID, c.PatientName, c.ClientName, c.PhoneNumber, c.ScheduledDate, c.Status, c.CaseType,
				map[string]any{"appointment": c.Appointment},
				monday, monday,
			}, nil
		}))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "insert into bare select * from incoming on conflict (clinic_id, pims_id) do update set patient_name = excluded.patient_name")
		return err
	}))
}

func benchmarkWrite(b *testing.B) {
	writes := benchWrites()
	for b.Loop() {
		b.StopTimer()
		db := pgtest.New(b)
		lease := benchLease(b, db)
		b.StartTimer()
		writeAll(b, casestore.NewCases(db), lease, writes)
	}
}

func benchmarkIdentical(b *testing.B) {
	writes := benchWrites()
	db := pgtest.New(b)
	lease := benchLease(b, db)
	writeAll(b, casestore.NewCases(db), lease, writes)
	for b.Loop() {
		for chunk := range slices.Chunk(writes, benchChunk) {
			read, err := casestore.NewCases(db).CasesByID(b.Context(), lease.ClinicID, provider, pimsIDsOf(chunk))
			require.NoError(b, err)
			require.Len(b, read, len(chunk))
		}
	}
}

// writeAll does what inbound does with each chunk: read, then write.
func writeAll(b *testing.B, cases *casestore.Cases, lease syncs.Lease, writes []cases.Write) {
	b.Helper()
	for chunk := range slices.Chunk(writes, benchChunk) {
		_, err := cases.CasesByID(b.Context(), lease.ClinicID, provider, pimsIDsOf(chunk))
		require.NoError(b, err)
		written, err := cases.WriteCases(b.Context(), lease, lease.AuditID, provider, chunk, monday)
		require.NoError(b, err)
		require.Len(b, written, len(chunk))
	}
}

func pimsIDsOf(writes []cases.Write) []string {
	ids := make([]string, len(writes))
	for i := range writes {
		ids[i] = writes[i].After.PIMSID
	}
	return ids
}

func benchLease(b *testing.B, db *postgres.DB) syncs.Lease {
	b.Helper()
	ctx := context.WithoutCancel(b.Context())
	var clinicID uuid.UUID
	require.NoError(b, db.Pool().QueryRow(ctx, "insert into clinics default values returning id").Scan(&clinicID))
	id, err := syncstore.NewAudits(db).Enqueue(ctx, queued(clinicID, syncs.TypeInbound), "", noJob)
	require.NoError(b, err)
	run, err := syncstore.NewAudits(db).Claim(ctx, id, "worker", time.Hour, monday)
	require.NoError(b, err)
	return run.Lease
}

// benchWrites are new cases in the order in which inbound writes them.
func benchWrites() []cases.Write {
	writes := make([]cases.Write, benchRows)
	for i := range writes {
		writes[i].After = visit(fmt.Sprintf("%07d", i))
	}
	return writes
}

// The state of every clinic is asked for once a minute by every replica: 10,000
// clinics with ten syncs of each type, one in ten of them failing.
func BenchmarkStatesOfTenThousandClinics(b *testing.B) {
	db := pgtest.New(b)
	_, err := db.Pool().Exec(b.Context(), `
		with fleet as (
			insert into clinics (name, timezone, created_at) select 'Clinic ' || n, 'America/New_York', $1::timestamptz - interval '1 month'
			from generate_series(1, 10000) n returning id, name
		), audits as (
			insert into case_sync_audits (clinic_id, sync_type, status, created_at, started_at, completed_at)
			select id, t, case when name like '%7' and n < 3 then 'failed' else 'completed' end, at, at, at
			from fleet, unnest(array['inbound', 'cases', 'reconciliation']) t, generate_series(1, 10) n,
				lateral (select $1::timestamptz - n * interval '1 hour' as at) x
		), credentials as (
			insert into pims_credentials (clinic_id, sealed) select id, '' from fleet
		)
		insert into clinic_schedule_configs (clinic_id) select id from fleet`, monday)
	require.NoError(b, err)
	_, err = db.Pool().Exec(b.Context(), `analyze`)
	require.NoError(b, err)
	for b.Loop() {
		all, err := clinicstore.NewClinics(db).Conditions(b.Context(), uuid.Nil, monday)
		require.NoError(b, err)
		require.Len(b, all, 10_000)
	}
}
