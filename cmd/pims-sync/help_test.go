package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/clinic"
)

// inProcess runs a command within the test, for what needs no database.
func inProcess(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &err})
	return code, out.String(), err.String()
}

func TestEveryCommandAndFlagIsExplained(t *testing.T) { // docs/interface.md §Commands
	t.Parallel()
	model, err := kong.New(&CLI{}, kong.Vars{"provider": "x", "sim_username": "x", "sim_password": "x"})
	require.NoError(t, err)
	code, overview, said := inProcess(t, "--help")
	require.Equal(t, exitDone, code)
	require.Empty(t, said)
	for _, leaf := range model.Model.Leaves(true) {
		path := strings.Fields(leaf.FullPath())[1:]
		name := strings.Join(path, " ")
		require.NotEmpty(t, leaf.Help, name)
		require.Contains(t, overview, name)

		code, help, said := inProcess(t, append(path, "--help")...)
		require.Equal(t, exitDone, code, name)
		require.Empty(t, said, name)
		require.Contains(t, help, "Usage: pims-sync "+name)
		require.Contains(t, help, "--json", name)
		for _, flag := range leaf.Flags {
			require.NotEmpty(t, flag.Help, "%s --%s", name, flag.Name)
			require.Contains(t, help, flag.Name, name)
		}
		for _, argument := range leaf.Positional {
			require.NotEmpty(t, argument.Help, "%s %s", name, argument.Name)
		}
	}
}

func TestTheHelpOfAGroupNamesItsCommands(t *testing.T) {
	t.Parallel()
	model, err := kong.New(&CLI{}, kong.Vars{"provider": "x", "sim_username": "x", "sim_password": "x"})
	require.NoError(t, err)
	for _, group := range model.Model.Children {
		for _, command := range group.Children {
			require.Regexp(t, `[ ,]`+command.Name+`\b`, group.Help, group.Name)
		}
	}
}

func TestHelpShowsDefaultsAndWhatIsAllowed(t *testing.T) {
	t.Parallel()
	for command, wants := range map[string][]string{
		"serve":  {"--sync-lease=15s", "--schedule-jitter=0s", "--event-retention=0s", "schedules. Default: true"},
		"neosim": {`--listen="127.0.0.1:8090"`, "fields: snake,camel.", "rows: array,appointments,data,events."},
	} {
		_, help, _ := inProcess(t, command, "--help")
		for _, want := range wants {
			require.Contains(t, strings.Join(strings.Fields(help), " "), want)
		}
	}
}

func TestThePageOfTheAPINamesEveryScope(t *testing.T) { // R39
	t.Parallel()
	page, err := os.ReadFile("../../docs/api.md")
	require.NoError(t, err)
	_, table, _ := strings.Cut(string(page), "\n| scope | allows |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	for _, scope := range clinic.Scopes() {
		require.Contains(t, table, "`"+string(scope)+"`")
	}
}

func TestHelpShowsEverySettingOfTheEnvironment(t *testing.T) { // docs/interface.md §Environment
	t.Parallel()
	_, help, _ := inProcess(t, "serve", "--help")
	for _, variable := range []string{
		"HOST", "PORT", "DATABASE_URL", "DATA_DIR", "ENCRYPTION_KEY", "SYNC_TIMEOUT_MS", "SYNC_WAIT_MS", "PIMS_ALLOWED_HOSTS",
		"PIMS_RATE_LIMIT", "CHROMIUM_PATH", "HEADLESS", "METRICS_ADDR", "TRUSTED_PROXIES", "OTEL_EXPORTER_OTLP_ENDPOINT", "LOG_LEVEL", "LOG_FORMAT",
	} {
		require.Contains(t, strings.Join(strings.Fields(help), " "), "$"+variable, "the help of serve")
	}
}

// What the pages say about commands must be there: a renamed command or flag
// fails here until they are changed, too.
func TestTheCommandsOfThePagesExist(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	checked := 0
	for _, page := range append(pages, "../../README.md") {
		content, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, line := range commandLines(string(content)) {
			checked++
			var words []string
			for _, word := range strings.Fields(line)[1:] {
				if !commandWord.MatchString(word) {
					break
				}
				words = append(words, word)
			}
			code, help, said := inProcess(t, append(words, "--help")...)
			require.Equal(t, exitDone, code, "%s: %s: %s", page, line, said)
			for _, flag := range flagWord.FindAllString(line, -1) {
				require.Contains(t, help, flag, "%s: %s", page, line)
			}
		}
	}
	require.Positive(t, checked)
}

var (
	commandWord = regexp.MustCompile(`^[a-z][a-z-]*$`)
	flagWord    = regexp.MustCompile(`--[a-z][a-z-]+`)
	inProse     = regexp.MustCompile("`(pims-sync [^`]+)`")
	inBlock     = regexp.MustCompile(`(?:^|[$|] +)(?:bin/)?(pims-sync [^|#<>]+)`)
)

// commandLines are the calls of pims-sync in a page: in blocks of code, and in
// code within a sentence.
func commandLines(page string) []string {
	var calls []string
	block := false
	for line := range strings.Lines(page) {
		where := inProse
		if strings.HasPrefix(line, "```") {
			block = !block
			continue
		}
		if block {
			where = inBlock
		}
		for _, call := range where.FindAllStringSubmatch(line, -1) {
			calls = append(calls, strings.TrimSpace(call[1]))
		}
	}
	return calls
}

// A flag shows what it wants, never the name of a Go type.
func TestTheHelpSaysWhatEachFlagWants(t *testing.T) {
	t.Parallel()
	for command, wants := range map[string][]string{
		"operator-log":      {"--clinic=CLINIC", "--since=WHEN", "--cursor=CURSOR"},
		"people add":        {"--email=EMAIL", "--name=NAME", "--clinic=CLINIC"},
		"people set":        {"--name=NAME", "--role=ROLE"},
		"clinic add":        {"--timezone=TIMEZONE", "--id=ID"},
		"clinic set":        {"--timezone=TIMEZONE"},
		"credentials set":   {"--username=USERNAME", "--company-id=COMPANY-ID"},
		"keys create":       {"--scope=SCOPE", "--expires=WHEN"},
		"fleet-keys create": {"--scope=SCOPE", "--clinic=CLINIC", "--expires=WHEN"},
		"webhooks add":      {"--description=DESCRIPTION"},
		"recordings show":   {"--answer=N"},
		"sync full":         {"--start-date=DATE", "--end-date=DATE", "--days-ahead=N", "--parallel-batch-size=N", "--lookback-days=N"},
		"cases list":        {"--from=DATE", "--status=STATUS", "--pims-id=PIMS-ID"},
	} {
		_, help, _ := inProcess(t, append(strings.Fields(command), "--help")...)
		for _, want := range wants {
			require.Regexp(t, want+`\b`, help, command)
		}
	}
	var grammar CLI
	parser, err := kong.New(&grammar, kong.Vars{"provider": "x", "sim_username": "x", "sim_password": "x"}, cli.PlaceHolders())
	require.NoError(t, err)
	for _, leaf := range parser.Model.Leaves(true) {
		for _, group := range leaf.AllFlags(true) {
			for _, flag := range group {
				for _, word := range flag.EnumSlice() {
					require.Regexp(t, `\b`+word+`\b`, flag.Help, "%s --%s", leaf.FullPath(), flag.Name)
				}
				require.NotRegexp(t, `^(STRING|INT|OF-|LABEL|ZONE|PROVIDER-NAME)`, flag.FormatPlaceHolder(), "%s --%s", leaf.FullPath(), flag.Name)
			}
		}
	}
}

// docs/interface.md lists every command, and no other: "`group one|two` · `three`".
func TestThePageOfNamesListsEveryCommand(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/interface.md")
	require.NoError(t, err)
	_, list, found := strings.Cut(string(page), "\n`pims-sync` + ")
	require.True(t, found)
	list, _, _ = strings.Cut(list, ".\n")
	listed := make(map[string]bool)
	for names := range strings.SplitSeq(list, " · ") {
		words := strings.Fields(strings.Trim(names, "`"))
		group := strings.Join(words[:len(words)-1], " ")
		for name := range strings.SplitSeq(words[len(words)-1], "|") {
			listed[strings.TrimSpace(group+" "+name)] = true
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} { // an argument
		require.True(t, listed["completion "+shell])
		delete(listed, "completion "+shell)
	}
	listed["completion"] = true
	model, err := kong.New(&CLI{}, kong.Vars{"provider": "x", "sim_username": "x", "sim_password": "x"})
	require.NoError(t, err)
	commands := make(map[string]bool)
	for _, leaf := range model.Model.Leaves(true) {
		commands[strings.Join(commandsOf(leaf), " ")] = true
	}
	require.Equal(t, commands, listed)
}

// commandsOf returns the words of a command, without its arguments.
func commandsOf(leaf *kong.Node) (words []string) {
	for node := leaf; node != nil && node.Type == kong.CommandNode; node = node.Parent {
		words = append([]string{node.Name}, words...)
	}
	return words
}

// docs/interface.md has every setting of the environment, so that a reader finds it in one place.
func TestThePageOfNamesListsEverySettingOfTheEnvironment(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/interface.md")
	require.NoError(t, err)
	_, section, _ := strings.Cut(string(page), "\n## Environment\n")
	section, _, _ = strings.Cut(section, "\n## ")
	model, err := kong.New(&CLI{}, kong.Vars{"provider": "x", "sim_username": "x", "sim_password": "x"})
	require.NoError(t, err)
	settings, missing := 0, make(map[string]bool)
	for _, leaf := range model.Model.Leaves(true) {
		for _, group := range leaf.AllFlags(true) {
			for _, flag := range group {
				for _, name := range flag.Envs {
					settings++
					if !strings.Contains(section, "`"+name+"`") {
						missing[name] = true
					}
				}
			}
		}
	}
	require.Greater(t, settings, 100)
	require.Empty(t, missing)
}
