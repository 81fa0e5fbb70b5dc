package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/console"
	"github.com/pims-sync/pims-sync/internal/console/signin"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/secret"
	"github.com/pims-sync/pims-sync/internal/tracing"
	"github.com/pims-sync/pims-sync/internal/web"
)

// ServeCmd runs a replica: the HTTP API and the syncs.
type ServeCmd struct {
	EnableScheduler bool          `help:"Enqueue the syncs of the schedules. Default: true." env:"ENABLE_SCHEDULER" default:"true" negatable:""`
	ScheduleJitter  time.Duration `help:"Spread clinics that are due at the same time over this duration." env:"SCHEDULE_JITTER" default:"0s"`
	EventRetention  time.Duration `help:"How long the history of cases is kept, such as 8760h; the database keeps at least 720h; 0 means for ever." env:"EVENT_RETENTION" default:"0s"`
	AuditRetention  time.Duration `help:"How long syncs and plans are kept, such as 17520h; at least 720h; 0 means for ever." env:"AUDIT_RETENTION" default:"17520h"`
	MaxSyncs        int           `help:"How many syncs this replica works on at the same time." env:"MAX_SYNCS" default:"10"`
	SyncLease       time.Duration `help:"How long a replica may be silent before another one takes over its sync, 1s to 30s." env:"SYNC_LEASE" default:"15s"`
	Host            string        `help:"Address to listen on." env:"HOST" default:"127.0.0.1"`
	Port            uint16        `help:"Port to listen on; 0 takes a free port." env:"PORT" default:"3001"`
	SyncWaitMS      int64         `name:"sync-wait-ms" help:"How long a sync request waits for the end of its sync before it returns 202, in milliseconds." env:"SYNC_WAIT_MS" default:"55000"`
	MetricsAddr     string        `help:"Serve /metrics at this address and not with the API." env:"METRICS_ADDR" placeholder:"HOST:PORT"`
	OTLPEndpoint    string        `name:"otlp-endpoint" help:"Send traces to this collector: the base URL for OTLP over HTTP, such as http://localhost:4318." env:"OTEL_EXPORTER_OTLP_ENDPOINT" placeholder:"URL"`
	Console         bool          `help:"Serve the console at /console. Default: true." env:"CONSOLE" default:"true" negatable:""`
	PublicURL       string        `name:"public-url" help:"Where people find the server, such as https://sync.example.com. Default: where a request says." env:"PUBLIC_URL" placeholder:"URL"`
	TraceURL        string        `name:"trace-url" help:"Where traces of a sync are looked at, with {syncId} for its id; the console links there." env:"TRACE_URL" placeholder:"URL"`
	OIDCIssuer      string        `name:"oidc-issuer" help:"Let people sign in at this OpenID Connect provider. It must know <public URL>/console/openid/callback." env:"OIDC_ISSUER" placeholder:"URL"`
	OIDCClientID    string        `name:"oidc-client-id" help:"Our client id at the provider." env:"OIDC_CLIENT_ID" placeholder:"ID"`
	OIDCSecret      secret.Text   `name:"oidc-client-secret" help:"Our client secret at the provider; none for a public client." env:"OIDC_CLIENT_SECRET" placeholder:"SECRET"`
	OIDCSecretFile  string        `name:"oidc-client-secret-file" help:"File with OIDC_CLIENT_SECRET." env:"OIDC_CLIENT_SECRET_FILE" placeholder:"FILE"`
	LimitFlags      `embed:""`
	AllowedHosts    string `name:"allowed-hosts" help:"Names of this server, without ports, comma-separated; a request with another Host is refused. Default: every name." env:"ALLOWED_HOSTS" placeholder:"HOST,…"`
	TrustedProxies  string `help:"Proxies whose X-Forwarded-For is trusted: addresses or prefixes, comma-separated." env:"TRUSTED_PROXIES" placeholder:"CIDR,…"`
}

// The bounds of SYNC_LEASE. A sync of a dead replica is taken up again after at most a
// lease and a third of one, which must stay under 45 s (R30). A replica reports three times
// in a lease that it is alive, so that queue.ReplicaSilence is long enough.
const (
	minLease = time.Second
	maxLease = 30 * time.Second
)

// The bounds of EVENT_RETENTION. The history of cases is erased for good, so a typing
// mistake must not erase all of it.
const (
	minRetention   = 24 * time.Hour
	shortRetention = 30 * 24 * time.Hour // below, the log says so
)

// ownerWait is how long serve waits for another command that holds the embedded
// database (docs/interface.md §Commands).
const ownerWait = 10 * time.Second

// Run serves until the context ends.
func (s *ServeCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	oidcSecret := cli.FileSecret{Variable: "OIDC_CLIENT_SECRET", File: s.OIDCSecretFile, Into: &s.OIDCSecret}
	if err := cmp.Or(s.check(), cli.ReadFiles([]cli.FileSecret{oidcSecret})); err != nil {
		return cli.Usage(err)
	}
	collectAbove(heapFloor)
	limitMemory(memoryLimit)
	proxies, err := web.ParseProxies(s.TrustedProxies)
	if err != nil {
		return cli.Usage(err)
	}
	hosts, err := web.ParseHosts(s.AllowedHosts)
	if err != nil {
		return cli.Usage(err)
	}
	pages, err := s.console()
	if err != nil {
		return cli.Usage(err)
	}
	log := cli.NewLogger(std.Err, c)
	traces, err := s.startTracing(ctx, log)
	if err != nil {
		return cli.Usage(err)
	}
	if s.EventRetention > 0 && s.EventRetention < shortRetention {
		log.Warn("EVENT_RETENTION is short; the database keeps the history of cases for 30 days at least", "namespace", "pims-sync:database", "retention", s.EventRetention.String())
	}
	// A port that is in use is reported before anything is started.
	listener, err := cli.Listen(ctx, net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port))), "PORT")
	if err != nil {
		return err
	}
	defer listener.Close() //nolint:errcheck // the server has closed it, unless it did not start
	var metrics net.Listener
	if s.MetricsAddr != "" {
		if metrics, err = cli.Listen(ctx, s.MetricsAddr, "METRICS_ADDR"); err != nil {
			return err
		}
		defer metrics.Close() //nolint:errcheck // the same
	}
	store, err := cli.OpenStore(ctx, c, log.With("namespace", "pims-sync:database"), ownerWait)
	if err != nil {
		return err
	}
	defer store.Close()
	defer traces.Close()
	running, err := cli.StartServer(ctx, c, store, log, app.ServerOptions{
		Listener: listener,
		Wait:     time.Duration(s.SyncWaitMS) * time.Millisecond,
		Metrics:  metrics,
		Proxies:  proxies,
		Hosts:    hosts,
		Console:  pages,

		Connections: s.MaxConnections,
		Limits:      s.limits(),
		Engine: app.EngineOptions{
			Schedule: s.EnableScheduler, Jitter: s.ScheduleJitter, MaxSyncs: s.MaxSyncs, Lease: s.SyncLease,
			Link: s.link(), EventRetention: s.EventRetention, AuditRetention: s.AuditRetention, Tracing: traces,
		},
	})
	if err != nil {
		return err
	}
	log.Info("Ready", "namespace", "pims-sync:api", "address", running.URL(), "version", thisBuild().Version)

	keeping, stopKeeping := context.WithCancel(ctx)
	lost, kept := make(chan error, 1), make(chan struct{})
	panics.Go(func() {
		defer close(kept)
		lost <- store.KeepUp(keeping, log.With("namespace", "pims-sync:database"))
	}, func(e *panics.Error) { // syncs go on; an embedded database that ends is not opened again
		log.Error("The watch over the embedded PostgreSQL panicked", append([]any{"namespace", "pims-sync:database"}, e.Attrs()...)...)
	})
	select {
	case <-ctx.Done():
		log.Info("Shutting down", "namespace", "pims-sync:api")
	case err = <-running.Failed():
	case err = <-lost:
	}
	running.Close()
	stopKeeping()
	<-kept
	return err
}

// check refuses impossible settings.
func (s *ServeCmd) check() error {
	switch {
	case s.SyncWaitMS < 0:
		return fmt.Errorf("SYNC_WAIT_MS is %d and must be 0 or more", s.SyncWaitMS)
	case s.MaxSyncs < 1 || s.ScheduleJitter < 0:
		return errors.New("MAX_SYNCS must be 1 or more; SCHEDULE_JITTER must not be negative")
	case s.EventRetention != 0 && s.EventRetention < minRetention:
		return fmt.Errorf("EVENT_RETENTION is %s and must be %s or more, or 0 for ever: older history is erased for good", s.EventRetention, minRetention)
	case s.AuditRetention != 0 && s.AuditRetention < shortRetention:
		return fmt.Errorf("AUDIT_RETENTION is %s and must be %s or more, or 0 for ever", s.AuditRetention, shortRetention)
	case s.SyncLease < minLease || s.SyncLease > maxLease:
		return fmt.Errorf("SYNC_LEASE is %s and must be %s to %s", s.SyncLease, minLease, maxLease)
	}
	return nil
}

// console returns the settings of the console, or nil where there is none.
func (s *ServeCmd) console() (*app.ConsoleOptions, error) {
	public, err := console.ParsePublicURL(s.PublicURL)
	if err != nil || !s.Console {
		return nil, err
	}
	trace, err := console.ParseTraceURL(s.TraceURL)
	if err != nil {
		return nil, err
	}
	o := &app.ConsoleOptions{PublicURL: public, TraceURL: trace}
	switch {
	case s.OIDCIssuer != "" && s.OIDCClientID != "":
		o.OpenID = &signin.OpenID{Issuer: s.OIDCIssuer, ClientID: s.OIDCClientID, ClientSecret: s.OIDCSecret}
	case s.OIDCIssuer != "" || s.OIDCClientID != "" || !s.OIDCSecret.Empty():
		return nil, errors.New("OpenID Connect needs both OIDC_ISSUER and OIDC_CLIENT_ID")
	}
	return o, nil
}

// link returns the console's address, for notifications; empty where it is not known.
func (s *ServeCmd) link() string {
	if !s.Console || s.PublicURL == "" {
		return ""
	}
	return strings.TrimRight(s.PublicURL, "/") + "/console"
}

// startTracing begins to trace where a collector is configured.
func (s *ServeCmd) startTracing(ctx context.Context, log *slog.Logger) (*tracing.Tracing, error) {
	if s.OTLPEndpoint == "" {
		return tracing.Off(), nil
	}
	return tracing.Start(ctx, tracing.Options{
		Endpoint: s.OTLPEndpoint, Version: thisBuild().Version, Logger: log.With("namespace", "pims-sync:api"),
	})
}
