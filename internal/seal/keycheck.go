package seal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A KeyCheck is a row of encryption_keys: a known text sealed with a key that was
// once the first of ENCRYPTION_KEY. It tells the right key from a wrong one
// before any record is touched (R37).
type KeyCheck struct {
	KeyID     string
	Sealed    []byte
	CreatedAt time.Time // set by the database
}

// A KeyCheckStore keeps the checks of all keys.
type KeyCheckStore interface {
	// KeyChecks lists all checks.
	KeyChecks(ctx context.Context) ([]KeyCheck, error)

	// AddKeyCheck adds a check, unless the key has one already: then the old one
	// stays and nothing is wrong.
	AddKeyCheck(ctx context.Context, check KeyCheck) error
}

// ErrWrongKey says that the database was encrypted with another key.
var ErrWrongKey = errors.New("ENCRYPTION_KEY is not the key this database was encrypted with")

// keyCheckText is the known text. It is no secret.
const keyCheckText = "pims-sync encryption key check"

// Verify refuses a keyring that is not this database's, with ErrWrongKey, and
// enrols a first key that the database does not know yet. A database that has
// checks must know at least one key of the ring, so that a new key comes in only
// beside an old one.
func (k *Keyring) Verify(ctx context.Context, store KeyCheckStore) error {
	checks, err := store.KeyChecks(ctx)
	if err != nil {
		return fmt.Errorf("reading the encryption key checks: %w", err)
	}
	known, err := k.verifyAll(checks)
	if err != nil {
		return err
	}
	if len(checks) > 0 && len(known) == 0 {
		return k.strangerError(checks)
	}
	if slices.Contains(known, k.first().id) {
		return nil
	}
	if err := k.enrol(ctx, store); err != nil {
		return err
	}
	// Another process may have enrolled another key under the same id meanwhile.
	checks, err = store.KeyChecks(ctx)
	if err != nil {
		return fmt.Errorf("reading the encryption key checks: %w", err)
	}
	_, err = k.verifyAll(checks)
	return err
}

// verifyAll opens the checks of the ring's keys and returns the ids that passed.
func (k *Keyring) verifyAll(checks []KeyCheck) (known []string, err error) {
	for _, check := range checks {
		if k.find(check.KeyID) == nil {
			continue // retired, or another ring's
		}
		plain, err := k.Open(check.Sealed, keyCheckSubject)
		if err != nil || string(plain) != keyCheckText {
			return nil, fmt.Errorf("%w: the key with the id %q differs from the one that was used under this id; set the right one", ErrWrongKey, check.KeyID)
		}
		known = append(known, check.KeyID)
	}
	return known, nil
}

func (k *Keyring) strangerError(checks []KeyCheck) error {
	ids := make([]string, len(checks))
	for i := range checks {
		ids[i] = checks[i].KeyID
	}
	return fmt.Errorf("%w: it knows the key %s, but ENCRYPTION_KEY has only %s; set the old key, or list it after the new one",
		ErrWrongKey, quoted(ids), quoted(k.KeyIDs()))
}

// quoted lists ids as people write lists: "a", "b".
func quoted(ids []string) string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = strconv.Quote(id)
	}
	return strings.Join(list, ", ")
}

// enrol stores the check of the first key.
func (k *Keyring) enrol(ctx context.Context, store KeyCheckStore) error {
	sealed, err := k.Seal([]byte(keyCheckText), keyCheckSubject)
	if err != nil {
		return err
	}
	if err := store.AddKeyCheck(ctx, KeyCheck{KeyID: k.first().id, Sealed: sealed}); err != nil {
		return fmt.Errorf("storing the encryption key check: %w", err)
	}
	return nil
}

var keyCheckSubject = Subject{Table: "encryption_keys"}
