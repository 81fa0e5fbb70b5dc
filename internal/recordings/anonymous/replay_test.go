package anonymous_test

import (
	"context"
	"flag"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestAReplayDoesWhatTheSyncDid(t *testing.T) { // R52
	t.Parallel()
	w := newWorld(t, nil)
	first := w.sync(t, syncs.TypeFull, syncs.Options{})
	require.Equal(t, syncs.StatusCompleted, first.After.Status, first.After.Error)
	require.Greater(t, len(first.After.Decisions), 20)
	require.Empty(t, first.Before.Cases)
	requireSame(t, first)

	_, err := w.sim.ChangeDay()
	require.NoError(t, err)
	w.now = w.now.Add(24 * time.Hour)
	second := w.sync(t, syncs.TypeFull, syncs.Options{})
	require.NotEmpty(t, second.Before.Cases)
	requireSame(t, second)
	for _, kind := range syncs.Types() {
		requireSame(t, w.sync(t, kind, syncs.Options{DryRun: true}))
	}
}

func TestAReplayOfAnotherRuleSaysWhatIsDifferent(t *testing.T) { // R52
	t.Parallel()
	w := newWorld(t, nil)
	r := w.sync(t, syncs.TypeInbound, syncs.Options{})
	r.After.Decisions[0].Status = "reviewed"
	r.After.Phases[0].Stats["casesCreated"]++
	played := replayed(t, r)
	require.Len(t, played.Differences, 4)
	require.True(t, played.Differences[0].Recorded)
	require.False(t, played.Differences[3].Recorded)
}

func TestARecordingHoldsNothingThatSignsIn(t *testing.T) { // R37, R52
	t.Parallel()
	w := newWorld(t, nil)
	r := w.sync(t, syncs.TypeInbound, syncs.Options{})
	require.Len(t, r.Logins, 1)
	require.Equal(t, "ok", r.Logins[0].Outcome)
	document, err := r.Encode()
	require.NoError(t, err)
	text := unpack(t, document)
	for _, secret := range []string{neosim.DefaultPassword, neosim.DefaultUsername, "4711", "Test/1"} {
		require.NotContains(t, text, secret)
	}
	for i := range r.Exchanges {
		require.Empty(t, r.Exchanges[i].Header["Cookie"])
	}
}

var every = flag.Bool("every", false, "play each kind of fault at each kind of request")

// A fault of a world, and what it is recorded for.
type fault struct {
	name  string
	kind  syncs.Type
	o     syncs.Options
	habit func(*neosim.Options)
	first bool // the faulty sync is the clinic's first
	play  func(t *testing.T, w *world)
}

func fails(f neosim.Fault) func(*testing.T, *world) {
	return func(_ *testing.T, w *world) { w.sim.Fail(f) }
}

// faultyRuns are the ways in which runs go wrong.
func faultyRuns() []fault { return append(oddRuns(), faultyRequests()...) }

// oddRuns are runs at which something else than a single answer is odd.
func oddRuns() []fault {
	full := syncs.TypeFull
	return []fault{
		{name: "the session is dead", kind: full, play: func(_ *testing.T, w *world) { w.sim.ExpireSessions() }},
		{name: "the login is refused", kind: full, first: true, play: func(_ *testing.T, w *world) { w.page.failure = pims.ErrAuthRejected }},
		{name: "the session is dead and the login is refused", kind: full, play: func(_ *testing.T, w *world) {
			w.sim.ExpireSessions()
			w.page.failure = pims.ErrAuthRejected
		}},
		{name: "a captcha", kind: full, first: true, play: func(_ *testing.T, w *world) { w.page.failure = pims.ErrAuthChallenge }},
		{name: "the PIMS limits for long", kind: full, play: fails(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultStatus, Code: http.StatusTooManyRequests, RetryAfter: time.Hour, Count: neosim.Forever})},
		{name: "the PIMS limits until a date", kind: full, play: fails(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultStatus, Code: http.StatusTooManyRequests, RetryAfter: time.Hour, RetryAfterDate: true, Count: neosim.Forever})},
		{name: "one consultation is gone", kind: full, o: syncs.Options{Force: true}, play: fails(neosim.Fault{Op: neosim.OpView, Kind: neosim.FaultStatus, Code: http.StatusNotFound, Count: 3})},
		{name: "one consultation breaks", kind: full, o: syncs.Options{Force: true}, play: fails(neosim.Fault{Op: neosim.OpView, Kind: neosim.FaultTruncated, Count: 3})},
		{name: "logged out for one record", kind: full, o: syncs.Options{Force: true}, play: fails(neosim.Fault{Op: neosim.OpView, Kind: neosim.FaultLoggedOut, Count: 2})},
		{name: "other practice", kind: full, play: fails(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultOtherPractice, Count: neosim.Forever})},
		{name: "shifted calendar", kind: full, play: func(_ *testing.T, w *world) { w.sim.Shift(3 * time.Hour) }},
		{name: "half of the calendar", kind: syncs.TypeReconciliation, play: fails(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultHalf, Count: neosim.Forever})},
		{name: "half of the calendar, no lookup", kind: syncs.TypeReconciliation, habit: func(o *neosim.Options) { o.Lookup = neosim.LookupMissing }, play: deleteSome},
		{name: "some are deleted", kind: syncs.TypeReconciliation, play: deleteSome},
		{name: "the lookup is broken", kind: syncs.TypeReconciliation, habit: func(o *neosim.Options) { o.Lookup = neosim.LookupBroken }, play: deleteSome},
		{name: "latin-1, camel", kind: full, habit: func(o *neosim.Options) { o.Charset, o.Shape = neosim.Latin1, neosim.Camel }, play: func(*testing.T, *world) {}},
		{name: "utf-16, page data", kind: full, habit: func(o *neosim.Options) { o.Charset, o.Views = neosim.UTF16, neosim.ViewsPageData }, play: func(*testing.T, *world) {}},
		{name: "odd parts", kind: full, habit: func(o *neosim.Options) { o.OddParts, o.MeasuredTexts, o.Notes = true, true, neosim.WordNotes }, play: func(*testing.T, *world) {}},
	}
}

// faultyRequests are runs in which requests of one kind fail: each kind of fault at one kind
// of request, or with -every at each.
func faultyRequests() (all []fault) {
	ops := []neosim.Op{neosim.OpCalendar, neosim.OpSearch, neosim.OpView, neosim.OpProviders}
	faults := []neosim.Fault{
		{Kind: neosim.FaultStatus, Code: http.StatusInternalServerError, Count: 2},
		{Kind: neosim.FaultStatus, Code: http.StatusServiceUnavailable, Count: neosim.Forever},
		{Kind: neosim.FaultStatus, Code: http.StatusForbidden, Count: neosim.Forever},
		{Kind: neosim.FaultHTML, Count: neosim.Forever},
		{Kind: neosim.FaultBody, Count: neosim.Forever},
		{Kind: neosim.FaultEmpty, Count: neosim.Forever},
		{Kind: neosim.FaultSaysFailed, Count: neosim.Forever},
		{Kind: neosim.FaultRenamed, Count: neosim.Forever},
		{Kind: neosim.FaultTruncated, Count: neosim.Forever},
		{Kind: neosim.FaultDisconnect, Count: neosim.Forever},
		{Kind: neosim.FaultSessionDies, Count: 1},
		{Kind: neosim.FaultLoggedOut, Count: neosim.Forever},
		{Kind: neosim.FaultCharset, Count: neosim.Forever},
		{Kind: neosim.FaultDeep, Count: 1},
		{Kind: neosim.FaultLongText, Count: 1},
	}
	if !*every {
		faults = faults[:len(faults)-1] // a text of 8 MiB takes long
	}
	for n, f := range faults {
		for i, op := range ops {
			if *every || i == n%len(ops) {
				f.Op = op
				all = append(all, fault{name: string(op) + " " + string(f.Kind) + " " + http.StatusText(f.Code), kind: syncs.TypeFull, play: fails(f)})
			}
		}
	}
	return all
}

func deleteSome(t *testing.T, w *world) {
	t.Helper()
	location := w.sim.Options().Location
	day := w.now.In(location).AddDate(0, 0, -3)
	for i, a := range w.sim.Appointments(day.AddDate(0, 0, -2), day.AddDate(0, 0, 2)) {
		if i%5 == 0 {
			require.NoError(t, w.sim.Delete(a.ID))
		}
	}
}

// record records the faulty sync of a world.
func (f *fault) record(t *testing.T) *recordings.Recording {
	t.Helper()
	w := newWorld(t, f.habit)
	if !f.first {
		back := syncs.Options{StartDate: &pims.Date{Year: 2026, Month: 3, Day: 11}, EndDate: &pims.Date{Year: 2026, Month: 3, Day: 25}}
		require.Equal(t, syncs.StatusCompleted, w.sync(t, syncs.TypeFull, back).After.Status)
		w.now = w.now.Add(2 * time.Hour)
	}
	f.play(t, w)
	return w.sync(t, f.kind, f.o)
}

func TestASyncThatWasEndedReplaysSo(t *testing.T) { // R28, R52
	t.Parallel()
	for cause, status := range map[error]syncs.Status{syncs.ErrTimeout: syncs.StatusFailed, syncs.ErrCancelled: syncs.StatusCancelled} {
		w := newWorld(t, nil)
		ctx, end := context.WithCancelCause(t.Context())
		w.sim.Fail(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultHang, Match: func(*http.Request) bool {
			end(cause)
			return true
		}})
		r := w.syncIn(ctx, t, syncs.TypeFull, syncs.Options{})
		require.Equal(t, status, r.After.Status)
		requireSame(t, r)
	}
}
