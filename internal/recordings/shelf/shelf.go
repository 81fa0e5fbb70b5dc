// Package shelf has what callers do with stored recordings: list, look, open, remove (R42, R52). It
// records in the operator log who reads or removes one (R44). The command line and the API call the
// same functions.
package shelf

import (
	"context"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Store keeps recordings. One that it does not have is syncs.CodeNotFound.
type Store interface {
	// List lists recordings, the newest first, of these clinics; nil: of all.
	List(ctx context.Context, clinics []uuid.UUID, page syncs.Page) (syncs.List[recordings.Entry], error)

	// Entry returns the entry of a recording of a clinic; zero: of any clinic.
	Entry(ctx context.Context, clinicID, id uuid.UUID) (recordings.Entry, error)

	// Document returns a recording as recordings.Recording.Encode made it.
	Document(ctx context.Context, e recordings.Entry) ([]byte, error)

	Remove(ctx context.Context, e recordings.Entry) error
}

// A Shelf is the recordings of one database. It is safe for concurrent use.
type Shelf struct {
	store Store
	log   access.Log
	turn  chan struct{} // a recording may have recordings.MaxSealed bytes; so one is summarised at a time
}

// New returns the shelf over a store. The log records what is done.
func New(store Store, log access.Log) *Shelf { return &Shelf{store, log, make(chan struct{}, 1)} }

// List is that of the store.
func (s *Shelf) List(ctx context.Context, clinics []uuid.UUID, page syncs.Page) (syncs.List[recordings.Entry], error) {
	return s.store.List(ctx, clinics, page)
}

// Entry is that of the store.
func (s *Shelf) Entry(ctx context.Context, clinicID, id uuid.UUID) (recordings.Entry, error) {
	return s.store.Entry(ctx, clinicID, id)
}

// Show returns what a recording tells without its answers, and records that somebody looked.
func (s *Shelf) Show(ctx context.Context, by access.By, e recordings.Entry) (*recordings.Summary, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	return read(ctx, s, by, e, access.RecordingRead, recordings.Summarize)
}

// Open opens a recording and records why somebody did.
func (s *Shelf) Open(ctx context.Context, by access.By, e recordings.Entry, why access.Action) (*recordings.Recording, error) {
	return read(ctx, s, by, e, why, recordings.Decode)
}

// read reads a recording. Nothing is returned that is not recorded (R44).
func read[T any](ctx context.Context, s *Shelf, by access.By, e recordings.Entry, why access.Action, decode func([]byte) (*T, error)) (*T, error) {
	document, err := s.store.Document(ctx, e)
	var value *T
	if err == nil {
		value, err = decode(document)
	}
	if noted := s.log.Note(ctx, by.Event(why, e.ClinicID, access.RecordOf("recording", e.ID)), err); err == nil {
		err = noted
	}
	if err != nil {
		return nil, err
	}
	return value, nil
}

// Remove removes a recording.
func (s *Shelf) Remove(ctx context.Context, by access.By, e recordings.Entry) error {
	event := by.Event(access.RecordingRemove, e.ClinicID, access.RecordOf("recording", e.ID))
	return s.log.Act(ctx, event, func(ctx context.Context, x *access.Event) error {
		x.Before = access.Values{"type": e.Type, "requests": e.Requests}
		return s.store.Remove(ctx, e)
	})
}
