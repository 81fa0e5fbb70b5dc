package casestore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/page"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/values"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Records reads the cases and their history for the API and the commands, including cases
// without a pims_id.
type Records struct{ db *postgres.DB }

// NewRecords returns the reading store of the cases.
func NewRecords(db *postgres.DB) *Records { return &Records{db} }

// Case reads one whole case of the clinic. The error is CodeNotFound where the clinic has
// no such case.
func (s *Records) Case(ctx context.Context, clinicID, id uuid.UUID) (cases.Record, error) {
	found, err := postgres.ReadByKey(ctx, s.db, "read the case", clinicID, selectRecords+"where clinic_id::text = ($1::uuid)::text and id = $2", []any{clinicID, id}, scanRecord)
	if err != nil {
		return cases.Record{}, err
	}
	if len(found) == 0 {
		return cases.Record{}, syncs.Fail(syncs.CodeNotFound, "the clinic has no such case")
	}
	return found[0], nil
}

// ByID reads those of the named cases that the clinic has, by their ids.
func (s *Records) ByID(ctx context.Context, clinicID uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]cases.Record, error) {
	records, err := postgres.ReadInClinic(ctx, s.db, "read cases", clinicID, selectRecords+"where clinic_id = $1 and id = any($2)", []any{clinicID, ids}, scanRecord)
	return byID(records), err
}

func byID(records []cases.Record) map[uuid.UUID]cases.Record {
	found := make(map[uuid.UUID]cases.Record, len(records))
	for i := range records {
		found[records[i].ID] = records[i]
	}
	return found
}

// FirstByID is ByID for a page: it reads as many of the
// first ones as a page has room for. full is true where it left some out, all of which come
// after those that it read.
func (s *Records) FirstByID(ctx context.Context, clinicID uuid.UUID, ids []uuid.UUID) (found map[uuid.UUID]cases.Record, full bool, err error) {
	err = s.db.InClinic(ctx, "read cases", clinicID, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, selectRecords+"where clinic_id = $1 and id = any($2) order by array_position($2, id)", clinicID, ids)
		if err != nil {
			return err
		}
		var bytes page.Bytes
		records, err := pgx.CollectRows(bytes.Rows(rows), scanRecord)
		found, full = byID(records), bytes.Full()
		return err
	})
	return found, full, err
}

// ClinicOf returns which clinic a case belongs to, for a command that names only the
// case. It crosses clinics (R41).
func (s *Records) ClinicOf(ctx context.Context, id uuid.UUID) (clinicID uuid.UUID, err error) {
	err = s.db.AskSystem(ctx, "find the case", func(q *dbsqlc.Queries) error {
		clinicID, err = q.ClinicOfCase(ctx, id)
		return null.Found(err, syncs.Fail(syncs.CodeNotFound, "there is no such case"))
	})
	return clinicID, err
}

// ClinicOfHistory is ClinicOf for a case that may have been removed since: its events still
// exist (R14). It crosses clinics (R41).
func (s *Records) ClinicOfHistory(ctx context.Context, caseID uuid.UUID) (clinicID uuid.UUID, err error) {
	err = s.db.AskSystem(ctx, "find the case", func(q *dbsqlc.Queries) error {
		clinicID, err = q.ClinicOfHistory(ctx, caseID)
		return null.Found(err, syncs.Fail(syncs.CodeNotFound, "there is no such case"))
	})
	return clinicID, err
}

// Cases lists cases of the clinic, ordered by scheduled date, those without one last, or by
// last update where the filter has UpdatedSince. Its days are days of the clinic: the error
// is clinic.ErrTimezoneMissing where the clinic has no zone (R1).
func (s *Records) Cases(ctx context.Context, clinicID uuid.UUID, filter cases.Filter) (list syncs.List[cases.Record], err error) {
	first := page.Earliest
	if filter.NewestFirst {
		first = page.Latest
	}
	after, err := page.Parse(filter.Cursor, first)
	if err != nil {
		return list, err
	}
	limit := page.Limit(filter.Page)
	err = s.db.Transact(ctx, "list cases", postgres.Scope{ClinicID: clinicID, Ordered: true}, func(tx pgx.Tx) error {
		selection, err := newSelection(ctx, tx, clinicID, filter)
		if err != nil {
			return err
		}
		var bytes page.Bytes
		records, err := selection.read(ctx, tx, after, limit+1, &bytes)
		list = page.Of(records, limit, &bytes, func(r cases.Record) string { return selection.place(r).String() })
		return err
	})
	return list, err
}

// A selection is a filter as SQL.
type selection struct {
	conditions []string
	args       []any
	order      string // scheduled_date or updated_at
	newest     bool   // first
	undated    bool   // cases without a scheduled date belong to it
}

// newSelection reads the clinic's zone where the filter has days.
func newSelection(ctx context.Context, tx pgx.Tx, clinicID uuid.UUID, f cases.Filter) (*selection, error) {
	none := pims.Date{}
	s := &selection{order: "scheduled_date", newest: f.NewestFirst, undated: f.From == none && f.To == none}
	s.where("clinic_id = $%d", clinicID)
	if !s.undated {
		row, err := dbsqlc.New(tx).Clinic(ctx, clinicID)
		if err != nil {
			return nil, err
		}
		loc, err := clinicstore.ClinicOf(row).Location()
		if err != nil {
			return nil, err
		}
		if f.From != none {
			s.where("scheduled_date >= $%d", f.From.In(loc))
		}
		if f.To != none {
			s.where("scheduled_date < $%d", f.To.AddDays(1).In(loc))
		}
	}
	if f.Status != "" {
		s.where("status = $%d", f.Status)
	}
	if f.PIMSID != "" {
		s.where("pims_id = $%d", f.PIMSID)
	}
	for word := range strings.FieldsSeq(f.Query) {
		s.where("concat_ws(' ', patient_name, client_name, phone_number, pims_id) ilike $%d", "%"+likeEscaper.Replace(word)+"%")
	}
	if f.Deleted != nil {
		s.where("(metadata #>> '{reconciliation,softDeleted}' is not distinct from 'true') = $%d", *f.Deleted)
	}
	if !f.UpdatedSince.IsZero() {
		s.where("updated_at >= $%d", f.UpdatedSince)
		s.order, s.undated = "updated_at", false
	}
	return s, nil
}

// likeEscaper makes a text stand for itself in a pattern of like.
var likeEscaper = strings.NewReplacer("\\", "\\\\", "%", "\\%", "_", "\\_")

// where adds a condition with one more argument.
func (s *selection) where(condition string, arg any) {
	s.args = append(s.args, arg)
	s.conditions = append(s.conditions, fmt.Sprintf(condition, len(s.args)))
}

// read returns up to n cases after a cursor, within the bytes of a page. Those without a date
// come last.
func (s *selection) read(ctx context.Context, tx pgx.Tx, after page.Cursor, n int, bytes *page.Bytes) (records []cases.Record, err error) {
	if !after.At.IsZero() {
		compared, direction := ">", ""
		if s.newest {
			compared, direction = "<", " desc"
		}
		place := fmt.Sprintf("(%s, id) %s ($%d, $%d)", s.order, compared, len(s.args)+1, len(s.args)+2)
		records, err = s.query(ctx, tx, bytes, place, s.order+direction+", id"+direction, n, after.At, after.ID)
		after.ID = uuid.Nil
	}
	if err != nil || len(records) == n || bytes.Full() || !s.undated {
		return records, err
	}
	place := fmt.Sprintf("scheduled_date is null and id > $%d", len(s.args)+1)
	undated, err := s.query(ctx, tx, bytes, place, "id", n-len(records), after.ID)
	return append(records, undated...), err
}

func (s *selection) query(ctx context.Context, tx pgx.Tx, bytes *page.Bytes, place, order string, n int, more ...any) ([]cases.Record, error) {
	sql := fmt.Sprintf("%swhere %s and %s order by %s limit %d", selectRecords, strings.Join(s.conditions, " and "), place, order, n)
	rows, err := tx.Query(ctx, sql, append(slices.Clip(s.args), more...)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(bytes.Rows(rows), scanRecord)
}

// place returns the cursor of a case.
func (s *selection) place(r cases.Record) page.Cursor {
	if s.order == "updated_at" {
		return page.Cursor{At: r.UpdatedAt, ID: r.ID}
	}
	return page.Cursor{At: null.Value(r.ScheduledDate), ID: r.ID}
}

const (
	recordColumns = `id, provider, pims_id, patient_name, client_name, phone_number, scheduled_date,
	status, sync_status, case_type, metadata, created_at, updated_at, metadata -> 'reconciliation'`

	selectRecords = `select ` + recordColumns + ` from cases `
)

func scanRecord(row pgx.CollectableRow) (cases.Record, error) { return scanRecordAnd(row) }

// scanRecordAnd reads recordColumns and what comes after them.
func scanRecordAnd(row pgx.CollectableRow, more ...any) (r cases.Record, err error) {
	var reconciliation []byte
	err = row.Scan(append([]any{
		&r.ID, &r.Provider, &r.PIMSID, &r.PatientName, &r.ClientName, &r.PhoneNumber, &r.ScheduledDate,
		&r.Status, &r.SyncStatus, &r.CaseType, &r.Metadata, &r.CreatedAt, &r.UpdatedAt, &reconciliation,
	}, more...)...)
	if d := cases.DecodeDeletion(reconciliation); d != nil && d.SoftDeleted {
		r.SoftDeleted, r.DeletedAt, r.DeletedReason = true, d.DeletedAt, d.Reason
	}
	return r, err
}

// History lists the events of a case, the oldest first. The error is CodeNotFound where the
// clinic has neither such a case nor events of one.
func (s *Records) History(ctx context.Context, clinicID, caseID uuid.UUID, part syncs.Page) (list syncs.List[cases.Event], err error) {
	after, err := parseEventCursor(part.Cursor)
	if err != nil {
		return list, err
	}
	limit := page.Limit(part)
	err = s.db.InClinic(ctx, "read the history", clinicID, func(tx pgx.Tx) error {
		var bytes page.Bytes
		rows, err := dbsqlc.New(bytes.In(tx)).CaseEvents(ctx, dbsqlc.CaseEventsParams{
			ClinicID: clinicID, CaseID: caseID, AfterID: after, UpTo: int32(limit + 1), //nolint:gosec // bounded
		})
		if err != nil {
			return err
		}
		events := values.Convert(rows, func(row dbsqlc.CaseEventsRow) cases.Event {
			return cases.Event{ID: row.ID, CaseID: caseID, At: row.At, Actor: row.Actor, Action: row.Action, Field: null.Value(row.Field), Before: row.Before, After: row.After}
		})
		list = page.Of(events, limit, &bytes, func(e cases.Event) string { return strconv.FormatInt(e.ID, 36) })
		if len(events) > 0 || after > 0 {
			return nil
		}
		_, err = dbsqlc.New(tx).CaseExists(ctx, caseID, clinicID)
		return null.Found(err, syncs.Fail(syncs.CodeNotFound, "the clinic has no such case"))
	})
	return list, err
}

// Timeline reads a case and its whole history in one statement, so that they belong
// together. The error is CodeNotFound where the clinic has no such case.
func (s *Records) Timeline(ctx context.Context, clinicID, caseID uuid.UUID) (t cases.Timeline, err error) {
	err = s.db.InClinic(ctx, "read the case and its history", clinicID, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, selectTimeline, clinicID, caseID)
		if err != nil {
			return err
		}
		t, err = pgx.CollectExactlyOneRow(rows, scanTimeline)
		return null.Found(err, syncs.Fail(syncs.CodeNotFound, "the clinic has no such case"))
	})
	return t, err
}

const selectTimeline = `select ` + recordColumns + `,
	(select jsonb_agg(jsonb_build_object('id', e.id, 'at', e.at, 'actor', e.actor, 'action', e.action, 'field', e.field, 'before', e.before, 'after', e.after) order by e.id)
		from case_events e where e.clinic_id = $1 and e.case_id = $2)
	from cases where clinic_id = $1 and id = $2`

func scanTimeline(row pgx.CollectableRow) (t cases.Timeline, err error) {
	var events []struct {
		ID                   int64
		At                   time.Time
		Actor, Action, Field string
		Before, After        json.RawMessage
	}
	t.Record, err = scanRecordAnd(row, &events)
	for i := range events {
		e := &events[i]
		t.Events = append(t.Events, cases.Event{
			ID: e.ID, CaseID: t.Record.ID, At: e.At, Actor: e.Actor, Action: e.Action, Field: e.Field, Before: value(e.Before), After: value(e.After),
		})
	}
	return t, err
}

// value returns nil for null.
func value(v json.RawMessage) []byte {
	if string(v) == "null" {
		return nil
	}
	return v
}

// parseEventCursor reads a cursor of History; an empty one means the beginning.
func parseEventCursor(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	id, err := strconv.ParseInt(text, 36, 64)
	if err != nil {
		return 0, page.Invalid()
	}
	return id, nil
}

// EventsOf lists what a sync and its phases changed, the oldest first (R14). The sync's
// times only narrow the search: they come from its replica's clock, the events' times from
// the database's, and the two may differ by an hour.
func (s *Records) EventsOf(ctx context.Context, clinicID, syncID uuid.UUID) ([]cases.Event, error) {
	return postgres.ReadInClinic(ctx, s.db, "read what the sync changed", clinicID, `
		with syncs as (
			select 'sync:' || id as actor, coalesce(started_at, created_at) - interval '1 hour' as began,
				coalesce(completed_at, now()) + interval '1 hour' as ended
			from case_sync_audits where clinic_id = $1 and (id = $2 or parent_id = $2)
		)
		select e.id, e.case_id, e.at, e.actor, e.action, coalesce(e.field, ''), e.before, e.after
		from case_events e
		where e.clinic_id = $1 and e.actor in (select actor from syncs)
			and e.at between (select min(began) from syncs) and (select max(ended) from syncs)
		order by e.id`, []any{clinicID, syncID}, scanEvent)
}
