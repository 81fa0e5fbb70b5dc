package casesync_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestAnOrphanThatTheCalendarShouldHaveShownSpoilsTheSnapshot(t *testing.T) { // R22
	t.Parallel()
	t.Run("found by its id", func(t *testing.T) {
		t.Parallel()
		p := newPractice(t)
		p.aWeek()
		p.change("1", isCompleted)
		p.remove("4")
		p.fake.Hide("3")
		p.requireNothingWritten(func() { p.fail(syncs.CodeSnapshotUnsound, syncs.TypeReconciliation) })
		require.Empty(t, p.recorder.plans)
		p.fake.Hide()
		require.Equal(t, 1, p.sync(syncs.TypeReconciliation).Stats.CasesDeleted, "the next one sees better")
	})
	t.Run("found in a wide fetch", func(t *testing.T) {
		t.Parallel()
		p := newPractice(t)
		p.fake.NoFinder = true
		p.aWeek()
		p.fake.Hide("3")
		p.duringFetchOf(2, func() { p.fake.Hide() })
		p.requireNothingWritten(func() { p.fail(syncs.CodeSnapshotUnsound, syncs.TypeReconciliation) })
	})
	t.Run("moved within the window", func(t *testing.T) {
		t.Parallel()
		p := newPractice(t)
		p.aWeek()
		p.change("3", p.begins("2026-02-28 17:00"))
		p.fake.Hide("3")
		p.requireNothingWritten(func() { p.fail(syncs.CodeSnapshotUnsound, syncs.TypeReconciliation) })
	})
}

func TestALookupThatHasNotProvedItselfIsNotTrusted(t *testing.T) { // R22
	t.Parallel()
	for name, liar := range map[string]liar{
		"does not find what the calendar shows": func(_ context.Context, _ pims.AppointmentFinder, id string) (pims.Appointment, error) {
			return pims.Appointment{}, fmt.Errorf("appointment %s: %w", id, pims.ErrNotFound)
		},
		"finds it at another time": func(ctx context.Context, honest pims.AppointmentFinder, id string) (pims.Appointment, error) {
			a, err := honest.FindAppointment(ctx, id)
			a.Start = a.Start.Add(time.Minute)
			return a, err
		},
		"answers another one": func(ctx context.Context, honest pims.AppointmentFinder, id string) (pims.Appointment, error) {
			a, err := honest.FindAppointment(ctx, id)
			a.ID = "0" + a.ID
			return a, err
		},
		"does not answer": func(context.Context, pims.AppointmentFinder, string) (pims.Appointment, error) {
			return pims.Appointment{}, fmt.Errorf("lookup: %w", pims.ErrUnreachable)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			p.aWeek()
			p.liar = liar
			p.remove("4")
			p.change("3", p.begins("2026-04-20 10:00"))
			o := p.sync(syncs.TypeReconciliation)
			require.Equal(t, []int{1, 1}, []int{o.Stats.CasesDeleted, o.Stats.CasesUpdated})
			require.Equal(t, []string{"4"}, p.deleted())
			require.Equal(t, "2026-04-20T10:00:00", p.stored("3").Appointment.Start)
			require.Equal(t, "2025-12-25..2026-05-01 America/New_York", p.fetches()[1], "sixty days to either side")
		})
	}
}

// fetches are the windows of the calendar's fetches since calls were forgotten.
func (p *practice) fetches() []string {
	var windows []string
	for _, call := range p.fake.Calls() {
		if call.Op == pimstest.OpAppointments {
			windows = append(windows, call.Window.String())
		}
	}
	return windows
}

func TestALookupThatGoesAstrayEndsTheReconciliation(t *testing.T) { // R6, R22
	t.Parallel()
	// The probe is answered honestly, the orphan is not.
	orphan := func(answer pims.Appointment, err error) liar {
		return func(ctx context.Context, honest pims.AppointmentFinder, id string) (pims.Appointment, error) {
			if id == "4" {
				return answer, err
			}
			return honest.FindAppointment(ctx, id)
		}
	}
	for _, tc := range []struct {
		name string
		liar liar
		code syncs.Code
	}{
		{"no answer", orphan(pims.Appointment{}, fmt.Errorf("lookup: %w", pims.ErrUnreachable)), syncs.CodeUnreachable},
		{"no answer in time", orphan(pims.Appointment{}, fmt.Errorf("lookup: %w", pims.ErrTimedOut)), syncs.CodeUnreachable},
		{"too many requests", orphan(pims.Appointment{}, fmt.Errorf("lookup: %w", pims.ErrRateLimited)), syncs.CodePIMSRateLimited},
		{"a login that fails", orphan(pims.Appointment{}, fmt.Errorf("%w: %w", clinic.ErrNotRenewed, pims.ErrRemote)), syncs.CodePIMSError},
		{"a login page of no known form", orphan(pims.Appointment{}, fmt.Errorf("%w: %w", clinic.ErrNotRenewed, pims.ErrSchemaDrift)), syncs.CodeSchemaDrift},
		{"a dead session", orphan(pims.Appointment{}, fmt.Errorf("lookup: %w", pims.ErrSessionExpired)), syncs.CodeAuthExpired},
		{"an appointment without a date", orphan(pims.Appointment{}, fmt.Errorf("lookup: %w", &pims.RecordError{ID: "4", Field: "start", Reason: "is missing"})), syncs.CodeSnapshotUnsound},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			p.aWeek()
			p.liar = tc.liar
			p.change("1", isCompleted)
			p.remove("4")
			p.requireNothingWritten(func() { p.fail(tc.code, syncs.TypeReconciliation) })
		})
	}
}

// An unusable answer is what one lookup may bring that confirms nothing.
var unusableAnswers = map[string]struct {
	appointment pims.Appointment
	err         error
	code        syncs.Code
}{
	"an error":                   {err: fmt.Errorf("HTTP 500: %w", pims.ErrRemote), code: syncs.CodePIMSError},
	"an answer of no known form": {err: fmt.Errorf("lookup: %w", pims.ErrSchemaDrift), code: syncs.CodeSchemaDrift},
	"another appointment":        {appointment: pims.Appointment{ID: "99"}, code: syncs.CodeSchemaDrift},
	"an appointment without id":  {code: syncs.CodeSchemaDrift},
}

func TestAnOrphanWhoseLookupIsUnusableCannotBeConfirmedAndIsKept(t *testing.T) { // R20, R22
	t.Parallel()
	for name, bad := range unusableAnswers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			p.aWeek()
			p.liar = func(ctx context.Context, honest pims.AppointmentFinder, id string) (pims.Appointment, error) {
				if id == "4" {
					return bad.appointment, bad.err
				}
				return honest.FindAppointment(ctx, id)
			}
			p.change("1", isCompleted)
			p.remove("4", "7")
			o := p.sync(syncs.TypeReconciliation)
			require.Equal(t, []string{"7"}, p.deleted())
			require.Equal(t, "pending", p.stored("1").Status, "what the calendar shows is written")
			require.Equal(t, syncs.Warnings{UnusableLookups: 1}, o.audit.Result.Warnings)

			p.liar = nil
			p.sync(syncs.TypeReconciliation)
			require.Equal(t, []string{"4", "7"}, p.deleted(), "the next run confirms it")
		})
	}
}

func TestFiveUnusableLookupsInARowEndTheReconciliation(t *testing.T) { // R20, R22
	t.Parallel()
	for name, bad := range unusableAnswers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, tc := range []struct {
				answers string // of the lookups: u unusable, r refused, g gone
				deleted int    // -1: the phase ends
			}{
				{"uuuugg", 2}, {"guuuug", 2}, {"uuuugu", 1}, {"uuuuru", 0}, {"uuuuu", -1}, {"guuuuu", -1}, {"uuuuug", -1},
			} {
				p := newPractice(t)
				p.aWeek()
				asked := 0
				p.liar = func(ctx context.Context, honest pims.AppointmentFinder, id string) (pims.Appointment, error) {
					if p.find(id) >= 0 {
						return honest.FindAppointment(ctx, id) // the proof
					}
					asked++
					switch tc.answers[asked-1] {
					case 'u':
						return bad.appointment, bad.err
					case 'r':
						return pims.Appointment{}, fmt.Errorf("lookup: %w", pims.ErrRecordRefused)
					default:
						return honest.FindAppointment(ctx, id)
					}
				}
				for i := range len(tc.answers) {
					p.remove(strconv.Itoa(1 + i))
				}
				if tc.deleted < 0 {
					p.requireNothingWritten(func() { p.fail(bad.code, syncs.TypeReconciliation) })
					require.Equal(t, strings.Index(tc.answers, "uuuuu")+5, asked, "nothing more is asked")
				} else {
					o := p.sync(syncs.TypeReconciliation)
					require.Equal(t, tc.deleted, o.Stats.CasesDeleted, tc.answers)
					require.Equal(t, strings.Count(tc.answers, "u"), o.audit.Result.Warnings.UnusableLookups, tc.answers)
				}
				p.again = nil // whose row of answers would be another
			}
		})
	}
}

func TestAnOrphanThatCannotBeConfirmedIsKeptAndTheOthersAreJudged(t *testing.T) { // R20, R22
	t.Parallel()
	p := newPractice(t)
	p.aWeek()
	p.liar = func(ctx context.Context, honest pims.AppointmentFinder, id string) (pims.Appointment, error) {
		if id == "4" {
			return pims.Appointment{}, fmt.Errorf("lookup: %w", pims.ErrRecordRefused)
		}
		return honest.FindAppointment(ctx, id)
	}
	p.remove("4", "7")
	o := p.sync(syncs.TypeReconciliation)
	require.Equal(t, 1, o.Stats.CasesDeleted)
	require.Equal(t, 1, o.audit.Result.Warnings.RefusedLookups)
	require.Nil(t, p.stored("4").Deletion)
	require.NotNil(t, p.stored("7").Deletion)

	p.remove("1", "2", "3", "5", "6", "8") // of whose plan it is no part
	p.fail(syncs.CodeDeletionGuard, syncs.TypeReconciliation)
	plan := p.recorder.plans[len(p.recorder.plans)-1]
	require.Len(t, plan.Cases, 6)
	require.Contains(t, fmt.Sprint(plan.Evidence.Lookups), "4 by_id refused")
}

func TestAWideFetchThatProvesNothingEndsTheReconciliation(t *testing.T) { // R6, R22
	t.Parallel()
	for _, tc := range []struct {
		name string
		code syncs.Code
		wide func(*practice)
	}{
		{"a row without an id", syncs.CodeSnapshotIncomplete, func(p *practice) {
			p.fake.SetFlaws(nil, 1, 0)
			p.duringFetchOf(1, func() { p.fake.SetFlaws(nil, 0, 0) }) // the second reading is whole again
		}},
		{"the orphan without a date", syncs.CodeSnapshotUnsound, func(p *practice) {
			p.fake.SetFlaws([]pims.RecordError{{ID: "4", Field: "start", Reason: "is missing"}}, 0, 0)
		}},
		{"an error", syncs.CodeSchemaDrift, func(p *practice) {
			p.fake.FailNext(pimstest.OpAppointments, fmt.Errorf("fetch: %w", pims.ErrSchemaDrift))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			p.fake.NoFinder = true
			p.aWeek()
			p.remove("4")
			p.duringFetchOf(2, func() { tc.wide(p) })
			p.requireNothingWritten(func() { p.fail(tc.code, syncs.TypeReconciliation) })
		})
	}
}

func TestAWideFetchReachesSixtyDaysAndNoFurther(t *testing.T) { // R22
	t.Parallel()
	p := newPractice(t)
	p.fake.NoFinder = true
	p.aWeek()
	for id, start := range map[string]string{
		"1": "2025-12-25 00:00", "2": "2025-12-24 23:29", "3": "2026-05-01 23:59", "4": "2026-05-02 00:00",
	} {
		p.change(id, p.begins(start))
	}
	o := p.sync(syncs.TypeReconciliation)
	require.Equal(t, 2, o.Stats.CasesUpdated)
	require.Equal(t, []string{"2", "4"}, p.deleted())
}

func TestWhatTheSecondReadingShowsIsNotDeleted(t *testing.T) { // R22
	t.Parallel()
	p := newPractice(t)
	p.aWeek()
	returns := []pims.Appointment{p.calendar[3], p.calendar[9]} // 4 and 10, on the same day
	p.remove("4", "10", "1", "5")
	p.duringFetchOf(2, func() { p.enter(returns[0]) })
	o := p.sync(syncs.TypeReconciliation)
	require.Equal(t, 3, o.Stats.CasesDeleted)
	require.Equal(t, []string{"1", "10", "5"}, p.deleted())
	require.Equal(t, []string{
		"2026-02-23..2026-03-02 America/New_York",
		"2026-02-23..2026-02-23 America/New_York", // of 1
		"2026-02-26..2026-02-27 America/New_York", // of 4, 10 and 5
	}, p.fetches(), "the days that hold orphans are read a second time, and no others")
}

func TestASecondReadingThatProvesNothingEndsTheReconciliation(t *testing.T) { // R6, R22
	t.Parallel()
	for code, second := range map[syncs.Code]func(*practice){
		syncs.CodeSnapshotIncomplete: func(p *practice) { p.fake.SetFlaws(nil, 1, 0) },
		syncs.CodeUnreachable: func(p *practice) {
			p.fake.FailNext(pimstest.OpAppointments, fmt.Errorf("fetch: %w", pims.ErrUnreachable))
		},
	} {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			p.aWeek()
			p.remove("4")
			p.duringFetchOf(2, func() { second(p) })
			p.requireNothingWritten(func() { p.fail(code, syncs.TypeReconciliation) })
		})
	}
}

func TestMoreThanTwoHundredOrphansAreRefusedUnseen(t *testing.T) { // R22
	t.Parallel()
	p := newPractice(t)
	n := night{cases: []int{150, 150}, missing: []int{100, 101}}
	requireGuardDecision(t, p, n, p.play(n))
	require.Equal(t, []string{"unseen"}, p.counted.refusals)
	require.Zero(t, p.fake.Count(pimstest.OpFind))
	require.Len(t, p.fetches(), 1)
	plan := p.recorder.plans[0]
	require.Equal(t, map[string]int{"2026-02-28": 100, "2026-02-27": 101}, plan.Evidence.Days)
	require.Empty(t, plan.Evidence.Lookups)

	p.fake.ForgetCalls()
	o := p.approve(plan.ID)
	require.NoError(t, o.err)
	require.Equal(t, 201, o.Stats.CasesDeleted)
	require.Equal(t, 202, p.fake.Count(pimstest.OpFind), "on approval every one is looked up first")

	n = night{cases: []int{150, 150}, missing: []int{100, 100}}
	requireGuardDecision(t, p, n, p.play(n))
	require.Equal(t, []string{"unseen", "share"}, p.counted.refusals)
	require.Equal(t, 201, p.fake.Count(pimstest.OpFind))
}

func TestARefusalKeepsAPlanWithItsEvidence(t *testing.T) { // R23
	t.Parallel()
	p := newPractice(t)
	p.aWeek()
	p.change("12", isCompleted)
	p.change("11", p.begins("2026-04-20 10:00"))
	p.fake.Hide("2")
	p.change("2", isCancelled)
	p.remove("1", "3", "4", "5", "6")
	cases, began := p.cases(p.neighbour), p.clock.Now()
	p.fake.OnCall(func(_ context.Context, call pimstest.Call) error {
		if call.Op == pimstest.OpFind {
			p.pass(time.Second)
		}
		return nil
	})
	o := p.fail(syncs.CodeDeletionGuard, syncs.TypeReconciliation)
	require.Empty(t, p.deleted())
	require.Equal(t, cases, p.cases(p.neighbour))
	require.Equal(t, 2, o.Stats.CasesUpdated, "what the snapshot showed is written all the same (R25)")
	require.Equal(t, "pending", p.stored("12").Status)
	require.Equal(t, "2026-04-20T10:00:00", p.stored("11").Appointment.Start)

	plan := p.plan(o.audit.Result.PlanID)
	now := p.clock.Now()
	require.Equal(t, syncs.PlanOpen, plan.Status)
	require.Equal(t, o.audit.ID, plan.SyncID)
	require.Equal(t, p.clinic.ID, plan.ClinicID)
	require.Equal(t, syncs.CodeDeletionGuard, plan.Code)
	require.Equal(t, o.audit.Result.Error, plan.Reason)
	require.Contains(t, plan.Reason, "6 of 12 cases")
	require.Equal(t, []time.Time{now, now.Add(24 * time.Hour)}, []time.Time{plan.CreatedAt, plan.ExpiresAt})
	require.Equal(t, "2026-02-23..2026-03-02 America/New_York", plan.Window.String())
	var named []string
	for _, c := range plan.Cases {
		require.Equal(t, p.stored(c.PIMSID).ID, c.CaseID)
		require.True(t, p.stored(c.PIMSID).ScheduledDate.Equal(c.ScheduledDate))
		named = append(named, c.PIMSID)
	}
	require.ElementsMatch(t, []string{"1", "2", "3", "4", "5", "6"}, named)

	e := plan.Evidence
	require.Equal(t, []int{12, 12, 5, 5}, []int{e.Known, e.Candidates, e.Found, e.Limit})
	require.Equal(t, "share", e.Refusal)
	require.True(t, began.Equal(e.FetchedAt))
	require.Equal(t, map[string]int{"2026-02-23": 1, "2026-02-24": 1, "2026-02-25": 1, "2026-02-26": 1, "2026-02-27": 1, "2026-02-28": 1}, e.Days)
	said := make(map[string]string)
	for i, lookup := range e.Lookups {
		require.Equal(t, "by_id", lookup.Method)
		require.True(t, began.Add(time.Duration(2+i)*time.Second).Equal(lookup.At), "after the lookup that proved itself, one a second")
		said[lookup.PIMSID] = lookup.Found
	}
	require.Equal(t, map[string]string{"1": "gone", "2": "cancelled", "3": "gone", "4": "gone", "5": "gone", "6": "gone", "11": "moved"}, said)
	require.Len(t, e.Rereadings, 1)
	again := e.Rereadings[0]
	require.Equal(t, []string{"2026-02-23", "2026-02-28"}, []string{again.Days.Start.String(), again.Days.End.String()})
	require.True(t, now.Equal(again.At))
	require.Equal(t, []int{5, 0}, []int{again.Found, again.Back})
}

func TestTheNextReconciliationSupersedesThePlan(t *testing.T) { // R23
	t.Parallel()
	p := newPractice(t)
	p.aWeek()
	gone := p.calendar[:7]
	returns := append([]pims.Appointment(nil), gone...)
	p.remove("1", "2", "3", "4", "5", "6", "7")
	p.fail(syncs.CodeDeletionGuard, syncs.TypeReconciliation)
	p.fail(syncs.CodeDeletionGuard, syncs.TypeReconciliation)
	statuses := func() (statuses []syncs.PlanStatus) {
		for i := range p.recorder.plans {
			statuses = append(statuses, p.recorder.plans[i].Status)
		}
		return statuses
	}
	require.Equal(t, []syncs.PlanStatus{syncs.PlanSuperseded, syncs.PlanOpen}, statuses())
	require.Equal(t, 1, p.said("A plan waits for a decision"), "one event, not one a night")

	p.sync(syncs.TypeReconciliation, syncs.Options{DryRun: true, LookbackDays: new(1)})
	require.Equal(t, syncs.PlanOpen, p.recorder.plans[1].Status, "a dry run decides nothing (R26)")
	p.enter(returns...)
	p.sync(syncs.TypeReconciliation, syncs.Options{LookbackDays: new(1)})
	require.Equal(t, syncs.PlanOpen, p.recorder.plans[1].Status, "it has not seen the plan's days")
	require.Zero(t, p.sync(syncs.TypeReconciliation).Stats.CasesDeleted)
	require.Equal(t, []syncs.PlanStatus{syncs.PlanSuperseded, syncs.PlanSuperseded}, statuses(), "all is well again")
}

// said is how many lines have a message.
func (p *practice) said(message string) int {
	p.Helper()
	lines := 0
	for _, line := range p.logs.Lines(p) {
		if line["msg"] == message {
			lines++
		}
	}
	return lines
}

func TestAnApprovedPlanDeletesWhatItNamesAndWhatIsStillMissing(t *testing.T) { // R23
	t.Parallel()
	p := newPractice(t)
	p.aWeek()
	returns := p.calendar[0]
	p.remove("1", "2", "3", "4", "5", "6", "7")
	o := p.fail(syncs.CodeDeletionGuard, syncs.TypeReconciliation)
	p.enter(returns)
	p.edit("2", "status = 'reviewed'")
	p.enter(p.visit("3", "2026-04-20 10:00"))
	p.remove("8")
	p.pass(23 * time.Hour)
	approved := p.approve(o.audit.Result.PlanID)
	require.NoError(t, approved.err)
	require.Equal(t, []string{"4", "5", "6", "7"}, p.deleted(), "1 is back, 2 was reviewed by a person, 3 has moved, 8 is not named")
	require.Equal(t, approved.audit.ID, p.stored("4").Deletion.SyncID)
}

func TestAnApprovalIsNoLeaveToBelieveACalendarThatHasBecomeEmpty(t *testing.T) { // R22, R23
	t.Parallel()
	p := newPractice(t)
	p.aWeek()
	p.remove("1", "2", "3", "4", "5", "6", "7")
	o := p.fail(syncs.CodeDeletionGuard, syncs.TypeReconciliation)
	for _, a := range slices.Clone(p.calendar) {
		p.remove(a.ID)
	}
	approved := p.approve(o.audit.Result.PlanID)
	require.Equal(t, syncs.CodeSnapshotUnsound, casesync.Explain(approved.err).Code)
	require.Empty(t, p.deleted())
}

func TestAnApprovedPlanOverAnEmptyCalendarDeletesWhatItNames(t *testing.T) { // R22, R23
	t.Parallel()
	p := newPractice(t)
	p.know(p.visits("v", 3, "2026-02-25 09:00")...)
	o := p.fail(syncs.CodeDeletionGuard, syncs.TypeReconciliation)
	require.Equal(t, []string{"empty_pims"}, p.counted.refusals)
	approved := p.approve(o.audit.Result.PlanID)
	require.NoError(t, approved.err, "what was approved was this calendar")
	require.Equal(t, 3, approved.Stats.CasesDeleted)
}
