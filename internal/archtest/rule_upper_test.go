//go:build !race

package archtest

// upper is the rule for what runs, serves and joins the parts, and for tests.
var upper = rule{
	{
		pkg:       "internal/watch",
		ours:      []string{panicsPkg, "internal/syncs"},
		libraries: []string{uuid},
		domain:    true,
	},
	{
		pkg:       "internal/queue",
		ours:      []string{panicsPkg, "internal/repeats", "internal/syncs", "internal/watch", "internal/clinic", "internal/casesync", "internal/scheduler", "internal/postgres", "internal/postgres/clinicstore", "internal/postgres/syncstore"},
		libraries: []string{uuid, pgx, "github.com/riverqueue/river", riverDriver, "github.com/riverqueue/river/rivertype", "github.com/riverqueue/rivercontrib/otelriver", otelMetric, otelTrace},
	},
	{
		pkg:       "internal/fleet",
		ours:      []string{"internal/pims", "internal/settings", "internal/syncs", "internal/cases", "internal/clinic", "internal/cron", "internal/scheduler", "internal/access"},
		libraries: []string{uuid},
		domain:    true,
	},
	{
		pkg:    "internal/trends",
		ours:   []string{"internal/pims"},
		domain: true,
	},
	{
		pkg:       "internal/postgres/trendstore",
		ours:      []string{"internal/trends", "internal/pims", "internal/postgres", "internal/postgres/trendstore/internal/trendsql"},
		libraries: []string{pgx},
	},
	{
		pkg:       "internal/postgres/trendstore/internal/trendsql",
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/practice",
		ours:      []string{"internal/pims", "internal/syncs", "internal/clinic", "internal/scheduler", "internal/access"},
		libraries: []string{uuid},
		domain:    true,
	},
	{
		pkg:       "internal/postgres/practicestore",
		ours:      []string{"internal/syncs", "internal/practice", "internal/postgres", "internal/postgres/practicestore/internal/practicesql", "internal/postgres/internal/lookup", "internal/postgres/internal/null", "internal/postgres/internal/values"},
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/postgres/practicestore/internal/practicesql",
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/quota",
		libraries: []string{"golang.org/x/time/rate"},
		domain:    true,
	},
	{
		pkg:       "internal/web",
		ours:      []string{panicsPkg, "internal/pims", "internal/syncs", "internal/access"},
		libraries: []string{uuid, jsonV2, "github.com/danielgtaylor/huma/v2"},
	},
	{
		pkg:       "internal/api/outgoing",
		ours:      []string{"internal/syncs", "internal/access", "internal/feed", "internal/webhooks", "internal/notify", "internal/web"},
		libraries: []string{uuid, "github.com/danielgtaylor/huma/v2"},
	},
	{
		pkg:       "internal/api/sample",
		ours:      []string{"internal/feed", "internal/pims", "internal/syncs", "internal/cases", "internal/clinic", "internal/scheduler", "internal/access", "internal/fleet", "internal/people", "internal/practice", "internal/trends"},
		libraries: []string{uuid},
		domain:    true,
	},
	{
		pkg:       "internal/api/recordingapi",
		ours:      []string{"internal/api/sample", "internal/syncs", "internal/access", "internal/recordings", "internal/web"},
		libraries: []string{uuid, "github.com/danielgtaylor/huma/v2"},
	},
	{
		pkg:       "internal/api/fleetapi",
		ours:      []string{"internal/api/sample", "internal/volume", "internal/pims", "internal/settings", "internal/syncs", "internal/clinic", "internal/scheduler", "internal/access", "internal/fleet", "internal/people", "internal/practice", "internal/trends", "internal/web"},
		libraries: []string{uuid, jsonV2, "github.com/danielgtaylor/huma/v2"},
	},
	{
		pkg:       "internal/api",
		ours:      []string{"internal/api/fleetapi", "internal/api/outgoing", "internal/api/recordingapi", "internal/api/sample", "internal/feed", "internal/pims", "internal/syncs", "internal/cases", "internal/clinic", "internal/casesync", "internal/scheduler", "internal/access", "internal/quota", "internal/web"},
		libraries: []string{uuid, jsonV2, "github.com/danielgtaylor/huma/v2"},
	},
	{
		pkg:       "internal/console/page",
		ours:      []string{"internal/syncs", "internal/clinic", "internal/access", "internal/people", "internal/web"},
		libraries: []string{uuid},
	},
	{
		pkg:       "internal/console/screen",
		ours:      []string{"internal/syncs", "internal/clinic", "internal/casesync", "internal/scheduler", "internal/access", "internal/people", "internal/fleet", "internal/console/page"},
		libraries: []string{uuid},
	},
	{
		pkg:       "internal/console/signin",
		ours:      []string{secretPkg, "internal/access", "internal/people", "internal/web", "internal/console/page"},
		libraries: []string{uuid, "github.com/coreos/go-oidc/v3", "golang.org/x/oauth2"},
	},
	{
		pkg:       "internal/console/fleetpages",
		ours:      []string{panicsPkg, "internal/syncs", "internal/clinic", "internal/scheduler", "internal/access", "internal/fleet", "internal/web", "internal/console/page", "internal/console/screen", "internal/console/chart"},
		libraries: []string{uuid},
	},
	{
		pkg:       "internal/console/syncpages",
		ours:      []string{"internal/pims", "internal/syncs", "internal/cases", "internal/clinic", "internal/scheduler", "internal/access", "internal/feed", "internal/console/page", "internal/console/screen", "internal/console/chart"},
		libraries: []string{uuid},
	},
	{
		pkg:       "internal/console/clinicpages",
		ours:      []string{"internal/pims", "internal/settings", "internal/syncs", "internal/clinic", "internal/casesync", "internal/scheduler", "internal/access", "internal/fleet", "internal/console/page", "internal/console/screen", "internal/console/syncpages", "internal/console/chart"},
		libraries: []string{uuid},
	},
	{
		pkg:       "internal/console/practicepages",
		ours:      []string{"internal/scheduler", "internal/access", "internal/practice", "internal/web", "internal/console/page", "internal/console/screen", "internal/console/chart"},
		libraries: []string{uuid},
	},
	{
		pkg:       "internal/console/systempages",
		ours:      []string{"internal/syncs", "internal/clinic", "internal/access", "internal/people", "internal/fleet", "internal/trends", "internal/console/page", "internal/console/screen", "internal/console/chart"},
		libraries: []string{uuid},
	},
	{
		pkg:       "internal/console/eventpages",
		ours:      []string{"internal/feed", "internal/syncs", "internal/clinic", "internal/scheduler", "internal/access", "internal/notify", "internal/webhooks", "internal/console/page", "internal/console/screen"},
		libraries: []string{uuid},
	},
	{
		pkg: "internal/console",
		ours: []string{
			"internal/notify", "internal/webhooks", "internal/console/eventpages",
			"internal/access", "internal/people", "internal/fleet", "internal/practice", "internal/trends", "internal/web", "internal/console/page", "internal/console/screen", "internal/console/signin",
			"internal/console/fleetpages", "internal/console/syncpages", "internal/console/clinicpages", "internal/console/practicepages", "internal/console/systempages",
		},
	},
	{
		pkg: "internal/console/chart",
	},
	{
		pkg:       "internal/metrics",
		ours:      []string{"internal/pims", "internal/syncs", "internal/guards", "internal/drift", "internal/scheduler", "internal/volume"},
		libraries: []string{"github.com/prometheus/client_golang", otelMetric, otelAttribute, "go.opentelemetry.io/otel/exporters/prometheus", "go.opentelemetry.io/otel/sdk/metric", otelResource},
	},
	{
		pkg:  "internal/tracing",
		ours: []string{"internal/pims", "internal/syncs", "internal/casesync"},
		libraries: []string{
			uuid, otelAttribute, otelResource, otelTrace, "go.opentelemetry.io/otel/codes", "go.opentelemetry.io/otel/propagation",
			"go.opentelemetry.io/otel/sdk/trace", "go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp",
		},
	},
	{
		pkg:       "internal/app",
		joinsAll:  true,
		libraries: []string{uuid},
	},
	{
		pkg:       "internal/render",
		ours:      []string{"internal/syncs"},
		libraries: []string{"golang.org/x/term"},
	},
	{
		pkg:       "internal/demo",
		joinsAll:  true,
		libraries: []string{uuid},
	},
	{
		pkg:       "internal/cli",
		joinsAll:  true,
		libraries: []string{uuid, kong},
	},
	{
		pkg:       "internal/cli/cliniccmd",
		joinsAll:  true,
		libraries: []string{uuid},
	},
	{
		pkg:       "internal/cli/recordingcmd",
		joinsAll:  true,
		libraries: []string{uuid},
	},
	{
		pkg:       "internal/cli/synccmd",
		joinsAll:  true,
		libraries: []string{uuid},
	},
	{
		pkg:       "internal/cli/peoplecmd",
		joinsAll:  true,
		libraries: []string{uuid},
	},
	{
		pkg:       "internal/cli/eventcmd",
		joinsAll:  true,
		libraries: []string{uuid},
	},
	{
		pkg:       program,
		joinsAll:  true,
		libraries: []string{uuid, kong},
	},
	{
		pkg:       "internal/pims/pimstest",
		ours:      []string{"internal/pims"},
		libraries: []string{"github.com/stretchr/testify", "github.com/google/go-cmp"},
		testsOnly: true,
	},
	{
		pkg:       "internal/timetest",
		ours:      []string{"internal/pims"},
		libraries: []string{"github.com/stretchr/testify"},
		testsOnly: true,
	},
	{
		pkg:       "internal/logtest",
		libraries: []string{"github.com/stretchr/testify"},
		testsOnly: true,
	},
	{
		pkg:       "internal/postgres/pgtest",
		ours:      []string{"internal/postgres", "internal/postgres/embedded"},
		libraries: []string{uuid, pgx, "github.com/stretchr/testify"},
		testsOnly: true,
	},
	{
		pkg:       "internal/api/apitest",
		libraries: []string{"github.com/santhosh-tekuri/jsonschema/v6"},
		testsOnly: true,
	},
	{
		pkg:       "internal/tracing/tracetest",
		libraries: []string{"github.com/stretchr/testify", "go.opentelemetry.io/proto/otlp", "google.golang.org/protobuf"},
		testsOnly: true,
	},
	{
		pkg:       "internal/model",
		testsOnly: true,
	},
	{
		pkg:       "internal/model/mutants",
		testsOnly: true,
	},
	{
		pkg:       "internal/dates",
		testsOnly: true,
	},
	{
		pkg:       "internal/bench",
		ours:      []string{"internal/render"},
		libraries: []string{"golang.org/x/perf"},
		testsOnly: true,
	},
	{
		pkg:       "internal/apifuzz",
		testsOnly: true,
	},
	{
		pkg:       "internal/attacks",
		testsOnly: true,
	},
	{
		pkg:       "internal/chaos",
		testsOnly: true,
	},
	{
		pkg:       "internal/archtest",
		testsOnly: true,
	},
}
