package main

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

// notRun are the blocks of commands that no test runs: the page and the beginning of
// the block, and why.
var notRun = map[[2]string]string{
	{"README.md", "make demo"}:                  "these are the tests; a test of its own runs the demo",
	{"README.md", "make build"}:                 "signs in to IDEXX Neo with the reader's own account; getting-started does it with the simulator",
	{"docs/getting-started.md", "git clone"}:    "fetches the repository; a test of its own runs the demo",
	{"docs/adding-a-provider.md", "go test"}:    "runs other tests of this repository",
	{"docs/adding-a-provider.md", "pims-sync"}:  "signs in to a PIMS that does not exist",
	{"docs/benchmarks.md", "make bench"}:        "takes minutes, and measures nothing beside other tests",
	{"docs/deployment.md", "sudo apt-get"}:      "installs packages, and signs in with the reader's own account",
	{"docs/deployment.md", "DATABASE_URL=post"}: "a file, or a setting with the reader's own secret",
	{"docs/deployment.md", "DATABASE_URL='pos"}: "a setting with the reader's own secret",
	{"docs/deployment.md", "sudo systemd-run"}:  "needs systemd",
	{"docs/deployment.md", "docker build"}:      "needs docker; deploy/rehearse runs it",
	{"docs/deployment.md", "cd deploy"}:         "needs docker; deploy/rehearse runs its like",
	{"docs/deployment.md", "pg_dump"}:           "works on a production database",
	{"docs/deployment.md", "createdb"}:          "works on a production database",
	{"docs/deployment.md", "sudo systemctl"}:    "needs systemd",
	{"docs/operations.md", "pims-sync cred"}:    "signs in with the reader's own account; getting-started, section 7, does it with the simulator",
	{"docs/operations.md", "pims-sync plans"}:   "lists ways of which a reader takes one; getting-started, section 8, takes them",
	{"docs/operations.md", "pims-sync syncs"}:   "lists ways of which a reader takes one; getting-started, sections 4 and 8, take them",
	{"docs/api.md", "curl -N"}:                  "needs a sync that runs; the tests of internal/api read such streams",
}

// notCompared are the blocks whose commands are run, and whose output no test
// compares with the page's.
var notCompared = map[[2]string]string{
	{"docs/getting-started.md", "pims-sync syncs list --clinic $CLINIC --limit 3"}: "shows a tick of the schedule, for which a reader waits two minutes",
}

// inAnyOrder are the blocks whose lines come in an order that depends on the hour.
var inAnyOrder = map[[2]string]string{
	{"docs/getting-started.md", "pims-sync schedules next"}: "begins with the tick that is next now",
}

// aDayPasses are the blocks before which the practice has a day like any other.
var aDayPasses = map[[2]string]string{
	{"docs/api.md", `curl -X POST -H "X-API-Key: $KEY" --json '{"dryRun`}: "shows what a sync would change",
}

// A rule is one of the tables above; it notes which of its entries it has met.
type rule struct {
	entries map[[2]string]string
	met     map[[2]string]bool
}

func newRule(entries map[[2]string]string) *rule {
	return &rule{entries, make(map[[2]string]bool)}
}

func (r *rule) holds(b block) bool {
	for entry := range r.entries {
		if b.page == entry[0] && strings.HasPrefix(strings.TrimSpace(b.text()), entry[1]) {
			r.met[entry] = true
			return true
		}
	}
	return false
}

// requireAllMet fails for entries of a page that no block is meant by any more.
func (r *rule) requireAllMet(t *testing.T, page, name string) {
	t.Helper()
	for entry := range r.entries {
		if entry[0] == page {
			require.True(t, r.met[entry], "%s has no block of commands that begins with %q any more: take it out of %s", page, entry[1], name)
		}
	}
}

// TestTheCommandsOfThePagesDoWhatThePagesSay runs every block of commands of the README
// and of docs in order, and compares what it prints with the block of output after
// it. A block that cannot be run is in notRun with its reason.
func TestTheCommandsOfThePagesDoWhatThePagesSay(t *testing.T) {
	t.Parallel()
	for _, path := range thePages(t) {
		t.Run(strings.TrimPrefix(path, "../../"), func(t *testing.T) {
			t.Parallel()
			page := strings.TrimPrefix(path, "../../")
			skipped, apart, mixed, day := newRule(notRun), newRule(notCompared), newRule(inAnyOrder), newRule(aDayPasses)
			var r *reader
			for _, s := range steps(t, path) {
				if skipped.holds(s.commands) {
					continue
				}
				if r == nil {
					r = readerOf(t, page)
				}
				if apart.holds(s.commands) {
					s.output = nil
				}
				if day.holds(s.commands) {
					_, err := r.practice.ChangeDay()
					require.NoError(t, err)
				}
				r.follow(s, mixed.holds(s.commands))
			}
			skipped.requireAllMet(t, page, "notRun")
			apart.requireAllMet(t, page, "notCompared")
			mixed.requireAllMet(t, page, "inAnyOrder")
			day.requireAllMet(t, page, "aDayPasses")
		})
	}
}

// readerOf makes the reader of a page: for getting-started one who has nothing but the
// program, for another page one who has a server, and a clinic whose past week is
// synced, and who writes its ids where the page has a word in capitals.
func readerOf(t *testing.T, page string) *reader {
	t.Helper()
	if page == "docs/getting-started.md" {
		zone := timetest.ZoneAtNoon(t).String() // of the practice and of the reader's machine, whose date the page computes with
		r := newReader(t, "DATABASE_URL="+pgtest.URL(t), "ENCRYPTION_KEY="+seal.NewKey(), "TZ="+zone)
		r.known["America/New_York"] = zone
		return r
	}
	w := newWorld(t)
	p := w.practice(t, neosim.Options{Seed: 11, Control: true})
	week := `{"startDate": "` + p.Today().AddDate(0, 0, -7).Format("2006-01-02") + `", "daysAhead": 14}`
	require.Equal(t, http.StatusOK, p.sync(t, "full", week).status)
	r := newReader(t, "DATABASE_URL="+w.config.DatabaseURL.Reveal(), "ENCRYPTION_KEY="+w.config.EncryptionKey.Reveal(), "KEY="+p.key)
	r.practice = p
	require.NoError(t, os.WriteFile(filepath.Join(r.home, "pims-sync", "schedules.json"), []byte(`[{"type": "inbound", "cron": "0 6 * * *", "enabled": true}]`), 0o644))
	maps.Copy(r.known, bindings{"--clinic ID": "--clinic " + p.id.String(), "https://HOST": p.via.URL()})
	return r
}

func TestABlockThatNobodyExpectsIsRun(t *testing.T) {
	t.Parallel()
	blocks := parseBlocks("x.md", "text\n```sh\nexit 3\n```\n\n```\nout\n```\ntext\n```sql\nselect\n```\n")
	require.Len(t, blocks, 3)
	require.Equal(t, block{page: "x.md", line: 3, language: "sh", lines: []string{"exit 3"}}, blocks[0])
	require.True(t, blocks[1].follows)
	require.False(t, blocks[2].follows)
	require.Equal(t, []bool{true, false, false}, []bool{blocks[0].runs(), blocks[1].runs(), blocks[2].runs()})
	require.False(t, newRule(notRun).holds(blocks[0]))
	for _, reason := range slices.Concat(slices.Collect(maps.Values(notRun)), slices.Collect(maps.Values(notCompared)), slices.Collect(maps.Values(inAnyOrder))) {
		require.NotEmpty(t, reason)
	}
}

func TestWhatAPageShowsIsComparedWithWhatARunPrints(t *testing.T) {
	t.Parallel()
	const one, other, third = "01a20d0b-8af9-763e-800a-21966f22ec4a", "01a20d0b-8af9-7650-85a6-297858bd335a", "01a20d0b-8af9-7664-ba3d-855749ce7ee3"
	known := bindings{one: other}
	for name, tc := range map[string]struct {
		shown, printed string
		line           int // -1: it holds
	}{
		"the same":                  {"a\nb", "a\n\nb\n", -1},
		"other widths":              {"ID   TYPE", "ID        TYPE\n", -1},
		"another word":              {"a\nb", "a\nc\n", 1},
		"less":                      {"a\nb", "a\n", 1},
		"more":                      {"a", "a\nb\n", 1},
		"more, and it is said":      {"a\n…", "a\nb\nc\n", -1},
		"left out between":          {"a\n…\nd", "a\nb\nc\nd\n", -1},
		"left out in a line":        {"key x…", "key xyz\n", -1},
		"what follows is missing":   {"a\n…\nd", "a\nb\nc\n", 2},
		"times and dates":           {"2026-11-24 05:13 EST took 18.598s", "2027-01-02 12:01 +02 took 2s\n", -1},
		"a number that is promised": {"casesCreated 0, casesUpdated 2", "casesCreated 1, casesUpdated 2\n", 0},
		"a known id":                {"sync " + one, "sync " + other + "\n", -1},
		"not the known id":          {"sync " + one, "sync " + one + "\n", 0},
		"one id, twice":             {third + "\n" + third, one + "\n" + one + "\n", -1},
		"one id, two of them":       {third + "\n" + third, one + "\n" + third + "\n", 1},
	} {
		_, err := comparePage(strings.Split(tc.shown, "\n"), tc.printed, known)
		if tc.line < 0 {
			require.NoError(t, err, name)
			continue
		}
		var m *mismatch
		require.ErrorAs(t, err, &m, name)
		require.Equal(t, tc.line, m.line, name)
	}
	found, err := comparePage([]string{"added " + third}, "added "+one+"\n", known)
	require.NoError(t, err)
	require.Equal(t, "show "+one, found.in("show "+third), "later commands name what this run has")
	require.NoError(t, compareJSON([]string{`{"a": 1, "b": …`}, `{"a":2,"b":3,"c":4}`))
	require.Error(t, compareJSON([]string{`{"a": 1, "z": 2}`}, `{"a":2,"b":3}`))
}
