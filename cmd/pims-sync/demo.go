package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/render"
)

// DemoCmd shows how the program works, with simulated practices and real parts
// (docs/interface.md §Commands, demo).
type DemoCmd struct {
	Clinics int  `help:"How many clinics." default:"3"`
	Once    bool `help:"End after the second sync; exit 0 if every sync succeeded and the cases are in the database."`
	Story   bool `help:"Show failures instead: another practice's calendar, a stopped deletion, its approval, and the restore."`
}

// Help is shown by demo --help.
func (DemoCmd) Help() string {
	return `Starts simulated IDEXX Neo practices, a PostgreSQL of its own in a scratch folder, and the server. Logs in to each practice with a real headless browser, runs a full sync of each clinic through the HTTP API, lets a day pass in the practices, and syncs again. Nothing of yours is touched; DATABASE_URL is ignored.`
}

// A demoClinic is one of the demo's clinics, with its simulated practice.
type demoClinic struct {
	name string
	zone string
	seed uint64
	sim  *neosim.Sim

	id  uuid.UUID
	key string
	api *client
}

// cast are the demo's clinics; all of them are invented.
var cast = []demoClinic{
	{name: "Harbor Lights Animal Clinic", zone: "America/New_York", seed: 11},
	{name: "Tierpraxis Alpenblick", zone: "Europe/Berlin", seed: 23},
	{name: "Wattle Creek Vets", zone: "Australia/Sydney", seed: 37},
	{name: "Clínica Veterinaria El Olivo", zone: "America/Santiago", seed: 41},
	{name: "Sakura Dōbutsu Byōin", zone: "Asia/Tokyo", seed: 53},
}

// Run runs the demo.
func (d *DemoCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) (err error) {
	if d.Clinics < 1 || d.Clinics > 50 {
		return cli.Usage(errors.New("--clinics must be between 1 and 50"))
	}
	if d.Story {
		d.Clinics = 1
	}
	scratch, err := os.MkdirTemp("", "pims-sync-demo-")
	if err != nil {
		return fmt.Errorf("making the demo's scratch folder: %w", err)
	}
	defer os.RemoveAll(scratch) //nolint:errcheck // what stays is in the folder for temporary files
	settings := *c
	settings.DatabaseURL, settings.EncryptionKey, settings.DataDir = "", "", scratch
	settings.RateLimit = 0 // the practices are ours
	log, closeLog, err := demoLog(&settings, scratch)
	if err != nil {
		return err
	}
	defer closeLog()

	stage := newStage(std, c.JSON)
	stage.title()
	play, err := d.raise(ctx, &settings, log, stage)
	if err != nil {
		return err
	}
	defer play.close()
	if d.Story {
		return d.tellStory(ctx, std, c, play, stage)
	}
	acts, err := play.acts(ctx, stage)
	if err != nil {
		return err
	}
	if c.JSON {
		if err := cli.Show(std, c, acts, nil); err != nil {
			return err
		}
	}
	if err := acts.failure(); err != nil {
		return err
	}
	if d.Once || !render.IsTerminal(std.Out) {
		return nil
	}
	if err := stage.invite(ctx, play); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// demoLog writes the server's log to a file, apart from the demo's own output.
func demoLog(c *cli.Config, scratch string) (*slog.Logger, func(), error) {
	file, err := os.Create(filepath.Join(scratch, "demo.log"))
	if err != nil {
		return nil, nil, err
	}
	return cli.NewLogger(file, c), func() { _ = file.Close() }, nil
}

// A play is a running demo.
type play struct {
	clinics []*demoClinic
	server  *app.Server
	store   *app.Store
	sims    []*http.Server
}

// raise starts the practices, the database, the server and the clinics.
func (d *DemoCmd) raise(ctx context.Context, c *cli.Config, log *slog.Logger, stage *stage) (_ *play, err error) {
	p := &play{}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	stage.begin("Starting %s", render.Counted(d.Clinics, "simulated practice"))
	for i := range d.Clinics {
		m := cast[i%len(cast)]
		m.seed += uint64(i / len(cast))
		host, err := p.practice(ctx, &m)
		if err != nil {
			return nil, err
		}
		c.AllowedHosts = append(c.AllowedHosts, host)
		p.clinics = append(p.clinics, &m)
	}
	stage.end("")

	stage.begin("Starting PostgreSQL in a scratch folder")
	p.store, err = app.OpenScratch(ctx, c.DataDir, log)
	if err != nil {
		return nil, err
	}
	stage.end("")

	stage.begin("Starting the server")
	listener, err := cli.Listen(ctx, "127.0.0.1:0", "PORT")
	if err != nil {
		return nil, err
	}
	p.server, err = cli.StartServer(ctx, c, p.store, log, app.ServerOptions{Listener: listener, Wait: 55 * time.Second, Console: &app.ConsoleOptions{}})
	if err != nil {
		_ = listener.Close()
		return nil, err
	}
	for i, m := range p.clinics {
		if err := p.enrol(ctx, m, "http://"+c.AllowedHosts[len(c.AllowedHosts)-len(p.clinics)+i]); err != nil {
			return nil, err
		}
	}
	stage.end(p.server.URL())
	return p, nil
}

// practice starts one simulated practice and returns its host and port.
func (p *play) practice(ctx context.Context, m *demoClinic) (string, error) {
	loc, err := clinic.LoadZone(m.zone)
	if err != nil {
		return "", err
	}
	m.sim = neosim.New(neosim.Options{Seed: m.seed, Location: loc, StandsAt: neosim.AsNow})
	listener, err := cli.Listen(ctx, "127.0.0.1:0", "--listen")
	if err != nil {
		return "", err
	}
	s := &http.Server{Handler: m.sim, ReadHeaderTimeout: 10 * time.Second}
	p.sims = append(p.sims, s)
	panics.Go(func() { _ = s.Serve(listener) }, func(*panics.Error) { _ = s.Close() }) // until Close
	return listener.Addr().String(), nil
}

// enrol adds the clinic, its credentials and its key, as an engineer would.
func (p *play) enrol(ctx context.Context, m *demoClinic, baseURL string) error {
	added, err := p.store.Clinics().Add(ctx, clinic.Clinic{Name: m.name, Timezone: m.zone, Active: true})
	if err != nil {
		return err
	}
	m.id = added.ID
	credential, err := p.server.Engine.Connector.NewCredential(m.id, idexxneo.Name, pims.Credentials{
		pims.FieldBaseURL: baseURL, pims.FieldUsername: neosim.DefaultUsername, pims.FieldPassword: neosim.DefaultPassword,
	})
	if err != nil {
		return err
	}
	if err := p.store.Credentials().ReplaceCredential(ctx, credential); err != nil {
		return err
	}
	row, key := clinic.IssueKey(m.id, "demo", []clinic.Scope{clinic.ScopeAll}, time.Time{}, time.Now())
	if _, err := p.store.Keys().AddKey(ctx, row); err != nil {
		return err
	}
	m.key = key
	base, err := url.Parse(p.server.URL())
	if err != nil {
		return err
	}
	m.api = &client{base: base, key: m.key}
	return nil
}

func (p *play) close() {
	if p.server != nil {
		p.server.Close()
	}
	if p.store != nil {
		p.store.Close()
	}
	for _, s := range p.sims {
		_ = s.Close()
	}
}

// acts are the demo's result.
type acts struct {
	Success bool        `json:"success"`
	First   []syncDone  `json:"first"`
	Second  []syncDone  `json:"second"`
	Changes []dayChange `json:"changes"`
}

// A syncDone is the outcome of one clinic's full sync.
type syncDone struct {
	ClinicID uuid.UUID     `json:"clinicId"`
	Clinic   string        `json:"clinic"`
	Timezone string        `json:"timezone"`
	Cases    int           `json:"cases"` // in the database afterwards
	Response *fullResponse `json:"response"`
}

// A dayChange is one difference between the two syncs.
type dayChange struct {
	Clinic string `json:"clinic"`
	PIMSID string `json:"pimsId"`
	What   string `json:"what"` // what happened in the practice
	Seen   string `json:"seen"` // what became of the case
	Right  bool   `json:"right"`
}

// acts runs the two syncs and changes the practices between them.
func (p *play) acts(ctx context.Context, stage *stage) (*acts, error) {
	a := &acts{First: []syncDone{}, Second: []syncDone{}, Changes: []dayChange{}}
	stage.chapter("First full sync of each clinic: browser login, appointments, medical notes, reconciliation")
	first, before, err := p.syncAll(ctx, stage)
	if err != nil {
		return nil, err
	}
	a.First = first
	stage.results(first)
	if !a.well() { // what follows would only show the same again
		return a, nil
	}

	stage.chapter("A day passes: in each practice one visit is finished, one moved, one cancelled, one deleted")
	touched := make([]neosim.Changes, len(p.clinics))
	for i, m := range p.clinics {
		if touched[i], err = m.sim.ChangeDay(); err != nil {
			return nil, fmt.Errorf("changing the day of %s: %w", m.name, err)
		}
	}
	second, after, err := p.syncAll(ctx, stage)
	if err != nil {
		return nil, err
	}
	a.Second = second
	stage.results(second)

	for i, m := range p.clinics {
		a.Changes = append(a.Changes, compare(m, touched[i], before[i], after[i])...)
	}
	stage.differences(a.Changes)
	a.Success = a.well()
	return a, nil
}

func (a *acts) well() bool { return a.failure() == nil }

// failure returns the first failure.
func (a *acts) failure() error {
	for _, s := range slices.Concat(a.First, a.Second) {
		switch {
		case !s.Response.Success:
			return fmt.Errorf("the full sync of %s failed: %s (%s)", s.Clinic, s.Response.Error, s.Response.Code)
		case s.Cases == 0:
			return fmt.Errorf("the full sync of %s left no case in the database", s.Clinic)
		}
	}
	for _, c := range a.Changes {
		if !c.Right {
			return fmt.Errorf("in %s, appointment %s (%s) became: %s", c.Clinic, c.PIMSID, c.What, c.Seen)
		}
	}
	return nil
}

// syncAll runs a full sync of every clinic at once, through the HTTP API, and
// reads the cases afterwards.
func (p *play) syncAll(ctx context.Context, stage *stage) ([]syncDone, []map[string]caseJSON, error) {
	done := make([]syncDone, len(p.clinics))
	cases := make([]map[string]caseJSON, len(p.clinics))
	watch := stage.watch(p.clinics)
	group, ctx := panics.NewGroupWith(ctx, len(p.clinics))
	for i, m := range p.clinics {
		group.Do(func() error {
			response, err := m.sync(ctx, func(progress progressJSON) { watch.report(i, progress) })
			if err != nil {
				return fmt.Errorf("syncing %s: %w", m.name, err)
			}
			if cases[i], err = m.api.cases(ctx); err != nil {
				return fmt.Errorf("reading the cases of %s: %w", m.name, err)
			}
			done[i] = syncDone{ClinicID: m.id, Clinic: m.name, Timezone: m.zone, Cases: len(cases[i]), Response: response}
			return nil
		})
	}
	err := group.Wait()
	watch.close()
	return done, cases, err
}

// sync runs a full sync over the past and the coming week.
func (m *demoClinic) sync(ctx context.Context, report func(progressJSON)) (*fullResponse, error) {
	today := m.sim.Today()
	return m.api.fullSync(ctx, map[string]any{
		"startDate": today.AddDate(0, 0, -7).Format(time.DateOnly),
		"endDate":   today.AddDate(0, 0, 7).Format(time.DateOnly),
	}, report)
}

// compare returns what happened to the four appointments that were changed, and to any case
// that changed without reason.
func compare(m *demoClinic, touched neosim.Changes, before, after map[string]caseJSON) []dayChange {
	var changes []dayChange
	expected := map[string]bool{}
	add := func(id, what string, seen string, right bool) {
		expected[id] = true
		changes = append(changes, dayChange{m.name, id, what, seen, right})
	}
	loc, err := clinic.LoadZone(m.zone)
	if err != nil {
		loc = time.UTC
	}
	old, now := before[touched.Finished], after[touched.Finished]
	add(touched.Finished, "visit finished", fmt.Sprintf("status %s → %s, notes %s", old.Status, now.Status, gained(now.hasNotes())),
		old.Status != now.Status && now.hasNotes())
	old, now = before[touched.Moved], after[touched.Moved]
	add(touched.Moved, "appointment moved", fmt.Sprintf("%s → %s", render.Stamp(old.ScheduledDate, loc), render.Stamp(now.ScheduledDate, loc)),
		!old.ScheduledDate.Equal(now.ScheduledDate))
	old, now = before[touched.Cancelled], after[touched.Cancelled]
	add(touched.Cancelled, "appointment cancelled", fmt.Sprintf("status %s → %s", old.Status, now.Status), now.Status == "reviewed")
	now = after[touched.Deleted]
	add(touched.Deleted, "appointment deleted", "soft-deleted: "+render.OrDash(now.deletion()), now.deletion() != "")

	for id, c := range after {
		if was, ok := before[id]; (!ok || was.UpdatedAt != c.UpdatedAt) && !expected[id] {
			add(id, "nothing", "the case changed without reason", false)
		}
	}
	return changes
}

func gained(yes bool) string {
	if yes {
		return "added"
	}
	return "missing"
}
