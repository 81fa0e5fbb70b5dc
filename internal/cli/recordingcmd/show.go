package recordingcmd

import (
	"context"
	"fmt"
	"io"
	"net/url"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/drift"
	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/render"
)

// ShowCmd shows a recording.
type ShowCmd struct {
	ID     cli.ID `arg:"" help:"The recording's id, which is its sync's."`
	Answer int    `help:"Print this answer as it came, by its number in the list. It contains personal data." placeholder:"N"`
}

// Help shows how the command is used.
func (ShowCmd) Help() string {
	return `The list has no personal data: addresses are without ids. --answer prints one answer as it came. That somebody read the
recording stands in the operator log.

Example:
  pims-sync recordings show 0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b
  pims-sync recordings show 0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b --answer 3`
}

// requestJSON is a request to the PIMS.
type requestJSON struct {
	Number   int              `json:"number"`
	Method   string           `json:"method"`
	Endpoint string           `json:"endpoint"`
	AfterMS  int64            `json:"afterMs"`
	TookMS   int64            `json:"tookMs"`
	Status   int              `json:"status,omitempty"`
	Fault    recordings.Fault `json:"fault,omitempty"`
	Bytes    int              `json:"bytes"`
}

// Run shows the recording.
func (a *ShowCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return opened(ctx, std, c, a.ID.UUID, access.RecordingRead, func(e recordings.Entry, r *recordings.Recording) error {
		if a.Answer != 0 {
			return a.answer(std, r)
		}
		return showRecording(std, c, entryJSON(e), r)
	})
}

// answer prints one answer.
func (a *ShowCmd) answer(std cli.Streams, r *recordings.Recording) error {
	if a.Answer < 1 || a.Answer > len(r.Exchanges) {
		return cli.Usage(fmt.Errorf("--answer must be between 1 and %d", len(r.Exchanges)))
	}
	_, err := io.Copy(std.Out, r.Exchanges[a.Answer-1].Body.Open())
	return err
}

func showRecording(std cli.Streams, c *cli.Config, e entryJSON, r *recordings.Recording) error {
	requests, rows := make([]requestJSON, len(r.Exchanges)), make([][]string, len(r.Exchanges))
	for i := range r.Exchanges {
		x := requestOf(i, &r.Exchanges[i])
		requests[i] = x
		result := fmt.Sprint(x.Status)
		if x.Fault != "" {
			result = string(x.Fault)
		}
		rows[i] = []string{fmt.Sprint(x.Number), x.Method, x.Endpoint, result, fmt.Sprint(x.Bytes), fmt.Sprintf("%d ms", x.TookMS)}
	}
	document := map[string]any{
		"recording": e, "requests": requests, "logins": append([]recordings.Login{}, r.Logins...), "cases": len(r.Before.Cases),
		"outcome": r.After, "cut": r.Cut,
	}
	return cli.Show(std, c, document, func(w io.Writer) {
		render.Fields(w, "recording", e.ID.String(), "type", string(e.Type), "ended", how(e.Status, e.Code),
			"recorded", render.Stamp(e.RecordedAt, nil), "by version", r.Program, "logins", fmt.Sprint(len(r.Logins)),
			"cases before", fmt.Sprint(len(r.Before.Cases)), "decisions", fmt.Sprint(len(r.After.Decisions)))
		if r.Cut != "" {
			fmt.Fprintf(w, "\nIt is not whole: %s.\n", r.Cut)
		}
		fmt.Fprintln(w)
		render.Table(w, []string{"n", "method", "endpoint", "result", "bytes", "took"}, rows)
	})
}

func requestOf(i int, x *recordings.Exchange) requestJSON {
	request := requestJSON{
		Number: i + 1, Method: x.Method, AfterMS: x.AfterMS, TookMS: x.TookMS, Status: x.Status, Fault: x.Fault, Bytes: x.Body.Size(),
	}
	if request.Fault == "" {
		request.Fault = x.End
	}
	if u, err := url.Parse(x.URL); err == nil {
		request.Endpoint = drift.Endpoint(u.Path)
	}
	return request
}
