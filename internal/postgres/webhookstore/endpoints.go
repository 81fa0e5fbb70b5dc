// Package webhookstore keeps webhook endpoints and deliveries in PostgreSQL (R47).
package webhookstore

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/sealed"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/secret"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/webhooks"
)

// SecretsTable is the table of the sealed secrets, as a seal.Subject names it.
const SecretsTable = "webhook_secrets"

// rotationTime is how long a secret that was replaced stays valid.
const rotationTime = 24 * time.Hour

// A Store keeps the endpoints and deliveries of one database. It is safe for concurrent
// use. All methods cross clinics (R41).
type Store struct {
	sealed.Table

	db   *postgres.DB
	ring *seal.Keyring // nil: for a program that neither adds, rotates nor sends
}

// New returns the store of a database.
func New(db *postgres.DB, ring *seal.Keyring) *Store {
	return &Store{sealed.In(db, SecretsTable, "the secret of a webhook"), db, ring}
}

// about is where a secret is stored. An endpoint of the installation has no clinic, so the
// endpoint's id stands in the place of the clinic's, which also orders the rotation.
func about(endpointID, secretID uuid.UUID) seal.Subject {
	return seal.Subject{Table: SecretsTable, ClinicID: endpointID, RowID: secretID}
}

// Add stores an endpoint with a secret, which it returns. It gets what happens from now on.
func (s *Store) Add(ctx context.Context, e webhooks.Endpoint) (id uuid.UUID, secret string, err error) {
	id, secret = uuid.New(), webhooks.NewSecret()
	err = s.db.System(ctx, "add a webhook endpoint", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into webhook_endpoints (id, clinic_id, url, description, types, ordered, created_at, position)
			select $1, $2, $3, $4, $5, $6, $7, position from pims_sync_feed_state`,
			id, null.ID(e.ClinicID), e.URL, e.Description, e.Types, e.Ordered, e.CreatedAt)
		if err != nil {
			return err
		}
		return s.putSecret(ctx, tx, id, secret)
	})
	return id, secret, err
}

func (s *Store) putSecret(ctx context.Context, tx pgx.Tx, endpointID uuid.UUID, secret string) error {
	secretID := uuid.New()
	sealed, err := s.ring.Seal([]byte(secret), about(endpointID, secretID))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "insert into webhook_secrets (id, endpoint_id, sealed) values ($1, $2, $3)", secretID, endpointID, sealed)
	return err
}

// Rotate gives an endpoint another secret, which it returns. The present one stays valid
// for a day; until then each message is signed with both.
func (s *Store) Rotate(ctx context.Context, id uuid.UUID, now time.Time) (secret string, err error) {
	secret = webhooks.NewSecret()
	err = s.db.System(ctx, "rotate the secret of a webhook endpoint", func(tx pgx.Tx) error {
		if err := exists(ctx, tx, id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "delete from webhook_secrets where endpoint_id = $1 and expires_at < $2", id, now); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "update webhook_secrets set expires_at = $2 where endpoint_id = $1 and expires_at is null", id, now.Add(rotationTime)); err != nil {
			return err
		}
		return s.putSecret(ctx, tx, id, secret)
	})
	return secret, err
}

func exists(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	var found bool
	err := tx.QueryRow(ctx, "select exists (select from webhook_endpoints where id = $1)", id).Scan(&found)
	if err == nil && !found {
		err = errNoEndpoint()
	}
	return err
}

func errNoEndpoint() error {
	return syncs.Fail(syncs.CodeNotFound, "there is no such webhook endpoint")
}

const selectEndpoint = `select e.id, e.clinic_id, e.url, e.description, e.types, e.ordered, e.enabled, e.disabled_reason, e.disabled_at,
	e.failures, e.failing_since, e.created_at, case when e.enabled and isfinite(e.not_before) then e.not_before end,
	case when e.failing_since is not null then (
		select d.last_error from webhook_deliveries d
		where d.endpoint_id = e.id and d.state in ('pending', 'failed') and d.last_error is not null order by d.last_try_at desc limit 1) end,
	(select count(*) from webhook_deliveries d where d.endpoint_id = e.id and d.state = 'pending'),
	(select count(*) from webhook_deliveries d where d.endpoint_id = e.id and d.state = 'failed')
	from webhook_endpoints e `

func scanEndpoint(row pgx.CollectableRow) (e webhooks.Endpoint, err error) {
	var clinicID *uuid.UUID
	var reason, failure *string
	var disabled, failing, rests *time.Time
	err = row.Scan(&e.ID, &clinicID, &e.URL, &e.Description, &e.Types, &e.Ordered, &e.Enabled, &reason, &disabled,
		&e.Failures, &failing, &e.CreatedAt, &rests, &failure, &e.Pending, &e.Failed)
	e.ClinicID, e.Reason, e.DisabledAt, e.FailingAt = null.Value(clinicID), null.Value(reason), null.Value(disabled), null.Value(failing)
	e.RestsUntil, e.LastError = null.Value(rests), null.Value(failure)
	return e, err
}

// Endpoints lists the endpoints of a clinic, or with a zero clinic all, the oldest first.
func (s *Store) Endpoints(ctx context.Context, clinicID uuid.UUID) (list []webhooks.Endpoint, err error) {
	err = s.db.System(ctx, "list webhook endpoints", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, selectEndpoint+"where $1::uuid is null or e.clinic_id = $1 order by e.created_at, e.id", null.ID(clinicID))
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, scanEndpoint)
		return err
	})
	return list, err
}

// Endpoint reads one endpoint. The error is CodeNotFound where there is none.
func (s *Store) Endpoint(ctx context.Context, id uuid.UUID) (e webhooks.Endpoint, err error) {
	err = s.db.System(ctx, "read a webhook endpoint", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, selectEndpoint+"where e.id = $1", id)
		if err != nil {
			return err
		}
		e, err = pgx.CollectExactlyOneRow(rows, scanEndpoint)
		if errors.Is(err, pgx.ErrNoRows) {
			return errNoEndpoint()
		}
		return err
	})
	return e, err
}

// Change implements webhooks.Registry.
func (s *Store) Change(ctx context.Context, e webhooks.Endpoint) error {
	return s.db.System(ctx, "change a webhook endpoint", func(tx pgx.Tx) error {
		_, ordered, err := lock(ctx, tx, e.ID, "")
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "update webhook_endpoints set url = $2, description = $3, types = $4, ordered = $5 where id = $1",
			e.ID, e.URL, e.Description, e.Types, e.Ordered)
		switch {
		case err != nil || ordered == e.Ordered:
		case e.Ordered: // what is there already keeps the order, too
			err = settleAll(ctx, tx, e.ID, time.Now())
		default: // what waited for others does no more
			_, err = tx.Exec(ctx, "update webhook_deliveries set next_try_at = now() where endpoint_id = $1 and state = 'pending' and tries = 0 and next_try_at > now()", e.ID)
		}
		return err
	})
}

// Enable enables an endpoint, or disables it for a reason. One that is enabled gets what
// happened since, as far as the feed has it, and what failed is tried again at once, also
// where it was enabled already.
func (s *Store) Enable(ctx context.Context, id uuid.UUID, enabled bool, reason string, now time.Time) error {
	return s.db.System(ctx, "enable or disable a webhook endpoint", func(tx pgx.Tx) error {
		if err := exists(ctx, tx, id); err != nil {
			return err
		}
		if !enabled {
			_, err := tx.Exec(ctx, "update webhook_endpoints set enabled = false, disabled_reason = $2, disabled_at = $3 where id = $1 and enabled", id, reason, now)
			return err
		}
		_, ordered, err := lock(ctx, tx, id, "")
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `update webhook_endpoints set enabled = true, disabled_reason = null, disabled_at = null,
			failures = 0, failing_since = null, not_before = '-infinity' where id = $1`, id); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update webhook_deliveries set next_try_at = $2
			where endpoint_id = $1 and state = 'pending' and tries > 0 and next_try_at > $2`, id, now)
		if err != nil || !ordered {
			return err
		}
		return settleAll(ctx, tx, id, now) // what waited for them
	})
}

// Remove removes an endpoint with its deliveries.
func (s *Store) Remove(ctx context.Context, id uuid.UUID) error {
	return s.db.System(ctx, "remove a webhook endpoint", func(tx pgx.Tx) error {
		if err := exists(ctx, tx, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "delete from webhook_endpoints where id = $1", id)
		return err
	})
}

// secrets opens the valid secrets of an endpoint, the present one first. One that no key of
// the ring opens is left out.
func (s *Store) secrets(ctx context.Context, tx pgx.Tx, endpointID uuid.UUID, now time.Time) ([]secret.Text, error) {
	rows, err := tx.Query(ctx, `select id, sealed from webhook_secrets
		where endpoint_id = $1 and (expires_at is null or expires_at > $2) order by expires_at nulls first`, endpointID, now)
	if err != nil {
		return nil, err
	}
	type row struct {
		ID     uuid.UUID
		Sealed []byte
	}
	stored, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		return nil, err
	}
	var secrets []secret.Text
	for _, x := range stored {
		if plain, err := s.ring.Open(x.Sealed, about(endpointID, x.ID)); err == nil {
			secrets = append(secrets, secret.New(string(plain)))
		}
	}
	return secrets, nil
}

// Secrets returns the valid secrets of an endpoint, for a message that is sent at once.
func (s *Store) Secrets(ctx context.Context, id uuid.UUID, now time.Time) (secrets []secret.Text, err error) {
	err = s.db.System(ctx, "read the secrets of a webhook endpoint", func(tx pgx.Tx) error {
		secrets, err = s.secrets(ctx, tx, id, now)
		return err
	})
	return secrets, err
}
