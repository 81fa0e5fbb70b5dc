package neosim_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

func TestAFaultHitsTheNextRequestsOfItsOperation(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	sim.Fail(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultStatus, Code: 503, Skip: 1, Count: 2})
	var statuses []int
	for range 4 {
		other, _ := b.get(proof)
		require.Equal(t, http.StatusOK, other)
		status, _ := b.get(calendarPath(noon, noon))
		statuses = append(statuses, status)
	}
	require.Equal(t, []int{200, 503, 503, 200}, statuses)
}

func TestFaultsWaitInTheOrderInWhichTheyWereAdded(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	for _, code := range []int{500, 502} {
		sim.Fail(neosim.Fault{Kind: neosim.FaultStatus, Code: code})
	}
	sim.Fail(neosim.Fault{
		Op: neosim.OpProviders, Kind: neosim.FaultStatus, Code: 504, Count: neosim.Forever,
		Match: func(r *http.Request) bool { return r.URL.RawQuery == "" },
	})
	for _, want := range []struct {
		path   string
		status int
	}{{proof, 500}, {"/users/providers", 502}, {"/users/providers", 504}, {"/users/providers", 504}, {proof, 200}} {
		status, _ := b.get(want.path)
		require.Equal(t, want.status, status)
	}
	sim.ClearFaults(neosim.OpView)
	status, _ := b.get("/users/providers")
	require.Equal(t, 504, status)
	sim.ClearFaults(neosim.OpProviders)
	status, _ = b.get("/users/providers")
	require.Equal(t, 200, status)
}

func TestAFaultWaitsForARequestWithALiveSession(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	sim.Fail(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultStatus, Code: 503})
	sim.ExpireSessions()
	status, _ := b.get(calendarPath(noon, noon))
	require.Equal(t, http.StatusUnauthorized, status)
	_, _ = b.login(neosim.DefaultUsername, neosim.DefaultPassword)
	status, _ = b.get(calendarPath(noon, noon))
	require.Equal(t, 503, status)
}

func TestTooManyRequestsAreToldInBothForms(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	for _, date := range []bool{false, true} {
		sim.Fail(neosim.Fault{Kind: neosim.FaultStatus, Code: 429, RetryAfter: 90 * time.Second, RetryAfterDate: date})
		response, err := b.client.Do(b.request(proof))
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusTooManyRequests, response.StatusCode)
		after := response.Header.Get("Retry-After")
		if !date {
			require.Equal(t, "90", after)
			continue
		}
		at, err := http.ParseTime(after)
		require.NoError(t, err)
		require.Equal(t, noon.Add(90*time.Second).Unix(), at.Unix())
		served, err := http.ParseTime(response.Header.Get("Date"))
		require.NoError(t, err)
		require.Equal(t, noon.Unix(), served.Unix())
	}
}

func TestASpoiltAnswerLooksAsItDoesInProduction(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{Envelope: neosim.EnvelopeData})
	sim.SetAppointments(luna)
	_, right := b.get(calendarPath(noon, noon))
	for name, c := range map[string]struct {
		fault neosim.Fault
		check func(*testing.T, string)
	}{
		"HTML":    {neosim.Fault{Kind: neosim.FaultHTML}, func(t *testing.T, text string) { require.Contains(t, text, "<!doctype html>") }},
		"closed":  {neosim.Fault{Kind: neosim.FaultMaintenance}, func(t *testing.T, text string) { require.Contains(t, text, "Maintenance") }},
		"null":    {neosim.Fault{Kind: neosim.FaultBody}, func(t *testing.T, text string) { require.Equal(t, "null", text) }},
		"object":  {neosim.Fault{Kind: neosim.FaultBody, Body: "{}"}, func(t *testing.T, text string) { require.Equal(t, "{}", text) }},
		"empty":   {neosim.Fault{Kind: neosim.FaultEmpty}, func(t *testing.T, text string) { require.JSONEq(t, `{"data":[]}`, text) }},
		"renamed": {neosim.Fault{Kind: neosim.FaultRenamed}, func(t *testing.T, text string) { require.JSONEq(t, `{"rows":[`+lunaSnake+`]}`, text) }},
		"charset": {neosim.Fault{Kind: neosim.FaultCharset}, func(t *testing.T, text string) { require.Equal(t, "{\"\xeb"+right[2:], text) }},
		"says failed": {neosim.Fault{Kind: neosim.FaultSaysFailed}, func(t *testing.T, text string) {
			require.JSONEq(t, `{"data":[`+lunaSnake+`],"success":false,"message":"Server Error"}`, text)
		}},
		"says failed in other words": {neosim.Fault{Kind: neosim.FaultSaysFailed, Body: `"errors":["x"]`}, func(t *testing.T, text string) {
			require.JSONEq(t, `{"data":[`+lunaSnake+`],"errors":["x"]}`, text)
		}},
		"truncated": {neosim.Fault{Kind: neosim.FaultTruncated}, func(t *testing.T, text string) {
			require.Equal(t, right[:len(right)/2], text)
			require.False(t, json.Valid([]byte(text)))
		}},
		"slow": {neosim.Fault{Kind: neosim.FaultSlow, Delay: time.Millisecond}, func(t *testing.T, text string) { require.Equal(t, right, text) }},
	} {
		c.fault.Op = neosim.OpCalendar
		sim.Fail(c.fault)
		status, text := b.get(calendarPath(noon, noon))
		require.Equal(t, http.StatusOK, status, name)
		c.check(t, text)
		_, text = b.get(calendarPath(noon, noon))
		require.Equal(t, right, text, name)
	}
}

func TestASearchAndAViewAreSpoiltToo(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	sim.SetAppointments()
	sim.AddConsultation(otitis)
	sim.Fail(neosim.Fault{Op: neosim.OpSearch, Kind: neosim.FaultRenamed})
	_, text := b.get(searchPath(noon, noon, 1, ""))
	require.NotContains(t, decode[map[string]any](t, text), "data")
	sim.Fail(neosim.Fault{Op: neosim.OpSearch, Kind: neosim.FaultEmpty})
	_, text = b.get(searchPath(noon, noon, 1, ""))
	require.Empty(t, decode[found](t, text).Data)
	sim.Fail(neosim.Fault{Op: neosim.OpView, Kind: neosim.FaultRenamed})
	_, text = b.get("/consultations/view/501")
	require.NotContains(t, decode[map[string]any](t, text), "id")
}

func TestAConnectionIsCutMidway(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{Seed: 7})
	sim.Fail(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultDisconnect})
	response, err := b.client.Do(b.request(calendarPath(noon, noon)))
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NotEmpty(t, text)
}

func TestHalfACalendarAlwaysLacksTheSameHalf(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{Seed: 7})
	whole := b.rows(noon, noon.AddDate(0, 0, 6))
	sim.Fail(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultHalf, Count: neosim.Forever})
	half := b.rows(noon, noon.AddDate(0, 0, 6))
	require.InDelta(t, len(whole)/2, len(half), float64(len(whole))/5)
	require.Equal(t, half, b.rows(noon, noon.AddDate(0, 0, 6)))
	require.Subset(t, half, b.rows(noon.AddDate(0, 0, 2), noon.AddDate(0, 0, 3)), "also asked for in other slices")
}

func TestAnotherPracticesCalendarSharesNoId(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{Seed: 7})
	own := b.rows(noon, noon)
	sim.Fail(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultOtherPractice, Count: 2})
	for range 2 {
		foreign := b.rows(noon, noon)
		require.Greater(t, len(foreign), 5)
		for _, row := range foreign {
			require.NotContains(t, own, row)
		}
	}
	require.Equal(t, own, b.rows(noon, noon))

	other := neosim.New(neosim.Options{})
	other.SetAppointments(luna)
	sim.Fail(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultOtherPractice, Other: other})
	require.Equal(t, 101.0, b.rows(noon, noon)[0]["appointment_id"])
}

func TestASessionDiesInTheMiddleOfARun(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	sim.Fail(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultSessionDies, Skip: 1})
	for _, want := range []int{200, 401, 401} {
		status, _ := b.get(calendarPath(noon, noon))
		require.Equal(t, want, status)
	}
	_, _ = b.login(neosim.DefaultUsername, neosim.DefaultPassword)
	status, _ := b.get(calendarPath(noon, noon))
	require.Equal(t, http.StatusOK, status)
}

func TestTheLoginFailsOnDemand(t *testing.T) {
	t.Parallel()
	sim, b := serve(t, neosim.Options{})
	sim.Fail(neosim.Fault{Kind: neosim.FaultStatus, Code: 503}) // for API operations only
	sim.Fail(neosim.Fault{Op: neosim.OpLogin, Kind: neosim.FaultStatus, Code: 502})
	status, _ := b.login(neosim.DefaultUsername, neosim.DefaultPassword)
	require.Equal(t, 502, status)
	require.Zero(t, sim.Logins().Accepted)
	sim.Fail(neosim.Fault{Op: neosim.OpLoginPage, Kind: neosim.FaultMaintenance})
	_, page := b.open("/login")
	require.Contains(t, page, "back soon")
}

func TestRequestsHangUntilTheFaultIsClearedAndTheirPeakIsKnown(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	arrived := make(chan struct{}, 5)
	sim.Fail(neosim.Fault{
		Op: neosim.OpView, Kind: neosim.FaultHang, Count: neosim.Forever,
		Match: func(*http.Request) bool { arrived <- struct{}{}; return true },
	})
	statuses := make(chan int, 5)
	for n := range 5 {
		go func() {
			response, err := b.client.Do(b.request("/consultations/view/" + strconv.Itoa(n)))
			if err != nil {
				statuses <- 0
				return
			}
			_ = response.Body.Close()
			statuses <- response.StatusCode
		}()
	}
	for range 5 {
		<-arrived
	}
	require.Equal(t, 5, sim.Peak(neosim.OpView))
	sim.ClearFaults()
	for range 5 {
		require.Equal(t, http.StatusNotFound, <-statuses, "the right answer, in the end")
	}
	require.Equal(t, 5, sim.Count(neosim.OpView))
	require.Equal(t, 1, sim.Peak(neosim.OpLogin))
}

func TestAClientMayGiveUpOnARequestThatHangs(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	sim.Fail(neosim.Fault{
		Op: neosim.OpView, Kind: neosim.FaultHang,
		Match: func(*http.Request) bool { cancel(); return true },
	})
	response, err := b.client.Do(b.request("/consultations/view/1").WithContext(ctx))
	if err == nil {
		_ = response.Body.Close()
	}
	require.ErrorIs(t, err, context.Canceled)
}

func TestManyMayReadWhileThePracticeChanges(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{Seed: 7})
	ids := make([]string, 0, 40)
	for _, a := range around(sim)[:40] {
		ids = append(ids, a.ID)
	}
	var group sync.WaitGroup
	for n := range 4 {
		group.Go(func() {
			for range 10 {
				for _, path := range []string{
					calendarPath(noon.AddDate(0, 0, -31), noon.AddDate(0, 0, -20)),
					searchPath(noon.AddDate(0, 0, -31), noon, 1, ""),
					"/appointments/getAppointment?id=" + ids[n],
				} {
					if response, err := b.client.Do(b.request(path)); err == nil {
						_, _ = io.Copy(io.Discard, response.Body)
						_ = response.Body.Close()
					}
				}
			}
		})
		group.Go(func() {
			for _, id := range ids {
				_, _ = sim.FinishVisit(id)
				_ = sim.Move(id, noon)
				_ = sim.Delete(id)
				_ = sim.Restore(id)
				sim.Fail(neosim.Fault{Kind: neosim.FaultSlow})
				sim.Configure(func(o *neosim.Options) {
					o.Shape = neosim.Camel
					o.Latencies = map[neosim.Op]time.Duration{neosim.OpView: 0}
				})
			}
		})
	}
	group.Wait()
	require.Equal(t, 40, sim.Count(neosim.OpAppointment))
	for _, id := range ids {
		_, ok := sim.Appointment(id)
		require.True(t, ok)
	}
}
