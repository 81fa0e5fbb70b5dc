//go:build !race

package archtest

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// The module's folder, and the page that shows the rule.
const (
	root             = "../.."
	architecturePage = root + "/docs/architecture.md"
)

var update = flag.Bool("update", false, "write the import rule's table into docs/architecture.md")

func TestOurPackagesObeyTheImportRule(t *testing.T) {
	t.Parallel()
	g, err := load(t.Context(), root)
	require.NoError(t, err)
	require.Contains(t, g.packages, "github.com/pims-sync/pims-sync/internal/pims", "the graph is not ours")
	for _, violation := range importRule.violations(g) {
		t.Error(violation)
	}
}

func TestExportedDomainTypesCarryNoTags(t *testing.T) {
	t.Parallel()
	g, err := load(t.Context(), root)
	require.NoError(t, err)
	tagged, err := importRule.tagged(g)
	require.NoError(t, err)
	for _, tag := range tagged {
		t.Error(tag)
	}
}

func TestTheArchitecturePageShowsTheRule(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(architecturePage)
	require.NoError(t, err)
	packages, err := importRule.packages(root)
	require.NoError(t, err)
	want, err := between(packagesBegin, packagesEnd, string(page), packages)
	require.NoError(t, err, architecturePage)
	want, err = between(tableBegin, tableEnd, want, importRule.table())
	require.NoError(t, err, architecturePage)
	if *update {
		require.NoError(t, os.WriteFile(architecturePage, []byte(want), 0o644))
		return
	}
	require.Empty(t, cmp.Diff(strings.Split(want, "\n"), strings.Split(string(page), "\n")), "run make generate")
}

// example is a small rule; exampleGraph obeys it.
var example = rule{
	{pkg: "internal/core", domain: true},
	{pkg: "internal/store", ours: []string{"internal/core"}, libraries: []string{"example.org/db"}},
	{pkg: "internal/migrate", libraries: []string{"example.org/db/migrate"}},
	{pkg: "internal/storetest", ours: []string{"internal/store"}, testsOnly: true},
	{pkg: program, joinsAll: true},
}

func exampleGraph() graph {
	return graph{module: "example.org/app", packages: map[string]pkg{
		"context":                          {Standard: true},
		"testing":                          {Standard: true},
		"example.org/db":                   {Imports: []string{"context"}},
		"example.org/db/migrate":           {},
		"example.org/app/internal/core":    {Imports: []string{"context"}},
		"example.org/app/internal/store":   {Imports: []string{"example.org/app/internal/core", "example.org/db"}},
		"example.org/app/internal/migrate": {Imports: []string{"example.org/db/migrate"}},
		"example.org/app/internal/storetest": {
			Imports: []string{"example.org/app/internal/store", "testing"},
		},
		"example.org/app/cmd/pims-sync": {
			Imports: []string{"example.org/app/internal/store", "example.org/app/internal/core", "example.org/app/internal/migrate"},
		},
	}}
}

func TestAGraphThatObeysTheRuleIsAccepted(t *testing.T) {
	t.Parallel()
	require.Empty(t, example.violations(exampleGraph()))
}

func TestEachForbiddenImportIsReported(t *testing.T) {
	t.Parallel()
	const app = "example.org/app/"
	tests := map[string]struct {
		from, to string // the import that is added
		want     []string
	}{
		"the domain imports an adapter": {
			app + "internal/core", app + "internal/store",
			[]string{"internal/core may not import internal/store"},
		},
		"one adapter imports another": {
			app + "internal/migrate", app + "internal/store",
			[]string{"internal/migrate may not import internal/store"},
		},
		"a package imports another's library": {
			app + "internal/core", "example.org/db",
			[]string{"internal/core may not import example.org/db: it belongs to internal/store"},
		},
		"the owner of a library imports a part that belongs to another": {
			app + "internal/store", "example.org/db/migrate",
			[]string{"internal/store may not import example.org/db/migrate: it belongs to internal/migrate"},
		},
		"a package imports a library that nobody owns": {
			app + "internal/store", "example.org/unknown",
			[]string{"internal/store may not import example.org/unknown, a library that no package owns"},
		},
		"a library whose name only begins like an owned one": {
			app + "internal/store", "example.org/dbx",
			[]string{"internal/store may not import example.org/dbx, a library that no package owns"},
		},
		"the program imports a package for tests": {
			app + "cmd/pims-sync", app + "internal/storetest",
			[]string{
				"cmd/pims-sync may not import internal/storetest",
				"internal/storetest reaches the binary: cmd/pims-sync imports internal/storetest",
				"testing reaches the binary: cmd/pims-sync imports internal/storetest imports testing",
			},
		},
		"a library brings testing into the binary": {
			"example.org/db", "testing",
			[]string{"testing reaches the binary: cmd/pims-sync imports internal/store imports example.org/db imports testing"},
		},
		"a package has no line in the rule": {
			app + "internal/new", "context",
			[]string{"internal/new has no line in the import rule (internal/archtest/rule_test.go)"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := exampleGraph()
			from := g.packages[test.from]
			from.Imports = append(from.Imports, test.to)
			g.packages[test.from] = from
			require.Equal(t, test.want, example.violations(g))
		})
	}
}

func TestALibraryOutsideTheGraphIsNotTakenForTheStandardOne(t *testing.T) {
	t.Parallel()
	g := exampleGraph()
	maps.DeleteFunc(g.packages, func(path string, _ pkg) bool { return path == "example.org/db" })
	require.Empty(t, example.violations(g), "its owner may import it all the same")
}

func TestARealModuleIsReadAndItsForbiddenImportReported(t *testing.T) {
	t.Parallel()
	dir := writeModule(t, map[string]string{
		"go.mod":                   "module example.org/app\n\ngo 1.26.0\n",
		"internal/core/core.go":    "package core\n\nimport _ \"example.org/app/internal/store\"\n\ntype Case struct {\n\tID string `json:\"id\"`\n}\n\ntype wire struct {\n\tID string `json:\"id\"`\n}\n",
		"internal/store/store.go":  "package store\n\nimport _ \"context\"\n",
		"internal/core/a_test.go":  "package core\n\nimport _ \"testing/fstest\"\n",
		"cmd/pims-sync/main.go":    "package main\n\nimport _ \"testing\"\n\nfunc main() {}\n",
		"internal/stray/stray.go":  "package stray\n",
		"tools/go.mod":             "module example.org/tools\n\ngo 1.26.0\n",
		"tools/forbidden/tools.go": "package forbidden\n",
	})
	g, err := load(t.Context(), dir)
	require.NoError(t, err)
	require.Equal(t, []string{
		"internal/core may not import internal/store",
		"internal/stray has no line in the import rule (internal/archtest/rule_test.go)",
		"testing reaches the binary: cmd/pims-sync imports testing",
	}, example.violations(g))

	tagged, err := example.tagged(g)
	require.NoError(t, err)
	require.Equal(t, []string{"internal/core/core.go: Case has a field with the tag `json:\"id\"`"}, tagged)
}

func TestAModuleThatDoesNotLoadIsAnError(t *testing.T) {
	t.Parallel()
	dir := writeModule(t, map[string]string{
		"go.mod":   "module example.org/app\n\ngo 1.26.0\n",
		"a/a.go":   "package a\n\nimport _ \"example.org/app/absent\"\n",
		"main.txt": "",
	})
	_, err := load(t.Context(), dir)
	require.ErrorContains(t, err, "example.org/app/absent")
}

func TestTheTableStandsBetweenItsMarkers(t *testing.T) {
	t.Parallel()
	const page = "# Map\n\n" + tableBegin + "old\n" + tableEnd + "\n\nMore.\n"
	got, err := between(tableBegin, tableEnd, page, example.table())
	require.NoError(t, err)
	require.Equal(t, "# Map\n\n"+tableBegin+
		"| package | our packages it may import | third-party libraries it may import |\n"+
		"|---|---|---|\n"+
		"| `internal/core` | – | – |\n"+
		"| `internal/store` | `core` | `example.org/db` |\n"+
		"| `internal/migrate` | – | `example.org/db/migrate` |\n"+
		"| `internal/storetest` (tests only) | `store` | – |\n"+
		"| `cmd/pims-sync` | all but those for tests | – |\n"+
		tableEnd+"\n\nMore.\n", got)

	_, err = between(tableBegin, tableEnd, "# Map\n", example.table())
	require.ErrorContains(t, err, "import-rule:begin")
}

func writeModule(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
	return dir
}
