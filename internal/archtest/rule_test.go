//go:build !race

package archtest

import "slices"

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
var importRule = slices.Concat(lower, upper)

// lower is the rule for the domain, the PIMS and the database.
var lower = rule{
	{
		pkg:       panicsPkg,
		libraries: []string{"golang.org/x/sync/errgroup"},
		domain:    true,
	},
	{pkg: "internal/repeats"},
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
		pkg:       "internal/settings",
		ours:      []string{"internal/pims"},
		libraries: []string{jsonV2},
		domain:    true,
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
		libraries: []string{uuid, jsonV2},
		domain:    true,
	},
	{
		pkg:    "internal/guards",
		ours:   []string{"internal/pims", "internal/settings", "internal/syncs", "internal/clinic", "internal/cases"},
		domain: true,
	},
	{
		pkg:    "internal/ownership",
		ours:   []string{"internal/pims", "internal/cases"},
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
		ours:      []string{panicsPkg, "internal/pims", "internal/settings", "internal/syncs", "internal/cases", "internal/seal", "internal/clinic", "internal/guards", "internal/ownership", "internal/drift", "internal/driftwatch", "internal/pims/memory"},
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
		ours:   []string{"internal/pims", "internal/settings", "internal/drift"},
		domain: true,
	},
	{
		pkg:    "internal/doctor",
		ours:   []string{panicsPkg, "internal/pims"},
		domain: true,
	},
	{
		pkg:       "internal/drift",
		ours:      []string{panicsPkg},
		libraries: []string{jsonV2},
		domain:    true,
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
		ours:      []string{secretPkg, panicsPkg, "internal/pims", "internal/pims/downtime"},
		libraries: []string{jsonV2, "golang.org/x/text"},
	},
	{
		pkg:       "internal/webhooks",
		ours:      []string{secretPkg, panicsPkg, "internal/netfault", "internal/pims", "internal/pims/pimshttp", "internal/feed", "internal/syncs", "internal/access"},
		libraries: []string{uuid},
	},
	{
		pkg:       "internal/notify",
		ours:      []string{panicsPkg, "internal/syncs", "internal/access"},
		libraries: []string{uuid},
		domain:    true,
	},
	{
		pkg:    "internal/netfault",
		domain: true,
	},
	{
		pkg:       "internal/mail",
		ours:      []string{"internal/netfault"},
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
		ours:      []string{panicsPkg, "internal/pims", "internal/pims/pimshttp", "internal/pims/notes", "internal/pims/names", "internal/pims/paging", "internal/pims/memory"},
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
		pkg:       "internal/browser/lastpage",
		ours:      []string{"internal/pims"},
		libraries: []string{"github.com/chromedp"},
	},
	{
		pkg: "internal/pims/downtime",
	},
	{
		pkg:       "internal/browser/refusal",
		ours:      []string{"internal/pims"},
		libraries: []string{"golang.org/x/text"},
	},
	{
		pkg:       "internal/browser",
		ours:      []string{panicsPkg, "internal/pims", "internal/pims/downtime", "internal/browser/lastpage", "internal/browser/proxy", "internal/browser/refusal"},
		libraries: []string{"github.com/chromedp", "golang.org/x/text"},
	},
	{
		pkg:       "internal/postgres/internal/page",
		ours:      []string{"internal/syncs", "internal/postgres/internal/dbsqlc"},
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/postgres",
		ours:      []string{panicsPkg, "internal/pims", "internal/syncs", "internal/postgres/internal/dbsqlc", "internal/postgres/internal/page", "internal/postgres/walls", "internal/repeats"},
		libraries: []string{uuid, pgx, "github.com/pressly/goose/v3", riverDriver, "github.com/riverqueue/river/rivermigrate"},
	},
	{
		pkg:       "internal/postgres/casestore",
		ours:      []string{"internal/pims", "internal/syncs", "internal/cases", "internal/casesync", "internal/guards", "internal/postgres", "internal/postgres/clinicstore", "internal/postgres/internal/dbsqlc", "internal/postgres/internal/null", "internal/postgres/internal/page", "internal/postgres/internal/values"},
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/postgres/clinicstore",
		ours:      []string{panicsPkg, "internal/settings", "internal/syncs", "internal/seal", "internal/clinic", "internal/scheduler", "internal/volume", "internal/postgres", "internal/postgres/internal/dbsqlc", "internal/postgres/internal/lookup", "internal/postgres/internal/null", "internal/postgres/internal/values"},
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
	{pkg: "internal/people/common"},
	{
		pkg:       "internal/people",
		ours:      []string{secretPkg, "internal/syncs", "internal/access", "internal/people/common"},
		libraries: []string{uuid, argon2},
		domain:    true,
	},
	{
		pkg:       "internal/postgres/peoplestore",
		ours:      []string{secretPkg, "internal/access", "internal/people", "internal/postgres", "internal/postgres/peoplestore/internal/peoplesql", "internal/postgres/internal/lookup", "internal/postgres/internal/null"},
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/postgres/peoplestore/internal/peoplesql",
		libraries: []string{uuid, pgx},
	},
	{
		pkg:       "internal/postgres/fleetstore",
		ours:      []string{"internal/access", "internal/postgres", "internal/postgres/fleetstore/internal/fleetsql", "internal/postgres/internal/lookup", "internal/postgres/internal/null"},
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
		pkg:  "internal/postgres/internal/lookup",
		ours: []string{panicsPkg, "internal/syncs"},
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
		ours:      []string{panicsPkg, "internal/pims", "internal/pims/pimshttp", "internal/settings", "internal/syncs", "internal/clinic", "internal/cases", "internal/guards", "internal/casesync", "internal/drift", "internal/driftwatch"},
		libraries: []string{uuid},
	},
	{
		pkg:       "internal/recordings/replay",
		ours:      []string{"internal/pims", "internal/settings", "internal/syncs", "internal/seal", "internal/clinic", "internal/casesync", "internal/drift", "internal/scratch", "internal/recordings"},
		libraries: []string{uuid},
	},
	{
		pkg:    "internal/pims/memory",
		ours:   []string{"internal/pims"},
		domain: true,
	},
	{
		pkg:  "internal/pims/names",
		ours: []string{"internal/pims"},
	},
	{
		pkg:       "internal/pims/paging",
		ours:      []string{"internal/pims"},
		libraries: []string{jsonV2},
	},
	{
		pkg:       "internal/recordings/anonymous",
		ours:      []string{"internal/pims", "internal/syncs", "internal/clinic", "internal/drift", "internal/recordings", "internal/recordings/replay"},
		libraries: []string{uuid, "golang.org/x/text"},
	},
	{
		pkg:       "internal/recordings/shelf",
		ours:      []string{"internal/syncs", "internal/access", "internal/recordings"},
		libraries: []string{uuid},
		domain:    true,
	},
	{
		pkg:       "internal/postgres/recordingstore",
		ours:      []string{"internal/syncs", "internal/seal", "internal/recordings", "internal/recordings/shelf", "internal/postgres", "internal/postgres/internal/page", "internal/postgres/internal/sealed"},
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
