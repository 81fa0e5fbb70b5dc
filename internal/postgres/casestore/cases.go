package casestore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/guards"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
)

// Cases reads and writes cases for the phases of a sync (R10–R15). It implements
// casesync.InboundStore, EnrichmentStore and ReconciliationStore. It ignores cases without
// a pims_id (R11).
type Cases struct{ db *postgres.DB }

// NewCases returns the store of the cases.
func NewCases(db *postgres.DB) *Cases { return &Cases{db} }

var _ casesync.Store = (*Cases)(nil)

// ScheduledIn implements casesync.InboundStore.
func (s *Cases) ScheduledIn(ctx context.Context, clinicID uuid.UUID, provider string, window pims.Window) ([]guards.Scheduled, error) {
	return postgres.ReadInOrder(ctx, s.db, "read the schedule", clinicID, selectScheduled+`from cases
		where clinic_id = $1 and provider = $2 and pims_id is not null and scheduled_date >= $3 and scheduled_date < $4
		order by scheduled_date, id`,
		[]any{clinicID, provider, window.From(), window.Until()}, scanScheduled)
}

// ScheduledByID implements casesync.InboundStore.
func (s *Cases) ScheduledByID(ctx context.Context, clinicID uuid.UUID, provider string, pimsIDs []string) ([]guards.Scheduled, error) {
	return postgres.ReadInClinic(ctx, s.db, "read the schedule", clinicID, selectScheduled+fromCasesByID,
		[]any{clinicID, provider, pimsIDs}, scanScheduled)
}

const selectScheduled = `select pims_id, scheduled_date, coalesce(metadata #>> '{appointment,start}', ''),
	metadata #>> '{reconciliation,softDeleted}' is not distinct from 'true',
	exists (select from case_restores where case_id = cases.id) `

func scanScheduled(row pgx.CollectableRow) (c guards.Scheduled, err error) {
	var date *time.Time
	err = row.Scan(&c.PIMSID, &date, &c.Start, &c.SoftDeleted, &c.Protected)
	c.ScheduledDate = null.Value(date)
	return c, err
}

// fromCasesByID selects the cases that have one of the PIMS ids, with one lookup in the
// unique index for each id. The offset prevents a plan that reads the whole table for every
// chunk: the planner may not yet have statistics of a growing table.
const fromCasesByID = `
	from (select distinct unnest($3::text[])) as wanted (id)
	cross join lateral (select *, xmin from cases where clinic_id = $1 and provider = $2 and pims_id = wanted.id offset 0) as cases`

// CasesByID implements casesync.InboundStore.
func (s *Cases) CasesByID(ctx context.Context, clinicID uuid.UUID, provider string, pimsIDs []string) (map[string]cases.Case, error) {
	found, err := postgres.ReadInClinic(ctx, s.db, "read cases", clinicID, selectCases+fromCasesByID,
		[]any{clinicID, provider, pimsIDs}, scanCase)
	byID := make(map[string]cases.Case, len(found))
	for _, c := range found {
		byID[c.PIMSID] = c
	}
	return byID, err
}

// fromCasesByKey selects the cases that have one of the ids, with one lookup in the primary
// key for each.
const fromCasesByKey = `
	from (select distinct unnest($2::uuid[])) as wanted (id)
	cross join lateral (select *, xmin from cases where cases.id = wanted.id offset 0) as cases `

// CasesWithConsultations implements casesync.EnrichmentStore.
func (s *Cases) CasesWithConsultations(ctx context.Context, clinicID uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]cases.Case, error) {
	found, err := postgres.ReadInClinic(ctx, s.db, "read cases", clinicID,
		selectCasesWhole+fromCasesByKey+`where cases.clinic_id = $1 and pims_id is not null`,
		[]any{clinicID, ids}, scanCase)
	byID := make(map[uuid.UUID]cases.Case, len(found))
	for _, c := range found {
		byID[c.ID] = c
	}
	return byID, err
}

// DeletionCandidates implements casesync.ReconciliationStore.
func (s *Cases) DeletionCandidates(ctx context.Context, clinicID uuid.UUID, provider string, window pims.Window, until time.Time) ([]cases.Case, error) {
	return postgres.ReadInOrder(ctx, s.db, "read the candidates for deletion", clinicID,
		selectCasesBare+`from cases where clinic_id = $1 and provider = $2 and scheduled_date >= $3 and scheduled_date < $4 and scheduled_date < $5
			and `+deletable+` order by scheduled_date, id`,
		[]any{clinicID, provider, window.From(), window.Until(), until}, scanCase)
}

// deletable are the conditions of a soft delete that do not depend on a window: W9, R24.
const deletable = `pims_id is not null
	and status <> 'reviewed'
	and metadata #>> '{reconciliation,softDeleted}' is distinct from 'true'
	and not exists (select from case_restores where case_id = id)`

const (
	selectCasesBare  = caseColumns + `null::jsonb, null::jsonb, null::jsonb, null::jsonb, false, null::jsonb `
	selectCases      = caseColumns + `metadata -> 'appointment', metadata -> 'reconciliation', metadata -> 'sync', ` + belonging + `, false, null::jsonb `
	selectCasesWhole = caseColumns + `metadata -> 'appointment', metadata -> 'reconciliation', metadata -> 'sync', metadata -> 'consultation', true, ` + shownBefore

	// belonging selects only whose the stored consultation is (R7).
	belonging = `case when jsonb_typeof(metadata -> 'consultation') = 'object' then jsonb_build_object(
		'id', metadata #>> '{consultation,id}', 'patientId', metadata #>> '{consultation,patientId}',
		'clientId', metadata #>> '{consultation,clientId}') end`

	// shownBefore selects for whom the case showed the consultations that it had before (R7).
	shownBefore = `(
		select jsonb_object_agg(m.consultation_id, jsonb_build_object('patientId', m.patient_id, 'clientId', m.client_id, 'patientName', m.patient_name))
		from pims_sync_notes_shown m where m.clinic_id = cases.clinic_id and m.case_id = cases.id) `

	caseColumns = `select cases.id, pims_id, coalesce(patient_name, ''), coalesce(client_name, ''), coalesce(phone_number, ''),
		scheduled_date, status, coalesce(sync_status, ''), case_type, created_at, updated_at, xmin, `
)

// scanCase reads a row of selectCasesBare, selectCases or selectCasesWhole.
func scanCase(row pgx.CollectableRow) (cases.Case, error) {
	var (
		c                                         cases.Case
		date                                      *time.Time
		appointment, deletion, sync, consultation []byte
		whole                                     bool
	)
	err := row.Scan(&c.ID, &c.PIMSID, &c.PatientName, &c.ClientName, &c.PhoneNumber,
		&date, &c.Status, &c.SyncStatus, &c.CaseType, &c.CreatedAt, &c.UpdatedAt, &c.Version,
		&appointment, &deletion, &sync, &consultation, &whole, &c.Shown)
	c.ScheduledDate = null.Value(date)
	c.Appointment = cases.DecodeAppointment(appointment)
	c.Deletion = cases.DecodeDeletion(deletion)
	c.Filtered = cases.DecodeFiltered(sync)
	if stored := cases.DecodeConsultation(consultation); stored != nil {
		if whole {
			c.Consultation = stored
		} else {
			c.Consulted = stored.Belonging()
		}
	}
	return c, err
}
