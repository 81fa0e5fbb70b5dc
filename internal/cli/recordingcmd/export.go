package recordingcmd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/render"
)

// ExportCmd writes an anonymous copy of a recording.
type ExportCmd struct {
	ID     cli.ID `arg:"" help:"The recording's id, which is its sync's."`
	Output string `help:"File to write; it must not exist. Default: a new file in this folder." short:"o" placeholder:"FILE"`
}

// Help shows how the command is used.
func (ExportCmd) Help() string {
	return `Names, notes, phone numbers, addresses, ids and dates are replaced by invented ones of the same form, and nothing leads
back. The copy is replayed before it is written. docs/recordings.md says what stays.

Example:
  pims-sync recordings export 0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b --output case.recording.json.gz
  pims-sync recordings replay case.recording.json.gz`
}

// Run writes the copy.
func (a *ExportCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return opened(ctx, std, c, a.ID.UUID, access.RecordingExport, func(r *recordings.Recording) error {
		if err := whole(r); err != nil {
			return err
		}
		copied, same, faithful, err := app.ExportRecording(ctx, r)
		if err != nil {
			return err
		}
		document, err := copied.Encode()
		if err != nil {
			return err
		}
		name := a.Output
		if name == "" {
			name = strings.ToLower("recording-" + string(r.Request.Type) + "-" + rand.Text()[:8] + ".json.gz")
		}
		if err := write(name, document); err != nil {
			return err
		}
		result := map[string]any{"file": name, "bytes": len(document), "requests": len(copied.Exchanges), "same": same, "faithful": faithful}
		return cli.Show(std, c, result, func(w io.Writer) {
			fmt.Fprintf(w, "Wrote %s: %s.\n", name, render.Counted(len(copied.Exchanges), "request"))
			if !same {
				fmt.Fprintln(w, "It does not replay as the recording does: what made the difference was replaced.")
				return
			}
			if !faithful {
				fmt.Fprintf(w, "It replays as the recording does, but the recording itself does something else than the sync did; `pims-sync recordings replay %s` says what.\n", a.ID.UUID)
			} else {
				fmt.Fprintln(w, "It replays as the recording does.")
			}
			fmt.Fprintln(w, "Known words, times of day and measurements are as they came: look at it before you give it away.")
		})
	})
}

// write writes a new file.
func write(name string, document []byte) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("the copy was not written: %w; choose another file with --output", err)
	}
	_, err = file.Write(document)
	return errors.Join(err, file.Close())
}
