// Package scheduler says which entries of a schedule run, how far back a missed tick is
// caught up, and how ticks are spread over clinics (R33, R34).
package scheduler

import (
	"hash/fnv"
	"time"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/cron"
)

// How far back a missed tick is caught up (R34).
const (
	catchUp               = 6 * time.Hour
	catchUpReconciliation = 12 * time.Hour
)

// CheckEntry refuses an entry whose cron expression is wrong, with what cron.Parse says.
// It is a check for clinic.ParseSchedules, by itself or after that of the options,
// so that one bad entry is reported and the others run (R33).
func CheckEntry(entry clinic.ScheduleEntry) error {
	_, err := cron.Parse(entry.Cron)
	return err
}

// CatchUp is how far back, after an outage, the latest missed tick of an entry of
// this type is still enqueued; an older one is missed (R34).
func CatchUp(t clinic.SyncType) time.Duration {
	if t == clinic.SyncReconciliation {
		return catchUpReconciliation
	}
	return catchUp
}

// Jitter is how long a clinic's ticks are held back, so that thousands of clinics
// that are due at 06:00 do not all start at once: the same for a clinic at all times
// and on all replicas, spread evenly over clinics, from 0 to less than limit. A limit
// of 0 or less means none.
func Jitter(clinicID [16]byte, limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	h := fnv.New64a()
	h.Write(clinicID[:])
	return time.Duration(h.Sum64() % uint64(limit)) //nolint:gosec // less than limit, so it fits
}
