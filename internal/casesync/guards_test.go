package casesync_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

// forget takes all cases out of the database and all appointments out of the PIMS,
// so that one practice can play many small scenes.
func (p *practice) forget() {
	p.Helper()
	p.exec("delete from cases where clinic_id = $1")
	p.calendar, p.records, p.recorder.plans, p.again = nil, nil, nil, nil
	p.fake.SetAppointments()
	p.fake.SetConsultations()
	p.fake.SetFlaws(nil, 0, 0)
	p.fake.ForgetCalls()
}

// know makes the cases of appointments without a sync.
func (p *practice) know(visits ...pims.Appointment) {
	p.Helper()
	var ids, types, appointments []string
	var starts []time.Time
	for i := range visits {
		c, _ := cases.MergeAppointment(nil, &visits[i], nil)
		ids, types, starts = append(ids, c.PIMSID), append(types, c.CaseType), append(starts, c.ScheduledDate)
		appointments = append(appointments, p.keys(c.Appointment))
	}
	p.exec(`insert into cases (clinic_id, pims_id, scheduled_date, status, sync_status, case_type, patient_name, client_name, phone_number, metadata)
		select $1, id, start, 'draft', 'draft', type, 'Zzmochi', 'Zzada Quill', '(555) 0100', jsonb_build_object('appointment', appointment::jsonb)
		from unnest($2::text[], $3::timestamptz[], $4::text[], $5::text[]) as s (id, start, type, appointment)`, ids, starts, types, appointments)
}

// keys is metadata.appointment of an appointment.
func (p *practice) keys(a cases.Appointment) string {
	p.Helper()
	keys := map[string]string{
		"consultationId": a.ConsultationID, "status": a.Status, "normalisedStatus": string(a.Meaning), "type": a.Type, "start": a.Start, "end": a.End, "patientId": a.PatientID,
		"clientId": a.ClientID, "clientEmail": a.ClientEmail, "veterinarian": a.Veterinarian, "room": a.Room, "title": a.Title, "reason": a.Reason,
	}
	maps.DeleteFunc(keys, func(_, text string) bool { return text == "" })
	document, err := json.Marshal(keys)
	require.NoError(p, err)
	return string(document)
}

// visits are n appointments, a quarter of an hour apart, with ids of their own.
func (p *practice) visits(prefix string, n int, from string) []pims.Appointment {
	p.Helper()
	visits := make([]pims.Appointment, n)
	start := p.instant(from)
	for i := range visits {
		visits[i] = p.visit(fmt.Sprintf("%s%03d", prefix, i), start.Add(time.Duration(i)*15*time.Minute).In(p.location).Format(minute))
	}
	return visits
}

// requireNothingWritten runs do and demands that it changes no case.
func (p *practice) requireNothingWritten(do func()) {
	p.Helper()
	before := p.cases(p.clinic.ID)
	do()
	require.Equal(p, before, p.cases(p.clinic.ID), "a case was changed")
}

func TestAnotherPracticesCalendarIsRefused(t *testing.T) { // R18
	t.Parallel()
	p := newPractice(t)
	const today, tomorrow = "2026-03-02 08:00", "2026-03-03 08:00"
	for _, tc := range []struct {
		name                   string
		known, fetched, shared int
		refused                bool
	}{
		{"five and five that share none", 5, 5, 0, true},
		{"many and many that share none", 20, 30, 0, true},
		{"only four that we know", 4, 5, 0, false},
		{"only four that it shows", 5, 4, 0, false},
		{"one that both have", 5, 5, 1, false},
		{"one in fifty that both have", 50, 50, 1, false},
		{"a clinic's first night", 0, 30, 0, false},
		{"an empty calendar", 30, 0, 0, false},
	} {
		p.forget()
		ours, theirs := p.visits("k", tc.known, today), p.visits("f", tc.fetched, tomorrow)
		copy(theirs, ours[:tc.shared])
		p.know(ours...)
		p.enter(theirs...)
		if !tc.refused {
			require.Equal(t, tc.fetched-tc.shared, p.sync(syncs.TypeInbound).Stats.CasesCreated, tc.name)
			continue
		}
		p.requireNothingWritten(func() {
			o := p.fail(syncs.CodeWrongPractice, syncs.TypeInbound)
			plan := p.plan(o.audit.Result.PlanID)
			require.Equal(t, []int{tc.known, tc.fetched, 0}, []int{plan.Evidence.Known, plan.Evidence.Found, plan.Evidence.Shared}, tc.name)
			require.Equal(t, syncs.TypeInbound, plan.SyncType)
			require.Empty(t, plan.Cases)
		})
	}
	p.again = nil
}

func TestOnlyTheSameDaysTellAnotherPractice(t *testing.T) { // R18
	t.Parallel()
	t.Run("what we know of other days", func(t *testing.T) {
		t.Parallel()
		p := newPractice(t)
		p.know(p.visits("k", 9, "2026-02-27 08:00")...)
		p.enter(p.visits("f", 9, "2026-03-03 08:00")...)
		require.Equal(t, 9, p.sync(syncs.TypeInbound).Stats.CasesCreated)
	})
	t.Run("what reaches in from the day before", func(t *testing.T) {
		t.Parallel()
		p := newPractice(t)
		p.know(p.visits("k", 9, "2026-03-03 08:00")...)
		overnight := p.visits("f", 9, "2026-03-01 20:00")
		for i := range overnight {
			p.ends("2026-03-02 06:00")(&overnight[i])
		}
		p.enter(overnight...)
		require.Equal(t, 9, p.sync(syncs.TypeInbound).Stats.CasesSkipped)
	})
	t.Run("rows that cannot be used are shown all the same", func(t *testing.T) {
		t.Parallel()
		p := newPractice(t)
		p.know(p.visits("k", 5, "2026-03-03 08:00")...)
		p.enter(p.visits("f", 4, "2026-03-03 08:00")...)
		p.fake.SetFlaws([]pims.RecordError{{ID: "f9", Field: "start", Reason: "is missing"}}, 0, 0)
		p.fail(syncs.CodeWrongPractice, syncs.TypeInbound)
		p.fake.SetFlaws([]pims.RecordError{{ID: "k001", Field: "start", Reason: "is missing"}}, 0, 0)
		require.Equal(t, 4, p.sync(syncs.TypeInbound).Stats.CasesCreated)
	})
	t.Run("what was deleted is not known", func(t *testing.T) {
		t.Parallel()
		p := newPractice(t)
		p.know(p.visits("k", 9, "2026-03-03 08:00")...)
		p.exec(`update cases set metadata = metadata || '{"reconciliation": {"softDeleted": true}}' where clinic_id = $1`)
		p.enter(p.visits("f", 9, "2026-03-03 08:00")...)
		require.Equal(t, 9, p.sync(syncs.TypeInbound).Stats.CasesCreated)
	})
}

func TestReconciliationRefusesAnotherPracticesCalendarToo(t *testing.T) { // R18
	t.Parallel()
	p := newPractice(t)
	p.know(p.visits("k", 9, "2026-03-01 08:00")...)
	p.enter(p.visits("f", 9, "2026-03-01 08:00")...)
	p.requireNothingWritten(func() {
		o := p.fail(syncs.CodeWrongPractice, syncs.TypeReconciliation)
		require.Equal(t, syncs.TypeReconciliation, p.plan(o.audit.Result.PlanID).SyncType)
		require.Zero(t, o.Stats.CasesDeleted)
	})
	require.Empty(t, p.counted.refusals, "the deletion guard was not even asked")
}

// shift moves appointments on the wall clock of the practice.
func (p *practice) shift(visits []pims.Appointment, days int, clock time.Duration) {
	p.Helper()
	for i := range visits {
		wall, err := time.Parse(minute, visits[i].StartText[:len(minute)])
		require.NoError(p, err)
		p.begins(wall.AddDate(0, 0, days).Add(clock).Format(minute))(&visits[i])
	}
}

func TestACalendarThatMovedAsAWholeIsRefused(t *testing.T) { // R18
	t.Parallel()
	p := newPractice(t)
	for _, tc := range []struct {
		name                   string
		known, together, apart int // of the known: moved by the same offset, moved by offsets of their own
		refused                bool
	}{
		{"ten of ten", 10, 10, 0, true},
		{"nine of nine", 9, 9, 0, false},
		{"nine of ten, and one that moved elsewhere: ten moved", 10, 9, 1, true},
		{"nine of eleven, one elsewhere: ten moved, 82 %", 11, 9, 1, true},
		{"80 %", 15, 12, 0, true},
		{"80 % of a hundred", 100, 80, 0, true},
		{"79 % of a hundred", 100, 79, 0, false},
		{"79 % of a hundred, and the others moved too", 100, 79, 21, false},
		{"80 % of a hundred, and the others moved too", 100, 80, 20, true},
		{"a clinic that moves a day's visits", 60, 12, 0, false},
	} {
		p.forget()
		calendar := p.visits("v", tc.known, "2026-03-03 08:00")
		p.know(calendar...)
		p.shift(calendar[:tc.together], 0, -5*time.Hour)
		for i := range tc.apart {
			p.shift(calendar[tc.together+i:tc.together+i+1], 0, time.Duration(60+7*i)*time.Minute)
		}
		p.enter(calendar...)
		if !tc.refused {
			require.Equal(t, tc.together+tc.apart, p.movedCases(calendar), tc.name)
			continue
		}
		p.requireNothingWritten(func() {
			o := p.fail(syncs.CodeShiftGuard, syncs.TypeInbound)
			evidence := p.plan(o.audit.Result.PlanID).Evidence
			require.Equal(t, []int{tc.known, tc.together + tc.apart}, []int{evidence.Shared, evidence.Moved}, tc.name)
			require.Equal(t, -5*time.Hour, evidence.MovedBy)
		})
	}
	p.again = nil
}

// movedCases runs an inbound that completes and returns how many dates it changed.
func (p *practice) movedCases(calendar []pims.Appointment) int {
	p.Helper()
	const dates = "select coalesce(metadata #>> '{appointment,start}', '') || scheduled_date from cases where clinic_id = $1 order by pims_id"
	before := column[string](p, dates)
	p.sync(syncs.TypeInbound)
	moved := 0
	for i, date := range column[string](p, dates) {
		if date != before[i] {
			moved++
		}
	}
	require.Len(p, before, len(calendar))
	return moved
}

func TestAShiftAcrossAClockChangeIsOneOffset(t *testing.T) { // R18: the clocks of New York change on the 8th
	t.Parallel()
	scene := func(t *testing.T, days int, clock time.Duration) (*practice, []pims.Appointment) {
		p := newPracticeOn(t, "2026-03-06 07:00")
		calendar := append(p.visits("a", 6, "2026-03-07 08:00"), p.visits("b", 6, "2026-03-09 08:00")...)
		p.know(calendar...)
		p.shift(calendar, days, clock)
		p.enter(calendar...)
		return p, calendar
	}
	t.Run("by a day and more on the wall clock", func(t *testing.T) {
		t.Parallel()
		p, _ := scene(t, 2, 0) // the first six cross the change, the others do not
		o := p.fail(syncs.CodeShiftGuard, syncs.TypeInbound)
		require.Equal(t, 48*time.Hour, p.plan(o.audit.Result.PlanID).Evidence.MovedBy)
	})
	t.Run("by instants", func(t *testing.T) {
		t.Parallel()
		p, calendar := scene(t, 0, 0)
		for i := range calendar { // 23 hours are a day for the first six on the wall clock, and an hour less for the others
			calendar[i].Start, calendar[i].StartText = calendar[i].Start.Add(23*time.Hour), ""
		}
		p.enter(calendar...)
		o := p.fail(syncs.CodeShiftGuard, syncs.TypeInbound)
		require.Equal(t, 23*time.Hour, p.plan(o.audit.Result.PlanID).Evidence.MovedBy)
	})
	t.Run("the clock change itself moves nothing", func(t *testing.T) {
		t.Parallel()
		p, _ := scene(t, 0, 0)
		require.Equal(t, 12, p.sync(syncs.TypeInbound).Stats.CasesUnchanged)
	})
}

func TestAChangeOfZoneThatLeavesTheTextsIsAShift(t *testing.T) { // R18
	t.Parallel()
	p := newPracticeOn(t, "2026-03-06 07:00")
	calendar := append(p.visits("a", 7, "2026-03-07 08:00"), p.visits("b", 5, "2026-03-09 08:00")...)
	p.know(calendar...)
	berlin := timetest.Zone(t, "Europe/Berlin") // its clocks change three weeks later: two offsets in one calendar
	for i := range calendar {
		wall, err := time.Parse(minute, calendar[i].StartText[:len(minute)])
		require.NoError(t, err)
		calendar[i].Start = pims.Instant(wall, berlin)
	}
	p.enter(calendar...)
	p.clinic.Timezone = "Europe/Berlin"
	p.requireNothingWritten(func() {
		o := p.fail(syncs.CodeShiftGuard, syncs.TypeInbound)
		require.Equal(t, 12, p.plan(o.audit.Result.PlanID).Evidence.Moved)
	})
}

func TestCasesWithoutADateCannotMove(t *testing.T) { // R18
	t.Parallel()
	p := newPractice(t)
	calendar := p.visits("v", 20, "2026-03-03 08:00")
	p.know(calendar...)
	p.exec("update cases set scheduled_date = null where clinic_id = $1")
	p.enter(calendar...)
	require.Equal(t, 20, p.sync(syncs.TypeInbound).Stats.CasesUpdated)
}

func TestAShiftFromOtherDaysIntoTheWindowIsAShift(t *testing.T) { // R18
	t.Parallel()
	p := newPractice(t)
	calendar := p.visits("v", 10, "2026-02-25 08:00")
	p.know(calendar...)
	p.shift(calendar, 7, 0)
	p.enter(calendar...)
	p.requireNothingWritten(func() {
		o := p.fail(syncs.CodeShiftGuard, syncs.TypeInbound)
		require.Equal(t, 7*24*time.Hour, p.plan(o.audit.Result.PlanID).Evidence.MovedBy)
	})
}

func TestAPlanThatNobodyApprovedLiftsNothing(t *testing.T) { // R18, R23
	t.Parallel()
	p := newPractice(t)
	p.know(p.visits("k", 9, "2026-03-03 08:00")...)
	p.enter(p.visits("f", 9, "2026-03-03 08:00")...)
	plan := p.plan(p.fail(syncs.CodeWrongPractice, syncs.TypeInbound).audit.Result.PlanID)
	p.requireNothingWritten(func() {
		o := p.run(p.background(), syncs.Run{Type: plan.SyncType, Approval: plan.ID})
		require.Equal(t, syncs.StatusFailed, o.audit.Status)
		require.ErrorContains(t, o.err, "is not approved")
	})
}

func TestARunThatSeesTheDaysForItselfSupersedesTheGuardsPlans(t *testing.T) { // R18, R23
	t.Parallel()
	const open, superseded = syncs.PlanOpen, syncs.PlanSuperseded
	days := func(t *testing.T, start, end string) syncs.Options {
		return syncs.Options{StartDate: timetest.Date(t, start), EndDate: timetest.Date(t, end)}
	}
	for name, tc := range map[string]struct {
		now     string // of the later run
		kind    syncs.Type
		options syncs.Options
		status  syncs.PlanStatus
	}{
		"the same again":                   {"2026-03-02 10:00", syncs.TypeInbound, syncs.Options{}, superseded},
		"a full sync's inbound":            {"2026-03-02 10:00", syncs.TypeFull, syncs.Options{}, superseded},
		"the next morning":                 {"2026-03-03 07:00", syncs.TypeInbound, syncs.Options{}, superseded},
		"a dry run":                        {"2026-03-02 10:00", syncs.TypeInbound, syncs.Options{DryRun: true}, open},
		"fewer days":                       {"2026-03-02 10:00", syncs.TypeInbound, syncs.Options{DaysAhead: new(6)}, open},
		"without the first day":            {"2026-03-02 10:00", syncs.TypeInbound, days(t, "2026-03-03", "2026-03-12"), open},
		"without the first two days":       {"2026-03-03 07:00", syncs.TypeInbound, days(t, "2026-03-04", "2026-03-12"), open},
		"more days":                        {"2026-03-02 10:00", syncs.TypeInbound, days(t, "2026-03-01", "2026-03-12"), superseded},
		"other days":                       {"2026-03-02 10:00", syncs.TypeInbound, days(t, "2026-04-01", "2026-04-12"), open},
		"a reconciliation looks elsewhere": {"2026-03-02 10:00", syncs.TypeReconciliation, syncs.Options{LookaheadDays: new(7)}, open},
	} {
		for _, guard := range []syncs.Code{syncs.CodeWrongPractice, syncs.CodeShiftGuard} {
			t.Run(name+" "+string(guard), func(t *testing.T) {
				t.Parallel()
				p := newPractice(t)
				calendar := p.visits("k", 12, "2026-03-03 08:00")
				p.know(calendar...)
				wrong := p.visits("f", 12, "2026-03-03 08:00")
				if guard == syncs.CodeShiftGuard {
					wrong = p.visits("k", 12, "2026-03-03 14:00")
				}
				p.enter(wrong...)
				plan := p.fail(guard, syncs.TypeInbound).audit.Result.PlanID
				p.calendar = nil
				p.enter(calendar...)
				p.at(tc.now)
				p.sync(tc.kind, tc.options)
				require.Equal(t, tc.status, p.plan(plan).Status)
				p.again = nil
			})
		}
	}
}

func TestEachGuardSupersedesItsOwnPlanOnlyWhereItHasJudged(t *testing.T) { // R18
	t.Parallel()
	p := newPractice(t)
	calendar := p.visits("k", 12, "2026-03-03 08:00")
	p.know(calendar...)
	theirs := p.visits("f", 12, "2026-03-03 08:00")
	p.enter(theirs...)
	wrong := p.fail(syncs.CodeWrongPractice, syncs.TypeInbound).audit.Result.PlanID
	p.calendar = nil
	moved := p.visits("k", 12, "2026-03-03 14:00")
	p.enter(moved...)
	shift := p.fail(syncs.CodeShiftGuard, syncs.TypeInbound).audit.Result.PlanID
	require.Equal(t, syncs.PlanSuperseded, p.plan(wrong).Status, "the first guard let the calendar pass")

	p.calendar = nil
	p.enter(theirs...)
	wrong = p.fail(syncs.CodeWrongPractice, syncs.TypeInbound).audit.Result.PlanID
	require.Equal(t, syncs.PlanOpen, p.plan(shift).Status, "the second guard has not seen this one")

	require.NoError(t, p.approve(wrong).err)
	require.Equal(t, syncs.PlanApproved, p.plan(wrong).Status)
	require.Equal(t, syncs.PlanSuperseded, p.plan(shift).Status, "the guard that was not lifted judged")

	p.forget()
	p.know(calendar...)
	p.enter(theirs...)
	first := p.fail(syncs.CodeWrongPractice, syncs.TypeInbound).audit.Result.PlanID
	p.recorder.plans[0].Status = syncs.PlanApproved
	second := p.fail(syncs.CodeWrongPractice, syncs.TypeInbound).audit.Result.PlanID
	require.NoError(t, p.run(p.background(), syncs.Run{Type: syncs.TypeInbound, Approval: first}).err)
	require.Equal(t, syncs.PlanOpen, p.plan(second).Status, "a lifted guard has not judged")
	p.again = nil
}

func TestAnApprovalLiftsTheOneGuardForTheDaysOfItsPlan(t *testing.T) { // R18
	t.Parallel()
	p := newPractice(t)
	p.know(p.visits("k", 9, "2026-03-03 08:00")...)
	p.enter(p.visits("f", 9, "2026-03-03 08:00")...)
	o := p.fail(syncs.CodeWrongPractice, syncs.TypeInbound, syncs.Options{DaysAhead: new(2)})
	approved := p.approve(o.audit.Result.PlanID)
	require.NoError(t, approved.err)
	require.Equal(t, 9, approved.Stats.CasesCreated)
	calls := p.fake.Calls()
	require.Equal(t, "2026-03-02..2026-03-04 America/New_York", calls[len(calls)-1].Window.String())

	p.forget()
	calendar := p.visits("k", 12, "2026-03-03 08:00")
	p.know(calendar...)
	p.enter(p.visits("f", 9, "2026-03-03 08:00")...)
	o = p.fail(syncs.CodeWrongPractice, syncs.TypeInbound)
	p.shift(calendar, 14, 0) // the same practice after all, but …
	p.enter(append(calendar, p.visits("k", 12, "2026-03-03 09:00")...)...)
	p.requireNothingWritten(func() {
		approved := p.approve(o.audit.Result.PlanID)
		require.Equal(t, syncs.CodeShiftGuard, approved.Code, "every other rule holds")

		p.calendar = nil
		p.enter(p.visits("f", 9, "2026-03-03 08:00")...)
		require.Equal(t, syncs.CodeWrongPractice, p.approve(approved.PlanID).Code, "each approval lifts its own guard")
	})
}
