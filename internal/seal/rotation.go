package seal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// The tables that hold what is sealed, as a Subject names them.
const (
	CredentialsTable = "pims_credentials"
	SessionsTable    = "pims_sessions"
)

// A Record is a sealed column and the place where it stands.
type Record struct {
	Subject

	Sealed []byte
}

// A Store reads and rewrites what is sealed, of all clinics.
type Store interface {
	// SealedRecords lists the credentials and sessions of the next clinics that
	// have any, by the clinics' ids from after on, after not included. None: there
	// are no more.
	SealedRecords(ctx context.Context, after uuid.UUID, clinics int) ([]Record, error)

	// Sealed reads one record as it is now; nil where it is gone.
	Sealed(ctx context.Context, about Subject) ([]byte, error)

	// Reseal writes resealed in place of the record's own seal. It does nothing, and
	// says so, where the record has changed since it was read, or is gone.
	Reseal(ctx context.Context, record Record, resealed []byte) (done bool, err error)

	// CredentialsByKey counts the credentials that each known key seals, by its id.
	CredentialsByKey(ctx context.Context) (map[string]int, error)
}

// ErrKeyInUse says that a key was taken out of ENCRYPTION_KEY too early.
var ErrKeyInUse = errors.New("ENCRYPTION_KEY lacks a key that is still in use")

// Cover refuses a keyring that lacks a key which still seals credentials, with
// ErrKeyInUse: those clinics could not be synchronised. Sessions do not count, since
// one that cannot be opened costs a login (R36, R37).
func (k *Keyring) Cover(ctx context.Context, store Store) error {
	counts, err := store.CredentialsByKey(ctx)
	if err != nil {
		return fmt.Errorf("reading which encryption keys are in use: %w", err)
	}
	var lacking []string
	for _, id := range slices.Sorted(maps.Keys(counts)) {
		if k.find(id) == nil {
			lacking = append(lacking, fmt.Sprintf("%q (credentials of %d clinics)", id, counts[id]))
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s; list it after the first, run `pims-sync keys rotate-encryption`, and then remove it; if it is lost, replace those credentials with `pims-sync credentials set --clinic ID`",
		ErrKeyInUse, strings.Join(lacking, ", "))
}

// A Rotation is what Rotate has done, or would do.
type Rotation struct {
	Rotated  int // records that were sealed anew with the first key
	Current  int // records that the first key had sealed already
	Sessions int // sessions that cannot be opened: each costs its clinic a login, no more

	Unreadable []Unreadable // credentials that cannot be opened
}

// Unreadable are a clinic's credentials that no key of the ring opens.
type Unreadable struct {
	ClinicID uuid.UUID
	Err      error // ErrKeyUnknown, ErrBroken
}

// rotationPage is how many clinics Rotate reads at a time.
const rotationPage = 200

// Rotate seals with the first key whatever another key of the ring has sealed (R37).
// Each record is written by itself and only over what was read, and is read again
// where somebody was quicker; so it may run beside syncs and `credentials set`, be
// interrupted, and be repeated. A dry run writes nothing. The error is the store's,
// beside what was done until then.
func (k *Keyring) Rotate(ctx context.Context, store Store, dryRun bool) (Rotation, error) {
	r := rotator{ring: k, store: store, dryRun: dryRun}
	for last := uuid.Nil; ; {
		page, err := store.SealedRecords(ctx, last, rotationPage)
		if err != nil {
			return r.Rotation, fmt.Errorf("reading what is sealed: %w", err)
		}
		if len(page) == 0 {
			return r.Rotation, nil
		}
		for _, record := range page {
			if err := r.rotate(ctx, record); err != nil {
				return r.Rotation, fmt.Errorf("rotating the key of a record of %s of clinic %s: %w", record.Table, record.ClinicID, err)
			}
		}
		last = page[len(page)-1].ClinicID
	}
}

// A rotator is one Rotate at work.
type rotator struct {
	Rotation

	ring   *Keyring
	store  Store
	dryRun bool
}

// rotate seals one record anew, as often as somebody else writes it first.
func (r *rotator) rotate(ctx context.Context, record Record) error {
	for record.Sealed != nil { // nil: it was removed meanwhile
		resealed, err := r.ring.Reseal(record.Sealed, record.Subject)
		switch {
		case err != nil:
			r.refuse(record, err)
			return nil
		case !r.ring.NeedsRotation(record.Sealed):
			r.Current++
			return nil
		case r.dryRun:
			r.Rotated++
			return nil
		}
		done, err := r.store.Reseal(ctx, record, resealed)
		if err != nil {
			return err
		}
		if done {
			r.Rotated++
			return nil
		}
		if record.Sealed, err = r.store.Sealed(ctx, record.Subject); err != nil {
			return err
		}
	}
	return nil
}

// refuse notes a record that cannot be opened.
func (r *rotator) refuse(record Record, err error) {
	if record.Table == SessionsTable {
		r.Sessions++
		return
	}
	r.Unreadable = append(r.Unreadable, Unreadable{ClinicID: record.ClinicID, Err: err})
}
