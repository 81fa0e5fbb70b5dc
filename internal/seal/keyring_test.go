package seal_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/seal"
)

const passphrase = "a passphrase, of more than thirty-two characters"

func secret(b byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32))
}

func TestANewKeyIsReadBack(t *testing.T) {
	t.Parallel()
	one, two := seal.NewKey(), seal.NewKey()
	require.NotEqual(t, one, two)

	r := ring(t, one, two)
	id, _, found := strings.Cut(one, ":")
	require.True(t, found)
	require.Equal(t, id, r.KeyIDs()[0])
	require.Len(t, r.KeyIDs(), 2)
}

func TestKeysAreReadWithWhiteSpaceAndWithoutPadding(t *testing.T) {
	t.Parallel()
	unpadded := strings.TrimRight(secret(2), "=")

	r, err := seal.ParseKeyring("  new:" + secret(1) + " ,\n old:" + unpadded + "\n")

	require.NoError(t, err)
	require.Equal(t, []string{"new", "old"}, r.KeyIDs())
}

func TestAPlainTextIsAKeyWhoseIDTellsNothingOfIt(t *testing.T) {
	t.Parallel()
	r := ring(t, passphrase)
	again := ring(t, passphrase+"\n")
	other := ring(t, passphrase+"!")

	require.Equal(t, r.KeyIDs(), again.KeyIDs())
	require.NotEqual(t, r.KeyIDs(), other.KeyIDs())
	require.Regexp(t, `^text-[0-9a-f]{8}$`, r.KeyIDs()[0])

	sealed, err := r.Seal([]byte("x"), place)
	require.NoError(t, err)
	_, err = again.Open(sealed, place)
	require.NoError(t, err)
}

func TestCommonFormsOfSecretsAreTakenAsPlainTexts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		strings.Repeat("0123456789abcdef", 4), // openssl rand -hex 32
		secret(7),                             // openssl rand -base64 32
		strings.Repeat("ü", 32),
		"words: with a colon, and a comma, and many of them",
	} {
		r, err := seal.ParseKeyring(text)
		require.NoError(t, err)
		require.Len(t, r.KeyIDs(), 1)
		require.Contains(t, r.KeyIDs()[0], "text-")
	}
}

func TestAPlainTextCanBeLeftForAKey(t *testing.T) {
	t.Parallel()
	const text = "a passphrase of more than thirty-two characters"
	old := ring(t, text)
	sealed, err := old.Seal([]byte("kept"), place)
	require.NoError(t, err)

	both := ring(t, seal.NewKey(), text)

	plain, err := both.Open(sealed, place)
	require.NoError(t, err)
	require.Equal(t, "kept", string(plain))
	require.True(t, both.NeedsRotation(sealed))
}

func TestABadKeyIsRefusedByItsPlaceAndNotEchoed(t *testing.T) {
	t.Parallel()
	short := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{'S'}, 31))
	long := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{'S'}, 33))
	for name, c := range map[string]struct{ text, want string }{
		"empty":                {"", "shorter than 32"},
		"only space":           {strings.Repeat(" ", 40), "shorter than 32"},
		"short text":           {strings.Repeat("S", 31), "shorter than 32"},
		"31 bytes":             {"a:" + short, "key 1 of 1"},
		"33 bytes":             {"a:" + long, "key 1 of 1"},
		"impossible padding":   {"a:" + strings.Repeat("S", 41), "key 1 of 1"},
		"second bad":           {"a:" + secret('T') + ",b:" + short, "key 2 of 2"},
		"second not base64":    {"a:" + secret('T') + ",b:SSSSSSSS-SSSSSSSS_SSSSSSSS.SSSSSSSS.SSSSSSSS", "key 2 of 2"},
		"second empty":         {"a:" + secret('T') + ",", "key 2 of 2"},
		"second short text":    {"a:" + secret('T') + ",SSSSSSSS", "key 2 of 2"},
		"same id":              {"a:" + secret('T') + ",a:" + secret('S'), "id of an earlier key"},
		"first bad, second ok": {"a:SSS,b:" + secret('T'), "key 1 of 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := seal.ParseKeyring(c.text)
			require.Nil(t, r)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "ENCRYPTION_KEY")
			for _, leak := range []string{"SSS", short, secret('S'), secret('T')} {
				require.NotContains(t, err.Error(), leak)
			}
		})
	}
}

func TestAKeyringNeverShowsItsKeys(t *testing.T) {
	t.Parallel()
	r := ring(t, "mykey:"+secret('S'))
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("started", "keys", r)

	for _, text := range []string{
		fmt.Sprint(r), fmt.Sprintf("%v", r), fmt.Sprintf("%+v", r), fmt.Sprintf("%#v", r), log.String(),
	} {
		require.Contains(t, strings.ToLower(text), "key")
		require.NotContains(t, text, "83 83")  // bytes
		require.NotContains(t, text, "0x53")   // bytes of %#v
		require.NotContains(t, text, "SSSS")   // text
		require.NotContains(t, text, "535353") // hex
		require.NotContains(t, text, secret('S'))
	}
}

// A key that was pasted with quotation marks would be taken for a text, and be
// another key. A text may have them: it always could.
func TestAKeyInQuotationMarksIsToldAndNotTakenForAText(t *testing.T) {
	t.Parallel()
	for _, pasted := range []string{`"k1:` + secret(1) + `"`, "'k1:" + secret(1) + "'\n", `"k1:` + secret(1)} {
		_, err := seal.ParseKeyring(pasted)
		require.ErrorContains(t, err, "in quotation marks")
		require.NotContains(t, err.Error(), secret(1))
	}
	_, err := seal.ParseKeyring(`"` + passphrase + `"`)
	require.NoError(t, err)
}
