package recordingcmd

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/postgres/recordingstore"
	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// RecordingsCmd holds the commands on recordings.
type RecordingsCmd struct {
	List   ListCmd   `cmd:"" help:"List the recordings, the newest first."`
	Show   ShowCmd   `cmd:"" help:"Show a recording: its requests to the PIMS, and what came of them."`
	Replay ReplayCmd `cmd:"" help:"Run a recorded sync again, in memory, and say what is different."`
	Export ExportCmd `cmd:"" help:"Write an anonymous copy of a recording to a file."`
	Remove RemoveCmd `cmd:"" help:"Remove a recording before its time."`
}

// withStore opens the database with the keyring that seals recordings.
func withStore(ctx context.Context, std cli.Streams, c *cli.Config, run func(*app.Store, *seal.Keyring, *recordingstore.Store) error) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		ring, err := s.Keyring(ctx, c.EncryptionKey)
		if err != nil {
			return err
		}
		return run(s, ring, app.Recordings(s, ring))
	})
}

// opened opens a recording and records that somebody did (R44).
func opened(ctx context.Context, std cli.Streams, c *cli.Config, id uuid.UUID, why access.Action, run func(recordings.Entry, *recordings.Recording) error) error {
	return withStore(ctx, std, c, func(s *app.Store, ring *seal.Keyring, store *recordingstore.Store) error {
		entry, err := store.Entry(ctx, id)
		if err != nil {
			return cli.NoSuch(err, "recording", id, "recordings list")
		}
		r, err := s.OpenRecording(ctx, cli.By(), ring, entry, why)
		if err != nil {
			return err
		}
		return run(entry, r)
	})
}

// entryJSON is a recording in a list.
type entryJSON struct {
	ID         uuid.UUID    `json:"id"`
	ClinicID   uuid.UUID    `json:"clinicId"`
	Type       syncs.Type   `json:"type"`
	Status     syncs.Status `json:"status"`
	Code       syncs.Code   `json:"code,omitempty"`
	Requests   int          `json:"requests"`
	Bytes      int          `json:"bytes"`
	Cut        string       `json:"cut,omitempty"`
	RecordedAt time.Time    `json:"recordedAt"`
}

// ListCmd lists recordings.
type ListCmd struct {
	Clinic cli.OfClinic `help:"Only those of this clinic: its id, name, or the beginning of its id."`
}

// Help shows how the command is used.
func (ListCmd) Help() string {
	return `A recording has the id of its sync. It is kept for 7 days, and 20 of a clinic at most.

Example:
  pims-sync sync full --clinic "Harbor Lights" --record
  pims-sync recordings list --clinic "Harbor Lights"`
}

// Run lists the recordings.
func (a *ListCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return withStore(ctx, std, c, func(s *app.Store, _ *seal.Keyring, store *recordingstore.Store) error {
		if a.Clinic.Given() {
			if _, err := cli.ClinicOf(ctx, s, a.Clinic.UUID); err != nil {
				return err
			}
		}
		list, err := store.List(ctx, a.Clinic.UUID)
		if err != nil {
			return err
		}
		names, err := clinicNames(ctx, s)
		if err != nil {
			return err
		}
		items, rows := make([]entryJSON, len(list)), make([][]string, len(list))
		for i, e := range list {
			items[i] = entryJSON(e)
			rows[i] = []string{e.ID.String(), names[e.ClinicID], string(e.Type), how(e.Status, e.Code), fmt.Sprint(e.Requests), render.Stamp(e.RecordedAt, nil)}
		}
		return cli.Show(std, c, map[string]any{"items": items}, func(w io.Writer) {
			if len(rows) == 0 {
				fmt.Fprintln(w, "No recordings. `pims-sync sync full --clinic ID --record` makes one.")
				return
			}
			render.Table(w, []string{"id", "clinic", "type", "ended", "requests", "recorded"}, rows)
		})
	})
}

func clinicNames(ctx context.Context, s *app.Store) (map[uuid.UUID]string, error) {
	clinics, err := s.Clinics().Clinics(ctx)
	names := make(map[uuid.UUID]string, len(clinics))
	for i := range clinics {
		names[clinics[i].ID] = clinics[i].Name
	}
	return names, err
}

// how says how a sync ended.
func how(status syncs.Status, code syncs.Code) string {
	if code == "" {
		return string(status)
	}
	return string(status) + " (" + string(code) + ")"
}

// RemoveCmd removes a recording.
type RemoveCmd struct {
	ID cli.ID `arg:"" help:"The recording's id, which is its sync's."`
}

// Help shows how the command is used.
func (RemoveCmd) Help() string {
	return `Example:
  pims-sync recordings remove 0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b`
}

// Run removes the recording.
func (a *RemoveCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return withStore(ctx, std, c, func(s *app.Store, _ *seal.Keyring, store *recordingstore.Store) error {
		entry, err := store.Entry(ctx, a.ID.UUID)
		if err != nil {
			return cli.NoSuch(err, "recording", a.ID.UUID, "recordings list")
		}
		event := cli.Event(access.RecordingRemove, entry.ClinicID, access.RecordOf("recording", entry.ID))
		err = cli.Act(ctx, s, event, func(ctx context.Context, x *access.Event) error {
			x.Before = access.Values{"type": entry.Type, "requests": entry.Requests}
			return store.Remove(ctx, entry)
		})
		if err != nil {
			return err
		}
		return cli.Show(std, c, map[string]any{"id": entry.ID, "removed": true}, func(w io.Writer) {
			fmt.Fprintln(w, "The recording is removed.")
		})
	})
}
