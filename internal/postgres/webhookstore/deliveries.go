package webhookstore

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/postgres/feedstore"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/page"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/webhooks"
)

// Claim implements webhooks.Store. Endpoints that waited longest come first.
func (s *Store) Claim(ctx context.Context, holder string, limit int, lease time.Duration, now time.Time) (claimed []webhooks.Claimed, err error) {
	err = s.db.System(ctx, "claim webhook endpoints", func(tx pgx.Tx) error {
		claimed = nil
		rows, err := tx.Query(ctx, `
			update webhook_endpoints set leased_by = $1, leased_until = now() + $2
			where id in (
				select e.id from webhook_endpoints e
				where e.enabled and e.not_before <= $3 and (e.leased_until is null or e.leased_until < now())
					and exists (select from webhook_deliveries d where d.endpoint_id = e.id and d.state = 'pending' and d.next_try_at <= $3)
				order by e.not_before, e.id limit $4 for update skip locked)
			returning id`, holder, lease, now, limit)
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil || len(ids) == 0 {
			return err
		}
		rows, err = tx.Query(ctx, selectEndpoint+"where e.id = any($1)", ids)
		if err != nil {
			return err
		}
		endpoints, err := pgx.CollectRows(rows, scanEndpoint)
		if err != nil {
			return err
		}
		for i := range endpoints {
			secrets, err := s.secrets(ctx, tx, endpoints[i].ID, now)
			if err != nil {
				return err
			}
			claimed = append(claimed, webhooks.Claimed{Endpoint: endpoints[i], Secrets: secrets})
		}
		return nil
	})
	return claimed, err
}

const selectDelivery = `select d.id, d.endpoint_id, d.clinic_id, d.type, d.body, d.state, d.tries,
	case when e.enabled and isfinite(d.next_try_at) then greatest(d.next_try_at, e.not_before) end,
	d.event_at, d.created_at, d.ended_at, d.last_try_at, d.last_status, d.last_error, d.response,
	case when d.state <> 'pending' then '' when not e.enabled then '` + webhooks.HeldByEndpoint + `' when isfinite(d.next_try_at) then '' else '` + webhooks.HeldByOrder + `' end
	from webhook_deliveries d join webhook_endpoints e on e.id = d.endpoint_id `

func scanDelivery(row pgx.CollectableRow) (d webhooks.Delivery, err error) {
	var clinicID *uuid.UUID
	var body string
	var next, ended, last *time.Time
	var status *int
	var reason, response *string
	err = row.Scan(&d.ID, &d.EndpointID, &clinicID, &d.Type, &body, &d.State, &d.Tries, &next,
		&d.EventAt, &d.CreatedAt, &ended, &last, &status, &reason, &response, &d.HeldBy)
	d.ClinicID, d.Body, d.NextTryAt, d.EndedAt = null.Value(clinicID), []byte(body), null.Value(next), null.Value(ended)
	d.LastTryAt, d.LastStatus, d.LastError, d.Response = null.Value(last), null.Value(status), null.Value(reason), null.Value(response)
	return d, err
}

// Renew implements webhooks.Store.
func (s *Store) Renew(ctx context.Context, leases []webhooks.Lease, length time.Duration) error {
	endpoints, holders := make([]uuid.UUID, len(leases)), make([]string, len(leases))
	for i, l := range leases {
		endpoints[i], holders[i] = l.EndpointID, l.Holder
	}
	return s.db.System(ctx, "renew the leases of webhook endpoints", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update webhook_endpoints e set leased_until = now() + $3
			from unnest($1::uuid[], $2::text[]) l (endpoint_id, holder)
			where e.id = l.endpoint_id and e.leased_by = l.holder and e.leased_until > now()`, endpoints, holders, length)
		return err
	})
}

// Due implements webhooks.Store.
func (s *Store) Due(ctx context.Context, holder string, e *webhooks.Endpoint, now time.Time) (d webhooks.Delivery, due bool, err error) {
	err = s.db.System(ctx, "find the next delivery", func(tx pgx.Tx) error {
		due = false
		rows, err := tx.Query(ctx, selectDelivery+`
			where e.id = $1 and e.leased_by = $2 and e.leased_until > now() and e.enabled and d.state = 'pending' and d.next_try_at <= $3
			order by d.seq limit 1`, e.ID, holder, now)
		if err != nil {
			return err
		}
		d, err = pgx.CollectExactlyOneRow(rows, scanDelivery)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		due = err == nil
		return err
	})
	return d, due, err
}

// lock locks an endpoint until the end of the transaction and reports whether a holder has
// its lease. Whatever changes when deliveries are due locks it first: Plan, which adds some
// behind them, must not run meanwhile.
func lock(ctx context.Context, tx pgx.Tx, id uuid.UUID, holder string) (leased, ordered bool, err error) {
	err = tx.QueryRow(ctx, "select coalesce(leased_by = $2 and leased_until > now(), false), ordered from webhook_endpoints where id = $1 for update", id, holder).
		Scan(&leased, &ordered)
	if errors.Is(err, pgx.ErrNoRows) {
		err = errNoEndpoint()
	}
	return leased, ordered, err
}

// Record implements webhooks.Store.
func (s *Store) Record(ctx context.Context, holder string, e *webhooks.Endpoint, d *webhooks.Delivery, a webhooks.Attempt, v webhooks.Verdict) error {
	err := s.db.System(ctx, "record a delivery", func(tx pgx.Tx) error {
		if v.State == webhooks.Delivered {
			return delivered(ctx, tx, e, d, a)
		}
		leased, ordered, err := lock(ctx, tx, e.ID, holder)
		if err != nil || !leased {
			return err
		}
		tag, err := tx.Exec(ctx, `update webhook_deliveries set state = $2, tries = tries + 1, next_try_at = $3, ended_at = $4,
			last_try_at = $5, last_status = nullif($6, 0), last_error = $7, response = $8 where id = $1 and state = 'pending'`,
			d.ID, v.State, cmp.Or(v.NextTryAt, a.At), ended(a, v), a.At, a.Status, a.Error, a.Response)
		if err != nil || tag.RowsAffected() == 0 { // a person has skipped it
			return err
		}
		if ordered {
			if err := settle(ctx, tx, e.ID, d.ClinicID, a.At); err != nil {
				return err
			}
		}
		return judge(ctx, tx, e, a.At, v)
	})
	if err != nil {
		return err
	}
	if v.State == webhooks.Delivered {
		e.Failures, e.FailingAt = 0, time.Time{}
	} else {
		e.Failures++
		if e.FailingAt.IsZero() {
			e.FailingAt = a.At
		}
	}
	e.Enabled = e.Enabled && v.Disable == ""
	return nil
}

// ended returns when a delivery that was not taken ended; nil: it is tried again.
func ended(a webhooks.Attempt, v webhooks.Verdict) *time.Time {
	if v.State == webhooks.Pending {
		return nil
	}
	return &a.At
}

// delivered stores that a delivery was taken, whoever has the endpoint's lease by now.
func delivered(ctx context.Context, tx pgx.Tx, e *webhooks.Endpoint, d *webhooks.Delivery, a webhooks.Attempt) error {
	_, err := tx.Exec(ctx, `update webhook_deliveries set state = 'delivered', tries = tries + 1, next_try_at = $2, ended_at = $2,
		last_try_at = $2, last_status = $3, last_error = null, response = $4 where id = $1`, d.ID, a.At, a.Status, a.Response)
	if err == nil && e.Failures > 0 {
		_, err = tx.Exec(ctx, "update webhook_endpoints set failures = 0, failing_since = null where id = $1 and failures > 0", e.ID)
	}
	return err
}

// judge stores what a failure says about its endpoint, and disables it where the verdict
// says so.
func judge(ctx context.Context, tx pgx.Tx, e *webhooks.Endpoint, at time.Time, v webhooks.Verdict) error {
	_, err := tx.Exec(ctx, "update webhook_endpoints set failures = failures + 1, failing_since = coalesce(failing_since, $2) where id = $1", e.ID, at)
	if err != nil || v.Disable == "" {
		return err
	}
	if _, err = tx.Exec(ctx, "update webhook_endpoints set enabled = false, disabled_reason = $2, disabled_at = $3 where id = $1", e.ID, v.Disable, at); err != nil {
		return err
	}
	return feedstore.Emit(ctx, tx, e.ClinicID, feed.WebhookDisabled, map[string]any{"endpointId": e.ID, "reason": v.Disable})
}

// settle makes the deliveries of a clinic that were not tried yet wait for those before
// them: for their next try, and for ever behind one that has failed for good. What nothing
// holds back is due now. The endpoint is locked and ordered.
func settle(ctx context.Context, tx pgx.Tx, endpointID, clinicID uuid.UUID, now time.Time) error {
	_, err := tx.Exec(ctx, `
		update webhook_deliveries d set next_try_at = w.until
		from (
			select id, tries, state, next_try_at, coalesce(max(case when state = 'failed' then 'infinity' when tries > 0 then next_try_at end)
				over (order by seq rows between unbounded preceding and 1 preceding), $3) as until
			from webhook_deliveries
			where endpoint_id = $1 and clinic_id is not distinct from $2 and state in ('pending', 'failed')
		) w
		where d.id = w.id and w.state = 'pending' and w.tries = 0 and w.next_try_at is distinct from w.until
			and (w.next_try_at > $3 or w.until > $3)`, endpointID, null.ID(clinicID), now)
	return err
}

// settleAll settles the deliveries of each clinic.
func settleAll(ctx context.Context, tx pgx.Tx, endpointID uuid.UUID, now time.Time) error {
	rows, err := tx.Query(ctx, "select distinct clinic_id from webhook_deliveries where endpoint_id = $1 and state = 'pending'", endpointID)
	if err != nil {
		return err
	}
	clinics, err := pgx.CollectRows(rows, pgx.RowTo[*uuid.UUID])
	if err != nil {
		return err
	}
	for _, id := range clinics {
		if err := settle(ctx, tx, endpointID, null.Value(id), now); err != nil {
			return err
		}
	}
	return nil
}

// Release implements webhooks.Store.
func (s *Store) Release(ctx context.Context, lease webhooks.Lease, notBefore time.Time) error {
	return s.db.System(ctx, "give a webhook endpoint back", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "update webhook_endpoints set leased_by = null, leased_until = null, not_before = $3 where id = $1 and leased_by = $2",
			lease.EndpointID, lease.Holder, notBefore)
		return err
	})
}

// Backlog implements webhooks.Store.
func (s *Store) Backlog(ctx context.Context, now time.Time) (b webhooks.Backlog, err error) {
	err = s.db.System(ctx, "count the webhooks that are to be sent", func(tx pgx.Tx) error {
		var enabled, failing, givenUp, disabled int
		var oldest float64
		err := tx.QueryRow(ctx, `
			select (select count(*) from webhook_deliveries where state = 'pending'),
				coalesce(extract(epoch from $1 - (
					select min(d.next_try_at) from webhook_deliveries d join webhook_endpoints e on e.id = d.endpoint_id
					where d.state = 'pending' and d.next_try_at <= $1 and e.enabled and e.failing_since is null)), 0)::float8,
				count(*) filter (where enabled and failing_since is null), count(*) filter (where enabled and failing_since is not null),
				count(*) filter (where not enabled and disabled_reason <> $2), count(*) filter (where not enabled and disabled_reason = $2)
			from webhook_endpoints`, now, webhooks.ReasonPerson).Scan(&b.Pending, &oldest, &enabled, &failing, &givenUp, &disabled)
		b.OldestDue = time.Duration(oldest * float64(time.Second))
		b.Endpoints = map[string]int{"enabled": enabled, "failing": failing, "given_up": givenUp, "disabled": disabled}
		return err
	})
	return b, err
}

// Forget implements webhooks.Store. What has failed for good stays as long as what was
// delivered; a delivery that it held back is then free.
func (s *Store) Forget(ctx context.Context, before time.Time) error {
	return s.db.System(ctx, "remove old deliveries", func(tx pgx.Tx) error {
		// Plan may be putting deliveries behind a failed one now; then it goes the next time.
		_, err := tx.Exec(ctx, `
			with quiet as (
				select id from webhook_endpoints where id in (select endpoint_id from webhook_deliveries where ended_at < $1 and state = 'failed')
				order by id for update skip locked
			)
			delete from webhook_deliveries where ended_at < $1 and (state <> 'failed' or endpoint_id in (select id from quiet))`, before)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			update webhook_deliveries d set next_try_at = $1
			where state = 'pending' and next_try_at = 'infinity' and not exists (
				select from webhook_deliveries f where f.endpoint_id = d.endpoint_id and f.clinic_id is not distinct from d.clinic_id and f.state = 'failed')`, before)
		return err
	})
}

// Deliveries implements webhooks.Registry.
func (s *Store) Deliveries(ctx context.Context, endpointID uuid.UUID, f webhooks.DeliveryFilter) (list syncs.List[webhooks.Delivery], err error) {
	after, err := page.Parse(f.Page.Cursor, page.Latest)
	if err != nil {
		return list, err
	}
	limit := page.Limit(f.Page)
	err = s.db.System(ctx, "list deliveries", func(tx pgx.Tx) error {
		if err := exists(ctx, tx, endpointID); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, selectDelivery+`where d.endpoint_id = $1 and ($2 = '' or d.state = $2)
			and ($3::uuid = $4::uuid or d.seq < (select seq from webhook_deliveries where id = $3)) order by d.seq desc limit $5`,
			endpointID, f.State, after.ID, page.Latest.ID, limit+1)
		if err != nil {
			return err
		}
		var bytes page.Bytes
		all, err := pgx.CollectRows(bytes.Rows(rows), scanDelivery)
		list = page.Of(all, limit, &bytes, func(d webhooks.Delivery) string { return page.Cursor{At: d.CreatedAt, ID: d.ID}.String() })
		return err
	})
	return list, err
}

// Delivery implements webhooks.Registry.
func (s *Store) Delivery(ctx context.Context, id uuid.UUID) (d webhooks.Delivery, err error) {
	err = s.db.System(ctx, "read a delivery", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, selectDelivery+"where d.id = $1", id)
		if err != nil {
			return err
		}
		d, err = pgx.CollectExactlyOneRow(rows, scanDelivery)
		if errors.Is(err, pgx.ErrNoRows) {
			return errNoDelivery()
		}
		return err
	})
	return d, err
}

func errNoDelivery() error { return syncs.Fail(syncs.CodeNotFound, "there is no such delivery") }

// Resend makes a delivery that has ended due again, as it was, or with skip gives one up
// that has failed or is pending. With ordered, either frees what only it held back. It
// returns the endpoint.
func (s *Store) Resend(ctx context.Context, id uuid.UUID, skip bool, now time.Time) (endpointID uuid.UUID, err error) {
	operation := "send a delivery again"
	if skip {
		operation = "skip a delivery"
	}
	err = s.db.System(ctx, operation, func(tx pgx.Tx) error {
		var state string
		var clinicID *uuid.UUID
		err := tx.QueryRow(ctx, "select endpoint_id, clinic_id from webhook_deliveries where id = $1", id).Scan(&endpointID, &clinicID)
		if errors.Is(err, pgx.ErrNoRows) {
			return errNoDelivery()
		}
		if err != nil {
			return err
		}
		_, ordered, err := lock(ctx, tx, endpointID, "")
		if err != nil {
			return err
		}
		err = tx.QueryRow(ctx, "select state from webhook_deliveries where id = $1 for update", id).Scan(&state)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return errNoDelivery()
		case err != nil:
			return err
		case skip && state != webhooks.Failed && state != webhooks.Pending:
			return syncs.Fail(syncs.CodeAlreadyDecided, "the delivery is %s; only a failed or pending one can be skipped", state)
		case skip:
			_, err = tx.Exec(ctx, "update webhook_deliveries set state = 'skipped', ended_at = $2 where id = $1", id, now)
		default:
			_, err = tx.Exec(ctx, "update webhook_deliveries set state = 'pending', tries = 0, ended_at = null, next_try_at = $2 where id = $1", id, now)
		}
		if err == nil && ordered {
			err = settle(ctx, tx, endpointID, null.Value(clinicID), now)
		}
		return err
	})
	return endpointID, err
}
