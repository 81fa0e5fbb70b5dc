package clinic_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pims-sync/pims-sync/internal/clinic"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func row(key string) clinic.APIKey {
	return clinic.APIKey{
		ID:       uuid.New(),
		ClinicID: uuid.New(),
		Prefix:   clinic.Prefix(key),
		Hash:     clinic.Hash(key),
		Active:   true,
	}
}

func TestAGeneratedKeyHasTheFormOfR39(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		key := clinic.GenerateKey()
		require.Regexp(t, `^[a-z2-7]{8}_pims_live_[a-z2-7]{32,}$`, key)
		require.Equal(t, key[:8], clinic.Prefix(key))
		require.False(t, clinic.Mistyped(key))
		seen[clinic.Prefix(key)] = true
	}
	require.Len(t, seen, 100, "prefixes tell keys apart")
}

func TestATypingMistakeInAKeyIsSeenWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	db := &memory{err: errors.New("must not be asked")}
	rapid.Check(t, func(t *rapid.T) {
		key := []byte(clinic.GenerateKey())
		at := rapid.IntRange(0, len(key)-1).Filter(func(i int) bool { return i < 8 || i >= 19 }).Draw(t, "at")
		letter := rapid.SampledFrom([]byte("abcdefghijklmnopqrstuvwxyz234567")).Draw(t, "letter")
		if key[at] == letter {
			return
		}
		key[at] = letter

		require.True(t, clinic.Mistyped(string(key)))
		_, err := clinic.Authenticate(t.Context(), string(key), db, noon)
		require.ErrorIs(t, err, clinic.ErrUnauthorized)
	})
}

func TestThePrefixIsTheFirstEightCharacters(t *testing.T) {
	t.Parallel()
	require.Equal(t, "abcdefgh", clinic.Prefix("abcdefghij"))
	require.Equal(t, "abcdefgh", clinic.Prefix("abcdefgh"))
	require.Equal(t, "abc", clinic.Prefix("abc"))
	require.Empty(t, clinic.Prefix(""))
	require.Equal(t, "äöüäöüäö", clinic.Prefix("äöüäöüäöü"))
}

func TestTheHashIsSHA256InHex(t *testing.T) {
	t.Parallel()
	require.Equal(t, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", clinic.Hash("abc"))
}

func TestAnIssuedKeyAuthenticates(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	stored, key := clinic.IssueKey(id, "front desk", []clinic.Scope{clinic.ScopeCases}, noon.Add(time.Hour), noon)
	db := &memory{keys: []clinic.APIKey{stored}}

	got, err := clinic.Authenticate(t.Context(), key, db, noon)

	require.NoError(t, err)
	require.Equal(t, id, got.ClinicID)
	require.Equal(t, "front desk", got.Name)
	require.NotContains(t, stored.Hash+stored.Prefix, key)
	require.Equal(t, noon, db.keys[0].LastUsedAt)
}

func TestKeysOfAnyOtherFormAreValidIfPrefixAndHashMatch(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"pk_live_made-by-another-program",
		"short",
		"with spaces and ünïcode 🐕",
		"abcdefgh_pims_live_tooshort",
		strings.Repeat("x", 512),
	} {
		stored := row(key)
		got, err := clinic.Authenticate(t.Context(), key, &memory{keys: []clinic.APIKey{stored}}, noon)
		require.NoError(t, err, key)
		require.Equal(t, stored.ID, got.ID)
	}
}

func TestEveryBadKeyIsOneAnswer(t *testing.T) {
	t.Parallel()
	const key = "abcdefgh-by-hand"
	usable := row(key)
	changed := func(how func(*clinic.APIKey)) []clinic.APIKey {
		k := usable
		how(&k)
		return []clinic.APIKey{k}
	}
	for name, c := range map[string]struct {
		presented string
		rows      []clinic.APIKey
	}{
		"none":                    {"", []clinic.APIKey{row("")}},
		"unknown":                 {key, nil},
		"right prefix, else not":  {"abcdefgh-by-hanD", []clinic.APIKey{usable}},
		"only the prefix":         {"abcdefgh", []clinic.APIKey{usable}},
		"the hash itself":         {usable.Hash, []clinic.APIKey{usable}},
		"revoked":                 {key, changed(func(k *clinic.APIKey) { k.Active = false })},
		"expired":                 {key, changed(func(k *clinic.APIKey) { k.ExpiresAt = noon.Add(-time.Second) })},
		"expires now":             {key, changed(func(k *clinic.APIKey) { k.ExpiresAt = noon })},
		"row without a hash":      {key, changed(func(k *clinic.APIKey) { k.Hash = "" })},
		"row with half a hash":    {key, changed(func(k *clinic.APIKey) { k.Hash = k.Hash[:32] })},
		"row with a hash no hex":  {key, changed(func(k *clinic.APIKey) { k.Hash = "zz" + k.Hash[2:] })},
		"too long":                {strings.Repeat("x", 513), []clinic.APIKey{row(strings.Repeat("x", 513))}},
		"not UTF-8":               {"abcdefgh\xff", []clinic.APIKey{row("abcdefgh\xff")}},
		"with NUL":                {"abcdefgh\x00", []clinic.APIKey{row("abcdefgh\x00")}},
		"the same for two owners": {key, []clinic.APIKey{usable, row(key)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := clinic.Authenticate(t.Context(), c.presented, &memory{keys: c.rows}, noon)
			require.Equal(t, clinic.ErrUnauthorized, err)
			require.Empty(t, got)
		})
	}
}

func TestAllRowsOfAPrefixAreCompared(t *testing.T) {
	t.Parallel()
	const key = "abcdefgh-the-right-one"
	revoked, right := row(key), row(key)
	revoked.Active, revoked.ClinicID = false, right.ClinicID
	right.Hash = strings.ToUpper(right.Hash) // written by hand
	db := &memory{keys: []clinic.APIKey{row("abcdefgh-other"), revoked, right, row("abcdefgh-another")}}

	got, err := clinic.Authenticate(t.Context(), key, db, noon)

	require.NoError(t, err)
	require.Equal(t, right.ID, got.ID)
}

func TestTheUseOfAKeyIsNotedAtMostOnceAMinute(t *testing.T) {
	t.Parallel()
	const key = "abcdefgh-by-hand"
	db := &memory{keys: []clinic.APIKey{row(key)}}
	for _, step := range []struct{ at, noted time.Duration }{
		{0, 0}, {59 * time.Second, 0}, {time.Minute, time.Minute}, {61 * time.Second, time.Minute},
	} {
		_, err := clinic.Authenticate(t.Context(), key, db, noon.Add(step.at))
		require.NoError(t, err)
		require.Equal(t, noon.Add(step.noted), db.keys[0].LastUsedAt)
	}
}

func TestAStoreThatFailsIsNoBadKey(t *testing.T) {
	t.Parallel()
	down := errors.New("the database is down")
	_, err := clinic.Authenticate(t.Context(), "abcdefgh-by-hand", &memory{err: down}, noon)
	require.ErrorIs(t, err, down)
	require.NotErrorIs(t, err, clinic.ErrUnauthorized)
}
