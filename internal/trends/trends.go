// Package trends has the totals of each day over the syncs of all clinics. It knows no
// database.
package trends

import (
	"context"
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// MaxDays is the most days that a reader gets.
const MaxDays = 90

// A Day is what all syncs that began on one day (in UTC) came to: phases count with their
// full sync, dry runs for nothing.
type Day struct {
	Date                         pims.Date
	Completed, Failed, Cancelled int // syncs

	ClinicsSynced int // with a sync that completed
	ClinicsFailed int // with a sync that failed
	LoginsRefused int // syncs that failed because no login was possible

	Created, Updated, Enriched, Deleted, Restored int // cases

	TookHalf, TookMost time.Duration // the median and the 95th percentile of those that completed
	LateHalf, LateMost time.Duration // from the tick to the begin, of those that a schedule started

	CountedAt time.Time
}

// Syncs counts the syncs of the day.
func (d *Day) Syncs() int { return d.Completed + d.Failed + d.Cancelled }

// A Store keeps daily totals.
type Store interface {
	// Count counts the days that have begun since the latest that is stored, and the one
	// before it again; the first time MaxDays.
	Count(ctx context.Context, now time.Time) error

	// Totals lists the days from a day on that have any sync, the oldest first.
	Totals(ctx context.Context, since pims.Date) ([]Day, error)
}

// Last returns the last days of a store, the oldest first and today (in UTC) last. A day
// without a sync is all zero. The caller checks that there are 1 to MaxDays.
func Last(ctx context.Context, s Store, days int, now time.Time) ([]Day, error) {
	first := pims.DateOf(now, time.UTC).AddDays(1 - days)
	found, err := s.Totals(ctx, first)
	if err != nil {
		return nil, err
	}
	all := make([]Day, days)
	for i := range all {
		all[i].Date = first.AddDays(i)
	}
	for _, d := range found {
		if i := d.Date.Sub(first); i >= 0 && i < days {
			all[i] = d
		}
	}
	return all, nil
}
