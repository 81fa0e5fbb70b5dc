package recordingcmd

import (
	"context"
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/recordingapi"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/recordings/shelf"
	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// RecordingsCmd holds the commands on recordings.
type RecordingsCmd struct {
	List   ListCmd   `cmd:"" help:"List the recordings, the newest first."`
	Show   ShowCmd   `cmd:"" help:"Show a recording: its requests to the PIMS, and how the sync ended."`
	Replay ReplayCmd `cmd:"" help:"Run a recorded sync again, in memory, and say what is different."`
	Export ExportCmd `cmd:"" help:"Write an anonymous copy of a recording to a file."`
	Remove RemoveCmd `cmd:"" help:"Remove a recording before its time."`
}

// withStore opens the database with the recordings in it.
func withStore(ctx context.Context, std cli.Streams, c *cli.Config, run func(*app.Store, *shelf.Shelf) error) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		ring, err := s.Keyring(ctx, c.EncryptionKey)
		if err != nil {
			return err
		}
		return run(s, app.Shelf(s, ring))
	})
}

// withEntry finds a recording by its id alone.
func withEntry(ctx context.Context, std cli.Streams, c *cli.Config, id uuid.UUID, run func(*shelf.Shelf, recordings.Entry) error) error {
	return withStore(ctx, std, c, func(_ *app.Store, kept *shelf.Shelf) error {
		entry, err := kept.Entry(ctx, uuid.Nil, id)
		if err != nil {
			return cli.NoSuch(err, "recording", id, "recordings list")
		}
		return run(kept, entry)
	})
}

// opened opens a recording and records that somebody did (R44).
func opened(ctx context.Context, std cli.Streams, c *cli.Config, id uuid.UUID, why access.Action, run func(*recordings.Recording) error) error {
	return withEntry(ctx, std, c, id, func(kept *shelf.Shelf, entry recordings.Entry) error {
		r, err := kept.Open(ctx, cli.By(), entry, why)
		if err != nil {
			return err
		}
		return run(r)
	})
}

// ListCmd lists recordings.
type ListCmd struct {
	Clinic cli.OfClinic `help:"Only those of this clinic: its id, name, or the beginning of its id."`
	Limit  cli.Limit    `help:"How many." default:"20"`
	Cursor string       `help:"Continue a list: the nextCursor of the earlier list."`
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
	return withStore(ctx, std, c, func(s *app.Store, kept *shelf.Shelf) error {
		var of []uuid.UUID
		if a.Clinic.Given() {
			if _, err := cli.ClinicOf(ctx, s, a.Clinic.UUID); err != nil {
				return err
			}
			of = []uuid.UUID{a.Clinic.UUID}
		}
		list, err := kept.List(ctx, of, syncs.Page{Limit: int(a.Limit), Cursor: a.Cursor})
		if err != nil {
			return err
		}
		names, err := clinicNames(ctx, s)
		if err != nil {
			return err
		}
		document, err := recordingapi.ListDocument(list)
		if err != nil {
			return err
		}
		rows := make([][]string, len(list.Items))
		for i := range list.Items {
			e := &list.Items[i]
			rows[i] = []string{e.ID.String(), names[e.ClinicID], string(e.Type), how(e.Status, e.Code), fmt.Sprint(e.Requests), render.Stamp(e.RecordedAt, nil)}
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			if len(rows) == 0 {
				fmt.Fprintln(w, "No recordings. `pims-sync sync full --clinic ID --record` makes one.")
				return
			}
			render.Table(w, []string{"id", "clinic", "type", "ended", "requests", "recorded"}, rows)
			cli.More(w, list.NextCursor)
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
	return withEntry(ctx, std, c, a.ID.UUID, func(kept *shelf.Shelf, entry recordings.Entry) error {
		if err := kept.Remove(ctx, cli.By(), entry); err != nil {
			return err
		}
		return cli.Show(std, c, map[string]any{"id": entry.ID, "removed": true}, func(w io.Writer) {
			fmt.Fprintln(w, "The recording is removed.")
		})
	})
}
