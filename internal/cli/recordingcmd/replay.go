package recordingcmd

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/recordings/replay"
	"github.com/pims-sync/pims-sync/internal/render"
)

// ReplayCmd plays a recording.
type ReplayCmd struct {
	Recording string `arg:"" help:"The recording's id, or a file that holds one."`
}

// Help shows how the command is used.
func (ReplayCmd) Help() string {
	return `The sync runs again with this program's rules. The recording takes the place of the PIMS, and the cases as they were then
are in memory: nothing reaches the PIMS or the database. The exit code is 1 if the sync does something else than was
recorded.

Example:
  pims-sync recordings replay 0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b
  pims-sync recordings replay 0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b --json`
}

// replayJSON is the result of a replay.
type replayJSON struct {
	Recording string             `json:"recording"`
	Same      bool               `json:"same"`
	Recorded  recordings.Outcome `json:"recorded"`

	*replay.Result
}

// Run plays the recording.
func (a *ReplayCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	if id, err := uuid.Parse(a.Recording); err == nil {
		return opened(ctx, std, c, id, access.RecordingRead, func(r *recordings.Recording) error {
			return a.play(ctx, std, c, r)
		})
	}
	document, err := os.ReadFile(a.Recording)
	if err != nil {
		return cli.Usage(fmt.Errorf("%q is neither the id of a recording nor a file that can be read; `pims-sync recordings list` shows the ids", a.Recording))
	}
	r, err := recordings.Decode(document)
	if err != nil {
		return fmt.Errorf("%s: %w", a.Recording, err)
	}
	return a.play(ctx, std, c, r)
}

func (a *ReplayCmd) play(ctx context.Context, std cli.Streams, c *cli.Config, r *recordings.Recording) error {
	if err := whole(r); err != nil {
		return err
	}
	played, err := app.Replay(ctx, r)
	if err != nil {
		return err
	}
	same := len(played.Differences) == 0
	err = cli.Show(std, c, replayJSON{a.Recording, same, r.After, played}, func(w io.Writer) { tell(w, r, played) })
	if err == nil && !same {
		err = fmt.Errorf("the sync does something else than was recorded, in %s", render.Counted(len(played.Differences), "place"))
	}
	return err
}

// tell prints what a replay did, beside what was recorded.
func tell(w io.Writer, r *recordings.Recording, played *replay.Result) {
	render.Fields(w, "recorded", how(r.After.Status, r.After.Code), "replayed", how(played.Outcome.Status, played.Outcome.Code),
		"decisions", fmt.Sprintf("%d recorded, %d replayed", len(r.After.Decisions), len(played.Outcome.Decisions)),
		"requests", fmt.Sprintf("%d recorded, %d answered", len(r.Exchanges), played.Answered))
	for _, endpoint := range played.Unanswered {
		fmt.Fprintf(w, "The recording holds no answer to a request to %s.\n", endpoint)
	}
	if len(played.Differences) == 0 {
		fmt.Fprintln(w, "\nThe same: outcome, warnings, drift and decisions.")
		return
	}
	fmt.Fprintln(w)
	for _, d := range played.Differences {
		which := "only replayed"
		if d.Recorded {
			which = "only recorded"
		}
		fmt.Fprintf(w, "%s: %s\n", which, d.Fact)
	}
}

// whole refuses a recording of which something is left out.
func whole(r *recordings.Recording) error {
	if r.Cut == "" {
		return nil
	}
	return fmt.Errorf("the recording is not whole, so it cannot be replayed: %s", r.Cut)
}
