// Package trendstore keeps the totals of each day in the database. Housekeeping counts them;
// reading costs the same at any size.
package trendstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/trendstore/internal/trendsql"
	"github.com/pims-sync/pims-sync/internal/trends"
)

// A Store is a trends.Store. Its statements cross clinics (R41).
type Store struct{ db *postgres.DB }

// New returns the store of a database.
func New(db *postgres.DB) *Store { return &Store{db} }

var _ trends.Store = (*Store)(nil)

func (s *Store) do(ctx context.Context, operation string, fn func(*trendsql.Queries) error) error {
	return s.db.System(ctx, operation, func(tx pgx.Tx) error { return fn(trendsql.New(tx)) })
}

// Count implements trends.Store. Counting a day again gives the same, or what has ended
// since.
func (s *Store) Count(ctx context.Context, now time.Time) error {
	today := pims.DateOf(now, time.UTC)
	return s.do(ctx, "count the totals of the day", func(q *trendsql.Queries) error {
		latest, err := q.LatestDays(ctx)
		if err != nil {
			return err
		}
		since := today.AddDays(1 - trends.MaxDays)
		if len(latest) > 0 {
			if again := pims.DateOf(latest[0], time.UTC).AddDays(-1); again.After(since) {
				since = again
			}
		}
		return q.CountDays(ctx, now, since.In(time.UTC), today.AddDays(1).In(time.UTC))
	})
}

// Totals implements trends.Store.
func (s *Store) Totals(ctx context.Context, since pims.Date) (days []trends.Day, err error) {
	err = s.do(ctx, "read the totals of the days", func(q *trendsql.Queries) error {
		rows, err := q.Totals(ctx, since.In(time.UTC))
		days = make([]trends.Day, len(rows))
		for i := range rows {
			days[i] = dayOf(&rows[i])
		}
		return err
	})
	return days, err
}

func dayOf(row *trendsql.DailyTotal) trends.Day {
	ms := func(n int32) time.Duration { return time.Duration(n) * time.Millisecond }
	return trends.Day{
		Date:      pims.DateOf(row.Day, time.UTC),
		Completed: int(row.Completed), Failed: int(row.Failed), Cancelled: int(row.Cancelled),
		ClinicsSynced: int(row.ClinicsSynced), ClinicsFailed: int(row.ClinicsFailed), LoginsRefused: int(row.LoginsRefused),
		Created: int(row.CasesCreated), Updated: int(row.CasesUpdated), Enriched: int(row.CasesEnriched),
		Deleted: int(row.CasesDeleted), Restored: int(row.CasesRestored),
		TookHalf: ms(row.TookP50Ms), TookMost: ms(row.TookP95Ms), LateHalf: ms(row.LateP50Ms), LateMost: ms(row.LateP95Ms),
		CountedAt: row.CountedAt,
	}
}
