// Package recordingstore keeps the recordings of syncs, sealed, in PostgreSQL (R37, R52).
package recordingstore

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/page"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/sealed"
	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/recordings/shelf"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// table holds the recordings.
const table = "recordings"

// MaxKept is how many recordings of one clinic are kept.
const MaxKept = 20

// A Store keeps the recordings of one database. It is safe for concurrent use.
type Store struct {
	sealed.Table

	db   *postgres.DB
	ring *seal.Keyring
}

var (
	_ recordings.Keeper = (*Store)(nil)
	_ seal.Store        = (*Store)(nil)
	_ shelf.Store       = (*Store)(nil)
)

// New returns the store of a database. The keyring seals.
func New(db *postgres.DB, ring *seal.Keyring) *Store {
	return &Store{Table: sealed.In(db, table, "a recording"), db: db, ring: ring}
}

func about(clinicID, id uuid.UUID) seal.Subject {
	return seal.Subject{Table: table, ClinicID: clinicID, RowID: id}
}

// Keep implements recordings.Keeper. It removes the clinic's oldest recordings where there
// are too many.
func (s *Store) Keep(ctx context.Context, clinicID, syncID uuid.UUID, r *recordings.Recording) error {
	document, err := r.Encode()
	if err == nil && len(document) > recordings.MaxSealed {
		short := *r
		short.Exchanges, short.Before, short.Cut = nil, recordings.Before{}, recordings.TooLarge
		r = &short
		document, err = r.Encode()
	}
	if err != nil {
		return err
	}
	blob, err := s.ring.Seal(document, about(clinicID, syncID))
	if err != nil {
		return err
	}
	return s.db.InClinic(ctx, "keep a recording", clinicID, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			insert into recordings (id, clinic_id, sync_type, status, code, requests, bytes, cut, sealed)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			on conflict (id) do update set status = excluded.status, code = excluded.code, requests = excluded.requests,
				bytes = excluded.bytes, cut = excluded.cut, sealed = excluded.sealed, recorded_at = now()`,
			syncID, clinicID, string(r.Request.Type), string(r.After.Status), string(r.After.Code), len(r.Exchanges), len(document), r.Cut, blob)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `delete from recordings where clinic_id = $1 and id in (
			select id from recordings where clinic_id = $1 order by recorded_at desc, id offset $2)`, clinicID, MaxKept)
		return err
	})
}

const columns = "id, clinic_id, sync_type, status, code, requests, bytes, cut, recorded_at"

// List lists recordings, the newest first: those of some clinics, or of all where they are nil
// (R41).
func (s *Store) List(ctx context.Context, clinics []uuid.UUID, p syncs.Page) (list syncs.List[recordings.Entry], err error) {
	before, err := page.Parse(p.Cursor, page.Latest)
	if err != nil {
		return list, err
	}
	limit := page.Limit(p)
	read := func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select `+columns+` from recordings
			where ($1::uuid[] is null or clinic_id = any($1)) and (recorded_at, id) < ($2, $3)
			order by recorded_at desc, id desc limit $4`, clinics, before.At, before.ID, limit+1)
		if err != nil {
			return err
		}
		var bytes page.Bytes
		found, err := pgx.CollectRows(bytes.Rows(rows), entry)
		list = page.Of(found, limit, &bytes, func(e recordings.Entry) string { return page.Cursor{At: e.RecordedAt, ID: e.ID}.String() })
		return err
	}
	if len(clinics) == 1 {
		return list, s.db.InClinic(ctx, "list recordings", clinics[0], read)
	}
	return list, s.db.System(ctx, "list recordings", read)
}

func entry(row pgx.CollectableRow) (e recordings.Entry, err error) {
	err = row.Scan(&e.ID, &e.ClinicID, &e.Type, &e.Status, &e.Code, &e.Requests, &e.Bytes, &e.Cut, &e.RecordedAt)
	return e, err
}

// errNone: there is no such recording.
func errNone(id uuid.UUID) error {
	return syncs.Fail(syncs.CodeNotFound, "there is no recording of sync %s", id)
}

// Entry returns the entry of a recording of a clinic. Zero means any clinic: it crosses clinics,
// because whoever asks knows only the id (R41). The error is syncs.CodeNotFound where there is none.
func (s *Store) Entry(ctx context.Context, clinicID, id uuid.UUID) (e recordings.Entry, err error) {
	read := func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "select "+columns+" from recordings where id = $1 and ($2 or clinic_id = $3)", id, clinicID == uuid.Nil, clinicID)
		if err != nil {
			return err
		}
		e, err = pgx.CollectExactlyOneRow(rows, entry)
		return err
	}
	if clinicID == uuid.Nil {
		err = s.db.System(ctx, "find a recording", read)
	} else {
		err = s.db.InClinic(ctx, "find a recording", clinicID, read)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return e, errNone(id)
	}
	return e, err
}

// Document returns a recording as Keep encoded it. The error is that of seal.Keyring.Open where it was
// sealed with another key.
func (s *Store) Document(ctx context.Context, e recordings.Entry) ([]byte, error) {
	var blob []byte
	err := s.db.InClinic(ctx, "read a recording", e.ClinicID, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, "select sealed from recordings where id = $1 and clinic_id = $2", e.ID, e.ClinicID).Scan(&blob)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errNone(e.ID)
	}
	if err != nil {
		return nil, err
	}
	return s.ring.Open(blob, about(e.ClinicID, e.ID))
}

// Remove removes a recording.
func (s *Store) Remove(ctx context.Context, e recordings.Entry) error {
	return s.db.InClinic(ctx, "remove a recording", e.ClinicID, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "delete from recordings where id = $1 and clinic_id = $2", e.ID, e.ClinicID)
		if err == nil && tag.RowsAffected() == 0 {
			return errNone(e.ID)
		}
		return err
	})
}

// SealedRecords implements seal.Store. It returns the recordings of one clinic at a time,
// which may be MaxKept of recordings.MaxSealed bytes.
func (s *Store) SealedRecords(ctx context.Context, after uuid.UUID, clinics int) ([]seal.Record, error) {
	return s.Records(ctx, `select clinic_id, id, sealed from recordings
		where clinic_id in (select distinct clinic_id from recordings where clinic_id > $1 order by clinic_id limit least($2, 1)) order by clinic_id, id`,
		after, clinics, about)
}
