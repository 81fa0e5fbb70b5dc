package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/pims"
)

// EnrichmentCandidates is casesync.EnrichmentStore's. A case is cancelled where
// the PIMS's own word says so, compared as in R8: its status may be a person's.
func (s *Cases) EnrichmentCandidates(ctx context.Context, clinicID uuid.UUID, provider string, window pims.Window, until time.Time) ([]casesync.Candidate, error) {
	return readInClinic(ctx, s.db, "read the cases that need a consultation", clinicID, enrichmentCandidates,
		[]any{clinicID, provider, window.From(), window.Until(), until}, scanCandidate)
}

const enrichmentCandidates = `
select c.id, c.pims_id, c.scheduled_date,
	coalesce(c.metadata #>> '{appointment,consultationId}', ''),
	jsonb_path_exists(c.metadata, '$.consultation.soapNotes.* ? (@ like_regex "\\S")'),
	jsonb_typeof(c.metadata -> 'consultation') is not distinct from 'object',
	coalesce(c.metadata #>> '{consultation,id}', ''),
	coalesce(c.metadata #>> '{consultation,status}', '') in ('completed', 'cancelled'),
	coalesce(e.tries, 0), e.next_try_at, e.read_at, coalesce(e.entry_fingerprint, '')
from cases c
left join case_enrichments e on e.case_id = c.id and e.clinic_id = c.clinic_id
where c.clinic_id = $1 and c.provider = $2 and c.pims_id is not null
	and c.scheduled_date >= $3 and c.scheduled_date < $4 and c.scheduled_date <= $5
	and c.metadata #>> '{reconciliation,softDeleted}' is distinct from 'true'
	and translate(lower(coalesce(c.metadata #>> '{appointment,status}', '')), ' _-', '') not in ('cancelled', 'canceled')
order by c.scheduled_date, c.id`

func scanCandidate(row pgx.CollectableRow) (casesync.Candidate, error) {
	var (
		c               casesync.Candidate
		nextTry, readAt *time.Time
	)
	err := row.Scan(&c.CaseID, &c.PIMSID, &c.ScheduledDate, &c.ConsultationID,
		&c.HasNotes, &c.Stored, &c.StoredID, &c.Final,
		&c.Tries, &nextTry, &readAt, &c.Fingerprint)
	c.NextTry, c.ReadAt = value(nextTry), value(readAt)
	return c, err
}

// KeepReadings is casesync.EnrichmentStore's. Readings of cases that are gone are
// dropped.
func (s *Cases) KeepReadings(ctx context.Context, lease casesync.Lease, readings []casesync.Reading) error {
	rows := make(readingRows, len(readings))
	for i := range readings {
		rows[i] = &readings[i]
	}
	return s.db.fenced(ctx, "keep the readings", lease, "", func(batch *pgx.Batch) error {
		batch.Queue(keepReadings, append([]any{lease.ClinicID}, rows.args()...)...)
		return nil
	})
}

// readingRows are readings as sourceReadings takes them apart.
type readingRows []*casesync.Reading

func (r readingRows) args() []any {
	var (
		ids                    = make([]uuid.UUID, len(r))
		tries                  = make([]int32, len(r))
		nextTries, readAts     = make([]*time.Time, len(r)), make([]*time.Time, len(r))
		fingerprints, outcomes = make([]string, len(r)), make([]string, len(r))
	)
	for i, reading := range r {
		ids[i], tries[i] = reading.CaseID, int32(min(reading.Tries, 1<<30)) //nolint:gosec // bounded
		nextTries[i], readAts[i] = knownTime(reading.NextTry), knownTime(reading.ReadAt)
		fingerprints[i], outcomes[i] = reading.Fingerprint, reading.Outcome
	}
	return []any{ids, tries, nextTries, readAts, fingerprints, outcomes}
}

const (
	keepReadings = insertReadings + `
from unnest($2::uuid[], $3::integer[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::text[]) as ` + sourceReadings + `
join cases c on c.id = s.case_id and c.clinic_id = $1` + orUpdateReadings

	// updateCasesKeeping keeps readings with the cases that it writes.
	updateCasesKeeping = `
with written as (` + updateCases + ` returning c.id, c.pims_id), kept as (` + insertReadings + `
from unnest($16::uuid[], $17::integer[], $18::timestamptz[], $19::timestamptz[], $20::text[], $21::text[]) as ` + sourceReadings + `
join written on written.id = s.case_id` + orUpdateReadings + `)
select pims_id from written`

	sourceReadings = `s (case_id, tries, next_try_at, read_at, fingerprint, outcome)`

	insertReadings = `
insert into case_enrichments (case_id, clinic_id, tries, next_try_at, read_at, entry_fingerprint, outcome)
select s.case_id, $1, s.tries, s.next_try_at, s.read_at, nullif(s.fingerprint, ''), s.outcome`

	// orUpdateReadings leaves the last read as it is where this reading is none.
	orUpdateReadings = `
order by s.case_id
on conflict (case_id) do update set
	tries             = excluded.tries,
	next_try_at       = excluded.next_try_at,
	read_at           = coalesce(excluded.read_at, case_enrichments.read_at),
	entry_fingerprint = case when excluded.read_at is null then case_enrichments.entry_fingerprint else excluded.entry_fingerprint end,
	outcome           = excluded.outcome`
)
