package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

var noon = time.Date(2026, time.March, 4, 12, 0, 0, 0, time.UTC)

func TestACheckThatPanicsIsAFinding(t *testing.T) { // R58
	t.Parallel()
	found := Run(t.Context(), []Check{
		{"first", func(context.Context) []Finding { panic("a name") }},
		{"second", func(context.Context) []Finding { return ok("fine") }},
	})
	require.Len(t, found, 2)
	require.Equal(t, Wrong, found[0].State)
	require.NotContains(t, found[0].Said, "a name")
	require.Equal(t, Finding{Check: "second", State: OK, Said: "fine"}, found[1])
	require.True(t, AnyWrong(found))
	require.False(t, AnyWrong(found[1:]))
}

func healthy() Server {
	return Server{Version: "16.4", Major: 16, Encoding: "UTF8", Durable: true, MaxConnections: 97, Connections: 5, Pool: 16, Language: true}
}

func TestAServerIsJudged(t *testing.T) {
	t.Parallel()
	s := healthy()
	require.Empty(t, judgeServer(noon, &s))
	for name, test := range map[string]struct {
		change func(*Server)
		want   State
	}{
		"read-only":          {func(s *Server) { s.ReadOnly = true }, Wrong},
		"not durable":        {func(s *Server) { s.Durable = false }, Wrong},
		"no plpgsql":         {func(s *Server) { s.Language = false }, Wrong},
		"few connections":    {func(s *Server) { s.Connections = 92 }, Warning},
		"a long transaction": {func(s *Server) { s.Oldest = 2 * time.Hour }, Warning},
		"a locked table":     {func(s *Server) { s.Locked = []string{"cases"} }, Wrong},
	} {
		s := healthy()
		test.change(&s)
		found := judgeServer(noon, &s)
		require.Len(t, found, 1, name)
		require.Equal(t, test.want, found[0].State, name)
		require.NotEmpty(t, found[0].Next, name)
	}
	old := healthy()
	old.Major = 15
	require.Len(t, judgeServer(noon.AddDate(2, 0, 0), &old), 1, "no longer supported")
}

func TestASchemaIsJudged(t *testing.T) { // R45
	t.Parallel()
	require.Equal(t, OK, judgeSchema(&Schema{Roles: true})[0].State)
	require.Equal(t, Wrong, judgeSchema(&Schema{Roles: true, Pending: true})[0].State)
	require.Equal(t, Wrong, judgeSchema(&Schema{Err: errors.New("newer")})[0].State)
	require.Equal(t, Warning, judgeSchema(&Schema{})[0].State)
	require.Contains(t, judgeSchema(&Schema{Roles: true, Exposed: []string{"anon"}})[0].Said, "anon")
	changed := judgeSchema(&Schema{Roles: true, Lacks: []string{"trigger case_events_update of cases"}})[0]
	require.Equal(t, Wrong, changed.State)
	require.Contains(t, changed.Said, "trigger case_events_update of cases")
}

func TestWorkIsJudged(t *testing.T) {
	t.Parallel()
	require.Equal(t, ok("1 replica, 1 entry of a schedule, nothing stuck"), judgeWork(&Work{Replicas: 1, Scheduled: 1}))
	for name, w := range map[string]Work{
		"no replica":     {Scheduled: 3},
		"overdue":        {Replicas: 1, Overdue: 2},
		"a bad schedule": {Replicas: 1, BadEntries: []string{"c"}},
		"stuck":          {Replicas: 1, Stuck: []string{"s"}},
		"waiting":        {Replicas: 1, Waiting: []string{"a", "b", "c", "d", "e", "f", "g"}},
	} {
		found := judgeWork(&w)
		require.Len(t, found, 1, name)
		require.Equal(t, Wrong, found[0].State, name)
		require.NotEmpty(t, found[0].Next, name)
	}
	require.Equal(t, Warning, judgeWork(&Work{})[0].State, "a replica that nothing needs")
}

func TestOutgoingEventsAreJudged(t *testing.T) {
	t.Parallel()
	require.Equal(t, OK, judgeTelling(&Outgoing{Endpoints: 2, FeedDelay: time.Minute})[0].State)
	for name, o := range map[string]Outgoing{
		"a late feed":            {FeedDelay: time.Hour},
		"a failing endpoint":     {Failing: []string{"e"}},
		"a disabled endpoint":    {Disabled: []string{"e"}},
		"failed deliveries":      {Failed: 1},
		"late deliveries":        {Late: 2},
		"a channel that fails":   {FailedChats: []string{"c"}},
		"e-mail without servers": {MailWithout: 1},
	} {
		found := judgeTelling(&o)
		require.Len(t, found, 1, name)
		require.NotEqual(t, OK, found[0].State, name)
		require.NotEmpty(t, found[0].Next, name)
	}
}

func TestClinicsAreJudgedByTheirStates(t *testing.T) {
	t.Parallel()
	found := Clinics(func(context.Context) (map[string]int, error) {
		return map[string]int{"ok": 3, "stale": 1, "failing": 2, "login_refused": 1, "waiting_for_approval": 1, "off": 4}, nil
	}).Look(t.Context())
	require.Len(t, found, 4)
	require.True(t, AnyWrong(found))
}

func TestClocksAreCompared(t *testing.T) {
	t.Parallel()
	for ahead, want := range map[time.Duration]State{
		0: OK, time.Second: OK, 5 * time.Second: Warning, -5 * time.Second: Warning, time.Minute: Wrong, -time.Hour: Wrong,
	} {
		require.Equal(t, want, judgeClock(ahead, 0)[0].State, ahead)
	}
	require.Equal(t, OK, judgeClock(4*time.Second, 3*time.Second)[0].State, "a slow answer is no wrong clock")
}

func TestZonesAreCompared(t *testing.T) { // R1
	t.Parallel()
	now := func() time.Time { return noon }
	right := func(_ context.Context, zone string, at []time.Time) (offsets []time.Duration, err error) {
		location, err := time.LoadLocation(zone)
		if err != nil {
			return nil, err
		}
		for _, moment := range at {
			_, seconds := moment.In(location).Zone()
			offsets = append(offsets, time.Duration(seconds)*time.Second)
		}
		return offsets, nil
	}
	look := func(names ...string) []Finding {
		zones := make(map[string][]string)
		for _, name := range names {
			zones[name] = []string{"Harbor Lights"}
		}
		return Zones(now, zones, right).Look(t.Context())
	}
	require.Equal(t, OK, look("America/New_York", "Pacific/Auckland")[0].State)
	require.Equal(t, Wrong, look("")[0].State)
	require.Contains(t, look("")[0].Said, "Harbor Lights")
	require.Equal(t, Wrong, look("Mars/Olympus")[0].State)
	old := func(ctx context.Context, _ string, at []time.Time) ([]time.Duration, error) {
		return right(ctx, "Etc/GMT+5", at)
	}
	found := Zones(now, map[string][]string{"America/New_York": nil}, old).Look(t.Context())
	require.Equal(t, Warning, found[0].State, "the database knows no summer time")
}

func TestRoomIsJudged(t *testing.T) {
	t.Parallel()
	require.Equal(t, Wrong, Disks(Disk{"/no/such/folder", "nothing"}).Look(t.Context())[0].State)
	require.Equal(t, Wrong, Disks(Disk{"/proc", "what cannot be written to"}).Look(t.Context())[0].State)
	require.Len(t, Disks(Disk{t.TempDir(), "tests"}).Look(t.Context()), 1)
}

func TestHostsAreReached(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	silent := "http://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	named := pims.HostPolicy{Named: []string{"127.0.0.1"}}
	until := secure.Certificate().NotAfter
	look := func(n Network, address string) Finding {
		found := n.Host(address).Look(t.Context())
		require.Len(t, found, 1)
		return found[0]
	}
	at := func(moment time.Time) func() time.Time { return func() time.Time { return moment } }

	require.Equal(t, OK, look(Network{Hosts: named, Roots: roots, Now: at(until.AddDate(-1, 0, 0))}, secure.URL).State)
	require.Equal(t, OK, look(Network{Hosts: named, Now: at(noon)}, plain.URL).State)
	soon := look(Network{Hosts: named, Roots: roots, Now: at(until.AddDate(0, 0, -3))}, secure.URL)
	require.Equal(t, Warning, soon.State)
	require.Contains(t, soon.Said, "ends on")
	require.Equal(t, Wrong, look(Network{Hosts: named, Roots: roots, Now: at(until.AddDate(0, 0, 1))}, secure.URL).State, "it has ended")
	require.Contains(t, look(Network{Hosts: named, Now: at(noon)}, secure.URL).Said, "not over TLS", "an unknown root")
	require.Contains(t, look(Network{Hosts: named, Now: at(noon)}, silent).Said, "cannot be reached")
	unallowed := Network{Now: at(noon)}.Host(plain.URL, "Harbor Lights", "Pine Hill").Look(t.Context())[0]
	require.Equal(t, Wrong, unallowed.State, "a host that nobody allowed")
	require.Contains(t, unallowed.Said, "it is the PIMS of Harbor Lights, Pine Hill")
	require.Contains(t, unallowed.Next, "PIMS_ALLOWED_HOSTS")
	require.Equal(t, Wrong, look(Network{Now: at(noon)}, "::").State)
}

// A person fills in the form as a browser does.
type person struct{ err error }

func (p person) Login(ctx context.Context, form pims.LoginForm) (s pims.BrowserSession, err error) {
	if p.err != nil {
		return s, p.err
	}
	base, err := url.Parse(form.URL)
	if err != nil {
		return s, err
	}
	if err := form.Hosts.CheckURL(base); err != nil {
		return s, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base.JoinPath("../in").String(), http.NoBody)
	if err != nil {
		return s, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return s, err
	}
	if len(response.Cookies()) != 1 {
		return s, errors.New("no session")
	}
	return s, response.Body.Close()
}

// A chromium names itself.
type chromium struct {
	person

	product string
}

func (c chromium) Product() string { return c.product }

// recentMajor is a version of half a year before noon.
var recentMajor = 100 + int(noon.AddDate(0, -6, 0).Sub(chromium100)/betweenMajors)

func TestABrowserIsJudgedByALogin(t *testing.T) {
	t.Parallel()
	require.Equal(t, OK, Browser(person{}, true, noon).Look(t.Context())[0].State)
	require.Len(t, Browser(person{}, false, noon).Look(t.Context()), 2, "without a sandbox")
	require.Equal(t, Wrong, Browser(person{pims.ErrBrowserUnavailable}, true, noon).Look(t.Context())[0].State)
	require.Equal(t, Wrong, Browser(person{context.DeadlineExceeded}, true, noon).Look(t.Context())[0].State)
	for product, want := range map[string]State{"Chrome/100.0.4896.60": Warning, "HeadlessChrome/120.0.6099.109": Warning, "Chrome/" + strconv.Itoa(recentMajor) + ".0.1.1": OK} {
		found := Browser(chromium{product: product}, true, noon).Look(t.Context())
		require.Len(t, found, 2)
		require.Equal(t, want, found[1].State, product)
		require.Contains(t, found[1].Said, product)
	}
	require.Len(t, Browser(chromium{product: "another"}, true, noon).Look(t.Context()), 1)
}

func TestACheckThatCannotAskIsAFinding(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{"refused": errors.New("connection refused"), "it took too long": context.DeadlineExceeded} {
		found := Run(t.Context(), []Check{
			Database(noon, func(context.Context) (Server, error) { return Server{}, err }),
			Migrations(func(context.Context) (Schema, error) { return Schema{}, err }),
			Keys(func(context.Context) ([]string, error) { return nil, err }),
			Running(func(context.Context) (Work, error) { return Work{}, err }),
			Telling(func(context.Context) (Outgoing, error) { return Outgoing{}, err }),
			Clock(func() time.Time { return noon }, func(context.Context) (time.Time, error) { return time.Time{}, err }),
		})
		require.Len(t, found, 6)
		for _, f := range found {
			require.Equal(t, Wrong, f.State, f.Check)
			require.Contains(t, f.Said, name, f.Check)
			require.NotEmpty(t, f.Next, f.Check)
		}
	}
}

func TestWhatAnErrorAdvisesIsTheNextStep(t *testing.T) {
	t.Parallel()
	found := Failed("the key is wrong", errors.New("it knows k1; set it; or list it"), "look")
	require.Equal(t, []Finding{{State: Wrong, Said: "the key is wrong: it knows k1", Next: "set it; or list it"}}, found)
	require.Equal(t, []Finding{{State: Wrong, Said: "the key is wrong: EOF", Next: "look"}}, Failed("the key is wrong", io.EOF, "look"))
}

func TestAHealthyInstallationIsSaidToBeWell(t *testing.T) {
	t.Parallel()
	moments := []time.Time{noon, noon.Add(40 * time.Millisecond)}
	found := Run(t.Context(), []Check{
		Database(noon, func(context.Context) (Server, error) { return healthy(), nil }),
		Migrations(func(context.Context) (Schema, error) { return Schema{Roles: true}, nil }),
		Keys(func(context.Context) ([]string, error) { return []string{"k1", "k0"}, nil }),
		Keys(func(context.Context) ([]string, error) { return nil, nil }),
		Running(func(context.Context) (Work, error) { return Work{Replicas: 2, Scheduled: 3}, nil }),
		Telling(func(context.Context) (Outgoing, error) { return Outgoing{Endpoints: 1, Channels: 1}, nil }),
		Clock(func() time.Time {
			at := moments[0]
			moments = moments[1:]
			return at
		}, func(context.Context) (time.Time, error) { return noon.Add(20 * time.Millisecond), nil }),
	})
	for _, f := range found {
		require.Equal(t, OK, f.State, "%s: %s", f.Check, f.Said)
		require.Empty(t, f.Next, f.Check)
	}
	require.Contains(t, found[2].Said, `"k1"`, "the first key seals")
}
