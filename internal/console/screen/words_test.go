package screen

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestEveryStateAndCodeHasItsWords(t *testing.T) {
	t.Parallel()
	words, shapes := map[string]bool{}, map[string]bool{}
	for _, state := range scheduler.ClinicStates() {
		badge := StateBadges[state]
		_, err := page.Icon(badge.Icon)
		require.NoError(t, err, state)
		words[badge.Word], shapes[badge.Icon] = true, true
	}
	require.Len(t, words, len(scheduler.ClinicStates()))
	require.Len(t, shapes, len(words), "each state has a shape of its own")
	source, err := os.ReadFile("../../syncs/failure.go")
	require.NoError(t, err)
	codes := regexp.MustCompile(`Code = "([a-z_]+)"`).FindAllStringSubmatch(string(source), -1)
	require.Greater(t, len(codes), 20)
	for _, code := range codes {
		require.NotEmpty(t, codeWords[syncs.Code(code[1])], code[1])
	}
	require.Equal(t, "new_code", Explain("new_code"))
}
