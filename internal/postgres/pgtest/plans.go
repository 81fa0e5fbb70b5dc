package pgtest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Plans are the plans of the statements that ran on a database.
type Plans struct {
	mu     sync.Mutex
	taken  []Plan
	failed error
}

// A Plan is what PostgreSQL did for one statement, also for one that a trigger or a
// function ran.
type Plan struct {
	Query string
	Read  int    // rows that its scans read, with those that their filters dropped
	Pages int    // pages of 8 KiB that it touched
	JSON  string // the whole plan
}

// Explain makes the connections that Open opens from now on report the plans of all their
// statements, by auto_explain, which every installation of PostgreSQL has. It shows what a
// statement read, and so does not depend on the machine's load.
func Explain(t testing.TB, databaseURL string) *Plans {
	t.Helper()
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		t.Fatalf("read the test database's address: %v", err)
	}
	for _, setting := range []string{
		"session_preload_libraries = 'auto_explain'",
		"auto_explain.log_min_duration = 0",
		"auto_explain.log_analyze = on",
		"auto_explain.log_timing = off",
		"auto_explain.log_buffers = on",
		"auto_explain.log_nested_statements = on",
		"auto_explain.log_format = json",
		"auto_explain.log_level = notice",
	} {
		if err := testServer.exec(fmt.Sprintf("alter database %s set %s", config.Database, setting)); err != nil {
			t.Fatalf("have plans reported: %v", err)
		}
	}
	p := &Plans{}
	explained.Store(databaseURL, p)
	t.Cleanup(func() { explained.Delete(databaseURL) })
	return p
}

// explained has the Plans of each database.
var explained sync.Map

// noticed returns what receives the notices of a database; nil: nothing does.
func noticed(databaseURL string) func(string) {
	found, _ := explained.Load(databaseURL)
	if p, ok := found.(*Plans); ok {
		return p.add
	}
	return nil
}

// Take returns the plans since the last call.
func (p *Plans) Take(t testing.TB) []Plan {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		t.Fatalf("read a plan: %v", p.failed)
	}
	taken := p.taken
	p.taken = nil
	return taken
}

// add reads a notice of auto_explain: "duration: 0.1 ms  plan:\n{…}".
func (p *Plans) add(notice string) {
	_, text, ok := strings.Cut(notice, "plan:\n")
	if !ok {
		return
	}
	var told struct {
		Query string `json:"Query Text"`
		Plan  node
	}
	err := json.Unmarshal([]byte(text), &told)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.failed = err
		return
	}
	p.taken = append(p.taken, Plan{
		Query: told.Query, Read: told.Plan.read(), Pages: told.Plan.Hit + told.Plan.FromDisk, JSON: text,
	})
}

// A node is one of a plan's.
type node struct {
	Type     string  `json:"Node Type"`
	Rows     float64 `json:"Actual Rows"`
	Loops    float64 `json:"Actual Loops"`
	Filtered float64 `json:"Rows Removed by Filter"`
	Joined   float64 `json:"Rows Removed by Join Filter"`
	Checked  float64 `json:"Rows Removed by Index Recheck"`
	Hit      int     `json:"Shared Hit Blocks"`
	FromDisk int     `json:"Shared Read Blocks"`
	Plans    []node
}

// read counts the rows that the scans below a node read, and those that its joins compared
// in vain.
func (n *node) read() int {
	rows := n.Joined
	if strings.Contains(n.Type, "Scan") {
		rows += n.Rows + n.Filtered + n.Checked
	}
	total := int(rows * max(n.Loops, 1))
	for i := range n.Plans {
		total += n.Plans[i].read()
	}
	return total
}

// Exec runs statements as the owner of the test's server, who may do anything.
func Exec(t testing.TB, databaseURL string, statements ...string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		t.Fatalf("connect to the test database: %v", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // the test is over with it
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}
