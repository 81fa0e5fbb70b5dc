package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/api"
	"github.com/pims-sync/pims-sync/internal/api/apitest"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

// daysAround bound a practice's calendar, and the window of its syncs.
const daysAround = 7

// removalsARound stay below what the guard of deletions holds back (R23).
const removalsARound = 3

// everyMinute are schedules that are always about to start something.
const everyMinute = `[
	{"type": "inbound", "cron": "* * * * *", "options": {"daysAhead": 7}},
	{"type": "reconciliation", "cron": "*/2 * * * *", "options": {"lookbackDays": 7}}
]`

// A practice is a clinic with its simulated Neo, and what really happened there.
type practice struct {
	*neosim.Sim
	world   *world
	network *network
	id, key string

	mu           sync.Mutex
	added        map[string]time.Time // when an appointment was made; the first ones are older than all syncs
	removed      map[string]bool      // deleted or cancelled, noted before it was done
	removals     int                  // in this round
	acknowledged map[string]bool      // syncs that the API answered; true: as completed
}

// addPractice adds a clinic without schedules.
func (w *world) addPractice(t *testing.T) *practice {
	t.Helper()
	p := &practice{
		world: w, added: make(map[string]time.Time), removed: make(map[string]bool), acknowledged: make(map[string]bool),
		Sim: neosim.New(neosim.Options{
			Seed: uint64(len(w.practices) + 1), Location: w.zone, StandsAt: neosim.AsNow, PerDay: 5, DaysBack: daysAround, DaysAhead: daysAround,
			LoginLatency: 200 * time.Millisecond, Latency: 15 * time.Millisecond,
			Latencies: map[neosim.Op]time.Duration{neosim.OpCalendar: 100 * time.Millisecond},
		}),
	}
	for _, a := range p.window() {
		p.added[a.ID] = time.Time{}
	}
	neo := httptest.NewServer(p.Sim)
	t.Cleanup(neo.Close)
	p.network = newNetwork(t, neo.Listener.Addr())
	t.Cleanup(func() { p.ClearFaults() })
	p.id = w.run(t, "", "clinic", "add", "--allow-duplicate", "--name", "Harbor Lights", "--timezone", w.zone.String())["id"].(string)
	w.run(t, neosim.DefaultPassword+"\n", "credentials", "set", "--clinic", p.id, "--base-url", p.network.url(),
		"--username", neosim.DefaultUsername, "--password-stdin")
	p.key = w.run(t, "", "keys", "create", "--clinic", p.id)["key"].(string)
	p.schedule(t, "[]")
	w.practices = append(w.practices, p)
	return p
}

// schedule sets the clinic's schedules, as an operator does.
func (p *practice) schedule(t *testing.T, entries string) {
	t.Helper()
	_, err := p.world.database.pool.Exec(t.Context(), `update clinic_schedule_configs set sync_schedules = $1 where clinic_id = $2`, entries, p.id)
	require.NoError(t, err)
}

// run carries out a command and returns its JSON document.
func (w *world) run(t *testing.T, stdin string, args ...string) map[string]any {
	t.Helper()
	command := exec.Command(w.binary, append(args, "--json")...)
	command.Env, command.Dir = w.env(), w.dir
	command.Stdin = strings.NewReader(stdin)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	out, err := command.Output()
	require.NoError(t, err, "pims-sync %s: %s", strings.Join(args, " "), &complaint)
	var document map[string]any
	require.NoError(t, json.Unmarshal(out, &document))
	return document
}

// window are the practice's appointments within the window of its syncs.
func (p *practice) window() []neosim.Appointment {
	var found []neosim.Appointment
	for _, a := range p.Appointments(p.Today().AddDate(0, 0, -daysAround), p.Today().AddDate(0, 0, daysAround+1)) {
		if !a.Block && !a.Roster {
			found = append(found, a)
		}
	}
	return found
}

// happen lets something happen in the practice: an appointment is made, moved,
// started, finished, cancelled or deleted.
func (p *practice) happen(random *rand.Rand) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.window()
	a := known[random.IntN(len(known))]
	switch random.IntN(6) {
	case 0:
		start := p.Today().AddDate(0, 0, random.IntN(2*daysAround)-daysAround).Add(time.Duration(8+random.IntN(9)) * time.Hour)
		id := p.AddAppointment(neosim.Appointment{
			Start: start, Patient: "Bruno", FirstName: "Zoë", LastName: "Nakamura", Status: "Scheduled", Type: "Exam",
		})
		p.added[id] = time.Now()
	case 1:
		_ = p.Move(a.ID, a.Start.Add(time.Hour)) // it may be cancelled
	case 2:
		_, _ = p.StartVisit(a.ID)
	case 3:
		_, _ = p.FinishVisit(a.ID)
	default:
		if p.removals == removalsARound {
			return
		}
		p.removals++
		p.removed[a.ID] = true
		if random.IntN(2) == 0 {
			_ = p.Cancel(a.ID)
		} else {
			_ = p.Delete(a.ID)
		}
	}
}

// bodies are the requests of the load, by the paths they go to.
var bodies = map[string]string{
	"inbound": `{"daysAhead": 7}`, "cases": `{"force": true, "parallelBatchSize": 2}`, "reconcile": "", "full": "",
}

// everything is a full sync over the whole window of the practice.
func (p *practice) everything() string {
	return `{"startDate": "` + p.Today().AddDate(0, 0, -daysAround).Format(time.DateOnly) + `", "daysAhead": 14, "lookbackDays": 7, "lookaheadDays": 7}`
}

// An answer is what the API said.
type answer struct {
	Status int `json:"-"`
	SyncID string
	Code   string
	Body   map[string]any `json:"-"`
}

// contract is the API's description.
var contract = sync.OnceValues(func() (*apitest.Contract, error) { return apitest.Read(api.OpenAPI()) })

// described is a client for the API: an answer that the API's description does not allow
// is an error.
func described() *http.Client {
	c, err := contract()
	if err != nil {
		panic(err)
	}
	return &http.Client{Transport: c.Transport(&http.Transport{DisableKeepAlives: true})}
}

// sync calls one of the four sync endpoints of a replica, with headers as name and
// value, and notes what it acknowledged.
func (p *practice) sync(ctx context.Context, url, kind, body string, headers ...string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/api/sync/"+kind, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("X-API-Key", p.key)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := described().Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	var content bytes.Buffer
	if _, err := content.ReadFrom(response.Body); err != nil {
		return answer{}, err
	}
	a := answer{Status: response.StatusCode}
	if err := json.Unmarshal(content.Bytes(), &a); err != nil {
		return answer{}, err
	}
	if err := json.Unmarshal(content.Bytes(), &a.Body); err != nil {
		return answer{}, err
	}
	if a.SyncID != "" {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.acknowledged[a.SyncID] = p.acknowledged[a.SyncID] || a.Status == http.StatusOK
	}
	return a, nil
}

// impatience is how long the load waits for an answer; R28: nothing is cancelled by
// its going.
const impatience = 2 * time.Second

// A load starts syncs through random replicas, while things happen in the
// practices.
type load struct {
	cancel  context.CancelFunc
	running sync.WaitGroup
}

func (w *world) load(seed uint64) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{cancel: cancel}
	for i, p := range w.practices {
		p.mu.Lock()
		p.removals = 0
		p.mu.Unlock()
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		l.running.Go(func() { p.press(ctx, random) })
	}
	for i := range writers * min(1, len(w.desks)) {
		random := rand.New(rand.NewPCG(seed, uint64(clinics+i)))
		l.running.Go(func() { w.desks[i%len(w.desks)].write(ctx, random) })
	}
	return l
}

// stop ends the load and returns when no call waits any more.
func (l *load) stop() {
	l.cancel()
	l.running.Wait()
}

// press starts one sync after the other until the context ends.
func (p *practice) press(ctx context.Context, random *rand.Rand) {
	kinds := []string{"inbound", "cases", "reconcile", "full"}
	for pause(ctx, time.Duration(random.IntN(100))*time.Millisecond) {
		if random.IntN(3) == 0 {
			p.happen(random)
		}
		kind := kinds[random.IntN(len(kinds))]
		body := bodies[kind]
		if kind == "full" {
			body = p.everything()
		}
		if url := p.world.replicas[random.IntN(replicas)].url(); url != "" {
			p.call(ctx, url, kind, body)
		}
	}
}

// call starts a sync and hangs up when that takes long, as it does of a replica that
// is stopped.
func (p *practice) call(ctx context.Context, url, kind, body string) {
	ctx, cancel := context.WithTimeout(ctx, impatience)
	defer cancel()
	_, _ = p.sync(ctx, url, kind, body) // whoever answered may have been killed; the checker looks
}
