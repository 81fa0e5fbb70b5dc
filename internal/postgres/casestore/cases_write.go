package casestore

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// WriteCases implements casesync.InboundStore and EnrichmentStore. The fence, the inserts
// and the updates travel in one round trip, whatever the size of the chunk (R15).
func (s *Cases) WriteCases(ctx context.Context, lease syncs.Lease, syncID uuid.UUID, provider string, writes []cases.Write, at time.Time) (written []string, err error) {
	inserts, updates, err := columnsOf(writes)
	if err != nil {
		return nil, err
	}
	collect := func(rows pgx.Rows) error {
		ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
		written = append(written, ids...)
		return err
	}
	err = s.db.Fenced(ctx, "write cases", lease, postgres.SyncActor(syncID), func(batch *pgx.Batch) error {
		written = nil // of an attempt that lost a deadlock
		if inserts.len() > 0 {
			batch.Queue(insertCases, inserts.args(lease.ClinicID, provider, at)...).Query(collect)
		}
		if updates.len() > 0 {
			batch.Queue(updates.statement(), updates.args(lease.ClinicID, provider, at)...).Query(collect)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return written, nil
}

// sourceRows is a chunk of writes as one relation.
const sourceRows = `unnest($4::uuid[], $5::xid[], $6::text[], $7::text[], $8::text[], $9::text[],
		$10::timestamptz[], $11::text[], $12::text[], $13::boolean[], $14::text[], $15::text[],
		$16::boolean[], $17::boolean[])
	as s (id, version, pims_id, patient_name, client_name, phone_number,
		scheduled_date, status, sync_status, decided, case_type, metadata, hides, forgets)`

// insertCases does not touch a row that another writer has inserted meanwhile (R12).
const insertCases = `
insert into cases (id, clinic_id, provider, pims_id, patient_name, client_name, phone_number,
	scheduled_date, status, sync_status, case_type, metadata, created_at, updated_at)
select s.id, $1, $2, s.pims_id, s.patient_name, s.client_name, s.phone_number,
	s.scheduled_date, coalesce(s.status, 'draft'), s.sync_status, coalesce(s.case_type, 'other'), s.metadata::jsonb, $3, $3
from ` + sourceRows + `
on conflict (clinic_id, provider, pims_id) do nothing
returning pims_id`

// updateCases writes only over the row version that was read (R12).
//   - A null never erases a known value, unless that value belonged to another patient or
//     client (R7).
//   - The status changes only where it is what a sync last wrote, unless the write deletes
//     or restores the case (R10).
//   - In metadata, each owned key is replaced as a whole, and every other key stays (R11).
//     The consultation stays where the write has none and does not hide it (R7).
//
// The rows are found one by one by their id and joined by their position. A planner without
// statistics of a growing table would otherwise read the whole table for each chunk;
// "offset 0" and "is true" prevent that plan. As a text, the clinic leads to no index of its
// own, so that a plan that is kept reads no clinic.
const updateCases = `
update cases c set
	patient_name   = coalesce(s.patient_name, case when not s.forgets then c.patient_name end),
	client_name    = coalesce(s.client_name, case when not s.forgets then c.client_name end),
	phone_number   = coalesce(s.phone_number, case when not s.forgets then c.phone_number end),
	scheduled_date = coalesce(s.scheduled_date, c.scheduled_date),
	status         = case when s.decided or c.status is not distinct from c.sync_status then coalesce(s.status, c.status) else c.status end,
	sync_status    = case when s.decided then s.sync_status else coalesce(s.sync_status, c.sync_status) end,
	case_type      = coalesce(s.case_type, c.case_type),
	metadata       = (c.metadata - '{appointment,reconciliation,sync}'::text[]
		- case when s.hides then '{consultation}'::text[] else '{}'::text[] end) || s.metadata::jsonb,
	updated_at     = $3
from ` + sourceRows + `
cross join lateral (
	select ctid as place from cases
	where id = s.id and clinic_id::text = ($1::uuid)::text and provider = $2 and pims_id = s.pims_id offset 0
) as r
where c.ctid = r.place and (c.xmin = s.version) is true`

// caseRows are the columns of a chunk, as sourceRows takes them.
type caseRows struct {
	ids           [][16]byte
	versions      []uint32
	pimsIDs       []string
	patientNames  []*string
	clientNames   []*string
	phoneNumbers  []*string
	dates         []*time.Time
	statuses      []*string
	syncStatuses  []*string
	decided       []bool // the write deletes or restores (R10)
	caseTypes     []*string
	ownedMetadata []string
	hides         []bool      // the write takes the consultation away (R7)
	forgets       []bool      // a name or the phone number was another patient's or client's (R7)
	readings      readingRows // of some of them
}

// columnsOf sorts a chunk's writes, so that no two writers deadlock, and splits them into
// columns.
func columnsOf(writes []cases.Write) (inserts, updates caseRows, err error) {
	order := make([]*cases.Write, len(writes))
	for i := range writes {
		order[i] = &writes[i]
	}
	slices.SortFunc(order, func(a, b *cases.Write) int { return bytes.Compare(keyOf(a), keyOf(b)) })
	for _, w := range order {
		rows := &inserts
		if w.Before != nil {
			rows = &updates
		}
		if err := rows.add(w); err != nil {
			return inserts, updates, err
		}
	}
	return inserts, updates, nil
}

// keyOf returns what a write locks: the row, or the place of a new row in the unique index.
func keyOf(w *cases.Write) []byte {
	if w.Before != nil {
		return w.Before.ID[:]
	}
	return []byte(w.After.PIMSID)
}

func (r *caseRows) len() int { return len(r.ids) }

// add appends a write. Blanks become null (R7).
func (r *caseRows) add(w *cases.Write) error {
	owned, err := cases.EncodeMetadata(&w.After)
	if err != nil {
		return err
	}
	id, version, decided := w.After.ID, uint32(0), false
	if w.Before != nil {
		id, version = w.Before.ID, w.Before.Version
		decided = w.Before.SoftDeleted() != w.After.SoftDeleted()
	} else if id == uuid.Nil {
		if id, err = uuid.NewV7(); err != nil { // in the order of time, which keeps the indexes compact
			return err
		}
	}
	r.ids = append(r.ids, id)
	r.versions = append(r.versions, version)
	r.pimsIDs = append(r.pimsIDs, w.After.PIMSID)
	r.patientNames = append(r.patientNames, null.Text(w.After.PatientName))
	r.clientNames = append(r.clientNames, null.Text(w.After.ClientName))
	r.phoneNumbers = append(r.phoneNumbers, null.Text(w.After.PhoneNumber))
	r.dates = append(r.dates, null.Time(w.After.ScheduledDate))
	r.statuses = append(r.statuses, null.Text(w.After.Status))
	r.syncStatuses = append(r.syncStatuses, null.Text(w.After.SyncStatus))
	r.decided = append(r.decided, decided)
	r.caseTypes = append(r.caseTypes, null.Text(w.After.CaseType))
	r.ownedMetadata = append(r.ownedMetadata, owned)
	r.hides = append(r.hides, w.Hides())
	r.forgets = append(r.forgets, w.Forgets())
	if w.Reading != nil {
		r.readings = append(r.readings, w.Reading)
	}
	return nil
}

// statement returns the statement that updates the rows and returns the PIMS ids of the
// updated ones.
func (r *caseRows) statement() string {
	if len(r.readings) > 0 {
		return updateCasesKeeping
	}
	return updateCases + " returning c.pims_id"
}

// args returns the arguments of insertCases and of statement.
func (r *caseRows) args(clinicID uuid.UUID, provider string, at time.Time) []any {
	args := []any{
		clinicID, provider, at,
		r.ids, r.versions, r.pimsIDs, r.patientNames, r.clientNames, r.phoneNumbers,
		r.dates, r.statuses, r.syncStatuses, r.decided, r.caseTypes, r.ownedMetadata,
		r.hides, r.forgets,
	}
	if len(r.readings) > 0 {
		args = append(args, r.readings.args()...)
	}
	return args
}

// SoftDelete implements casesync.ReconciliationStore.
func (s *Cases) SoftDelete(ctx context.Context, lease syncs.Lease, syncID uuid.UUID, provider string, window pims.Window, until time.Time, deletions []cases.SoftDeletion, at time.Time) (deleted []uuid.UUID, err error) {
	order := slices.Clone(deletions)
	slices.SortFunc(order, func(a, b cases.SoftDeletion) int { return bytes.Compare(a.Case.ID[:], b.Case.ID[:]) })
	ids, versions, reasons := make([]uuid.UUID, len(order)), make([]uint32, len(order)), make([]string, len(order))
	for i := range order {
		ids[i], versions[i], reasons[i] = order[i].Case.ID, order[i].Case.Version, order[i].Reason
	}
	err = s.db.Fenced(ctx, "soft-delete cases", lease, postgres.SyncActor(syncID), func(batch *pgx.Batch) error {
		batch.Queue(softDelete, lease.ClinicID, provider, at, window.From(), window.Until(), until,
			at.UTC().Format(time.RFC3339Nano), syncID.String(), ids, versions, reasons).Query(func(rows pgx.Rows) (err error) {
			deleted, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
			return err
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return deleted, nil
}

// softDelete repeats every condition of DeletionCandidates, checks the row version that was
// read, and stores what a restore needs (R24). W10.
const softDelete = `
with s as materialized (
	select d.*, (select o.ctid from cases o where o.id = d.case_id) as place
	from unnest($9::uuid[], $10::xid[], $11::text[]) as d (case_id, version, reason)
)
update cases c set
	status      = 'reviewed',
	sync_status = 'reviewed',
	metadata    = c.metadata || jsonb_build_object('reconciliation', jsonb_build_object(
		'softDeleted', true, 'reason', s.reason, 'deletedAt', $7::text, 'syncId', $8::text,
		'before', jsonb_strip_nulls(jsonb_build_object('status', c.status, 'syncStatus', c.sync_status)))),
	updated_at  = $3
from s
where c.ctid = s.place and (c.xmin = s.version) is true and c.clinic_id::text = ($1::uuid)::text and c.provider = $2
	and c.scheduled_date >= $4 and c.scheduled_date < $5 and c.scheduled_date < $6
	and ` + deletable + `
returning c.id`
