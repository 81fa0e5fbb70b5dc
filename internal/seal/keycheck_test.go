package seal_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/seal"
)

func TestTheFirstKeyIsEnrolledOnceAndThenKnown(t *testing.T) {
	t.Parallel()
	db := &memory{}
	r := ring(t)

	require.NoError(t, r.Verify(t.Context(), db))
	require.NoError(t, r.Verify(t.Context(), db))

	require.Len(t, db.checks, 1)
	require.Equal(t, r.KeyIDs()[0], db.checks[0].KeyID)
}

func TestAWrongKeyIsRefusedAtStart(t *testing.T) {
	t.Parallel()
	db := &memory{}
	require.NoError(t, ring(t, "main:"+secret(1)).Verify(t.Context(), db))

	for name, wrong := range map[string]*seal.Keyring{
		"another key of the same id":   ring(t, "main:"+secret(2)),
		"another key":                  ring(t, "other:"+secret(1)),
		"other keys only":              ring(t, "a:"+secret(2), "b:"+secret(1)),
		"a new one and a wrong old":    ring(t, "a:"+secret(2), "main:"+secret(3)),
		"a plain text, not of this db": ring(t, passphrase),
	} {
		err := wrong.Verify(t.Context(), db)
		require.ErrorIs(t, err, seal.ErrWrongKey, name)
		require.ErrorContains(t, err, "ENCRYPTION_KEY is not the key this database was encrypted with", name)
		require.ErrorContains(t, err, `"main"`, name)
		require.NotContains(t, err.Error(), secret(1), name)
	}
	require.Len(t, db.checks, 1, "a refused key must not be enrolled")
	err := ring(t, "a:"+secret(2), "b:"+secret(1)).Verify(t.Context(), db)
	require.ErrorContains(t, err, `it knows the key "main", but ENCRYPTION_KEY has only "a", "b"; set the old key`)
}

func TestANewKeyComesInBesideTheOldOneAndTheOldOneMayLeave(t *testing.T) {
	t.Parallel()
	db := &memory{}
	oldKey, newKey := "old:"+secret(1), "new:"+secret(2)
	require.NoError(t, ring(t, oldKey).Verify(t.Context(), db))

	require.NoError(t, ring(t, newKey, oldKey).Verify(t.Context(), db))
	require.NoError(t, ring(t, newKey).Verify(t.Context(), db))
	require.NoError(t, ring(t, oldKey).Verify(t.Context(), db))
	require.Len(t, db.checks, 2)
}

func TestOfTwoStartersWithDifferentKeysOfOneIDOneIsRefused(t *testing.T) {
	t.Parallel()
	db := &memory{}
	first, second := ring(t, "main:"+secret(1)), ring(t, "main:"+secret(2))

	// The other's check arrives between reading and adding.
	racing := &racingChecks{memory: db, before: func() { require.NoError(t, first.Verify(t.Context(), db)) }}
	require.ErrorIs(t, second.Verify(t.Context(), racing), seal.ErrWrongKey)
	require.NoError(t, first.Verify(t.Context(), db))
}

type racingChecks struct {
	*memory
	before func()
}

func (r *racingChecks) AddKeyCheck(ctx context.Context, check seal.KeyCheck) error {
	r.before()
	return r.memory.AddKeyCheck(ctx, check)
}

func TestADamagedCheckIsAWrongKey(t *testing.T) {
	t.Parallel()
	db := &memory{}
	r := ring(t)
	require.NoError(t, r.Verify(t.Context(), db))
	db.checks[0].Sealed = db.checks[0].Sealed[:10]
	require.ErrorIs(t, r.Verify(t.Context(), db), seal.ErrWrongKey)
}

func TestAStoreThatFailsIsNoWrongKey(t *testing.T) {
	t.Parallel()
	down := errors.New("the database is down")
	err := ring(t).Verify(t.Context(), &memory{err: down})
	require.ErrorIs(t, err, down)
	require.NotErrorIs(t, err, seal.ErrWrongKey)
}
