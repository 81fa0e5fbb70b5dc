package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Server is what a database says of itself.
type Server struct {
	Version        string // "16.4"
	Major          int
	Encoding       string
	ReadOnly       bool // a standby, or transactions are read-only by default
	Durable        bool // fsync, full_page_writes and synchronous_commit are on
	MaxConnections int
	Connections    int           // of all programs
	Pool           int           // the most that this process opens
	Language       bool          // the extension plpgsql, which triggers need, is there
	Oldest         time.Duration // since the oldest open transaction began
	Locked         []string      // our tables that another transaction has locked whole for ten seconds or more
}

// The end of the support of PostgreSQL's major versions, from its versioning policy.
var supported = map[int]string{15: "2027-11-11", 16: "2028-11-09", 17: "2029-11-08", 18: "2030-11-14"}

const longTransaction = time.Hour

// askAgain is the next step where the database does not answer a question.
const askAgain = "look at the log of the database's server, and run this command again"

// Database judges the server.
func Database(now time.Time, ask func(context.Context) (Server, error)) Check {
	return Check{"database", func(ctx context.Context) []Finding {
		s, err := ask(ctx)
		if err != nil {
			return Failed("the database does not say what it is", err, askAgain)
		}
		return append(ok("PostgreSQL %s, %s, %d of %d connections in use", s.Version, s.Encoding, s.Connections, s.MaxConnections), judgeServer(now, &s)...)
	}}
}

func judgeServer(now time.Time, s *Server) (found []Finding) {
	add := func(holds bool, f Finding) {
		if holds {
			found = append(found, f)
		}
	}
	end := supported[s.Major]
	add(end != "" && now.UTC().Format(time.DateOnly) > end, say("PostgreSQL %d is no longer supported since %s", s.Major, end).warning("upgrade the server"))
	add(s.ReadOnly, say("the database can only be read").wrong("name the primary server in DATABASE_URL, or set default_transaction_read_only to off"))
	add(!s.Durable, say("the server may lose what it has confirmed when it crashes (fsync, full_page_writes or synchronous_commit is off)").wrong("turn all three on; a case that a person changed must not vanish"))
	add(!s.Language, say("the database lacks the extension plpgsql, which the history of cases needs").wrong("run `create extension plpgsql` as the owner"))
	free := s.MaxConnections - s.Connections
	add(free < s.Pool/2, say("%d connections are free, and each replica opens up to %d", free, s.Pool).warning("raise max_connections, or lower pool_max_conns in DATABASE_URL"))
	add(len(s.Locked) > 0, say("another transaction has locked %s, so that nobody can read or write there", some(s.Locked)).wrong("end it (pg_locks and pg_stat_activity show it)"))
	add(s.Oldest > longTransaction, say("a transaction has been open for %s", s.Oldest.Round(time.Minute)).warning("end it (pg_stat_activity shows it): the change feed waits for it, and old row versions stay"))
	return found
}

// A Schema is what the database holds.
type Schema struct {
	Pending bool
	Err     error // why the schema cannot be used
	Roles   bool  // database roles separate the clinics
	Exposed []string
	Lacks   []string // columns, indexes and triggers that this version made, and that are gone or turned off
}

// Migrations judges the schema and the roles (R45).
func Migrations(ask func(context.Context) (Schema, error)) Check {
	return Check{"schema", func(ctx context.Context) []Finding {
		s, err := ask(ctx)
		if err != nil {
			return Failed("the schema is not known", err, askAgain)
		}
		return judgeSchema(&s)
	}}
}

func judgeSchema(s *Schema) (found []Finding) {
	if s.Err != nil {
		return Failed("the schema cannot be used", s.Err, "run the version of pims-sync that this database belongs to")
	}
	if len(s.Lacks) > 0 {
		found = append(found, say("somebody changed the schema: it lacks %s", some(s.Lacks)).
			wrong("put back what is missing, from a backup or by the migrations of this version (internal/postgres/migrations); until then syncs fail or leave no history"))
	}
	if s.Pending {
		found = append(found, say("the schema or the rights of the roles are not those of this version").wrong("run `pims-sync migrate`; every other command does it too"))
	}
	if !s.Roles && !s.Pending {
		found = append(found, say("one database role does everything: nothing but each statement itself separates the clinics").
			warning("let MIGRATE_DATABASE_URL be a login that may create roles, and run `pims-sync migrate`"))
	}
	if len(s.Exposed) > 0 {
		found = append(found, say("other database roles may reach our tables or functions: %s", strings.Join(s.Exposed, ", ")).
			warning("revoke what they do not need (docs/security.md)"))
	}
	return orOK(found, "the schema is up to date, and database roles separate the clinics")
}

// Keys judges the encryption keys. check returns their ids or what is wrong with them
// (R37), and changes nothing.
func Keys(check func(context.Context) (ids []string, err error)) Check {
	return Check{"encryption keys", func(ctx context.Context) []Finding {
		ids, err := check(ctx)
		if missing := KeyMissing(""); errors.As(err, &missing) {
			return Failed("", err, "")
		}
		if err != nil {
			return Failed("stored credentials cannot be opened", err, "give this command the ENCRYPTION_KEY of the replicas")
		}
		if len(ids) == 0 {
			return ok("there is no key yet, and nothing is encrypted; the first credentials make one")
		}
		return ok("every stored credential can be opened; new ones are sealed with the key %q", ids[0])
	}}
}

// KeyMissing is the error of a check of Keys that found no key. It says what to do after a
// semicolon.
type KeyMissing string

func (e KeyMissing) Error() string { return string(e) }

// Work is what the installation is busy with.
type Work struct {
	Replicas   int      // that reported lately
	Scheduled  int      // entries of schedules
	Overdue    int      // entries whose time came more than a quarter of an hour ago
	BadEntries []string // clinics with a schedule that cannot be read in part
	Stuck      []string // syncs whose replica is silent
	Waiting    []string // syncs that have been queued for more than a quarter of an hour
}

// Outgoing is what the installation tells others.
type Outgoing struct {
	FeedDelay   time.Duration // age of the oldest event that is not in the feed
	Endpoints   int
	Failing     []string // endpoints that have taken nothing for ten minutes, and are tried again
	Disabled    []string // endpoints that failed until they were disabled
	Failed      int      // deliveries that failed for good in the last week
	Late        int      // deliveries that have been due for more than an hour
	Channels    int
	FailedChats []string // channels whose last message was not taken
	MailWithout int      // channels by e-mail while no mail server is set
}

// Running judges replicas, schedules and syncs.
func Running(ask func(context.Context) (Work, error)) Check {
	return Check{"syncs", func(ctx context.Context) []Finding {
		w, err := ask(ctx)
		if err != nil {
			return Failed("what is running is not known", err, askAgain)
		}
		return judgeWork(&w)
	}}
}

func judgeWork(w *Work) (found []Finding) {
	if w.Replicas == 0 {
		next := "start `pims-sync serve`, and let a service manager keep it running"
		if w.Scheduled > 0 {
			found = append(found, say("no replica runs, so no schedule fires").wrong(next))
		} else {
			found = append(found, say("no replica runs").warning(next))
		}
	}
	if w.Overdue > 0 && w.Replicas > 0 {
		found = append(found, say("%s should have fired more than 15 minutes ago", plural(w.Overdue, "entry of a schedule", "entries of schedules")).
			wrong("look whether every replica has ENABLE_SCHEDULER=false, and at the log for pims-sync:scheduler"))
	}
	if len(w.BadEntries) > 0 {
		found = append(found, say("the schedules of %s have entries that cannot be read", some(w.BadEntries)).wrong("`pims-sync schedules show --clinic ID` says what is wrong"))
	}
	if len(w.Stuck) > 0 {
		found = append(found, say("%s in the name of a replica that is silent: %s", plural(len(w.Stuck), "sync runs", "syncs run"), some(w.Stuck)).
			wrong("a running replica takes them up within a minute; start one, or look at its log for pims-sync:queue"))
	}
	if len(w.Waiting) > 0 {
		found = append(found, say("%s waited for more than 15 minutes: %s", plural(len(w.Waiting), "sync has", "syncs have"), some(w.Waiting)).
			wrong("add a replica, or look whether the present ones are stopped; `pims-sync syncs cancel ID` gives one up"))
	}
	return orOK(found, "%s, %s, nothing stuck", counted(w.Replicas, "replica"), plural(w.Scheduled, "entry of a schedule", "entries of schedules"))
}

// Telling judges the feed, webhooks and notifications.
func Telling(ask func(context.Context) (Outgoing, error)) Check {
	return Check{"events", func(ctx context.Context) []Finding {
		w, err := ask(ctx)
		if err != nil {
			return Failed("what is told to others is not known", err, askAgain)
		}
		return judgeTelling(&w)
	}}
}

const feedTolerance = 10 * time.Minute

func judgeTelling(w *Outgoing) (found []Finding) {
	if w.FeedDelay > feedTolerance {
		found = append(found, say("the change feed is %s behind", w.FeedDelay.Round(time.Minute)).wrong("look whether a replica runs, and for long transactions above"))
	}
	if len(w.Failing) > 0 {
		found = append(found, say("webhook endpoints have failed for more than 10 minutes: %s", some(w.Failing)).
			wrong("mend the receiver: `pims-sync webhooks deliveries ID` says what it returned; what waits is sent again by itself for three days"))
	}
	if len(w.Disabled) > 0 {
		found = append(found, say("webhook endpoints were disabled after failures: %s", some(w.Disabled)).wrong("mend the receiver, then `pims-sync webhooks enable ID`"))
	}
	if w.Failed > 0 {
		found = append(found, say("%s of webhooks failed for good in the last week", plural(w.Failed, "delivery", "deliveries")).
			warning("`pims-sync webhooks deliveries ENDPOINT --state failed`, then `webhooks resend ID`"))
	}
	if w.Late > 0 {
		found = append(found, say("%s due for more than an hour", plural(w.Late, "delivery of a webhook has been", "deliveries of webhooks have been")).wrong("look whether a replica runs"))
	}
	if len(w.FailedChats) > 0 {
		found = append(found, say("notification channels fail: %s", some(w.FailedChats)).wrong("`pims-sync notifications list` says why; `notifications test ID` tries again"))
	}
	if w.MailWithout > 0 {
		found = append(found, say("%s by e-mail, and SMTP_URL or MAIL_FROM is not set here", counted(w.MailWithout, "notification channel")).
			warning("set both where replicas run"))
	}
	return orOK(found, "%s, %s, nothing failing", counted(w.Endpoints, "webhook endpoint"), counted(w.Channels, "notification channel"))
}

// Clinics judges how fresh the clinics' data is, by their states.
func Clinics(ask func(context.Context) (map[string]int, error)) Check {
	return Check{"clinics", func(ctx context.Context) (found []Finding) {
		states, err := ask(ctx)
		if err != nil {
			return Failed("the state of the clinics is not known", err, askAgain)
		}
		for _, x := range []struct{ state, said, next string }{
			{"stale", "too old: what was due has not succeeded within an hour", "`pims-sync clinic list --state stale`, then `syncs list --clinic ID`"},
			{"failing", "failing", "`pims-sync clinic list --state failing`, then `syncs list --clinic ID --status failed`"},
			{"login_refused", "refused by their PIMS", "`pims-sync clinic list --state login_refused`, then `credentials set` or `credentials resume`"},
			{"waiting_for_approval", "waiting for a decision", "`pims-sync plans list --clinic ID`"},
		} {
			if n := states[x.state]; n > 0 {
				found = append(found, say("%s: %s", counted(n, "clinic"), x.said).wrong(x.next))
			}
		}
		return orOK(found, "%s up to date", counted(states["ok"], "clinic"))
	}}
}

// some lists at most five texts.
func some(texts []string) string {
	const most = 5
	if len(texts) <= most {
		return strings.Join(texts, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(texts[:most], ", "), len(texts)-most)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
