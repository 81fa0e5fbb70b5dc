package leaving

import (
	"context"
	"errors"
	"io"
	"maps"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
)

// Export writes the archive of a subject and records that it did (R44).
func Export(ctx context.Context, log access.Log, by access.By, w io.Writer, source Source, subject Subject, now time.Time) (Manifest, error) {
	event := by.Event(actionOf(&subject, access.ClinicExport, access.ClientExport), subject.ClinicID, recordOf(&subject))
	manifest, err := Write(ctx, w, source, subject, now)
	event.After = values(manifest.Counts())
	if noted := log.Note(ctx, event, err); noted != nil && err == nil {
		err = noted
	}
	return manifest, err
}

// EraseClinic erases a disabled clinic in steps, each in a transaction of its own, with a
// pause after each, so that the syncs of others go on. The last step and the record of the
// erasure are one transaction. It may be interrupted and repeated. told hears after each
// step what is removed so far.
func EraseClinic(ctx context.Context, log access.Log, by access.By, eraser Eraser, clinicID uuid.UUID, told func(Counts)) (Counts, error) {
	removed, state := Counts{}, State{}
	event := by.Event(access.ClinicErase, clinicID, access.Record{})
	for !state.Done {
		began := time.Now()
		next, counts, err := eraser.EraseClinic(ctx, clinicID, state)
		if err == nil {
			state = next
			removed.Add(counts)
			told(removed)
			err = pause(ctx, time.Since(began))
		}
		if err != nil {
			event.Before = values(removed)
			return removed, errors.Join(err, log.Note(ctx, event, err))
		}
	}
	total := removed
	err := log.Act(ctx, event, func(ctx context.Context, e *access.Event) error {
		counts, err := eraser.FinishClinic(ctx, clinicID, state)
		total = maps.Clone(removed)
		total.Add(counts)
		e.After = values(total)
		return err
	})
	if err != nil {
		return removed, err
	}
	return total, nil
}

// pause waits as long as a step took, at most a second.
func pause(ctx context.Context, took time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(min(took, time.Second)):
		return nil
	}
}

// EraseClient erases a client and records that it did, in one transaction. The record names
// no client (R40). The error is ErrUnknownClient where nothing names the client, unless the
// subject says to erase it all the same: then what cannot be searched goes (R52).
func EraseClient(ctx context.Context, log access.Log, by access.By, eraser Eraser, subject Subject) (counts Counts, err error) {
	subject.Actor = by.Actor()
	err = log.Act(ctx, by.Event(access.ClientErase, subject.ClinicID, recordOf(&subject)), func(ctx context.Context, e *access.Event) error {
		counts, err = eraser.EraseClient(ctx, subject, false)
		if err == nil && !counts.Named() && !subject.Unknown {
			return ErrUnknownClient
		}
		e.After = values(counts)
		return err
	})
	return counts, err
}

func actionOf(s *Subject, clinic, client access.Action) access.Action {
	if s.OfClient() {
		return client
	}
	return clinic
}

// recordOf says that a client was acted on, and not which one: the record outlives what is
// erased.
func recordOf(s *Subject) access.Record {
	if s.OfClient() {
		return access.Record{Kind: "client"}
	}
	return access.Record{}
}

func values(counts Counts) access.Values {
	shown := access.Values{}
	for what, n := range counts {
		shown[what] = n
	}
	return shown
}
