package recordingcmd

import (
	"context"
	"fmt"
	"io"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/recordingapi"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/recordings/shelf"
	"github.com/pims-sync/pims-sync/internal/render"
)

// ShowCmd shows a recording.
type ShowCmd struct {
	ID     cli.ID `arg:"" help:"The recording's id, which is its sync's."`
	Answer *int   `help:"Print this answer as it came, by its number in the list. It contains personal data." placeholder:"N"`
}

// Help shows how the command is used.
func (ShowCmd) Help() string {
	return `The list has no personal data: addresses are without ids. --answer prints one answer as it came. The operator log
records who reads a recording.

Example:
  pims-sync recordings show 0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b
  pims-sync recordings show 0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b --answer 3`
}

// Run shows the recording.
func (a *ShowCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	if a.Answer != nil {
		return opened(ctx, std, c, a.ID.UUID, access.RecordingRead, func(r *recordings.Recording) error { return a.answer(std, r) })
	}
	return withEntry(ctx, std, c, a.ID.UUID, func(kept *shelf.Shelf, e recordings.Entry) error {
		summary, err := kept.Show(ctx, cli.By(), e)
		if err != nil {
			return err
		}
		return showRecording(std, c, &e, summary)
	})
}

// answer prints one answer.
func (a *ShowCmd) answer(std cli.Streams, r *recordings.Recording) error {
	if *a.Answer < 1 || *a.Answer > len(r.Exchanges) {
		return cli.Usage(fmt.Errorf("--answer must be between 1 and %d", len(r.Exchanges)))
	}
	_, err := io.Copy(std.Out, r.Exchanges[*a.Answer-1].Body.Open())
	return err
}

func showRecording(std cli.Streams, c *cli.Config, e *recordings.Entry, s *recordings.Summary) error {
	document, err := recordingapi.Document(e, s)
	if err != nil {
		return err
	}
	rows := make([][]string, len(s.Sent))
	for i := range s.Sent {
		x := &s.Sent[i]
		result := fmt.Sprint(x.Status)
		if x.Fault != "" {
			result = string(x.Fault)
		}
		rows[i] = []string{fmt.Sprint(x.Number), x.Method, x.Endpoint, result, fmt.Sprint(x.Bytes), fmt.Sprintf("%d ms", x.TookMS)}
	}
	return cli.Show(std, c, document, func(w io.Writer) {
		render.Fields(w, "recording", e.ID.String(), "type", string(e.Type), "ended", how(e.Status, e.Code),
			"recorded", render.Stamp(e.RecordedAt, nil), "by version", s.Program, "logins", fmt.Sprint(len(s.Logins)),
			"cases before", fmt.Sprint(s.Cases), "decisions", fmt.Sprint(len(s.Outcome.Decisions)))
		if s.Cut != "" {
			fmt.Fprintf(w, "\nIt is not whole: %s.\n", s.Cut)
		}
		fmt.Fprintln(w)
		render.Table(w, []string{"n", "method", "endpoint", "result", "bytes", "took"}, rows)
	})
}
