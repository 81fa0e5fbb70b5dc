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

// The tables that hold sealed records, as a Subject names them.
const (
	CredentialsTable = "pims_credentials"
	SessionsTable    = "pims_sessions"
)

// A Record is a sealed column and its place.
type Record struct {
	Subject

	Sealed []byte
}

// A Store reads and rewrites the sealed records of all clinics.
type Store interface {
	// SealedRecords lists the credentials and sessions of the next clinics that have any,
	// ordered by clinic id, beginning after the id after. An empty list means that there
	// are no more.
	SealedRecords(ctx context.Context, after uuid.UUID, clinics int) ([]Record, error)

	// Sealed reads one record as it is now, or nil where it is gone.
	Sealed(ctx context.Context, about Subject) ([]byte, error)

	// Reseal writes resealed in place of the record's own seal. Where the record has
	// changed since it was read, or is gone, it does nothing and returns false.
	Reseal(ctx context.Context, record Record, resealed []byte) (done bool, err error)

	// CredentialsByKey counts the credentials that each known key seals, by its id.
	CredentialsByKey(ctx context.Context) (map[string]int, error)
}

// ErrKeyInUse means that a key was removed from ENCRYPTION_KEY too early.
var ErrKeyInUse = errors.New("ENCRYPTION_KEY lacks a key that is still in use")

// Cover returns ErrKeyInUse for a keyring without a key that still seals credentials: those
// clinics could not be synchronised. Sessions do not count, because a session that cannot
// be opened only costs a login (R36, R37).
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

// A Rotation is the result of Rotate, or of its dry run.
type Rotation struct {
	Rotated  int // records that were sealed anew with the first key
	Current  int // records that the first key had sealed already
	Sessions int // sessions that cannot be opened: each costs its clinic a login, no more

	// The command counts the secrets of webhooks and the targets of notifications here.
	Secrets     int // that were sealed anew
	LostSecrets int // that cannot be opened

	Unreadable []Unreadable // credentials that cannot be opened
}

// Unreadable are a clinic's credentials that no key of the ring opens.
type Unreadable struct {
	ClinicID uuid.UUID
	Err      error // ErrKeyUnknown, ErrBroken
}

// rotationPage is how many clinics Rotate reads at a time.
const rotationPage = 200

// Rotate seals again, with the first key, every record that another key of the ring has
// sealed (R37). It writes each record separately, only over the version that it read, and
// reads a record again where another program changed it. So it may run beside syncs and
// `credentials set`, be interrupted, and be repeated. A dry run writes nothing. The error
// is the store's; the result then holds what was done until then.
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

// A rotator is one run of Rotate.
type rotator struct {
	Rotation

	ring   *Keyring
	store  Store
	dryRun bool
}

// rotate seals one record again, and repeats this while other programs change it.
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

// refuse records that a record cannot be opened.
func (r *rotator) refuse(record Record, err error) {
	if record.Table == SessionsTable {
		r.Sessions++
		return
	}
	r.Unreadable = append(r.Unreadable, Unreadable{ClinicID: record.ClinicID, Err: err})
}
