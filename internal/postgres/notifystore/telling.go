package notifystore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/notify"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
)

// maxEvents is how many other events one message tells.
const maxEvents = 1000

// otherTypes are the events that people are told besides the states of clinics.
var otherTypes = []string{feed.VolumeUnusual, feed.PIMSDrift, feed.WebhookDisabled}

// Claim implements notify.Store.
func (s *Store) Claim(ctx context.Context, seen []uuid.UUID, lease time.Duration) (c notify.Channel, news notify.News, position int64, ok bool, err error) {
	if seen == nil {
		seen = []uuid.UUID{}
	}
	err = s.db.System(ctx, "look what a channel has not told", func(tx pgx.Tx) error {
		ok = false
		rows, err := tx.Query(ctx, `
			update notification_channels set leased_until = now() + $2
			where id = (
				select id from notification_channels
				where id <> all($1) and (leased_until is null or leased_until < now())
				order by id limit 1 for update skip locked)
			returning `+channelColumns, seen, lease)
		if err != nil {
			return err
		}
		c, err = pgx.CollectExactlyOneRow(rows, s.scan)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		news, position, err = newsOf(ctx, tx, &c)
		ok = err == nil
		return err
	})
	return c, news, position, ok, err
}

// newsOf reads what a channel has not told. A clinic that was disabled has no trouble.
func newsOf(ctx context.Context, tx pgx.Tx, c *notify.Channel) (news notify.News, position int64, err error) {
	now, err := standings(ctx, tx, `select c.id, c.name, s.state, s.code, s.since from pims_sync_clinic_states s
		join clinics c on c.id = s.clinic_id where $1::uuid is null or c.id = $1 order by c.name, c.id`, null.ID(c.ClinicID))
	if err != nil {
		return news, 0, err
	}
	told, err := standings(ctx, tx, `select c.id, c.name, t.state, t.code, t.since from pims_sync_told t
		join clinics c on c.id = t.clinic_id where t.channel_id = $1`, c.ID)
	if err != nil {
		return news, 0, err
	}
	news = notify.Compare(now, told)
	if err := waitingPlans(ctx, tx, news.Began); err != nil {
		return news, 0, err
	}
	news.Other, position, err = others(ctx, tx, c)
	return news, position, err
}

// waitingPlans adds to the clinics that wait for approval the plan that was made last.
func waitingPlans(ctx context.Context, tx pgx.Tx, began []notify.Standing) error {
	for i := range began {
		if began[i].State != notify.Waiting {
			continue
		}
		err := tx.QueryRow(ctx, `select (data->>'planId')::uuid from pims_sync_feed
			where clinic_id = $1 and type = $2 order by position desc limit 1`, began[i].ClinicID, feed.PlanOpened).Scan(&began[i].PlanID)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
	}
	return nil
}

func standings(ctx context.Context, tx pgx.Tx, sql string, args ...any) ([]notify.Standing, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (s notify.Standing, err error) {
		err = row.Scan(&s.ClinicID, &s.Name, &s.State, &s.Code, &s.Since)
		return s, err
	})
}

// others reads the other events after the channel's position, and up to where it has then
// read. Where there is none, the channel moves to the end of the feed.
func others(ctx context.Context, tx pgx.Tx, c *notify.Channel) (events []notify.Event, position int64, err error) {
	var last int64
	if err := tx.QueryRow(ctx, "select position from pims_sync_feed_state").Scan(&last); err != nil {
		return nil, 0, err
	}
	rows, err := tx.Query(ctx, `
		select f.position, f.type, coalesce(c.name, ''), c.id, coalesce(f.data, '{}'), f.at
		from pims_sync_feed f left join clinics c on c.id = f.clinic_id
		where f.position > $1 and f.position <= $2 and f.type = any($3) and ($4::uuid is null or f.clinic_id = $4)
		order by f.position limit $5`, c.Position, last, otherTypes, null.ID(c.ClinicID), maxEvents)
	if err != nil {
		return nil, 0, err
	}
	position = last
	events, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (e notify.Event, err error) {
		var at int64
		var data []byte
		var clinicID *uuid.UUID
		err = row.Scan(&at, &e.Type, &e.Clinic, &clinicID, &data, &e.At)
		position, e.ClinicID = at, null.Value(clinicID)
		inWords(&e, data)
		return e, err
	})
	if err == nil && len(events) < maxEvents {
		position = last
	}
	if err == nil && len(events) == 0 {
		_, err = tx.Exec(ctx, "update notification_channels set position = $2 where id = $1 and position < $2", c.ID, last)
	}
	return events, position, err
}

// inWords adds to an event what its data tells.
func inWords(e *notify.Event, data []byte) {
	var d struct {
		Reason, Field      string
		SyncID, EndpointID uuid.UUID
		Changes            []struct{ Field string }
		Findings           []struct {
			Count        string
			Value, Usual int
			Low          bool
		}
	}
	if json.Unmarshal(data, &d) != nil {
		return
	}
	e.SyncID, e.EndpointID = d.SyncID, d.EndpointID
	if len(d.Findings) == 0 {
		var fields []string
		for _, c := range d.Changes {
			if !slices.Contains(fields, c.Field) {
				fields = append(fields, c.Field)
			}
		}
		e.What = cmp.Or(d.Reason, d.Field, strings.Join(fields, ", "))
		return
	}
	var counts, numbers []string
	for _, f := range d.Findings {
		word := "many"
		if f.Low {
			word = "few"
		}
		counts = append(counts, "too "+word+" "+f.Count)
		numbers = append(numbers, fmt.Sprintf("%s is %d, usually %d", f.Count, f.Value, f.Usual))
	}
	if e.What = strings.Join(counts, ", "); d.Field != "" {
		e.What += ", most changes in " + d.Field
	}
	e.Detail = strings.Join(numbers, "; ")
}

// Wait implements notify.Store.
func (s *Store) Wait(ctx context.Context, c notify.Channel, since time.Time) error {
	return s.release(ctx, "give a channel back", "update notification_channels set leased_until = null, waiting_since = $2 where id = $1", c.ID, null.Time(since))
}

// Failed implements notify.Store.
func (s *Store) Failed(ctx context.Context, c notify.Channel, reason string, at time.Time) error {
	return s.release(ctx, "record a notification that was not sent",
		"update notification_channels set leased_until = null, waiting_since = $2, failed_at = $3, last_error = $4 where id = $1",
		c.ID, c.WaitingSince, at, reason)
}

// release runs a statement on a channel, which may have been removed meanwhile.
func (s *Store) release(ctx context.Context, operation, sql string, args ...any) error {
	return s.db.System(ctx, operation, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sql, args...)
		return err
	})
}

// Told implements notify.Store.
func (s *Store) Told(ctx context.Context, c notify.Channel, n notify.News, position int64, at time.Time) error {
	return s.db.System(ctx, "record a notification", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update notification_channels set leased_until = null, waiting_since = null, failed_at = null, last_error = null,
			sent_at = $2, streak = $3, position = greatest(position, $4) where id = $1`, c.ID, at, c.NextStreak(at), position)
		if err != nil || tag.RowsAffected() == 0 { // it was removed meanwhile
			return err
		}
		var ended, began []uuid.UUID
		var states, codes []string
		var since []time.Time
		for _, x := range n.Ended {
			ended = append(ended, x.ClinicID)
		}
		for _, x := range n.Began {
			began, states, codes, since = append(began, x.ClinicID), append(states, x.State), append(codes, x.Code), append(since, x.Since)
		}
		if _, err := tx.Exec(ctx, "delete from pims_sync_told where channel_id = $1 and clinic_id = any($2)", c.ID, ended); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			insert into pims_sync_told (channel_id, clinic_id, state, code, since)
			select $1, n.* from unnest($2::uuid[], $3::text[], $4::text[], $5::timestamptz[]) as n (clinic_id, state, code, since)
			join clinics c on c.id = n.clinic_id
			on conflict (channel_id, clinic_id) do update set state = excluded.state, code = excluded.code, since = excluded.since`,
			c.ID, began, states, codes, since)
		return err
	})
}
