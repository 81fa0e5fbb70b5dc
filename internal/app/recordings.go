package app

import (
	"context"

	"github.com/pims-sync/pims-sync/internal/postgres/recordingstore"
	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/recordings/anonymous"
	"github.com/pims-sync/pims-sync/internal/recordings/replay"
	"github.com/pims-sync/pims-sync/internal/recordings/shelf"
	"github.com/pims-sync/pims-sync/internal/seal"
)

// Recordings returns the store of the recordings, which a keyring seals.
func Recordings(s *Store, ring *seal.Keyring) *recordingstore.Store {
	return recordingstore.New(s.DB, ring)
}

// Replay plays a recording to this program (R52).
func Replay(ctx context.Context, r *recordings.Recording) (*replay.Result, error) {
	return replay.Play(ctx, r, replay.Options{Providers: Providers})
}

// ExportRecording makes an anonymous copy of a recording (R52). same reports whether the copy
// does, replayed, what the recording does; faithful, whether that is what was recorded.
func ExportRecording(ctx context.Context, r *recordings.Recording) (copied *recordings.Recording, same, faithful bool, err error) {
	copied, err = anonymous.Export(ctx, r, replay.Options{Providers: Providers})
	if err != nil {
		return nil, false, false, err
	}
	before, err := Replay(ctx, r)
	if err != nil {
		return nil, false, false, err
	}
	after, err := Replay(ctx, copied)
	if err != nil {
		return nil, false, false, err
	}
	return copied, len(after.Differences) == len(before.Differences), len(before.Differences) == 0, nil
}

// Shelf returns what callers do with the recordings.
func Shelf(s *Store, ring *seal.Keyring) *shelf.Shelf {
	return shelf.New(Recordings(s, ring), s.OperatorLog())
}
