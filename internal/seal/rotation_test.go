package seal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/seal"
)

// seals is a Store in memory: one record per place, the places sorted.
type seals struct {
	places []seal.Subject
	sealed map[seal.Subject][]byte

	meanwhile func(seal.Subject) // what somebody else does between reading and writing; once
	writes    int
	failAfter int // writes; 0: never
}

func (s *seals) SealedRecords(_ context.Context, after uuid.UUID, clinics int) (page []seal.Record, err error) {
	read := map[uuid.UUID]bool{}
	for _, place := range s.places {
		if bytes.Compare(place.ClinicID[:], after[:]) <= 0 {
			continue
		}
		if read[place.ClinicID] = true; len(read) > clinics {
			break
		}
		page = append(page, seal.Record{Subject: place, Sealed: s.sealed[place]})
	}
	return page, nil
}

func (s *seals) Sealed(_ context.Context, about seal.Subject) ([]byte, error) {
	return s.sealed[about], nil
}

var errDown = errors.New("the database is down")

func (s *seals) Reseal(_ context.Context, record seal.Record, resealed []byte) (bool, error) {
	if do := s.meanwhile; do != nil {
		s.meanwhile = nil
		do(record.Subject)
	}
	if s.failAfter > 0 && s.writes == s.failAfter {
		return false, errDown
	}
	if !bytes.Equal(s.sealed[record.Subject], record.Sealed) {
		return false, nil
	}
	s.sealed[record.Subject] = resealed
	s.writes++
	return true, nil
}

func (s *seals) CredentialsByKey(context.Context) (map[string]int, error) {
	counts := map[string]int{}
	for place, sealed := range s.sealed {
		if id, err := seal.KeyID(sealed); err == nil && place.Table == seal.CredentialsTable {
			counts[id]++
		}
	}
	return counts, nil
}

// put seals a text for the nth clinic.
func (s *seals) put(t *testing.T, r *seal.Keyring, table string, n int) seal.Subject {
	t.Helper()
	about := seal.Subject{Table: table, ClinicID: nth(n), Provider: "some_pims", RowID: uuid.New()}
	sealed, err := r.Seal([]byte(text(about)), about)
	require.NoError(t, err)
	if s.sealed == nil {
		s.sealed = map[seal.Subject][]byte{}
	}
	s.sealed[about] = sealed
	s.places = append(s.places, about)
	slices.SortFunc(s.places, func(a, b seal.Subject) int { return bytes.Compare(a.ClinicID[:], b.ClinicID[:]) })
	return about
}

func nth(n int) uuid.UUID { return uuid.MustParse(fmt.Sprintf("00000000-0000-4000-8000-%012d", n)) }

func text(about seal.Subject) string { return "secret of " + about.RowID.String() }

// requireOpens demands that a keyring opens every record.
func (s *seals) requireOpens(t *testing.T, r *seal.Keyring) {
	t.Helper()
	for _, about := range s.places {
		plain, err := r.Open(s.sealed[about], about)
		require.NoError(t, err)
		require.Equal(t, text(about), string(plain))
	}
}

var oldKey, newKey = "old:" + secret(1), "new:" + secret(2)

func TestAfterARotationTheOldKeyIsNeededNoMore(t *testing.T) { // R37
	t.Parallel()
	var db seals
	both := ring(t, newKey, oldKey)
	for n := range 450 { // more than two pages
		db.put(t, ring(t, oldKey), seal.CredentialsTable, n+1)
		db.put(t, ring(t, oldKey), seal.SessionsTable, n+1)
	}
	db.put(t, both, seal.CredentialsTable, 451)
	require.ErrorIs(t, ring(t, newKey).Cover(t.Context(), &db), seal.ErrKeyInUse)

	done, err := both.Rotate(t.Context(), &db, false)

	require.NoError(t, err)
	require.Equal(t, seal.Rotation{Rotated: 900, Current: 1}, done)
	db.requireOpens(t, ring(t, newKey))
	require.NoError(t, ring(t, newKey).Cover(t.Context(), &db))

	again, err := both.Rotate(t.Context(), &db, false)
	require.NoError(t, err)
	require.Equal(t, seal.Rotation{Current: 901}, again)
	require.Equal(t, 900, db.writes, "what is current is not written")
}

func TestADryRunCountsAndWritesNothing(t *testing.T) { // R26
	t.Parallel()
	var db seals
	db.put(t, ring(t, oldKey), seal.CredentialsTable, 1)
	db.put(t, ring(t, newKey), seal.CredentialsTable, 2)

	would, err := ring(t, newKey, oldKey).Rotate(t.Context(), &db, true)

	require.NoError(t, err)
	require.Equal(t, seal.Rotation{Rotated: 1, Current: 1}, would)
	require.Zero(t, db.writes)
}

func TestARotationOverwritesNobody(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]struct {
		with string // the key of who was quicker; empty: the record is removed
		want seal.Rotation
	}{
		"a replica that still has the old key alone": {oldKey, seal.Rotation{Rotated: 1}},
		"a replica that has the new key":             {newKey, seal.Rotation{Current: 1}},
		"who removes the credentials":                {"", seal.Rotation{}},
	} {
		var db seals
		about := db.put(t, ring(t, oldKey), seal.CredentialsTable, 1)
		db.meanwhile = func(about seal.Subject) {
			delete(db.sealed, about)
			if meanwhile.with != "" {
				sealed, err := ring(t, meanwhile.with).Seal([]byte("newer"), about)
				require.NoError(t, err)
				db.sealed[about] = sealed
			}
		}

		done, err := ring(t, newKey, oldKey).Rotate(t.Context(), &db, false)

		require.NoError(t, err, name)
		require.Equal(t, meanwhile.want, done, name)
		if meanwhile.with == "" {
			require.Empty(t, db.sealed, name)
			continue
		}
		plain, err := ring(t, newKey).Open(db.sealed[about], about)
		require.NoError(t, err, name)
		require.Equal(t, "newer", string(plain), name)
	}
}

func TestWhatCannotBeOpenedIsNamedAndLeftAsItIs(t *testing.T) {
	t.Parallel()
	var db seals
	lost, damaged := db.put(t, ring(t, "lost:"+secret(3)), seal.CredentialsTable, 1), db.put(t, ring(t, newKey), seal.CredentialsTable, 2)
	db.put(t, ring(t, "lost:"+secret(3)), seal.SessionsTable, 2)
	db.put(t, ring(t, oldKey), seal.CredentialsTable, 3)
	db.sealed[damaged][70] ^= 1
	before := map[seal.Subject][]byte{lost: bytes.Clone(db.sealed[lost]), damaged: bytes.Clone(db.sealed[damaged])}

	done, err := ring(t, newKey, oldKey).Rotate(t.Context(), &db, false)

	require.NoError(t, err)
	require.Equal(t, 1, done.Rotated)
	require.Equal(t, 1, done.Sessions)
	require.Len(t, done.Unreadable, 2)
	require.Equal(t, lost.ClinicID, done.Unreadable[0].ClinicID)
	require.ErrorIs(t, done.Unreadable[0].Err, seal.ErrKeyUnknown)
	require.ErrorContains(t, done.Unreadable[0].Err, `"lost"`)
	require.Equal(t, damaged.ClinicID, done.Unreadable[1].ClinicID)
	require.ErrorIs(t, done.Unreadable[1].Err, seal.ErrBroken)
	for about, sealed := range before {
		require.Equal(t, sealed, db.sealed[about])
	}
}

func TestAnInterruptedRotationSaysWhatItDidAndGoesOnWhenRepeated(t *testing.T) {
	t.Parallel()
	db := seals{failAfter: 2}
	for n := range 3 {
		db.put(t, ring(t, oldKey), seal.CredentialsTable, n+1)
	}
	both := ring(t, newKey, oldKey)

	done, err := both.Rotate(t.Context(), &db, false)
	require.ErrorIs(t, err, errDown)
	require.ErrorContains(t, err, nth(3).String())
	require.Equal(t, seal.Rotation{Rotated: 2}, done)
	db.requireOpens(t, both)

	db.failAfter = 0
	done, err = both.Rotate(t.Context(), &db, false)
	require.NoError(t, err)
	require.Equal(t, seal.Rotation{Rotated: 1, Current: 2}, done)
	db.requireOpens(t, ring(t, newKey))
}

func TestAKeyThatStillSealsCredentialsMayNotBeTakenOut(t *testing.T) { // R37
	t.Parallel()
	var db seals
	for n := range 3 {
		db.put(t, ring(t, oldKey), seal.CredentialsTable, n+1)
	}
	require.NoError(t, ring(t, newKey, oldKey).Cover(t.Context(), &db))

	err := ring(t, newKey).Cover(t.Context(), &db)

	require.ErrorIs(t, err, seal.ErrKeyInUse)
	require.ErrorContains(t, err, `"old" (credentials of 3 clinics)`)
	require.ErrorContains(t, err, "pims-sync keys rotate-encryption")
	require.NotContains(t, err.Error(), secret(1))

	var sessions seals // which cost a login, no more
	sessions.put(t, ring(t, oldKey), seal.SessionsTable, 1)
	require.NoError(t, ring(t, newKey).Cover(t.Context(), &sessions))
}
