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

// A KeyCheck is a row of encryption_keys: a known text, sealed with a key that was once the
// first of ENCRYPTION_KEY. It distinguishes the right key from a wrong one before any
// record is decrypted (R37).
type KeyCheck struct {
	KeyID     string
	Sealed    []byte
	CreatedAt time.Time // set by the database
}

// A KeyCheckStore stores the checks of all keys.
type KeyCheckStore interface {
	// KeyChecks lists all checks.
	KeyChecks(ctx context.Context) ([]KeyCheck, error)

	// AddKeyCheck adds a check. If the key already has one, the old one stays and there is
	// no error.
	AddKeyCheck(ctx context.Context, check KeyCheck) error
}

// ErrWrongKey means that the database was encrypted with another key.
var ErrWrongKey = errors.New("ENCRYPTION_KEY is not the key this database was encrypted with")

// keyCheckText is the known text. It is not secret.
const keyCheckText = "pims-sync encryption key check"

// Verify refuses a keyring of another database with ErrWrongKey, and stores the check of a
// first key that the database does not know yet. Where a database has checks, it must know
// at least one key of the ring. So a new key can only be added next to an old one.
func (k *Keyring) Verify(ctx context.Context, store KeyCheckStore) error {
	known, err := k.recognise(ctx, store)
	if err != nil || slices.Contains(known, k.first().id) {
		return err
	}
	if err := k.enrol(ctx, store); err != nil {
		return err
	}
	// Another process may have stored another key under the same id meanwhile.
	_, err = k.recognise(ctx, store)
	return err
}

// Recognised returns the errors of Verify and stores nothing.
func (k *Keyring) Recognised(ctx context.Context, store KeyCheckStore) error {
	_, err := k.recognise(ctx, store)
	return err
}

// recognise returns the ids of the ring's keys that the database knows.
func (k *Keyring) recognise(ctx context.Context, store KeyCheckStore) (known []string, err error) {
	checks, err := store.KeyChecks(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the encryption key checks: %w", err)
	}
	known, err = k.verifyAll(checks)
	if err == nil && len(checks) > 0 && len(known) == 0 {
		err = k.strangerError(checks)
	}
	return known, err
}

// verifyAll opens the checks of the ring's keys and returns the ids that are right.
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

// quoted lists ids in quotes: "a", "b".
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
