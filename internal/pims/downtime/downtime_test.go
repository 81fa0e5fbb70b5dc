package downtime

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPageThatSaysThatTheSiteIsClosed(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]bool{"testdata/closed.txt": true, "testdata/open.txt": false} {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		texts := strings.Split(strings.TrimSpace(string(content)), "\n")
		require.Greater(t, len(texts), 15)
		for _, text := range texts {
			for _, variant := range []string{text, strings.ToUpper(text), strings.ReplaceAll(text, " ", "\u00a0\t"), strings.ReplaceAll(text, " ", " "+strings.Repeat("\t", maxText)), "Oakhollow\n\n" + text + "\n\n© 2026"} {
				require.Equal(t, want, Says(variant), variant)
				require.Equal(t, want, Page([]byte("<!doctype html><title>Oakhollow</title><script>var maintenance = 'mode'</script><p class=x>"+variant+"</p>")), variant)
				require.False(t, Page([]byte("<p>"+variant+"</p><form><input type=text name=user></form>")), variant)
				require.Equal(t, want, Page([]byte("<p>"+variant+"</p><form><input type=hidden name=token></form>")), variant)
			}
			require.False(t, Says(text+strings.Repeat(" word", maxText/5)), text)
		}
	}
	require.False(t, Says(""))
	require.False(t, Page(nil))
	require.True(t, Page([]byte("<title>Maintenance</title>")))
	require.True(t, Page([]byte("<p>Derzeit leider&nbsp;nicht verf&uuml;gbar</p>")))
}
