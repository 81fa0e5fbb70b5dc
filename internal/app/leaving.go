package app

import (
	"context"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/leaving"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/leavestore"
	"github.com/pims-sync/pims-sync/internal/postgres/oplog"
)

// Export writes the archive of a clinic, or of one of its clients.
func (s *Store) Export(ctx context.Context, by access.By, w io.Writer, subject leaving.Subject) (leaving.Manifest, error) {
	return leaving.Export(ctx, s.operatorLog, by, w, leavestore.New(s.DB), subject, time.Now())
}

// An Eraser erases, with the login of the tables' owner (R45).
type Eraser struct {
	*leavestore.Store

	log *oplog.Log
}

// WithEraser runs fn with what erases. The service's own login cannot.
func (s *Store) WithEraser(ctx context.Context, fn func(Eraser) error) error {
	return s.withOwner(ctx, func(db *postgres.DB) error {
		return fn(Eraser{leavestore.New(db), oplog.New(db, s.log)})
	})
}

// Clinic erases a disabled clinic, see leaving.EraseClinic.
func (e Eraser) Clinic(ctx context.Context, by access.By, clinicID uuid.UUID, told func(leaving.Counts)) (leaving.Counts, error) {
	return leaving.EraseClinic(ctx, e.log, by, e.Store, clinicID, told)
}

// Client erases a client, see leaving.EraseClient.
func (e Eraser) Client(ctx context.Context, by access.By, subject leaving.Subject) (leaving.Counts, error) {
	return leaving.EraseClient(ctx, e.log, by, e.Store, subject)
}
