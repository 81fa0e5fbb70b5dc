// Package notifystore keeps the channels of notifications, the states of the clinics as they
// were last seen, and what was told, in PostgreSQL (R48).
package notifystore

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/notify"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/sealed"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// ChannelsTable is the table of the sealed targets, as a seal.Subject names it.
const ChannelsTable = "notification_channels"

// A Store keeps the channels of one database. It is safe for concurrent use. All methods
// cross clinics (R41).
type Store struct {
	sealed.Table

	db   *postgres.DB
	ring *seal.Keyring
}

// New returns the store of a database.
func New(db *postgres.DB, ring *seal.Keyring) *Store {
	return &Store{sealed.In(db, ChannelsTable, "the target of a notification"), db, ring}
}

// about is where a target is stored. A channel for all clinics has no clinic, so its own id
// stands in the place of the clinic's, which also orders the rotation.
func about(id uuid.UUID) seal.Subject {
	return seal.Subject{Table: ChannelsTable, ClinicID: id, RowID: id}
}

// Watch implements notify.Store. The first sight of a clinic without trouble is no event. A
// standing that is known locks and writes nothing.
func (s *Store) Watch(ctx context.Context, standings []notify.Standing) error {
	var ids []uuid.UUID
	var states, codes []string
	var since []time.Time
	for _, x := range standings {
		ids, states, codes, since = append(ids, x.ClinicID), append(states, x.State), append(codes, x.Code), append(since, x.Since)
	}
	return s.db.System(ctx, "store the states of the clinics", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			with seen as (
				select n.* from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) as n (clinic_id, state, code, since)
				join clinics c on c.id = n.clinic_id
				where not exists (select from pims_sync_clinic_states k where k.clinic_id = n.clinic_id and k.state = n.state and k.code = n.code)
				order by n.clinic_id
			),
			changed as (
				insert into pims_sync_clinic_states as s (clinic_id, state, code, since) select * from seen
				on conflict (clinic_id) do update set state = excluded.state, code = excluded.code, since = excluded.since
				where (s.state, s.code) is distinct from (excluded.state, excluded.code)
				returning clinic_id, state, code, since, xmax = 0 as first
			)
			insert into pims_sync_feed_pending (clinic_id, type, data)
			select clinic_id, $5, jsonb_strip_nulls(jsonb_build_object('state', state, 'code', nullif(code, ''), 'since', to_char(since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))) from changed
			where not (first and state in ('ok', 'never_synced', 'off'))`,
			ids, states, codes, since, feed.ClinicStateChanged)
		return err
	})
}

const channelColumns = `id, clinic_id, kind, sealed, name, timezone, quiet_from, quiet_until, digest_at, muted_until,
	waiting_since, sent_at, streak, failed_at, last_error, position, created_at`

// scan reads a channel and opens its target. A target that no key opens is blank.
func (s *Store) scan(row pgx.CollectableRow) (c notify.Channel, err error) {
	var clinicID *uuid.UUID
	var sealed []byte
	var muted, waiting, sent, failed *time.Time
	var reason *string
	err = row.Scan(&c.ID, &clinicID, &c.Kind, &sealed, &c.Name, &c.Timezone, &c.QuietFrom, &c.QuietUntil, &c.DigestAt, &muted,
		&waiting, &sent, &c.Streak, &failed, &reason, &c.Position, &c.CreatedAt)
	c.ClinicID, c.MutedUntil, c.WaitingSince, c.SentAt = null.Value(clinicID), null.Value(muted), null.Value(waiting), null.Value(sent)
	c.FailedAt, c.LastError = null.Value(failed), null.Value(reason)
	if err == nil && s.ring != nil {
		if plain, openErr := s.ring.Open(sealed, about(c.ID)); openErr == nil {
			c.Target = string(plain)
		}
	}
	return c, err
}

// Add stores a channel. It tells what is so now, and what happens from now on.
func (s *Store) Add(ctx context.Context, c notify.Channel) error {
	sealed, err := s.ring.Seal([]byte(c.Target), about(c.ID))
	if err != nil {
		return err
	}
	return s.db.System(ctx, "add a notification channel", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into notification_channels
			(id, clinic_id, kind, sealed, name, timezone, quiet_from, quiet_until, digest_at, created_at, position)
			select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, position from pims_sync_feed_state`,
			c.ID, null.ID(c.ClinicID), c.Kind, sealed, c.Name, c.Timezone, c.QuietFrom, c.QuietUntil, c.DigestAt, c.CreatedAt)
		return err
	})
}

// Channels lists the channels, the oldest first.
func (s *Store) Channels(ctx context.Context) (list []notify.Channel, err error) {
	err = s.db.System(ctx, "list notification channels", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "select "+channelColumns+" from notification_channels order by created_at, id")
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, s.scan)
		return err
	})
	return list, err
}

// Channel reads one channel. The error is CodeNotFound where there is none.
func (s *Store) Channel(ctx context.Context, id uuid.UUID) (c notify.Channel, err error) {
	err = s.db.System(ctx, "read a notification channel", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "select "+channelColumns+" from notification_channels where id = $1", id)
		if err != nil {
			return err
		}
		c, err = pgx.CollectExactlyOneRow(rows, s.scan)
		if errors.Is(err, pgx.ErrNoRows) {
			return errNoChannel()
		}
		return err
	})
	return c, err
}

func errNoChannel() error {
	return syncs.Fail(syncs.CodeNotFound, "there is no such notification channel")
}

// Change implements notify.Registry. A zero mute ends it.
func (s *Store) Change(ctx context.Context, c notify.Channel) error {
	return s.one(ctx, "change a notification channel", `update notification_channels
		set name = $2, timezone = $3, quiet_from = $4, quiet_until = $5, digest_at = $6, muted_until = $7 where id = $1`,
		c.ID, c.Name, c.Timezone, c.QuietFrom, c.QuietUntil, c.DigestAt, null.Time(c.MutedUntil))
}

// Remove removes a channel.
func (s *Store) Remove(ctx context.Context, id uuid.UUID) error {
	return s.one(ctx, "remove a notification channel", "delete from notification_channels where id = $1", id)
}

// one runs a statement that touches one channel, or returns CodeNotFound.
func (s *Store) one(ctx context.Context, operation, sql string, args ...any) error {
	return s.db.System(ctx, operation, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sql, args...)
		if err == nil && tag.RowsAffected() == 0 {
			err = errNoChannel()
		}
		return err
	})
}
