package pims_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func TestADamagedTextDoesNotReplaceTheTextThatItCanBe(t *testing.T) { // R7
	t.Parallel()
	for _, c := range []struct{ text, old, want string }{
		{"Zoe", "Zoë", "Zoe"},
		{"Zo\uFFFD", "Zoë", ""},
		{"Zo\uFFFD\uFFFD", "Zoë", ""},
		{"Z\uFFFDoe", "Zoë", ""},
		{"ZO\uFFFD", "Zoë", ""},
		{"\uFFFD", "Z", ""},
		{"\uFFFDo\uFFFD", "Zoë", ""},
		{"M\uFFFDxchen", "Rex", "Mxchen"},
		{"Zo\uFFFD", "Zoë Fern", "Zo"},
		{"Zo\uFFFD", "", "Zo"},
		{"Zo\uFFFD", "Zo\uFFFD", "Zo"},
		{"\uFFFD\uFFFD", "", ""},
		{"\uFFFD\uFFFD", "Zoë", ""},
		{"a\uFFFDb\uFFFD", "axb", ""},
		{"a\uFFFDab\uFFFD", "aabx", ""},
		{strings.Repeat("\uFFFD", 70) + "a", strings.Repeat("x", 70) + "a", "a"},
	} {
		require.Equal(t, c.want, pims.Undamaged(c.text, c.old), "%q over %q", c.text, c.old)
	}
}
