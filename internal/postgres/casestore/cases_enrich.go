package casestore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// EnrichmentCandidates implements casesync.EnrichmentStore. A case is cancelled where that
// is what the PIMS last said (R54): a person may have changed the case's status.
func (s *Cases) EnrichmentCandidates(ctx context.Context, clinicID uuid.UUID, provider string, window pims.Window, until time.Time) ([]cases.Candidate, error) {
	return postgres.ReadInOrder(ctx, s.db, "read the cases that need a consultation", clinicID, enrichmentCandidates,
		[]any{clinicID, provider, window.From(), window.Until(), until, string(pims.StatusCancelled)}, scanCandidate)
}

// A case whose patient or consultation has changed is a candidate whatever the window
// (R19). Such cases are few and have their own index. One that stores a consultation is
// returned even where its visit is cancelled or still to come, to be judged (R9). "offset 0"
// keeps each lookup by key apart, whatever the statistics say.
const enrichmentCandidates = `
select c.id, c.pims_id, c.scheduled_date,
	coalesce(c.metadata #>> '{appointment,consultationId}', ''),
	c.metadata #>> '{appointment,consultationIdEarlier}' is not distinct from 'true',
	coalesce(c.metadata #>> '{appointment,patientId}', ''), coalesce(c.metadata #>> '{appointment,clientId}', ''),
	jsonb_path_exists(c.metadata, '$.consultation.soapNotes.* ? (@ like_regex "\\S")'),
	jsonb_typeof(c.metadata -> 'consultation') is not distinct from 'object',
	coalesce(c.metadata #>> '{consultation,id}', ''),
	coalesce(c.metadata #>> '{consultation,appointmentId}', ''), coalesce(c.metadata #>> '{consultation,patientId}', ''),
	coalesce(c.metadata #>> '{consultation,clientId}', ''),
	c.scheduled_date > $5 or c.metadata #>> '{appointment,normalisedStatus}' is not distinct from $6,
	coalesce(c.metadata #>> '{consultation,status}', '') in ('completed', 'cancelled'),
	coalesce(e.tries, 0), e.next_try_at, e.read_at, coalesce(e.entry_fingerprint, ''),
	e.changed_at
from (
	(select id from cases where clinic_id = $1 and provider = $2 and scheduled_date >= $3 and scheduled_date < $4
	order by scheduled_date, id offset 0)
	union
	select case_id from case_enrichments where clinic_id = $1 and changed_at is not null
) as wanted
cross join lateral (select * from cases where cases.id = wanted.id offset 0) as c
left join lateral (select * from case_enrichments where case_id = wanted.id offset 0) as e on e.clinic_id = c.clinic_id
where c.clinic_id = $1 and c.provider = $2 and c.pims_id is not null and c.scheduled_date is not null
	and c.metadata #>> '{reconciliation,softDeleted}' is distinct from 'true'
	and (c.scheduled_date <= $5 and c.metadata #>> '{appointment,normalisedStatus}' is distinct from $6
		or e.changed_at is not null and jsonb_typeof(c.metadata -> 'consultation') is not distinct from 'object')
order by c.scheduled_date, c.id`

func scanCandidate(row pgx.CollectableRow) (cases.Candidate, error) {
	var (
		c                      cases.Candidate
		nextTry, readAt, since *time.Time
	)
	err := row.Scan(&c.CaseID, &c.PIMSID, &c.ScheduledDate, &c.ConsultationID, &c.Earlier, &c.PatientID, &c.ClientID,
		&c.HasNotes, &c.Stored, &c.StoredID, &c.StoredAppointmentID, &c.StoredPatientID, &c.StoredClientID, &c.Closed, &c.Final,
		&c.Tries, &nextTry, &readAt, &c.Fingerprint, &since)
	c.NextTry, c.ReadAt, c.Since = null.Value(nextTry), null.Value(readAt), null.Value(since)
	return c, err
}

// Holders implements casesync.EnrichmentStore.
func (s *Cases) Holders(ctx context.Context, clinicID uuid.UUID, provider string, consultationIDs []string) (map[string][]cases.Holder, error) {
	type holder struct {
		consultationID string
		cases.Holder
	}
	rows, err := postgres.ReadInClinic(ctx, s.db, "read which cases have a consultation", clinicID, holders,
		[]any{clinicID, provider, consultationIDs}, func(row pgx.CollectableRow) (h holder, err error) {
			err = row.Scan(&h.consultationID, &h.CaseID, &h.PIMSID, &h.PatientID, &h.ClientID)
			return h, err
		})
	found := make(map[string][]cases.Holder)
	for _, h := range rows {
		found[h.consultationID] = append(found[h.consultationID], h.Holder)
	}
	return found, err
}

// holders looks up each consultation, then the cases of those that several cases have.
const holders = `
select wanted.id, c.id, c.pims_id, coalesce(c.metadata #>> '{appointment,patientId}', ''), coalesce(c.metadata #>> '{appointment,clientId}', '')
from (select distinct unnest($3::text[])) as wanted (id)
cross join lateral (
	select array_agg(case_id) as ids from pims_sync_consultation_cases
	where clinic_id = $1 and provider = $2 and consultation_id = wanted.id offset 0
) as h
cross join lateral (
	select * from cases where cases.id = any(h.ids) and cardinality(h.ids) > 1 offset 0
) as c
where c.clinic_id = $1 and c.pims_id is not null
order by wanted.id, c.id`

// KeepReadings implements casesync.EnrichmentStore. Readings of cases that no longer exist
// are dropped.
func (s *Cases) KeepReadings(ctx context.Context, lease syncs.Lease, readings []cases.Reading) error {
	rows := make(readingRows, len(readings))
	for i := range readings {
		rows[i] = &readings[i]
	}
	return s.db.Fenced(ctx, "keep the readings", lease, "", func(batch *pgx.Batch) error {
		batch.Queue(keepReadings, append([]any{lease.ClinicID}, rows.args()...)...)
		return nil
	})
}

// readingRows are the columns of readings, as sourceReadings takes them.
type readingRows []*cases.Reading

func (r readingRows) args() []any {
	var (
		ids                    = make([]uuid.UUID, len(r))
		tries                  = make([]int32, len(r))
		nextTries, readAts     = make([]*time.Time, len(r)), make([]*time.Time, len(r))
		fingerprints, outcomes = make([]string, len(r)), make([]string, len(r))
		since                  = make([]*time.Time, len(r))
	)
	for i, reading := range r {
		ids[i], tries[i] = reading.CaseID, int32(min(reading.Tries, 1<<30)) //nolint:gosec // bounded
		nextTries[i], readAts[i] = null.Time(reading.NextTry), null.Time(reading.ReadAt)
		fingerprints[i], outcomes[i] = reading.Fingerprint, reading.Outcome
		since[i] = null.Time(reading.Since)
	}
	return []any{ids, tries, nextTries, readAts, fingerprints, outcomes, since}
}

const (
	keepReadings = insertReadings + `
from unnest($2::uuid[], $3::integer[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::text[],
	$8::timestamptz[]) as ` + sourceReadings + `
where (select clinic_id from cases where id = s.case_id) = $1` + orUpdateReadings

	// updateCasesKeeping stores readings together with the cases that it writes.
	updateCasesKeeping = `
with written as (` + updateCases + ` returning c.id, c.pims_id), kept as (` + insertReadings + `
from unnest($18::uuid[], $19::integer[], $20::timestamptz[], $21::timestamptz[], $22::text[], $23::text[],
	$24::timestamptz[]) as ` + sourceReadings + `
join written on written.id = s.case_id` + orUpdateReadings + `)
select pims_id from written`

	sourceReadings = `s (case_id, tries, next_try_at, read_at, fingerprint, outcome, changed_at)`

	insertReadings = `
insert into case_enrichments (case_id, clinic_id, tries, next_try_at, read_at, entry_fingerprint, outcome, changed_at)
select s.case_id, $1, s.tries, s.next_try_at, s.read_at, nullif(s.fingerprint, ''), s.outcome, s.changed_at`

	// orUpdateReadings keeps the time of the last read where this reading is not a read.
	orUpdateReadings = `
order by s.case_id
on conflict (case_id) do update set
	tries             = excluded.tries,
	next_try_at       = excluded.next_try_at,
	read_at           = coalesce(excluded.read_at, case_enrichments.read_at),
	entry_fingerprint = case when excluded.read_at is null and excluded.outcome <> 'adopted' then case_enrichments.entry_fingerprint else excluded.entry_fingerprint end,
	outcome           = excluded.outcome,
	changed_at        = excluded.changed_at`
)

// LookedOn implements casesync.EnrichmentStore.
func (s *Cases) LookedOn(ctx context.Context, clinicID uuid.UUID, provider string) (pims.Date, error) {
	days, err := postgres.ReadInClinic(ctx, s.db, "read when late corrections were looked for", clinicID,
		"select looked_on from pims_sync_looks where clinic_id = $1 and provider = $2", []any{clinicID, provider}, pgx.RowTo[time.Time])
	if err != nil || len(days) == 0 {
		return pims.Date{}, err
	}
	return pims.DateOf(days[0], time.UTC), nil
}

// KeepLook implements casesync.EnrichmentStore.
func (s *Cases) KeepLook(ctx context.Context, lease syncs.Lease, provider string, day pims.Date) error {
	return s.db.Fenced(ctx, "note the look for late corrections", lease, "", func(batch *pgx.Batch) error {
		batch.Queue(keepLook, lease.ClinicID, provider, day.String())
		return nil
	})
}

const keepLook = `
insert into pims_sync_looks (clinic_id, provider, looked_on) values ($1, $2, $3::text::date)
on conflict (clinic_id, provider) do update set looked_on = excluded.looked_on`
