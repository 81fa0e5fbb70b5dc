package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

// TestScripts runs the commands as a person or a script does. Each script has a
// migrated database of its own (DATABASE_URL) and a simulated practice ($PIMS).
// Beside testscript's, these commands are to be had:
//
//	fails CODE program [args…]  it exits with CODE, prints nothing, and says one line on stderr
//	fails-showing CODE …        … but prints what it found
//	json                        stdout is one JSON document, stderr has no log
//	json PATH == VALUE          … and has this value under a path such as items.0.id
//	json PATH > NAME            … whose value becomes a variable
//	post URL [BODY]             sends JSON; the answer is stdout
//	sql STATEMENT               is carried out in the script's database
//	database KIND               another database from here on: migrated, empty, or foreign
//	repack FILE OLD NEW         replaces text in a gzipped file, once
//
// $HOOKS/STATUS answers each request with that status.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		WorkdirRoot:         openDir(t),
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Deadline:            scriptsEnd(t),
		Setup:               setUpScript,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fails":         func(ts *testscript.TestScript, neg bool, args []string) { fails(ts, neg, args, false) },
			"fails-showing": func(ts *testscript.TestScript, neg bool, args []string) { fails(ts, neg, args, true) },
			"json":          jsonCommand,
			"post":          post,
			"database":      database,
			"sql":           sql,
			"repack":        repack,
		},
	})
}

// scriptsEnd is when a command that should have ended is stopped: shortly before go test
// would stop everything, and say nothing of the command.
func scriptsEnd(t *testing.T) time.Time {
	if end, ok := t.Deadline(); ok {
		return end.Add(-20 * time.Second)
	}
	return time.Now().Add(10 * time.Minute)
}

func setUpScript(env *testscript.Env) error {
	t, ok := env.T().(testing.TB)
	if !ok {
		return errors.New("scripts are run by go test")
	}
	env.Values[scriptTest{}] = t
	noon := timetest.ZoneAtNoon(t)
	sim := neosim.New(neosim.Options{Seed: 5, Location: noon, StandsAt: neosim.AsNow, Day: theDay, Control: true})
	practice := httptest.NewServer(sim)
	env.Defer(practice.Close)
	hooks := httptest.NewServer(http.HandlerFunc(hook))
	env.Defer(hooks.Close)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	env.Defer(func() { taken.Close() })
	_, port, err := net.SplitHostPort(taken.Addr().String())
	if err != nil {
		return err
	}
	env.Vars = append(env.Vars, passedOn()...)
	for name, value := range map[string]string{
		"DATABASE_URL":       pgtest.URL(t),
		"ENCRYPTION_KEY":     seal.NewKey(),
		"DATA_DIR":           env.WorkDir + "/data",
		"HOME":               env.WorkDir,
		"HOOKS":              hooks.URL,
		"PIMS":               practice.URL,
		"PIMS_ALLOWED_HOSTS": "127.0.0.1",
		"PIMS_RATE_LIMIT":    "0",
		"TAKEN_PORT":         port,
		"ZONE":               noon.String(),
		"TODAY":              sim.Today().Format(time.DateOnly),
		"WEEK_AGO":           sim.Today().AddDate(0, 0, -7).Format(time.DateOnly),
		"NOBODY":             "01900000-0000-7000-8000-000000000000", // the id of nothing
	} {
		env.Setenv(name, value)
	}
	// As root, the embedded PostgreSQL must be able to enter.
	return os.Chmod(env.WorkDir, 0o755)
}

// hook receives messages for a script. The path says the status that it answers with.
func hook(w http.ResponseWriter, r *http.Request) {
	status, err := strconv.Atoi(r.URL.Path[1:])
	if err != nil {
		status = http.StatusNotFound
	}
	w.WriteHeader(status)
	fmt.Fprintln(w, "heard you")
}

// fails is the contract of every failing command (docs/interface.md §Commands): its exit
// code, nothing on stdout, one line on stderr.
func fails(ts *testscript.TestScript, neg bool, args []string, showing bool) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fails CODE program [args…]")
	}
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case !errors.As(err, &exit):
		ts.Fatalf("it did not fail: %v", err)
	case strconv.Itoa(exit.ExitCode()) != args[0]:
		ts.Fatalf("exit code %d instead of %s", exit.ExitCode(), args[0])
	case (ts.ReadFile("stdout") != "") != showing:
		ts.Fatalf("it printed a result and should not, or did not and should")
	}
	said := ts.ReadFile("stderr")
	if !strings.HasPrefix(said, "pims-sync: ") || strings.Count(said, "\n") != 1 {
		ts.Fatalf("stderr is not one line that begins with pims-sync")
	}
}

func jsonCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("unsupported: ! json")
	}
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		ts.Fatalf("stdout is no JSON document: %v", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		ts.Fatalf("stdout has more than one JSON document")
	}
	if said := ts.ReadFile("stderr"); said != "" && !strings.HasPrefix(said, "pims-sync: ") {
		ts.Fatalf("stderr is neither empty nor the reason of a failure")
	}
	switch {
	case len(args) == 0:
	case len(args) == 3 && args[1] == "==":
		if value := text(at(ts, document, args[0])); value != args[2] {
			ts.Fatalf("%s is %q instead of %q", args[0], value, args[2])
		}
	case len(args) == 3 && args[1] == ">":
		ts.Setenv(args[2], text(at(ts, document, args[0])))
	default:
		ts.Fatalf("usage: json [PATH == VALUE | PATH > NAME]")
	}
}

// at is the value under a path: names of fields, indices of items, and length for
// the number of items.
func at(ts *testscript.TestScript, value any, path string) any {
	for step := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			field, ok := v[step]
			if !ok {
				ts.Fatalf("%s: there is no %s", path, step)
			}
			value = field
		case []any:
			if step == "length" {
				return len(v)
			}
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(v) {
				ts.Fatalf("%s: there is no item %s", path, step)
			}
			value = v[i]
		default:
			ts.Fatalf("%s: nothing is below a plain value", path)
		}
	}
	return value
}

func text(value any) string {
	if value == nil {
		return "null"
	}
	return fmt.Sprint(value)
}

// database gives the script another database: one of ours, one without a table, or
// one of somebody else's program.
func database(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: database migrated|empty|foreign")
	}
	t, _ := ts.Value(scriptTest{}).(testing.TB)
	url := pgtest.Empty(t)
	switch args[0] {
	case "migrated":
		url = pgtest.URL(t)
	case "foreign":
		_, err := pgtest.Open(t, url).Pool().Exec(t.Context(), `create table cases (id int)`)
		ts.Check(err)
	}
	ts.Setenv("DATABASE_URL", url)
}

// sql changes the database as somebody does who has not asked us.
func sql(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sql STATEMENT")
	}
	t, _ := ts.Value(scriptTest{}).(testing.TB)
	_, err := pgtest.Open(t, ts.Getenv("DATABASE_URL")).Pool().Exec(t.Context(), args[0])
	ts.Check(err)
}

// repack changes a text in a gzipped file.
func repack(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: repack FILE OLD NEW")
	}
	name := ts.MkAbs(args[0])
	unpacked, err := gzip.NewReader(strings.NewReader(ts.ReadFile(args[0])))
	ts.Check(err)
	content, err := io.ReadAll(unpacked)
	ts.Check(err)
	if !bytes.Contains(content, []byte(args[1])) {
		ts.Fatalf("%s has no %s", args[0], args[1])
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err = w.Write(bytes.Replace(content, []byte(args[1]), []byte(args[2]), 1))
	ts.Check(errors.Join(err, w.Close()))
	ts.Check(os.WriteFile(name, packed.Bytes(), 0o600))
}

// scriptTest is the key of a script's test among its values.
type scriptTest struct{}

func post(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: post URL [BODY]")
	}
	body := "{}"
	if len(args) == 2 {
		body = args[1]
	}
	answer, err := http.Post(args[0], "application/json", bytes.NewBufferString(body))
	ts.Check(err)
	defer answer.Body.Close()
	_, err = io.Copy(ts.Stdout(), answer.Body)
	ts.Check(err)
	if answer.StatusCode/100 != 2 {
		ts.Fatalf("status %s", answer.Status)
	}
}
