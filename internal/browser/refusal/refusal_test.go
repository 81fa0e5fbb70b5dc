package refusal

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

var meanings = map[string]error{
	"rejected": pims.ErrAuthRejected, "challenge": pims.ErrAuthChallenge, "rate_limited": pims.ErrRateLimited, "neither": nil,
}

// refusals are the texts of testdata/refusals, in each language, with their meanings.
func refusals(t *testing.T) map[string]map[string]error {
	t.Helper()
	files, err := filepath.Glob("testdata/refusals/*.txt")
	require.NoError(t, err)
	texts := make(map[string]map[string]error)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		language := strings.TrimSuffix(filepath.Base(file), ".txt")
		texts[language] = make(map[string]error)
		var meaning error
		for line := range strings.Lines(string(content)) {
			line = strings.TrimSuffix(line, "\n")
			if section, ok := strings.CutPrefix(line, "== "); ok {
				require.Contains(t, meanings, section)
				meaning = meanings[section]
			} else if !strings.HasPrefix(line, "#") {
				text, err := strconv.Unquote(`"` + strings.ReplaceAll(line, `"`, `\"`) + `"`)
				require.NoError(t, err, line)
				texts[language][text] = meaning
			}
		}
	}
	return texts
}

func TestARefusalIsUnderstoodInEachLanguage(t *testing.T) { // R32
	t.Parallel()
	texts := refusals(t)
	require.Len(t, texts, 5)
	for language, meaningOf := range texts {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			require.Greater(t, len(meaningOf), 60)
			for text, want := range meaningOf {
				for _, variant := range []string{text, strings.ToUpper(text), strings.ReplaceAll(text, " ", "\u00a0"), strings.ReplaceAll(text, " ", "\n")} {
					if got := Meaning(variant, nil); got != want { //nolint:errorlint // Meaning returns no other error
						t.Errorf("%q: %s, want %s", variant, pims.Kind(got), pims.Kind(want))
					}
				}
			}
		})
	}
}

// Words that name the credentials as wrong decide, whatever else the text adds.
func TestWhatARefusalAddsChangesNothing(t *testing.T) { // R32
	t.Parallel()
	for _, meaningOf := range refusals(t) {
		for text, want := range meaningOf {
			if want != pims.ErrAuthRejected { //nolint:errorlint // the table holds no other
				continue
			}
			for _, more := range []string{"Your account is locked.", "The system will be under maintenance on Sunday.", "Try again in 5 minutes.", "Enter the code."} {
				require.Equal(t, want, Meaning(text+". "+more, nil), text)
				require.Equal(t, want, Meaning(more+" "+text, nil), text)
			}
		}
	}
}
