package demo

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/render"
)

// stage prints the demo's text for a person who sees the product for the first time.
type stage struct {
	w     io.Writer
	live  bool // a terminal, which can be written over
	since time.Time
}

func (s *stage) title() {
	fmt.Fprint(s.w, "PIMS Sync demo: simulated IDEXX Neo practices, a real browser, a real PostgreSQL, the real server\n\n")
}

func (s *stage) begin(format string, args ...any) {
	s.since = time.Now()
	fmt.Fprintf(s.w, "  %-52s ", fmt.Sprintf(format, args...))
}

func (s *stage) end(note string) {
	fmt.Fprintf(s.w, "%5.1f s  %s\n", time.Since(s.since).Seconds(), note)
}

func (s *stage) chapter(text string) { fmt.Fprintf(s.w, "\n%s\n", text) }

// results shows how each clinic's sync ended.
func (s *stage) results(done []syncDone) {
	var rows [][]string
	for _, d := range done {
		r := d.Response
		if !r.Success {
			rows = append(rows, []string{d.Clinic, d.Timezone, "failed: " + r.Code})
			continue
		}
		rows = append(rows, []string{
			d.Clinic, d.Timezone,
			number(r.InboundResult, "appointmentsFound"), number(r.InboundResult, "casesCreated"),
			number(r.InboundResult, "casesUpdated"), number(r.CasesResult, "casesEnriched"),
			number(r.ReconciliationResult, "casesDeleted"), fmt.Sprint(d.Cases),
			fmt.Sprintf("%.1f s", float64(r.DurationMS)/1000),
		})
	}
	render.Table(indented{s.w}, []string{"clinic", "time zone", "appointments", "created", "updated", "notes", "deleted", "cases", "took"}, rows)
	for _, d := range done {
		if !d.Response.Success {
			fmt.Fprintf(s.w, "  %s: %s\n", d.Clinic, d.Response.Error)
		}
	}
}

func number(p *phaseResponse, name string) string {
	if p == nil || p.Stats == nil {
		return "-"
	}
	return fmt.Sprint(p.Stats[name])
}

// differences shows what happened to the appointments that changed in the practices.
func (s *stage) differences(changes []dayChange) {
	s.chapter("What the second sync made of it")
	rows := make([][]string, len(changes))
	for i, c := range changes {
		mark := "ok"
		if !c.Right {
			mark = "WRONG"
		}
		rows[i] = []string{c.Clinic, c.What, c.Seen, mark}
	}
	render.Table(indented{s.w}, []string{"clinic", "in the practice", "in our cases", ""}, rows)
}

// Invite tells the reader how to continue alone. The server goes on until Close.
func (p *Play) Invite(ctx context.Context) error {
	m := p.clinics[0]
	base, err := url.Parse(p.server.URL())
	if err != nil {
		return err
	}
	token, err := p.store.People().ConsoleLink(ctx, p.user)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stage.w, `
Look at it in a browser. This link signs you in, once, within ten minutes:

  %[4]s

%[5]s
The server goes on at %[1]s until Ctrl-C (API: %[1]s/docs). Try, as %[2]s:

  curl -s -X POST -H 'X-API-Key: %[3]s' %[1]s/api/sync/inbound
  curl -s -H 'X-API-Key: %[3]s' '%[1]s/api/cases?limit=3'

`, p.server.URL(), m.name, m.key, page.LinkAddress(base, token), p.waiting())
	return nil
}

// waiting says what there is to decide and to set up in the console.
func (p *Play) waiting() string {
	var text strings.Builder
	text.WriteString("“Events” shows what happens as it arrives; start a sync, and watch it.\n")
	if len(p.clinics) > 1 {
		fmt.Fprintf(&text, "“Needs you” shows the plan of %s: approve it or reject it.\n", p.clinics[1].name)
	}
	if len(p.clinics) > 2 {
		fmt.Fprintf(&text, "%s waits for its new password: %s\n", p.clinics[2].name, newPassword)
	}
	fmt.Fprintf(&text, "%s is not set up: http://%s, user %s, password %s\n", p.newcomer.name, p.newcomer.host, neosim.DefaultUsername, neosim.DefaultPassword)
	return text.String()
}

// troubles shows what waits for a person.
func (s *stage) troubles(seen []trouble) {
	rows := make([][]string, len(seen))
	for i, t := range seen {
		mark := "ok"
		if !t.Right {
			mark = "WRONG"
		}
		rows[i] = []string{t.Clinic, t.Happened, t.Said, mark}
	}
	render.Table(indented{s.w}, []string{"clinic", "in the practice", "in the console", ""}, rows)
}

// A watch shows the progress of several syncs in one line, on a terminal.
type watch struct {
	stage   *stage
	mu      sync.Mutex
	clinics []*demoClinic
	state   []string
	shown   int
}

func (s *stage) watch(clinics []*demoClinic) *watch {
	return &watch{stage: s, clinics: clinics, state: make([]string, len(clinics))}
}

func (w *watch) report(i int, p progressJSON) {
	if !w.stage.live || p.Phase == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state[i] = p.Phase
	if p.Total > 0 {
		w.state[i] = fmt.Sprintf("%s %d/%d", p.Phase, p.Done, p.Total)
	}
	w.print("  " + strings.Join(w.state, " · "))
}

func (w *watch) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stage.live {
		w.print("")
		fmt.Fprint(w.stage.w, "\r")
	}
}

// print replaces the line that was shown before.
func (w *watch) print(line string) { w.shown = render.Overwrite(w.stage.w, line, w.shown) }

// indented indents what is written to it by two spaces.
type indented struct{ w io.Writer }

func (i indented) Write(p []byte) (int, error) {
	lines := strings.SplitAfter(string(p), "\n")
	for _, line := range lines {
		if line != "" {
			if _, err := io.WriteString(i.w, "  "+line); err != nil {
				return 0, err
			}
		}
	}
	return len(p), nil
}
