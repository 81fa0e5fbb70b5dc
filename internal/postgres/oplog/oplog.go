// Package oplog records in operator_events what people, keys and the command line do (R44),
// and reads it.
//
// Act records an action in the action's own transaction: neither is stored without the
// other. An action that fails is recorded too, after its transaction has been undone.
package oplog

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/page"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// recordWait bounds the recording of a failure, also where the caller has gone.
const recordWait = 5 * time.Second

// A Log is the record of actions in a database.
type Log struct {
	db  *postgres.DB
	log *slog.Logger
}

// New returns the record of a database. The logger gets what cannot be recorded; nil logs
// nothing.
func New(db *postgres.DB, logger *slog.Logger) *Log {
	return &Log{db, cmp.Or(logger, slog.New(slog.DiscardHandler))}
}

// Act runs an action in one transaction and records it there (postgres.DB.Together, whose
// conditions hold for do). do adds to the event what it learns: the clinic, the record, and
// what was before and after. Where do fails, nothing of it is stored, the failure is
// recorded, and Act returns do's error.
func (l *Log) Act(ctx context.Context, event access.Event, do func(context.Context, *access.Event) error) error {
	var acted access.Event
	var refused error
	err := l.db.Together(ctx, "record an action", func(ctx context.Context) error {
		acted = event
		refused = do(ctx, &acted)
		if refused != nil {
			return refused
		}
		acted.Outcome = access.Done
		return l.insert(ctx, acted)
	})
	if err == nil {
		return nil
	}
	l.Fail(ctx, acted, err)
	if refused != nil {
		return refused // without the words of the transaction around it
	}
	return err
}

// Fail records an action that failed with an error. What the action wanted to change was
// not changed, so After is left out.
func (l *Log) Fail(ctx context.Context, event access.Event, failure error) {
	event.Outcome, event.Code, event.After = access.Failed, codeOf(failure), nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWait)
	defer cancel()
	if err := l.insert(ctx, event); err != nil {
		l.log.ErrorContext(ctx, "An action is not recorded", "action", string(event.Action), "error", err.Error())
	}
}

// codeOf returns the code of an error (docs/interface.md §Codes).
func codeOf(err error) string {
	if errors.Is(err, clinic.ErrNotFound) {
		return string(syncs.CodeNotFound)
	}
	return string(casesync.Explain(err).Code)
}

// Note records an action that changed nothing in the database, or whose changes have their
// own transactions. With an error it is Fail.
func (l *Log) Note(ctx context.Context, event access.Event, failure error) error {
	if failure != nil {
		l.Fail(ctx, event, failure)
		return nil
	}
	event.Outcome = access.Done
	return l.insert(ctx, event)
}

// insert records an event, in the transaction that the context carries where there is one.
func (l *Log) insert(ctx context.Context, e access.Event) error {
	if !e.Action.Known() || e.Who.Kind == "" || e.Origin == "" {
		return fmt.Errorf("the record of %q does not say who did what from where", e.Action)
	}
	before, err := encode(e.Before)
	if err != nil {
		return err
	}
	after, err := encode(e.After)
	if err != nil {
		return err
	}
	return l.scoped(ctx, "record the action", e.ClinicID, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			insert into operator_events (at, who_kind, who_id, who_name, origin, action, clinic_id, record_kind, record_id,
				before, after, outcome, code)
			values (clock_timestamp(), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
			e.Who.Kind, null.ID(e.Who.ID), e.Who.Name, e.Origin, e.Action, null.ID(e.ClinicID), e.Record.Kind, e.Record.ID,
			before, after, e.Outcome, e.Code)
		return err
	})
}

// scoped runs fn for one clinic, or across clinics where none is named (R41).
func (l *Log) scoped(ctx context.Context, operation string, clinicID uuid.UUID, fn func(pgx.Tx) error) error {
	if clinicID == uuid.Nil {
		return l.db.System(ctx, operation, fn)
	}
	return l.db.InClinic(ctx, operation, clinicID, fn)
}

// Events lists events, the newest first. It crosses clinics (R41).
func (l *Log) Events(ctx context.Context, f access.Filter) (list syncs.List[access.Event], err error) {
	before, err := parseCursor(f.Page.Cursor)
	if err != nil {
		return list, err
	}
	limit := page.Limit(f.Page)
	err = l.db.System(ctx, "list what was done", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			select id, at, who_kind, coalesce(who_id, '00000000-0000-0000-0000-000000000000'), who_name, origin, action,
				coalesce(clinic_id, '00000000-0000-0000-0000-000000000000'), record_kind, record_id, before, after, outcome, code
			from operator_events
			where ($1::uuid[] is null or clinic_id = any($1)) and at >= $2 and id < $3
			order by id desc
			limit $4`, f.Clinics, f.Since, before, limit+1)
		if err != nil {
			return err
		}
		var bytes page.Bytes
		events, err := pgx.CollectRows(bytes.Rows(rows), scanEvent)
		list = page.Of(events, limit, &bytes, func(e access.Event) string { return strconv.FormatInt(e.ID, 36) })
		return err
	})
	return list, err
}

// parseCursor returns the id before which a page begins.
func parseCursor(text string) (int64, error) {
	if text == "" {
		return math.MaxInt64, nil
	}
	id, err := strconv.ParseInt(text, 36, 64)
	if err != nil || id < 1 || strconv.FormatInt(id, 36) != text {
		return 0, page.Invalid()
	}
	return id, nil
}

func scanEvent(row pgx.CollectableRow) (e access.Event, err error) {
	err = row.Scan(&e.ID, &e.At, &e.Who.Kind, &e.Who.ID, &e.Who.Name, &e.Origin, &e.Action,
		&e.ClinicID, &e.Record.Kind, &e.Record.ID, &e.Before, &e.After, &e.Outcome, &e.Code)
	return e, err
}

// encode returns values as JSON, and null where there are none.
func encode(v access.Values) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode what an action changed: %w", err)
	}
	return text, nil
}
