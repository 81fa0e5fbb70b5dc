package clinicstore

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/scheduler"
)

// boardOverlap covers what commits late, and clocks that differ.
const boardOverlap = 30 * time.Second

// A Board is the store of the clinics for a process that often reads the state of all of
// them. It keeps most of what it read in memory, about two kilobytes a clinic.
//
// What the rows of clinics, credentials and schedules say is read anew when the version of any
// of these rows is another. What the syncs of a clinic say is read anew when a row's time says
// that something changed, and while the clinic syncs. All else is read each time. A change of
// audits by hand that no time of a row tells is seen when the Scheduler has looked at the
// clinic, which takes ten minutes at most.
//
// It is safe for concurrent use.
type Board struct {
	*Clinics

	mu       sync.Mutex
	basics   []scheduler.Condition // without what is read each time
	versions string                // of the rows that the basics are of; empty: none were read
	kept     map[uuid.UUID]keptPhases
	looked   time.Time // when changes were last read; zero: never
}

// keptPhases are the phases of a clinic at a moment.
type keptPhases struct {
	at     time.Time
	phases []scheduler.PhaseCondition
}

var _ scheduler.ClinicStore = (*Board)(nil)

// NewBoard returns a board that has read nothing yet.
func NewBoard(clinics *Clinics) *Board {
	return &Board{Clinics: clinics, kept: make(map[uuid.UUID]keptPhases)}
}

// Conditions implements scheduler.ClinicStore. It crosses clinics (R41).
func (b *Board) Conditions(ctx context.Context, clinicID uuid.UUID, at time.Time) (all []scheduler.Condition, err error) {
	if clinicID != uuid.Nil {
		return b.Clinics.Conditions(ctx, clinicID, at)
	}
	since := b.since(at)
	err = b.db.System(ctx, "read the state of the clinics", func(tx pgx.Tx) error {
		if all, err = b.readBasics(ctx, tx); err != nil {
			return err
		}
		if err := addPlans(ctx, tx, nil, at, all); err != nil {
			return err
		}
		changed, err := changedSince(ctx, tx, since)
		if err != nil {
			return err
		}
		if unknown := b.unknown(all, changed); len(unknown) > 0 {
			phases, err := readPhases(ctx, tx, unknown)
			if err != nil {
				return err
			}
			b.keep(phases, at)
		}
		return addLatest(ctx, tx, uuid.Nil, at, all)
	})
	if err != nil {
		return nil, err
	}
	b.fill(all, at)
	return all, nil
}

// versionsSQL returns a text that is another one when a row of these tables is new, changed or
// gone: each version of a row has an xmin of its own.
const versionsSQL = `
	select concat_ws(' ',
		(select concat(count(*), ':', bit_xor(uuid_hash_extended(id, xmin::text::bigint))) from clinics),
		(select concat(count(*), ':', bit_xor(uuid_hash_extended(clinic_id, xmin::text::bigint))) from pims_credentials),
		(select concat(count(*), ':', bit_xor(uuid_hash_extended(clinic_id, xmin::text::bigint))) from clinic_schedule_configs))`

// readBasics returns what readBasics of all clinics does. The versions are read first: what
// changes between the two statements is read again the next time.
func (b *Board) readBasics(ctx context.Context, tx pgx.Tx) ([]scheduler.Condition, error) {
	var versions string
	if err := tx.QueryRow(ctx, versionsSQL).Scan(&versions); err != nil {
		return nil, err
	}
	b.mu.Lock()
	kept, same := b.basics, versions == b.versions
	b.mu.Unlock()
	if same {
		return slices.Clone(kept), nil
	}
	all, err := readBasics(ctx, tx, nil)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.basics, b.versions = slices.Clone(all), versions
	return all, nil
}

// ConditionsOf implements scheduler.ClinicStore. The board learns from it.
func (b *Board) ConditionsOf(ctx context.Context, clinicIDs []uuid.UUID, at time.Time) ([]scheduler.Condition, error) {
	all, err := b.Clinics.ConditionsOf(ctx, clinicIDs, at)
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range all {
		id := all[i].Clinic.ID
		if old, known := b.kept[id]; known && !at.Before(old.at) {
			b.kept[id] = keptPhases{at, slices.Clone(all[i].Phases)}
		}
	}
	return all, err
}

// since returns since when changes are to be read; zero: everything is. Where the clock went
// back, the board forgets all; two calls at once may come in the other order.
func (b *Board) since(at time.Time) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at.Before(b.looked.Add(-boardOverlap)) {
		clear(b.kept)
		b.looked = time.Time{}
	}
	if b.looked.IsZero() {
		return time.Time{}
	}
	return b.looked.Add(-boardOverlap)
}

// changedSince lists the clinics that changed; with a zero time none, for none is known.
func changedSince(ctx context.Context, tx pgx.Tx, since time.Time) ([]uuid.UUID, error) {
	if since.IsZero() {
		return nil, nil
	}
	return postgres.Query(ctx, tx, changedSQL, []any{since}, pgx.RowTo[uuid.UUID])
}

// unknown adds those of the clinics that are not kept to those that changed.
func (b *Board) unknown(all []scheduler.Condition, changed []uuid.UUID) []uuid.UUID {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range all {
		if _, known := b.kept[all[i].Clinic.ID]; !known {
			changed = append(changed, all[i].Clinic.ID)
		}
	}
	return changed
}

func (b *Board) keep(phases map[uuid.UUID][]scheduler.PhaseCondition, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, p := range phases {
		if !at.Before(b.kept[id].at) {
			b.kept[id] = keptPhases{at, p}
		}
	}
}

// fill adds the phases to conditions that were read at a moment, and forgets the clinics that
// are no longer there.
func (b *Board) fill(all []scheduler.Condition, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	there := make(map[uuid.UUID]bool, len(all))
	for i := range all {
		id := all[i].Clinic.ID
		there[id] = true
		all[i].Phases = slices.Clone(b.kept[id].phases) // the caller adds what the schedule expects
	}
	if len(b.kept) > len(all) {
		for id := range b.kept {
			if !there[id] {
				delete(b.kept, id)
			}
		}
	}
	if at.After(b.looked) {
		b.looked = at
	}
}
