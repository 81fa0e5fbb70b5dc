package app

import (
	"bufio"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/api"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/web"
)

// Go comes with every machine that runs the tests; node and python3 may not.
var consumers = flag.String("consumers", "go", "which consumers of docs/events.md run: go, ts, python, separated by commas")

// consumerCommands says how a consumer in a file of a folder is run.
var consumerCommands = map[string]struct {
	file  string
	build []string
	run   []string
}{
	"go":     {"main.go", []string{"go", "build", "-o", "consumer", "main.go"}, []string{"./consumer"}},
	"ts":     {"main.mjs", nil, []string{"node", "main.mjs"}},
	"python": {"main.py", nil, []string{"python3", "main.py"}},
}

func TestTheConsumersOfThePageMissNothingAlsoWhenTheyAreKilled(t *testing.T) { // R46
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "events.md"))
	require.NoError(t, err)
	for language := range strings.SplitSeq(*consumers, ",") {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			_, rest, found := strings.Cut(string(page), "```"+language+"\n")
			require.True(t, found, "the page has no consumer in %s", language)
			code, _, _ := strings.Cut(rest, "```")
			follow(t, language, code)
		})
	}
}

// follow runs a consumer while cases change, and kills it once.
func follow(t *testing.T, language, code string) {
	t.Helper()
	s := &Store{DB: pgtest.New(t)}
	server := httptest.NewServer(web.New(web.Options{Logger: slog.New(slog.DiscardHandler)}, api.New(api.Options{
		Keys: s.Keys(), Cases: s.Records(), CasesByID: s.Records(), Changes: NewFeed(s, slog.New(slog.DiscardHandler)), Clinics: s.Clinics(),
		Metrics: http.NotFoundHandler(),
	})...))
	t.Cleanup(server.Close)
	var clinicID uuid.UUID
	require.NoError(t, s.Pool().QueryRow(t.Context(), "insert into clinics (name, timezone) values ('Harbour Vets', 'America/New_York') returning id").Scan(&clinicID))
	row, key := clinic.IssueKey(clinicID, "consumer", nil, time.Time{}, time.Now())
	_, err := s.Keys().AddKey(t.Context(), row)
	require.NoError(t, err)
	insert := func(n int) (ids []string) {
		for range n {
			var id string
			require.NoError(t, s.Pool().QueryRow(t.Context(), "insert into cases (clinic_id, status) values ($1, 'draft') returning id::text", clinicID).Scan(&id))
			ids = append(ids, id)
		}
		return ids
	}

	how := consumerCommands[language]
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, how.file), []byte(code), 0o600))
	if how.build != nil {
		build := exec.CommandContext(t.Context(), how.build[0], how.build[1:]...)
		build.Dir = dir
		out, err := build.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	c := &consumer{t: t, dir: dir, run: how.run, env: append(os.Environ(), "PIMS_SYNC_URL="+server.URL, "PIMS_SYNC_KEY="+key)}

	before := insert(3)
	c.start()
	c.expect(before, "snapshot")
	c.expect(insert(5), "created")
	c.kill()
	missed := insert(7)
	c.start()
	c.expect(missed, "created", "snapshot") // killed before it kept a cursor, it takes another snapshot
	_, err = s.Pool().Exec(t.Context(), "update cases set status = 'pending' where id = any($1::uuid[])", missed)
	require.NoError(t, err)
	c.expect(missed, "changed")
	c.kill()
}

// A consumer is a running program that prints a line for each case.
type consumer struct {
	t     *testing.T
	dir   string
	run   []string
	env   []string
	cmd   *exec.Cmd
	lines chan string
}

func (c *consumer) start() {
	c.t.Helper()
	c.cmd = exec.CommandContext(c.t.Context(), c.run[0], c.run[1:]...)
	c.cmd.Dir, c.cmd.Env, c.cmd.Stderr = c.dir, c.env, os.Stderr
	out, err := c.cmd.StdoutPipe()
	require.NoError(c.t, err)
	require.NoError(c.t, c.cmd.Start())
	lines := make(chan string, 100)
	c.lines = lines
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
}

func (c *consumer) kill() {
	c.t.Helper()
	require.NoError(c.t, c.cmd.Process.Kill())
	_ = c.cmd.Wait() // it was killed
}

// expect waits until the consumer has told each of the cases with one of the actions. Others may come between: what
// a consumer did not keep before it was killed, it tells again.
func (c *consumer) expect(ids []string, actions ...string) {
	c.t.Helper()
	left := slices.Clone(ids)
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	for len(left) > 0 {
		select {
		case line, open := <-c.lines:
			require.True(c.t, open, "it has ended")
			told, action, _ := strings.Cut(line, " ")
			left = slices.DeleteFunc(left, func(id string) bool { return id == told && slices.Contains(actions, action) })
		case <-limit.C:
			require.Empty(c.t, left, "it does not tell what was %s", actions)
		}
	}
}
