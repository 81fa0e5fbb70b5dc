package clinicstore

import (
	"context"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/values"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/lookup"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Keys stores the clinics' API keys, as hashes only (R39), and the checks of the encryption
// keys (R37).
type Keys struct {
	db        *postgres.DB
	presented *lookup.Desk[clinic.APIKey]
}

// NewKeys returns the store of the keys.
func NewKeys(db *postgres.DB) *Keys {
	s := &Keys{db: db}
	s.presented = lookup.NewDesk(s.byHash)
	return s
}

var (
	_ clinic.KeyStore    = (*Keys)(nil)
	_ seal.KeyCheckStore = (*Keys)(nil)
)

// TouchKey implements clinic.KeyStore.
func (s *Keys) TouchKey(ctx context.Context, id uuid.UUID, at time.Time) error {
	return s.db.AskSystem(ctx, "note the API key's use", func(q *dbsqlc.Queries) error {
		return q.TouchKey(ctx, &at, id)
	})
}

// AddKey stores a new key and returns it as it is stored. It makes up a zero id or creation
// time.
func (s *Keys) AddKey(ctx context.Context, key clinic.APIKey) (added clinic.APIKey, err error) {
	if key.ID == uuid.Nil {
		key.ID = uuid.New()
	}
	if key.CreatedAt.IsZero() {
		key.CreatedAt = s.db.Now()
	}
	err = s.db.AskInClinic(ctx, "store the API key", key.ClinicID, func(q *dbsqlc.Queries) error {
		row, err := q.InsertKey(ctx, dbsqlc.InsertKeyParams{
			ID:          key.ID,
			ClinicID:    key.ClinicID,
			Name:        key.Name,
			KeyPrefix:   key.Prefix,
			KeyHash:     key.Hash,
			Permissions: values.Convert(key.Permissions, func(scope clinic.Scope) string { return string(scope) }),
			IsActive:    key.Active,
			ExpiresAt:   null.Time(key.ExpiresAt),
			CreatedAt:   key.CreatedAt,
		})
		added = keyOfRow(row)
		if postgres.Violates(err, "clinic_api_keys_clinic_id_fkey") {
			return clinic.ErrNotFound
		}
		return err
	})
	return added, err
}

// Keys lists the keys of all clinics. It crosses clinics (R41).
func (s *Keys) Keys(ctx context.Context) (keys []clinic.APIKey, err error) {
	err = s.db.AskSystem(ctx, "list the API keys", func(q *dbsqlc.Queries) error {
		rows, err := q.Keys(ctx)
		keys = values.Convert(rows, keyOfRow)
		return err
	})
	return keys, err
}

// Key reads one key. The error is CodeNotFound where there is none. It crosses clinics
// (R41).
func (s *Keys) Key(ctx context.Context, id uuid.UUID) (key clinic.APIKey, err error) {
	err = s.db.AskSystem(ctx, "read the API key", func(q *dbsqlc.Queries) error {
		row, err := q.Key(ctx, id)
		key = keyOfRow(row)
		return null.Found(err, errNoKey())
	})
	return key, err
}

func errNoKey() error { return syncs.Fail(syncs.CodeNotFound, "there is no such API key") }

// KeysOfClinic lists the keys of a clinic, the oldest first.
func (s *Keys) KeysOfClinic(ctx context.Context, clinicID uuid.UUID) (keys []clinic.APIKey, err error) {
	err = s.db.AskInClinic(ctx, "list the clinic's API keys", clinicID, func(q *dbsqlc.Queries) error {
		rows, err := q.KeysOfClinic(ctx, clinicID)
		keys = values.Convert(rows, keyOfRow)
		return err
	})
	return keys, err
}

// RevokeKey makes a key invalid from now on. The error is CodeNotFound where there is none.
// A revoked key stays revoked. RevokeKey crosses clinics (R41).
func (s *Keys) RevokeKey(ctx context.Context, id uuid.UUID) error {
	return s.db.AskSystem(ctx, "revoke the API key", func(q *dbsqlc.Queries) error {
		n, err := q.RevokeKey(ctx, id)
		return values.Changed(n, err, errNoKey())
	})
}

func keyOfRow(row dbsqlc.ClinicApiKey) clinic.APIKey {
	return clinic.APIKey{
		ID:          row.ID,
		ClinicID:    row.ClinicID,
		Name:        row.Name,
		Prefix:      row.KeyPrefix,
		Hash:        row.KeyHash,
		Permissions: values.Convert(row.Permissions, func(scope string) clinic.Scope { return clinic.Scope(scope) }),
		Active:      row.IsActive,
		ExpiresAt:   null.Value(row.ExpiresAt),
		LastUsedAt:  null.Value(row.LastUsedAt),
		CreatedAt:   row.CreatedAt,
	}
}

// KeyChecks implements seal.KeyCheckStore.
func (s *Keys) KeyChecks(ctx context.Context) (checks []seal.KeyCheck, err error) {
	err = s.db.AskSystem(ctx, "read the encryption key checks", func(q *dbsqlc.Queries) error {
		rows, err := q.KeyChecks(ctx)
		checks = values.Convert(rows, func(row dbsqlc.EncryptionKey) seal.KeyCheck { return seal.KeyCheck(row) })
		return err
	})
	return checks, err
}

// AddKeyCheck implements seal.KeyCheckStore.
func (s *Keys) AddKeyCheck(ctx context.Context, check seal.KeyCheck) error {
	return s.db.AskSystem(ctx, "store the encryption key check", func(q *dbsqlc.Queries) error {
		return q.InsertKeyCheck(ctx, check.KeyID, check.Sealed, s.db.Now())
	})
}
