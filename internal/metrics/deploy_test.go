package metrics

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/drift"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// names returns the names of all metrics, after each gauge of the database was seen.
func names(t *testing.T) map[string]bool {
	t.Helper()
	m, err := New("neo")
	require.NoError(t, err)
	m.Build("v1.2.3", "4711", "go1.26")
	m.Clinics(map[scheduler.ClinicState]int{scheduler.ClinicOK: 1})
	m.Fresh(syncs.TypeInbound, 0, time.Hour)
	m.SchedulesLoaded(1, 0)
	m.HTTPRequest("/ready", "GET", 200, time.Second)
	m.WebhookBacklog(0, 0, map[string]int{"enabled": 1})
	families, err := m.registry.Gather()
	require.NoError(t, err)
	found := map[string]bool{"up": true}
	for _, f := range families {
		found[f.GetName()] = true
	}
	return found
}

var (
	notNames = regexp.MustCompile(`\{[^}]*\}|\[[^\]]*\]|"[^"]*"|\b(?:by|without|on) ?\([^)]*\)|\boffset +\w+`)
	word     = regexp.MustCompile(`[a-z_][a-z0-9_]*`)
	promQL   = strings.Fields("sum max min count rate increase histogram_quantile absent and or unless")
	part     = regexp.MustCompile(`_(?:bucket|sum|count)$`)
)

// metricsOf returns the names of the metrics in a query.
func metricsOf(query string) (found []string) {
	for _, w := range word.FindAllString(notNames.ReplaceAllString(query, " "), -1) {
		if !slices.Contains(promQL, w) {
			found = append(found, part.ReplaceAllString(w, ""))
		}
	}
	return found
}

func TestTheDashboardAsksForMetricsThatThereAre(t *testing.T) {
	t.Parallel()
	known := names(t)
	document, err := os.ReadFile("../../deploy/dashboard.json")
	require.NoError(t, err)
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(document, &dashboard))
	shown := map[string]bool{}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			asked := metricsOf(target.Expr)
			require.NotEmpty(t, asked, p.Title)
			for _, name := range asked {
				require.True(t, known[name], "%s: there is no metric %s", p.Title, name)
				shown[name] = true
			}
		}
	}
	for name := range known {
		if !regexp.MustCompile(`^(?:go|process|river|promhttp)_`).MatchString(name) {
			require.True(t, shown[name], "no panel shows %s", name)
		}
	}
}

func TestThePagesNameEveryMetric(t *testing.T) { // docs/interface.md §Metrics
	t.Parallel()
	for _, file := range []string{"interface.md", "operations.md"} {
		page, err := os.ReadFile("../../docs/" + file)
		require.NoError(t, err)
		_, section, _ := strings.Cut(string(page), "# Metrics\n")
		for name := range names(t) {
			if name != "up" && !regexp.MustCompile(`^(?:go|process|river|promhttp)_`).MatchString(name) {
				require.Regexp(t, "`"+name+"[`{]", section, file)
			}
		}
	}
	page, err := os.ReadFile("../../docs/interface.md")
	require.NoError(t, err)
	for _, kind := range drift.Kinds() {
		require.Contains(t, string(page), "`"+string(kind)+"`")
	}
}

func TestEachAlertAsksForMetricsThatThereAreAndNamesItsRunbook(t *testing.T) {
	t.Parallel()
	known := names(t)
	rules, err := os.ReadFile("../../deploy/alerts.yaml")
	require.NoError(t, err)
	page, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	tests, err := os.ReadFile("../../deploy/alerts_test.yaml")
	require.NoError(t, err)
	anchors := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(page), -1) {
		plain := regexp.MustCompile("[^a-z0-9 -]").ReplaceAllString(strings.ToLower(heading[1]), "")
		anchors[strings.ReplaceAll(plain, " ", "-")] = true
	}
	alerts := regexp.MustCompile(`(?m)^ +- alert: `).Split(string(rules), -1)[1:]
	require.Greater(t, len(alerts), 15)
	for _, alert := range alerts {
		name, rest, _ := strings.Cut(alert, "\n")
		expr, _, found := strings.Cut(rest[strings.Index(rest, "expr:")+len("expr:"):], "labels:")
		require.True(t, found, name)
		expr = regexp.MustCompile(`(?m)^ +for: .*$|^ \|$`).ReplaceAllString(expr, "")
		asked := metricsOf(expr)
		require.NotEmpty(t, asked, name)
		for _, metric := range asked {
			require.True(t, known[metric], "%s: there is no metric %s", name, metric)
		}
		runbook := regexp.MustCompile(`runbook_url: \S+/docs/operations\.md#(\S+)`).FindStringSubmatch(rest)
		require.NotNil(t, runbook, "%s has no runbook", name)
		require.True(t, anchors[runbook[1]], "%s: docs/operations.md has no section %s", name, runbook[1])
		require.Contains(t, string(page), strings.TrimPrefix(name, "PimsSync"), "docs/operations.md does not explain it")
		require.Contains(t, string(tests), "alertname: "+name, "deploy/alerts_test.yaml does not test it")
	}
}
