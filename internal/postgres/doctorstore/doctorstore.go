// Package doctorstore reads what `pims-sync doctor` wants to know of a database. It changes
// nothing.
package doctorstore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/doctor"
	"github.com/pims-sync/pims-sync/internal/postgres"
)

// A Store reads one database, whose schema may be older than this program's. It is safe for
// concurrent use.
type Store struct{ db *postgres.DB }

// New returns the store of a database.
func New(db *postgres.DB) *Store { return &Store{db} }

// Now returns the database's present time.
func (s *Store) Now(ctx context.Context) (at time.Time, err error) {
	err = s.db.Pool().QueryRow(ctx, "select clock_timestamp()").Scan(&at)
	return at, err
}

// Server reads what the server says of itself.
func (s *Store) Server(ctx context.Context) (found doctor.Server, err error) {
	var number int
	var oldest float64 // seconds
	err = s.db.Pool().QueryRow(ctx, `
		select split_part(current_setting('server_version'), ' ', 1), current_setting('server_version_num')::int, current_setting('server_encoding'),
			pg_is_in_recovery() or current_setting('transaction_read_only') = 'on',
			current_setting('fsync') = 'on' and current_setting('full_page_writes') = 'on' and current_setting('synchronous_commit') <> 'off',
			current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
			(select count(*) from pg_stat_activity where datname is not null),
			exists (select from pg_language where lanname = 'plpgsql'),
			(select coalesce(extract(epoch from clock_timestamp() - min(xact_start)), 0) from pg_stat_activity
				where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid())`).
		Scan(&found.Version, &number, &found.Encoding, &found.ReadOnly, &found.Durable, &found.MaxConnections, &found.Connections, &found.Language, &oldest)
	found.Major, found.Pool = number/10_000, int(s.db.Pool().Config().MaxConns)
	found.Oldest = time.Duration(oldest * float64(time.Second))
	if err == nil {
		found.Locked, err = s.locked(ctx, longLock)
	}
	return found, err
}

// Schema reads whether the schema is this program's.
func (s *Store) Schema(ctx context.Context) (found doctor.Schema, err error) {
	found.Roles = s.db.Walled()
	if found.Pending, found.Err = s.db.Pending(ctx); found.Err != nil {
		return found, nil //nolint:nilerr // what cannot be read is a finding
	}
	migrated, err := s.db.Migrated(ctx)
	if err == nil && migrated {
		found.Lacks, err = s.lacks(ctx)
	}
	if err != nil || found.Pending {
		return found, err
	}
	exposed, err := s.db.Exposures(ctx)
	seen := make(map[string]bool)
	for _, x := range exposed {
		if !seen[x.Role] {
			seen[x.Role] = true
			found.Exposed = append(found.Exposed, x.Role)
		}
	}
	return found, err
}

// Offsets returns the database's offsets from UTC of a zone at given moments.
func (s *Store) Offsets(ctx context.Context, zone string, at []time.Time) (offsets []time.Duration, err error) {
	rows, err := s.db.Pool().Query(ctx, `
		select extract(epoch from (m at time zone $1) - (m at time zone 'UTC'))::bigint from unnest($2::timestamptz[]) with ordinality as u (m, place) order by place`, zone, at)
	if err != nil {
		return nil, err
	}
	seconds, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	for _, n := range seconds {
		offsets = append(offsets, time.Duration(n)*time.Second)
	}
	return offsets, err
}

const (
	patience  = 15 * time.Minute   // of a tick, and of a queued sync
	longLock  = 10 * time.Second   // of a whole table
	lateSend  = time.Hour          // of a delivery that is due
	sendsSeen = 7 * 24 * time.Hour // how far back failed deliveries count
	silence   = 2 * time.Minute    // after which a lease that has expired counts as left behind
	alive     = 90 * time.Second   // of a replica's last report
	failing   = 10 * time.Minute   // of an endpoint, which is tried three times by then
)

// Work reads what is running and what waits.
func (s *Store) Work(ctx context.Context) (w doctor.Work, err error) {
	err = s.db.System(ctx, "look what is running", func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			select
				(select count(*) from replicas where seen_at > statement_timestamp() - $1::interval),
				(select count(*) from schedule_entries),
				(select count(*) from schedule_entries where next_run_at < statement_timestamp() - $2::interval),
				array(select a.id::text from case_sync_audits a left join sync_leases l on a.id = l.audit_id
					where a.status = 'in_progress' and a.parent_id is null and coalesce(l.expires_at, a.started_at, a.created_at) < statement_timestamp() - $3::interval
					order by a.created_at),
				array(select id::text from case_sync_audits
					where status = 'queued' and parent_id is null and created_at < statement_timestamp() - $2::interval order by created_at)`,
			alive, patience, silence).Scan(&w.Replicas, &w.Scheduled, &w.Overdue, &w.Stuck, &w.Waiting)
	})
	return w, err
}

// Shared returns an error where a replica that runs lacks a key: it cannot open what is sealed
// with that key.
func (s *Store) Shared(ctx context.Context, keyID string) error {
	var lacking []string
	err := s.db.System(ctx, "look which keys the replicas have", func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, "select array(select name from replicas where seen_at > statement_timestamp() - $1::interval and not $2 = any(encryption_keys) order by name)", alive, keyID).
			Scan(&lacking)
	})
	if err == nil && len(lacking) > 0 {
		err = fmt.Errorf("the replicas %s lack the key %q, with which this command seals; give every replica the same ENCRYPTION_KEY", strings.Join(lacking, ", "), keyID)
	}
	return err
}

// Outgoing reads what others are told, what fails of it, and how many channels are by
// e-mail. byFailure are the reasons of endpoints that no person disabled.
func (s *Store) Outgoing(ctx context.Context, byFailure []string) (o doctor.Outgoing, mail int, err error) {
	var delay float64 // seconds
	err = s.db.System(ctx, "look what others are told", func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			select
				(select coalesce(extract(epoch from statement_timestamp() - min(at)), 0) from pims_sync_feed_pending),
				(select count(*) from webhook_endpoints),
				array(select id::text from webhook_endpoints where enabled and failing_since < statement_timestamp() - $4::interval order by id),
				array(select id::text from webhook_endpoints where not enabled and disabled_reason = any($3) order by id),
				(select count(*) from webhook_deliveries where state = 'failed' and ended_at > statement_timestamp() - $1::interval),
				(select count(*) from webhook_deliveries d join webhook_endpoints e on e.id = d.endpoint_id
					where d.state = 'pending' and e.enabled and d.next_try_at < statement_timestamp() - $2::interval and e.not_before < statement_timestamp()),
				(select count(*) from notification_channels),
				array(select id::text from notification_channels where failed_at is not null order by id),
				(select count(*) from notification_channels where kind = 'email')`,
			sendsSeen, lateSend, byFailure, failing).
			Scan(&delay, &o.Endpoints, &o.Failing, &o.Disabled, &o.Failed, &o.Late, &o.Channels, &o.FailedChats, &mail)
	})
	o.FeedDelay = time.Duration(delay * float64(time.Second))
	return o, mail, err
}
