package seal_test

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pims-sync/pims-sync/internal/seal"
)

var place = seal.Subject{
	Table:    "pims_credentials",
	ClinicID: uuid.MustParse("11111111-1111-4111-8111-111111111111"),
	Provider: "some_pims",
	RowID:    uuid.MustParse("22222222-2222-4222-8222-222222222222"),
}

var subjects = rapid.Custom(func(t *rapid.T) seal.Subject {
	id := rapid.Custom(func(t *rapid.T) uuid.UUID {
		return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
	})
	return seal.Subject{
		Table:    rapid.String().Draw(t, "table"),
		ClinicID: id.Draw(t, "clinic"),
		Provider: rapid.String().Draw(t, "provider"),
		RowID:    id.Draw(t, "row"),
	}
})

func TestWhatWasSealedOpensInItsPlaceAndInNoOther(t *testing.T) {
	t.Parallel()
	r := ring(t)
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		here, there := subjects.Draw(t, "here"), subjects.Draw(t, "there")

		sealed, err := r.Seal(plain, here)
		require.NoError(t, err)

		opened, err := r.Open(sealed, here)
		require.NoError(t, err)
		require.True(t, bytes.Equal(plain, opened))
		if here != there {
			_, err = r.Open(sealed, there)
			require.ErrorIs(t, err, seal.ErrBroken)
		}
	})
}

func TestARecordMovedInAnyOneWayDoesNotOpen(t *testing.T) {
	t.Parallel()
	r := ring(t)
	sealed, err := r.Seal([]byte("secret"), place)
	require.NoError(t, err)

	for name, move := range map[string]func(*seal.Subject){
		"another table":           func(s *seal.Subject) { s.Table = "pims_sessions" },
		"another clinic":          func(s *seal.Subject) { s.ClinicID = uuid.New() },
		"another provider":        func(s *seal.Subject) { s.Provider = "other_pims" },
		"another row":             func(s *seal.Subject) { s.RowID = uuid.New() },
		"clinic and row swapped":  func(s *seal.Subject) { s.ClinicID, s.RowID = s.RowID, s.ClinicID },
		"table longer, rest same": func(s *seal.Subject) { s.Table += "\x00" },
	} {
		elsewhere := place
		move(&elsewhere)
		_, err := r.Open(sealed, elsewhere)
		require.ErrorIs(t, err, seal.ErrBroken, name)
	}
}

func TestPlacesThatReadAlikeWhenJoinedAreDifferent(t *testing.T) {
	t.Parallel()
	r := ring(t)
	one := seal.Subject{Table: "a", ClinicID: uuid.UUID([]byte("bbbbbbbbbbbbbbbb")), Provider: "bc"}
	two := seal.Subject{Table: "ab", ClinicID: one.ClinicID, Provider: "c"}
	sealed, err := r.Seal([]byte("secret"), one)
	require.NoError(t, err)

	_, err = r.Open(sealed, two)

	require.ErrorIs(t, err, seal.ErrBroken)
}

func TestNoDamagedRecordOpens(t *testing.T) {
	t.Parallel()
	r := ring(t, "k1:"+secret(1), "k2:"+secret(2), "k3:"+secret(3))
	rapid.Check(t, func(t *rapid.T) {
		sealed, err := r.Seal(rapid.SliceOf(rapid.Byte()).Draw(t, "plain"), place)
		require.NoError(t, err)
		damaged := bytes.Clone(sealed)
		switch rapid.SampledFrom([]string{"flip", "cut", "append"}).Draw(t, "damage") {
		case "flip":
			bit := rapid.IntRange(0, len(damaged)*8-1).Draw(t, "bit")
			damaged[bit/8] ^= 1 << (bit % 8)
		case "cut":
			damaged = damaged[:rapid.IntRange(0, len(damaged)-1).Draw(t, "length")]
		case "append":
			damaged = append(damaged, rapid.Byte().Draw(t, "more"))
		}

		_, err = r.Open(damaged, place)

		require.Error(t, err)
		_, idErr := seal.KeyID(damaged)
		if idErr != nil {
			require.ErrorIs(t, err, seal.ErrBroken)
		}
	})
}

func TestAnythingAtAllCanBeOfferedToOpen(t *testing.T) {
	t.Parallel()
	r := ring(t)
	rapid.Check(t, func(t *rapid.T) {
		garbage := rapid.SliceOf(rapid.Byte()).Draw(t, "garbage")
		if rapid.Bool().Draw(t, "with our version") {
			garbage = append([]byte{1}, garbage...)
		}
		_, err := r.Open(garbage, place)
		require.Error(t, err)
		require.True(t, r.NeedsRotation(garbage))
	})
}

func TestTheSameTextIsNeverSealedTheSameWay(t *testing.T) {
	t.Parallel()
	r := ring(t)
	one, err := r.Seal([]byte("same"), place)
	require.NoError(t, err)
	two, err := r.Seal([]byte("same"), place)
	require.NoError(t, err)
	require.NotEqual(t, one, two)
	require.NotContains(t, string(one), "same")
}

func TestARotatedKeyringOpensWhatTheOldOneSealed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		oldKey, newKey := "old:"+secret(1), "new:"+secret(2)
		parse := func(text string) *seal.Keyring {
			r, err := seal.ParseKeyring(text)
			require.NoError(t, err)
			return r
		}
		plain, about := rapid.SliceOf(rapid.Byte()).Draw(t, "plain"), subjects.Draw(t, "about")
		before, during, after := parse(oldKey), parse(newKey+","+oldKey), parse(newKey)
		sealed, err := before.Seal(plain, about)
		require.NoError(t, err)
		require.False(t, before.NeedsRotation(sealed))
		require.True(t, during.NeedsRotation(sealed))

		_, err = after.Open(sealed, about)
		require.ErrorIs(t, err, seal.ErrKeyUnknown)
		require.ErrorContains(t, err, `"old"`)

		resealed, err := during.Reseal(sealed, about)
		require.NoError(t, err)
		require.False(t, during.NeedsRotation(resealed))
		id, err := seal.KeyID(resealed)
		require.NoError(t, err)
		require.Equal(t, "new", id)
		opened, err := after.Open(resealed, about)
		require.NoError(t, err)
		require.True(t, bytes.Equal(plain, opened))
	})
}

func TestAnotherKeyOfTheSameIDDoesNotOpen(t *testing.T) {
	t.Parallel()
	sealed, err := ring(t, "k:"+secret(1)).Seal([]byte("x"), place)
	require.NoError(t, err)

	other := ring(t, "k:"+secret(2))
	_, err = other.Open(sealed, place)
	require.ErrorIs(t, err, seal.ErrBroken)
	_, err = other.Reseal(sealed, place)
	require.ErrorIs(t, err, seal.ErrBroken)
}
