package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// completed returns the words that __complete offers.
func completed(t *testing.T, words ...string) []string {
	t.Helper()
	code, out, said := inProcess(t, append([]string{"__complete"}, words...)...)
	require.Equal(t, exitDone, code)
	require.Empty(t, said)
	var offered []string
	for line := range strings.Lines(out) {
		word, help, found := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		require.True(t, found, line)
		require.NotEmpty(t, help, line)
		offered = append(offered, word)
	}
	return offered
}

func TestACommandLineIsCompleted(t *testing.T) { // docs/interface.md §Commands
	t.Parallel()
	for line, want := range map[string][]string{
		"sy":                           {"sync", "syncs"},
		"plans ":                       {"list", "show", "approve", "reject"},
		"--json plans a":               {"approve"},
		"--log-format text plans a":    {"approve"},
		"completion ":                  {"bash", "zsh", "fish"},
		"completion z":                 {"zsh"},
		"plans list --st":              {"--status"},
		"plans list --status ":         {"open", "approved", "rejected", "expired", "superseded"},
		"plans list --status re":       {"rejected"},
		"plans list --status=re":       {"--status=rejected"},
		"plans list --status = re":     {"rejected"},
		"plans list --status =":        {"open", "approved", "rejected", "expired", "superseded"},
		"plans list --status open --j": {"--json"},
		"sync full --dry-run --fo":     {"--force"},
		"sync full --cl":               {"--clinic"},
		"serve --no-enable":            {"--no-enable-scheduler"},
		"sync full --clinic ":          nil,
		"sync full --nonsense=x":       nil,
		"clinic show 0190":             nil,
		"__":                           nil, // hidden
	} {
		require.Equal(t, want, completed(t, strings.Split(line, " ")...), line)
	}
	require.Contains(t, completed(t), "serve")
	require.Contains(t, completed(t, ""), "clinic")
	require.Subset(t, completed(t, "sync", "full", "-"), []string{"--help", "--json", "--database-url", "--clinic", "--dry-run"})
}

func TestBashCompletesByTheScript(t *testing.T) { // docs/interface.md §Commands
	t.Parallel()
	code, script, _ := inProcess(t, "completion", "bash")
	require.Equal(t, exitDone, code)
	play := exec.Command("bash", "--norc", "-c", script+`
pims-sync() { printf '%s\t-\n' "$@"; } # in the binary's place: shows what it is asked
COMP_WORDS=(pims-sync plans list --status = "o p" later) COMP_CWORD=5
_pims_sync pims-sync
printf '<%s>' "${COMPREPLY[@]}"
complete -p pims-sync`)
	out, err := play.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "<__complete><plans><list><--status><=><o p>complete -o default -F _pims_sync pims-sync\n", string(out))
}

func TestEachShellHasAScriptThatNamesItself(t *testing.T) {
	t.Parallel()
	for shell, registers := range map[string]string{
		"bash": "complete -o default -F _pims_sync pims-sync",
		"zsh":  "compdef _pims_sync pims-sync",
		"fish": "complete -c pims-sync",
	} {
		code, script, said := inProcess(t, "completion", shell)
		require.Equal(t, exitDone, code)
		require.Empty(t, said)
		require.Contains(t, script, registers)
		require.Contains(t, script, "pims-sync completion "+shell)
		require.Contains(t, script, "__complete")
	}
	code, _, said := inProcess(t, "completion", "powershell")
	require.Equal(t, exitUsage, code)
	require.Contains(t, said, "bash")
}
