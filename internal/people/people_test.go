package people

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
)

func TestAPasswordMatchesItsHashAlone(t *testing.T) { // R43
	t.Parallel()
	const password = "correct horse battery staple"
	hash, err := HashPassword(t.Context(), password)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$"), hash)
	require.NotContains(t, hash, password)
	again, err := HashPassword(t.Context(), password)
	require.NoError(t, err)
	require.NotEqual(t, hash, again, "each has its own salt")
	for stored, typed := range map[string]string{
		hash:               "correct horse battery stapl",
		"":                 password,
		"$argon2id$":       password,
		hash[:len(hash)-1]: password,
		"x" + hash:         password,
		strings.ReplaceAll(hash, "m=19456", "m=4294967295"): password, // of a row that somebody wrote: it must not take the memory
	} {
		ok, err := matches(t.Context(), stored, typed)
		require.NoError(t, err)
		require.False(t, ok, stored)
	}
	ok, err := matches(t.Context(), hash, password)
	require.NoError(t, err)
	require.True(t, ok)
}

func TestAPasswordHasTwelveCharactersOrMore(t *testing.T) { // R43
	t.Parallel()
	require.ErrorContains(t, CheckPassword("elevenchars", ""), "11 characters and needs 12")
	require.NoError(t, CheckPassword("zwölfZeichen", ""), "12 characters in 13 bytes")
	require.NoError(t, CheckPassword(strings.Repeat("äpfelübö", MaxPassword/8), ""))
	require.ErrorContains(t, CheckPassword(strings.Repeat("äpfelübö", MaxPassword/8)+"x", ""), "257 characters")
	require.Error(t, CheckPassword("\xff\xfe\xfd\xfc\xff\xfe\xfd\xfc\xff\xfe\xfd\xfc", ""))
}

func TestAPasswordThatOthersGuessIsRefused(t *testing.T) { // R43
	t.Parallel()
	for _, password := range []string{"Password1234!", "my PIMS-Sync door", "grace.hopper's cat"} {
		err := CheckPassword(password, "Grace.Hopper@example.com")
		require.ErrorIs(t, err, ErrPassword)
		require.NotContains(t, err.Error(), password)
	}
	require.NoError(t, CheckPassword("grace.hopper's cat", "ada@example.com"))
	require.NoError(t, CheckPassword("an adapter for a lamp", "ada@example.com"), "a short name is a part of other words")
}

func TestTenTriesAreFreeAndThenTheWaitGrows(t *testing.T) { // R43
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var tries Tries
	for range 10 {
		require.Zero(t, tries.Wait(now))
		tries = tries.More(now)
	}
	for i, wait := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute} {
		require.Equal(t, wait, tries.Wait(now), "after %d failures", 10+i)
		now = now.Add(wait)
		require.Zero(t, tries.Wait(now))
		tries = tries.More(now)
	}
	worst := Tries{Failed: 1 << 30, Last: now}
	require.Equal(t, time.Hour, worst.Wait(now))
	require.Zero(t, worst.Wait(now.Add(time.Hour)))
	require.Equal(t, 1, tries.More(now.Add(24*time.Hour)).Failed, "what is long past does not count")
	require.Equal(t, 10, Tries{Failed: 10, Last: now.Add(time.Minute)}.count(now), "a clock that is behind forgets nothing")
}

func TestAnAddressCountsAsTheNetworkOfOneParty(t *testing.T) { // R43
	t.Parallel()
	keyOf := func(text string) []byte {
		_, key := tryKeys("ada@example.com", netip.MustParseAddr(text))
		return key
	}
	require.Equal(t, keyOf("2001:db8:1:2::1"), keyOf("2001:db8:1:2:ffff::9"))
	require.NotEqual(t, keyOf("2001:db8:1:2::1"), keyOf("2001:db8:1:3::1"))
	require.Equal(t, keyOf("192.0.2.7"), keyOf("::ffff:192.0.2.7"))
	require.NotEqual(t, keyOf("192.0.2.7"), keyOf("192.0.2.8"))
}

func TestAnEmailAddressHasOneForm(t *testing.T) {
	t.Parallel()
	email, err := ParseEmail(" Ada.Lovelace@Example.COM ")
	require.NoError(t, err)
	require.Equal(t, "ada.lovelace@example.com", email)
	for _, bad := range []string{"", "ada", "Ada <ada@example.com>", "ada@example.com, bob@example.com", "a\x00da@example.com", strings.Repeat("a", 250) + "@example.com"} {
		_, err := ParseEmail(bad)
		require.Error(t, err, bad)
	}
}

func TestAnUnknownRoleIsRefused(t *testing.T) { // R42
	t.Parallel()
	role, err := ParseRole("operator")
	require.NoError(t, err)
	require.Equal(t, access.RoleOperator, role)
	_, err = ParseRole("root")
	require.ErrorIs(t, err, ErrField)
	require.ErrorContains(t, err, "viewer, operator and admin")
}

func TestAPersonWithoutClinicsSeesNoneIfLimited(t *testing.T) { // R42
	t.Parallel()
	one, two := uuid.New(), uuid.New()
	limited := Person{Limited: true}
	require.False(t, sees(&limited, one))
	limited.Clinics = []uuid.UUID{one, one}
	limited.limit()
	require.Equal(t, []uuid.UUID{one}, limited.Clinics)
	require.True(t, sees(&limited, one))
	require.False(t, sees(&limited, two))
	require.True(t, sees(&Person{}, one))
}

func sees(p *Person, clinicID uuid.UUID) bool {
	caller := p.Caller()
	return caller.Sees(clinicID)
}

func TestAWaitIsRoundedUp(t *testing.T) {
	t.Parallel()
	for wait, words := range map[time.Duration]string{
		time.Nanosecond: "1 second", 30 * time.Second: "30 seconds", 90 * time.Second: "90 seconds",
		91 * time.Second: "2 minutes", time.Hour: "60 minutes",
	} {
		require.Equal(t, words, Rounded(wait))
	}
}
