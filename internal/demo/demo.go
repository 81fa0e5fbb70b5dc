package demo

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/api"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/render"
)

// A demoClinic is one of the demo's clinics, with its simulated practice.
type demoClinic struct {
	name string
	zone string
	seed uint64
	sim  *neosim.Sim
	host string // and port of sim

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

// A Play is a running demo.
type Play struct {
	stage   *stage
	user    string
	clinics []*demoClinic

	syncing, newcomer *demoClinic // added by night

	server *app.Server
	store  *app.Store
	sims   []*http.Server
}

// Options say what the demo plays, and for whom.
type Options struct {
	Clinics  int          // at least 1
	Settings app.Settings // of the server; DataDir is a scratch folder
	Log      *slog.Logger // of the server
	Out      io.Writer    // what a person reads; io.Discard: nothing
	Live     bool         // Out is a terminal, which can be written over
	User     string       // of the operating system, whom the link of Invite signs in
}

// Raise starts the practices, a database in a scratch folder, the server and the clinics.
func Raise(ctx context.Context, o Options) (_ *Play, err error) {
	p := &Play{stage: &stage{w: o.Out, live: o.Live}, user: o.User}
	defer func() {
		if err != nil {
			p.Close()
		}
	}()
	p.stage.title()
	p.stage.begin("Starting %s", render.Counted(o.Clinics, "simulated practice"))
	var hosts []string
	for i := range o.Clinics {
		m := cast[i%len(cast)]
		m.seed += uint64(i / len(cast))
		host, err := p.practice(ctx, &m)
		if err != nil {
			return nil, err
		}
		hosts = append(hosts, host)
		p.clinics = append(p.clinics, &m)
	}
	for _, added := range []struct {
		to **demoClinic
		is demoClinic
	}{{&p.syncing, syncing}, {&p.newcomer, newcomers}} {
		host, err := p.practice(ctx, &added.is)
		if err != nil {
			return nil, err
		}
		*added.to, hosts = &added.is, append(hosts, host)
	}
	o.Settings.Hosts.Named = slices.Concat(o.Settings.Hosts.Named, hosts)
	p.stage.end("")

	p.stage.begin("Starting PostgreSQL in a scratch folder")
	p.store, err = app.OpenScratch(ctx, o.Settings.DataDir, o.Log)
	if err != nil {
		return nil, err
	}
	p.stage.end("")

	p.stage.begin("Starting the server")
	listener, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	p.server, err = app.StartServer(ctx, o.Settings, p.store, o.Log, app.ServerOptions{
		Listener: listener, Wait: 55 * time.Second, Console: &app.ConsoleOptions{}, Limits: api.DefaultLimits(),
	})
	if err != nil {
		_ = listener.Close()
		return nil, err
	}
	for _, m := range p.clinics {
		if err := p.enrol(ctx, m, "http://"+m.host); err != nil {
			return nil, err
		}
	}
	p.stage.end(p.server.URL())
	return p, nil
}

// listen opens a free port of this machine.
func listen(ctx context.Context) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the demo cannot listen on a port of this machine: %w", err)
	}
	return listener, nil
}

// practice starts one simulated practice and returns its host and port.
func (p *Play) practice(ctx context.Context, m *demoClinic) (string, error) {
	loc, err := clinic.LoadZone(m.zone)
	if err != nil {
		return "", err
	}
	m.sim = neosim.New(neosim.Options{Seed: m.seed, Location: loc, StandsAt: neosim.AsNow})
	listener, err := listen(ctx)
	if err != nil {
		return "", err
	}
	s := &http.Server{Handler: m.sim, ReadHeaderTimeout: 10 * time.Second}
	p.sims = append(p.sims, s)
	panics.Go(func() { _ = s.Serve(listener) }, func(*panics.Error) { _ = s.Close() }) // until Close
	m.host = listener.Addr().String()
	return m.host, nil
}

// enrol adds the clinic, its credentials and its key, as an engineer would.
func (p *Play) enrol(ctx context.Context, m *demoClinic, baseURL string) error {
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

// Close ends all that Raise has started.
func (p *Play) Close() {
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

// Acts are the demo's result.
type Acts struct {
	Success bool        `json:"success"`
	First   []syncDone  `json:"first"`
	Second  []syncDone  `json:"second"`
	Changes []dayChange `json:"changes"`
	Night   []trouble   `json:"night"` // what waits for a person
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

// Acts runs two full syncs of each clinic, changes the practices between them, and leaves
// something that waits for a person.
func (p *Play) Acts(ctx context.Context) (*Acts, error) {
	a := &Acts{First: []syncDone{}, Second: []syncDone{}, Changes: []dayChange{}, Night: []trouble{}}
	p.stage.chapter("First full sync of each clinic: browser login, appointments, medical notes, reconciliation")
	first, before, err := p.syncAll(ctx)
	if err != nil {
		return nil, err
	}
	a.First = first
	p.stage.results(first)
	if !a.well() { // what follows would only show the same again
		return a, nil
	}

	p.stage.chapter("A day passes: in each practice one visit is finished, one moved, one cancelled, one deleted")
	touched := make([]neosim.Changes, len(p.clinics))
	for i, m := range p.clinics {
		if touched[i], err = m.sim.ChangeDay(); err != nil {
			return nil, fmt.Errorf("changing the day of %s: %w", m.name, err)
		}
	}
	second, after, err := p.syncAll(ctx)
	if err != nil {
		return nil, err
	}
	a.Second = second
	p.stage.results(second)

	for i, m := range p.clinics {
		a.Changes = append(a.Changes, compare(m, touched[i], before[i], after[i])...)
	}
	p.stage.differences(a.Changes)
	if a.Night, err = p.night(ctx); err != nil {
		return nil, err
	}
	a.Success = a.well()
	return a, nil
}

func (a *Acts) well() bool { return a.Failure() == nil }

// Failure returns the first failure.
func (a *Acts) Failure() error {
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
	for _, t := range a.Night {
		if !t.Right {
			return fmt.Errorf("in %s, after %s: %s", t.Clinic, t.Happened, t.Said)
		}
	}
	return nil
}

// syncAll runs a full sync of every clinic at once, through the HTTP API, and
// reads the cases afterwards.
func (p *Play) syncAll(ctx context.Context) ([]syncDone, []map[string]caseJSON, error) {
	done := make([]syncDone, len(p.clinics))
	cases := make([]map[string]caseJSON, len(p.clinics))
	watch := p.stage.watch(p.clinics)
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
	return m.api.fullSync(ctx, m.weeks(), report)
}

// weeks is the request for a sync of the past and the coming week.
func (m *demoClinic) weeks() []byte {
	today := m.sim.Today()
	return fmt.Appendf(nil, `{"startDate": %q, "endDate": %q}`, today.AddDate(0, 0, -7).Format(time.DateOnly), today.AddDate(0, 0, 7).Format(time.DateOnly))
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
