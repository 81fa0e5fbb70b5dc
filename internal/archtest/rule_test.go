//go:build !race

package archtest

// A line of the rule says what one package of ours may import, besides the
// standard library.
type line struct {
	pkg       string   // its path below the module's
	ours      []string // our packages that it may import
	libraries []string // third-party libraries that belong to it; a longer name takes its part out of a shorter one
	joinsAll  bool     // it may import every package of ours that is not for tests only
	testsOnly bool     // it never reaches the binary, and may import testing
	domain    bool     // its exported types carry no tags: each edge owns its wire shape
}

// A rule has one line for each package of ours.
type rule []line

// panicsPkg is the package whose goroutines recover (R58).
const panicsPkg = "internal/panics"

// secretPkg is the package whose texts show themselves nowhere (R40).
const secretPkg = "internal/secret"

// program is the package that becomes the binary.
const program = "cmd/pims-sync"

// importRule is the rule that this repository obeys, from the middle outwards.
// A new package needs a line here, a new library an owner.
var importRule = rule{
	{
		pkg:       panicsPkg,
		libraries: []string{"golang.org/x/sync/errgroup"},
		domain:    true,
	},
	{
		pkg:    secretPkg,
		domain: true,
	},
	{
		pkg:       "internal/pims",
		libraries: []string{"golang.org/x/text"},
		domain:    true,
	},
	{
		pkg:    "internal/settings",
		ours:   []string{"internal/pims"},
		domain: true,
	},
	{
		pkg:       "internal/syncs",
		ours:      []string{panicsPkg, "internal/pims", "internal/settings"},
		libraries: []string{uuid},
		domain:    true,
	},
	{
		pkg:       "internal/seal",
		libraries: []string{uuid},
		domain:    true,
	},
	{
		pkg:       "internal/clinic",
		ours:      []string{panicsPkg, "internal/pims", "internal/settings", "internal/syncs", "internal/seal"},
		libraries: []string{uuid},
		domain:    true,
	},
	{
		pkg:       "internal/cases",
		ours:      []string{"internal/pims", "internal/settings", "internal/syncs"},
		libraries: []string{uuid},
		domain:    true,
	},
	{
		pkg:    "internal/guards",
		ours:   []string{"internal/pims", "internal/settings", "internal/syncs", "internal/clinic", "internal/cases"},
		domain: true,
	},
	{
		pkg:       "internal/driftwatch",
		ours:      []string{"internal/pims", "internal/syncs", "internal/clinic", "internal/drift"},
		libraries: []string{uuid},
		domain:    true,
	},
	{
		pkg:       "internal/casesync",
		ours:      []string{panicsPkg, "internal/pims", "internal/settings", "internal/syncs", "internal/cases", "internal/seal", "internal/clinic", "internal/guards", "internal/drift", "internal/driftwatch"},
		libraries: []string{uuid},
		domain:    true,
	},
	{
		pkg:       "internal/access",
		ours:      []string{"internal/syncs", "internal/clinic"},
		libraries: []string{uuid},
		domain:    true,
	},
	{
		pkg:    "internal/check",
		ours:   []string{"internal/pims", "internal/settings"},
		domain: true,
	},
	{
		pkg:    "internal/doctor",
		ours:   []string{panicsPkg, "internal/pims"},
		domain: true,
	},
	{
		pkg:    "internal/drift",
		ours:   []string{panicsPkg},
		domain: true,
	},
	{
		pkg:    "internal/cron",
		domain: true,
	},
	{
		pkg:       "internal/volume",
		ours:      []string{panicsPkg, "internal/pims", "internal/syncs"},
		libraries: []string{uuid},
		domain:    true,
	},
	{
		pkg:       "internal/scheduler",
		ours:      []string{panicsPkg, "internal/volume", "internal/pims", "internal/syncs", "internal/clinic", "internal/cron"},
		libraries: []string{uuid},
	},
	{
		pkg:       "internal/feed",
		ours:      []string{panicsPkg, "internal/syncs"},
		libraries: []string{uuid},
		domain:    true,
	},
	{
		pkg:       "internal/pims/pimshttp",
		ours:      []string{secretPkg, panicsPkg, "internal/pims"},
		libraries: []string{jsonV2, "golang.org/x/text"},
	},
	{
		pkg:       "internal/webhooks",
		ours:      []string{secretPkg, panicsPkg, "internal/pims", "internal/pims/pimshttp", "internal/feed", "internal/syncs", "internal/access"},
		libraries: []string{uuid},
	},
	{
		pkg:       "internal/notify",
		ours:      []string{panicsPkg, "internal/syncs", "internal/access"},
		libraries: []string{uuid},
		domain:    true,
	},
	{
		pkg:       "internal/mail",
		libraries: []string{"github.com/wneessen/go-mail"},
		domain:    true,
	},
	{
		pkg:       "internal/pims/notes",
		ours:      []string{"internal/pims"},
		libraries: []string{"golang.org/x/net/html"},
		domain:    true,
	},
	{
		pkg:       "internal/pims/idexxneo",
		ours:      []string{panicsPkg, "internal/pims", "internal/pims/pimshttp", "internal/pims/notes"},
		libraries: []string{jsonV2},
	},
	{
		pkg: "internal/pims/idexxneo/neosim",
	},
	{
		pkg:  "internal/browser/proxy",
		ours: []string{panicsPkg, "internal/pims"},
	},
	{
		pkg:       "internal/browser",
		ours:      []string{panicsPkg, "internal/pims", "internal/browser/proxy"},
		libraries: []string{"github.com/chromedp", "golang.org/x/text"},
	},
	{
		pkg:       "internal/postgres/internal/page",
		ours:      []string{"internal/syncs", "internal/postgres/internal/dbsqlc"},
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/postgres",
		ours:      []string{panicsPkg, "internal/pims", "internal/syncs", "internal/postgres/internal/dbsqlc", "internal/postgres/internal/page", "internal/postgres/walls"},
		libraries: []string{uuid, pgx, "github.com/pressly/goose/v3", riverDriver, "github.com/riverqueue/river/rivermigrate"},
	},
	{
		pkg:       "internal/postgres/casestore",
		ours:      []string{"internal/pims", "internal/syncs", "internal/cases", "internal/casesync", "internal/guards", "internal/postgres", "internal/postgres/clinicstore", "internal/postgres/internal/dbsqlc", "internal/postgres/internal/null", "internal/postgres/internal/page", "internal/postgres/internal/values"},
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/postgres/clinicstore",
		ours:      []string{panicsPkg, "internal/settings", "internal/syncs", "internal/seal", "internal/clinic", "internal/scheduler", "internal/volume", "internal/postgres", "internal/postgres/internal/dbsqlc", "internal/postgres/internal/null", "internal/postgres/internal/values"},
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/postgres/syncstore",
		ours:      []string{panicsPkg, "internal/pims", "internal/settings", "internal/syncs", "internal/casesync", "internal/scheduler", "internal/postgres", "internal/postgres/internal/dbsqlc", "internal/postgres/internal/null", "internal/postgres/internal/page", "internal/postgres/internal/values"},
		libraries: []string{uuid, pgx},
	},
	{
		pkg: "internal/postgres/internal/values",
	},
	{
		pkg:       "internal/people",
		ours:      []string{secretPkg, "internal/syncs", "internal/access"},
		libraries: []string{uuid, argon2},
		domain:    true,
	},
	{
		pkg:       "internal/postgres/peoplestore",
		ours:      []string{secretPkg, "internal/access", "internal/people", "internal/postgres", "internal/postgres/peoplestore/internal/peoplesql", "internal/postgres/internal/null"},
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/postgres/peoplestore/internal/peoplesql",
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/postgres/fleetstore",
		ours:      []string{"internal/access", "internal/postgres", "internal/postgres/fleetstore/internal/fleetsql", "internal/postgres/internal/null"},
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/postgres/fleetstore/internal/fleetsql",
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/postgres/internal/dbsqlc",
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/postgres/internal/null",
		ours:      []string{"internal/pims"},
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/postgres/internal/sealed",
		ours:      []string{"internal/seal", "internal/postgres"},
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/postgres/walls",
		libraries: []string{pgx},
	},
	{
		pkg:       "internal/postgres/systemstore",
		ours:      []string{"internal/fleet", "internal/postgres", "internal/postgres/internal/null"},
		libraries: []string{pgx},
	},
	{
		pkg:       "internal/postgres/retention",
		ours:      []string{"internal/postgres"},
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/scratch",
		ours:      []string{"internal/guards", "internal/pims", "internal/syncs", "internal/clinic", "internal/cases", "internal/casesync"},
		libraries: []string{uuid},
		domain:    true,
	},
	{
		pkg:       "internal/recordings",
		ours:      []string{panicsPkg, "internal/pims", "internal/settings", "internal/syncs", "internal/clinic", "internal/cases", "internal/guards", "internal/casesync", "internal/drift", "internal/driftwatch"},
		libraries: []string{uuid},
	},
	{
		pkg:       "internal/recordings/replay",
		ours:      []string{"internal/pims", "internal/settings", "internal/syncs", "internal/seal", "internal/clinic", "internal/casesync", "internal/drift", "internal/scratch", "internal/recordings"},
		libraries: []string{uuid},
	},
	{
		pkg:       "internal/postgres/recordingstore",
		ours:      []string{"internal/syncs", "internal/seal", "internal/recordings", "internal/postgres", "internal/postgres/internal/sealed"},
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/leaving",
		ours:      []string{"internal/syncs", "internal/access"},
		libraries: []string{uuid},
	},
	{
		pkg:       "internal/postgres/leavestore",
		ours:      []string{"internal/syncs", "internal/leaving", "internal/postgres", "internal/postgres/walls"},
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/postgres/oplog",
		ours:      []string{"internal/syncs", "internal/cases", "internal/clinic", "internal/access", "internal/casesync", "internal/postgres", "internal/postgres/internal/null", "internal/postgres/internal/page"},
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/postgres/feedstore",
		ours:      []string{"internal/syncs", "internal/feed", "internal/postgres", "internal/postgres/internal/null"},
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/postgres/webhookstore",
		ours:      []string{secretPkg, "internal/syncs", "internal/seal", "internal/feed", "internal/webhooks", "internal/postgres", "internal/postgres/feedstore", "internal/postgres/internal/null", "internal/postgres/internal/page", "internal/postgres/internal/sealed"},
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/postgres/notifystore",
		ours:      []string{"internal/syncs", "internal/seal", "internal/feed", "internal/notify", "internal/postgres", "internal/postgres/internal/null", "internal/postgres/internal/sealed"},
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/postgres/volumestore",
		ours:      []string{"internal/syncs", "internal/feed", "internal/volume", "internal/pims", "internal/postgres", "internal/postgres/clinicstore", "internal/postgres/internal/null", "internal/postgres/feedstore"},
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/postgres/driftstore",
		ours:      []string{"internal/drift", "internal/feed", "internal/syncs", "internal/postgres"},
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/postgres/doctorstore",
		ours:      []string{"internal/doctor", "internal/postgres"},
		libraries: []string{pgx},
	},
	{
		pkg:  "internal/postgres/embedded",
		ours: []string{panicsPkg},
	},
	{
		pkg:       "internal/watch",
		ours:      []string{panicsPkg, "internal/syncs"},
		libraries: []string{uuid},
		domain:    true,
	},
	{
		pkg:       "internal/queue",
		ours:      []string{panicsPkg, "internal/syncs", "internal/watch", "internal/clinic", "internal/casesync", "internal/scheduler", "internal/postgres", "internal/postgres/clinicstore", "internal/postgres/syncstore"},
		libraries: []string{uuid, pgx, "github.com/riverqueue/river", riverDriver, "github.com/riverqueue/river/rivertype", "github.com/riverqueue/rivercontrib/otelriver", otelMetric, otelTrace},
	},
	{
		pkg:       "internal/fleet",
		ours:      []string{"internal/pims", "internal/settings", "internal/syncs", "internal/clinic", "internal/cron", "internal/scheduler", "internal/access"},
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
		ours:      []string{"internal/practice", "internal/postgres", "internal/postgres/practicestore/internal/practicesql", "internal/postgres/internal/null"},
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
		pkg:       "internal/api/fleetapi",
		ours:      []string{"internal/api/sample", "internal/volume", "internal/pims", "internal/settings", "internal/syncs", "internal/clinic", "internal/scheduler", "internal/access", "internal/fleet", "internal/people", "internal/practice", "internal/trends", "internal/web"},
		libraries: []string{uuid, jsonV2, "github.com/danielgtaylor/huma/v2"},
	},
	{
		pkg:       "internal/api",
		ours:      []string{"internal/api/fleetapi", "internal/api/outgoing", "internal/api/sample", "internal/feed", "internal/pims", "internal/syncs", "internal/cases", "internal/clinic", "internal/casesync", "internal/scheduler", "internal/access", "internal/quota", "internal/web"},
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
		ours:      []string{"internal/pims", "internal/syncs", "internal/cases", "internal/clinic", "internal/scheduler", "internal/access", "internal/console/page", "internal/console/screen", "internal/console/chart"},
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

// Libraries that belong to more than one package.
const (
	argon2      = "golang.org/x/crypto/argon2"
	uuid        = "github.com/google/uuid"
	kong        = "github.com/alecthomas/kong"
	jsonV2      = "github.com/go-json-experiment/json"
	pgx         = "github.com/jackc/pgx/v5"
	riverDriver = "github.com/riverqueue/river/riverdriver"

	otelAttribute = "go.opentelemetry.io/otel/attribute"
	otelMetric    = "go.opentelemetry.io/otel/metric"
	otelResource  = "go.opentelemetry.io/otel/sdk/resource"
	otelTrace     = "go.opentelemetry.io/otel/trace"
)
