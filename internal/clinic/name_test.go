package clinic_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
)

func TestANameFitsOnALine(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"  Harbor Lights ":        "Harbor Lights",
		"Tierpraxis Süd\n":        "Tierpraxis Süd",
		strings.Repeat("ü", 200):  strings.Repeat("ü", 200),
		"":                        "",
		strings.Repeat("x", 201):  "",
		strings.Repeat("x", 5000): "",
		"Harbor\nLights":          "",
		"Harbor\x1b[31m":          "",
		"Harbor\u0085Lights":      "",
		"Harbor\u2028Lights":      "",
		"Harbor\tLights":          "",
		"Harbor \xff":             "",
		"\u200b":                  "",
		" \u200d\ufeff\u200b ":    "",
		"\u2060\u00ad":            "",
		"\u3164\u115f":            "", // Hangul fillers
		"\u2800":                  "", // Braille without dots
		"\ufe0f\u0301":            "",
		"\u202e\u2066":            "",
		"\U000e0041":              "", // a tag
		"\u200bHarbor":            "\u200bHarbor",
		"7":                       "7",
		"🐾":                       "🐾",
	} {
		checked, err := clinic.CheckName(name)
		require.Equal(t, want == "", err != nil, "%q: %v", name, err)
		require.Equal(t, want, checked, "%q", name)
	}
}
