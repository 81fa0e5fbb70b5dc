package main

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/browser"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/seal"
)

// A production day: one clinic's eight days (NEO.md §Hosts and login).
const (
	dayVisits        = 143
	dayConsultations = 35
	dayRounds        = 5
)

// The latencies of that day, and how many consultations are read at a time.
const (
	loginLatency    = 7500 * time.Millisecond
	calendarLatency = 900 * time.Millisecond
	viewLatency     = 250 * time.Millisecond
	viewsAtATime    = 5
)

// BenchmarkFullSync is the full sync of a production day, for the first time: every
// case is created and every record is new.
func BenchmarkFullSync(b *testing.B) {
	b.Run("live session beside its bare requests", benchmarkLiveSession)
	b.Run("statements and round trips", benchmarkStatements)
	b.Run("cold browser beside 3 x its bare requests and 2 bare logins", benchmarkColdBrowser)
	b.Run("production latencies beside their sum", benchmarkLatencies)
}

func benchmarkLiveSession(b *testing.B) {
	i := install(b)
	db, err := pgx.Connect(b.Context(), i.database)
	require.NoError(b, err)
	defer func() { _ = db.Close(context.Background()) }()
	c := comparison{bound: 1.5}
	var calls []float64
	for b.Loop() {
		subjects := make([]*subject, 1+dayRounds)
		for n := range subjects {
			subjects[n] = i.enrol(b, productionDay(b))
			subjects[n].logIn(b) // before any is measured: what the browser still does is no part of it
		}
		subjects[0].fullSync(b) // the first sync of a database finds nothing prepared
		for _, s := range subjects[1:] {
			calls = append(calls, milliseconds(s.fullSync(b)))
			c.addTimes(s.worked(b, db), s.bareRequests(b))
		}
	}
	c.report(b)
	b.ReportMetric(median(calls), "call-ms") // with the queue and the waiting caller around it
}

// benchmarkStatements counts what a full sync with a live session sends to the database, with
// the key, the queue and the waiting caller around it. `-v` lists them.
func benchmarkStatements(b *testing.B) {
	i := &installation{account: newAccount(b), database: pgtest.URL(b)}
	w := listenIn(b, i.database)
	i.env = append(i.env, "DATABASE_URL="+w.url, "ENCRYPTION_KEY="+seal.NewKey(), "SYNC_WAIT_MS=600000")
	i.serving = i.serve(b)
	var statements, trips []float64
	for b.Loop() {
		for range dayRounds {
			s := i.enrol(b, productionDay(b))
			s.logIn(b)
			w.rewind()
			s.fullSync(b)
			sent := w.rewind()
			if testing.Verbose() {
				b.Log(list(sent))
			}
			n, m := countOf(sent)
			statements, trips = append(statements, float64(n)), append(trips, float64(m))
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(statements[1:]), "statements") // the first finds nothing prepared
	b.ReportMetric(median(trips[1:]), "round-trips")
}

// worked is how long the subject's last sync took, which its answer tells in whole
// milliseconds (W11).
func (s *subject) worked(b *testing.B, db *pgx.Conn) time.Duration {
	b.Helper()
	var started, completed time.Time
	require.NoError(b, db.QueryRow(b.Context(), `select started_at, completed_at from case_sync_audits
		where clinic_id = $1 and parent_id is null order by created_at desc limit 1`, s.id).Scan(&started, &completed))
	return completed.Sub(started)
}

func benchmarkColdBrowser(b *testing.B) {
	c := comparison{bound: 1}
	for b.Loop() {
		for range dayRounds {
			i := install(b) // which has no browser yet
			s := i.enrol(b, productionDay(b))
			ours := s.fullSync(b)
			requests := s.bareRequests(b)
			i.stop(b)
			c.addTimes(ours, 3*requests+2*bareLogin(b, s.neo.URL))
		}
	}
	c.report(b)
}

func benchmarkLatencies(b *testing.B) {
	i := install(b)
	const batches = (dayConsultations + viewsAtATime - 1) / viewsAtATime
	const least = loginLatency + calendarLatency + batches*viewLatency
	c := comparison{bound: 1.1}
	for b.Loop() {
		sim := productionDay(b)
		sim.Configure(func(o *neosim.Options) {
			o.LoginLatency = loginLatency
			o.Latencies = map[neosim.Op]time.Duration{neosim.OpCalendar: calendarLatency, neosim.OpView: viewLatency}
		})
		s := i.enrol(b, sim)
		c.addTimes(s.fullSync(b), least)
		require.LessOrEqual(b, sim.Peak(neosim.OpView), viewsAtATime)
	}
	c.report(b)
}

// fullSync runs the day's first full sync and checks what came of it.
func (s *subject) fullSync(b *testing.B) time.Duration {
	b.Helper()
	a, duration := s.mustSync(b, "full", fmt.Sprintf(`{"startDate": %q, "endDate": %q}`, s.day(-7), s.day(0)))
	require.Equal(b, dayVisits, a.count("inboundResult.stats.casesCreated"), a.body)
	require.Equal(b, dayConsultations, a.count("casesResult.stats.casesEnriched"), a.body)
	require.Equal(b, 0, a.count("casesResult.stats.casesFailed"), a.body)
	require.Equal(b, true, a.get("reconciliationResult.success"), a.body)
	return duration
}

// productionDay is a Neo with the visits and the medical records of that day.
func productionDay(b *testing.B) *neosim.Sim {
	b.Helper()
	sim := newNeo(b, 30)
	finishVisits(b, sim, keepVisits(b, sim, -7, 1, dayVisits), dayConsultations)
	return sim
}

// finishVisits gives n of the visits that have begun medical records.
func finishVisits(b *testing.B, sim *neosim.Sim, visits []neosim.Appointment, n int) {
	b.Helper()
	now := sim.Today().Add(12 * time.Hour) // see timetest.ZoneAtNoon
	for _, v := range visits {
		if n > 0 && v.Start.Before(now.Add(-2*time.Hour)) {
			_, err := sim.FinishVisit(v.ID)
			require.NoError(b, err)
			n--
		}
	}
	require.Zero(b, n, "so many visits have not begun")
}

// bareLogin starts a browser and logs in, and does nothing else.
func bareLogin(b *testing.B, neo string) time.Duration {
	b.Helper()
	path, err := browser.Find("")
	require.NoError(b, err)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	start := time.Now()
	allocator, end := chromedp.NewExecAllocator(b.Context(), options...)
	defer end()
	tab, closeTab := chromedp.NewContext(allocator)
	defer closeTab()
	require.NoError(b, chromedp.Do(tab,
		chromedp.Navigate(neo+"/login"),
		chromedp.SendKeys(chromedp.CSS(`input[name="username"]`), neosim.DefaultUsername),
		chromedp.SendKeys(chromedp.CSS(`input[name="password"]`), neosim.DefaultPassword),
		chromedp.Click(chromedp.CSS(`button[type="submit"]`)),
		chromedp.WaitReady(chromedp.CSS("#dashboard")),
	))
	jar, err := chromedp.CallBrowser(tab, storage.GetCookies, storage.GetCookiesParams{})
	require.NoError(b, err)
	require.NotEmpty(b, jar.Cookies)
	return time.Since(start)
}
