package casesync_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestAppointmentsBecomeCasesAndFollowThePIMSDayByDay(t *testing.T) { // W4
	t.Parallel()
	p := newPractice(t)
	p.enter(p.visit("1", "2026-03-02 10:00"), p.visit("2", "2026-03-04 11:00"), p.visit("3", "2026-03-09 23:45"), p.visit("4", "2026-03-10 08:00"))

	first := p.sync(syncs.TypeInbound)
	require.Equal(t, 3, first.Stats.AppointmentsFound, "today and seven days more")
	require.Equal(t, 3, first.Stats.CasesCreated)
	c := p.stored("1")
	require.Equal(t, p.instant("2026-03-02 10:00"), c.ScheduledDate.In(p.location))
	require.Equal(t, []string{"Zzmochi", "Zzada Quill", "(555) 0100", "draft", "draft", "checkup"},
		[]string{c.PatientName, c.ClientName, c.PhoneNumber, c.Status, c.SyncStatus, c.CaseType})
	require.Equal(t, "2026-03-02T10:00:00", c.Appointment.Start, "in its one form (R12)")

	p.at("2026-03-03 06:00") // moved, renamed, another patient, cancelled, a new one comes into view
	p.change("2", p.begins("2026-03-05 16:30"), func(a *pims.Appointment) {
		a.ClientName, a.PatientID, a.PatientName = "Zzada Winterbourne", "p9", "Zzbiscuit"
		a.Type, a.TypeText = pims.TypeSurgery, "Surgery"
	})
	p.change("3", isCancelled)
	second := p.sync(syncs.TypeInbound)
	require.Equal(t, syncs.Stats{AppointmentsFound: 3, CasesCreated: 1, CasesUpdated: 2}, second.Stats)
	c = p.stored("2")
	require.Equal(t, p.instant("2026-03-05 16:30"), c.ScheduledDate.In(p.location))
	require.Equal(t, []string{"Zzbiscuit", "Zzada Winterbourne", "surgery", "p9"},
		[]string{c.PatientName, c.ClientName, c.CaseType, c.Appointment.PatientID})
	require.Equal(t, "reviewed", p.stored("3").Status, "a cancellation reaches a future case (R17)")
	require.Equal(t, "Cancelled", p.stored("3").Appointment.Status)

	p.at("2026-03-04 06:00")
	p.change("3", isScheduled)
	p.sync(syncs.TypeInbound)
	require.Equal(t, "draft", p.stored("3").Status, "reinstated")
	require.Equal(t, map[syncs.Action]int{syncs.ActionCreated: 4, syncs.ActionUpdated: 3}, p.counted.actions)
}

func TestACaseWhoseAppointmentLeavesTheWindowStaysAsItIs(t *testing.T) { // R21, R25
	t.Parallel()
	p := newPractice(t)
	p.enter(p.visit("1", "2026-03-03 10:00"), p.visit("2", "2026-03-03 11:00"))
	p.sync(syncs.TypeInbound)
	before := p.cases(p.clinic.ID)
	p.change("1", p.begins("2026-05-05 10:00"))
	p.remove("2")
	require.Equal(t, syncs.Stats{}, p.sync(syncs.TypeInbound).Stats)
	require.Equal(t, before, p.cases(p.clinic.ID), "inbound concludes nothing from absence")
}

func TestTheSameIDInTwoClinicsIsTwoCases(t *testing.T) { // R13
	t.Parallel()
	p := newPractice(t)
	p.enter(p.visit("1", "2026-03-02 10:00"))
	require.Equal(t, 1, p.sync(syncs.TypeInbound).Stats.CasesCreated, "the neighbour has a case 1 too")
	require.Equal(t, []string{"Zzmochi", "Zzneighbour"}, column[string](p, "select patient_name from cases where pims_id = '1' and clinic_id in ($1, $2) order by 1", p.neighbour))
}

func TestARowThatCameTwiceIsCountedOnce(t *testing.T) { // R6
	t.Parallel()
	p := newPractice(t)
	p.enter(p.visit("1", "2026-03-02 10:00"))
	p.fake.SetFlaws(nil, 0, 2)
	o := p.sync(syncs.TypeInbound)
	require.Equal(t, syncs.Stats{AppointmentsFound: 1, CasesCreated: 1}, o.Stats)
	require.Equal(t, syncs.Warnings{DuplicateRows: 2}, o.audit.Result.Warnings)
}

func TestAnOvernightStayUpdatesAKnownCaseAndCreatesNone(t *testing.T) { // R5
	t.Parallel()
	p := newPractice(t)
	p.enter(p.visit("1", "2026-03-02 22:00", p.ends("2026-03-03 07:00")))
	p.sync(syncs.TypeInbound)

	p.at("2026-03-03 01:00")
	p.enter(
		p.visit("1", "2026-03-02 22:00", p.ends("2026-03-03 07:00"), isCompleted),
		p.visit("2", "2026-03-02 23:00", p.ends("2026-03-03 07:00")), // nobody told us in time
		p.visit("3", "2026-03-02 23:00", p.ends("2026-03-03 00:00")), // over at midnight
	)
	o := p.sync(syncs.TypeInbound)
	require.Equal(t, syncs.Stats{AppointmentsFound: 2, CasesUpdated: 1, CasesSkipped: 1}, o.Stats)
	require.Equal(t, "pending", p.stored("1").Status)
	require.Equal(t, 1, scan[int](p, "select count(*) from cases where clinic_id = $1"))
}

func TestADayIsAsLongAsTheClockOfTheClinicMakesIt(t *testing.T) { // R1, R2
	t.Parallel()
	for _, tc := range []struct {
		name, today string
		inside      []string // wall clocks of the one day
		outside     []string
	}{
		{"spring", "2026-03-08", []string{"2026-03-08 00:00", "2026-03-08 02:30", "2026-03-08 23:59"}, []string{"2026-03-07 23:59", "2026-03-09 00:00"}},
		{"autumn", "2026-11-01", []string{"2026-11-01 00:00", "2026-11-01 01:30", "2026-11-01 23:59"}, []string{"2026-10-31 23:00", "2026-11-02 00:00"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := newPracticeOn(t, tc.today+" 12:00")
			for _, wall := range append(tc.inside, tc.outside...) {
				p.enter(p.visit(wall, wall))
			}
			o := p.sync(syncs.TypeInbound, syncs.Options{DaysAhead: new(0)})
			require.Equal(t, len(tc.inside), o.Stats.CasesCreated)
			for _, wall := range tc.inside {
				require.Equal(t, strings.Replace(wall, " ", "T", 1)+":00", p.stored(wall).Appointment.Start)
			}
			p.at(tc.today + " 23:59")
			p.remove(tc.inside[0])
			o = p.sync(syncs.TypeReconciliation, syncs.Options{LookbackDays: new(1)})
			require.Equal(t, 1, o.Stats.CasesDeleted)
			require.True(t, func() bool { c := p.stored(tc.inside[0]); return c.SoftDeleted() }())
		})
	}
}

func TestWhatAPersonDoesBetweenReadingAndWritingIsKept(t *testing.T) { // R10, R11, R12
	t.Parallel()
	p := newPractice(t)
	p.enter(p.visit("1", "2026-03-02 10:00"), p.visit("2", "2026-03-02 11:00"), p.visit("3", "2026-03-02 12:00"))
	p.sync(syncs.TypeInbound)
	for _, id := range []string{"1", "2", "3"} {
		p.change(id, isCompleted, func(a *pims.Appointment) { a.PatientName = "Zzbiscuit" })
	}
	p.store.beforeWrite = once(func() {
		p.edit("1", "status = 'reviewed'")
		p.edit("2", `phone_number = '(555) 0199', metadata = metadata || '{"invoice": {"n": 1.50}, "tags": ["Zzvip"]}'`)
	})
	o := p.sync(syncs.TypeInbound)
	require.Equal(t, syncs.Stats{AppointmentsFound: 3, CasesUpdated: 3}, o.Stats, "each is counted once")

	mine := p.stored("1")
	require.Equal(t, []string{"reviewed", "draft", "Zzbiscuit", "Completed"}, []string{mine.Status, mine.SyncStatus, mine.PatientName, mine.Appointment.Status})
	theirs := p.stored("2")
	require.Equal(t, []string{"pending", "pending", "Zzbiscuit"}, []string{theirs.Status, theirs.SyncStatus, theirs.PatientName})
	require.Equal(t, "(555) 0100", theirs.PhoneNumber, "the PIMS owns the phone number")
	require.JSONEq(t, `{"invoice": {"n": 1.50}, "tags": ["Zzvip"]}`,
		scan[string](p, "select (metadata - 'appointment')::text from cases where pims_id = '2' and clinic_id = $1"))
	require.Equal(t, "pending", p.stored("3").Status)
}

func TestACaseThatSomebodyElseCreatesMeanwhileIsTakenOver(t *testing.T) { // R12
	t.Parallel()
	p := newPractice(t)
	p.enter(p.visit("1", "2026-03-02 10:00"), p.visit("2", "2026-03-02 11:00"))
	p.store.beforeWrite = once(func() {
		p.exec("insert into cases (clinic_id, pims_id, status) values ($1, '1', 'approved')")
	})
	o := p.sync(syncs.TypeInbound)
	require.Equal(t, syncs.Stats{AppointmentsFound: 2, CasesCreated: 1, CasesUpdated: 1}, o.Stats)
	c := p.stored("1")
	require.Equal(t, []string{"approved", "draft", "Zzmochi"}, []string{c.Status, c.SyncStatus, c.PatientName}, "a row made by hand keeps its status (R10)")
}

func TestASyncGivesUpOnARowThatIsNeverLeftAlone(t *testing.T) { // R12
	t.Parallel()
	p := newPractice(t)
	p.enter(p.visit("1", "2026-03-02 10:00"), p.visit("2", "2026-03-02 11:00"))
	p.sync(syncs.TypeInbound)
	p.change("1", isCompleted)
	p.change("2", isCompleted)
	times := 0
	p.store.beforeWrite = func([]cases.Write) error {
		times++
		p.edit("1", "metadata = metadata || jsonb_build_object('n', $3::int)", times)
		return nil
	}
	o := p.fail(syncs.CodeInternal, syncs.TypeInbound)
	require.Equal(t, 10, times)
	require.Equal(t, 1, o.Stats.CasesUpdated, "the other one is written")
	require.Equal(t, "pending", p.stored("2").Status)
	require.Equal(t, "draft", p.stored("1").Status)
}

func TestRowsMadeByHandAreFilledInOrLeftAlone(t *testing.T) { // R10, R11, docs/interface.md §Tables
	t.Parallel()
	p := newPractice(t)
	p.exec("insert into cases (clinic_id, pims_id) values ($1, '1')")
	p.exec("insert into cases (clinic_id, patient_name, scheduled_date) values ($1, 'Zzby hand', $2)", p.instant("2026-03-02 08:00"))
	p.exec("insert into cases (clinic_id, provider, pims_id, scheduled_date) values ($1, 'another', '2', $2)", p.instant("2026-03-02 08:00"))
	const others = "select string_agg(xmin || c::text, '' order by id) from cases c where clinic_id = $1 and (pims_id is null or provider <> 'idexx_neo')"
	byHand := scan[string](p, others)

	p.enter(p.visit("1", "2026-03-02 08:30", isCompleted), p.visit("2", "2026-03-02 08:45"))
	p.sync(syncs.TypeFull)
	c := p.stored("1")
	require.Equal(t, []string{"Zzmochi", "draft", "pending"}, []string{c.PatientName, c.Status, c.SyncStatus})
	require.Equal(t, p.instant("2026-03-02 08:30"), c.ScheduledDate.In(p.location))
	p.remove("1", "2")
	p.enter(p.visit("3", "2026-03-02 07:00"))
	p.sync(syncs.TypeFull)
	require.Equal(t, byHand, scan[string](p, others), "what has no id of this PIMS is nobody's business")
}

func TestARowThatCannotBeUsedIsSkippedAndStillPresent(t *testing.T) { // R6
	t.Parallel()
	p := newPractice(t)
	p.enter(p.visit("1", "2026-03-02 08:00"), p.visit("2", "2026-03-02 08:30"))
	p.sync(syncs.TypeInbound)
	p.remove("1")
	p.fake.SetFlaws([]pims.RecordError{{ID: "1", Field: "start", Reason: "is missing"}, {ID: "9", Field: "start", Reason: "is missing"}}, 0, 0)

	o := p.sync(syncs.TypeInbound)
	require.Equal(t, syncs.Stats{AppointmentsFound: 3, CasesUnchanged: 1, CasesSkipped: 2}, o.Stats)
	require.Equal(t, 2, o.audit.Result.Warnings.UnusableRows)
	r := p.sync(syncs.TypeReconciliation)
	require.Equal(t, 2, r.Stats.CasesChecked)
	require.Zero(t, r.Stats.CasesDeleted, "it is no orphan")
	require.Zero(t, p.fake.Count(pimstest.OpFind), "nobody had to be asked about it")

	var skipped []any
	for _, line := range p.logs.Lines(p) {
		if line["msg"] == "Appointment skipped" {
			skipped = append(skipped, line["pims_id"])
		}
	}
	require.Equal(t, []any{"1", "9"}, skipped, "a line for each (W15)")
}

func TestARowWithoutAnIDLeavesTheOthersWrittenAndIsSaid(t *testing.T) { // R6
	t.Parallel()
	p := newPractice(t)
	p.enter(p.visit("1", "2026-03-02 08:00"))
	p.fake.SetFlaws(nil, 2, 0)
	o := p.sync(syncs.TypeInbound)
	require.Equal(t, syncs.CodeSnapshotIncomplete, o.audit.Result.Code)
	require.Contains(t, o.audit.Result.Error, "2 rows")
	require.Equal(t, syncs.Stats{AppointmentsFound: 1, CasesCreated: 1}, o.Stats)
	require.Equal(t, 2, o.audit.Result.Warnings.UnidentifiedRows)
}

func TestAnUnknownStatusIsCountedAndChangesNoKnownStatus(t *testing.T) { // R7
	t.Parallel()
	p := newPractice(t)
	p.enter(p.visit("1", "2026-03-02 08:00", isCompleted))
	p.sync(syncs.TypeInbound)
	teleported := is(pims.StatusUnknown, "Teleported")
	p.change("1", teleported)
	p.enter(p.visit("2", "2026-03-02 09:00", teleported))
	o := p.sync(syncs.TypeInbound)
	require.Equal(t, 2, o.audit.Result.Warnings.UnknownStatuses)
	require.Equal(t, "pending", p.stored("1").Status)
	require.Equal(t, "draft", p.stored("2").Status)
}

func TestAThousandAppointmentsAndMoreAreWrittenInChunks(t *testing.T) { // R15
	t.Parallel()
	p := newPractice(t)
	days := []string{"2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05", "2026-03-06", "2026-03-07", "2026-03-08", "2026-03-09"}
	p.fill(10_000, 700, days...)
	p.fill(20_000, 701, days...)
	var chunks []int
	p.store.beforeWrite = func(writes []cases.Write) error {
		chunks = append(chunks, len(writes))
		return nil
	}
	require.Equal(t, 1401, p.sync(syncs.TypeInbound).Stats.CasesCreated)
	require.Equal(t, []int{1000, 401}, chunks)
}

func TestChunksOfLongTextsHaveFewerRows(t *testing.T) { // R57
	t.Parallel()
	p := newPractice(t)
	long := func(bytes int) func(*pims.Appointment) {
		return func(a *pims.Appointment) { a.Reason = strings.Repeat("a", bytes) }
	}
	for i, size := range []int{10, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 5 << 20, 10, 10} {
		p.enter(p.visit(fmt.Sprint(i+1), fmt.Sprintf("2026-03-02 %02d:00", 8+i), long(size)))
	}
	var chunks []int
	p.store.beforeWrite = func(writes []cases.Write) error {
		chunks = append(chunks, len(writes))
		return nil
	}
	require.Equal(t, 8, p.sync(syncs.TypeInbound).Stats.CasesCreated)
	require.Equal(t, []int{4, 1, 1, 2}, chunks)
}

func TestAPersonsEditOfACaseThatWasReadAheadIsKept(t *testing.T) { // R10, R12
	t.Parallel()
	p := newPractice(t)
	half := func(a *pims.Appointment) { a.Reason = strings.Repeat("a", 3<<20) } // two do not fit into a chunk
	p.enter(p.visit("1", "2026-03-02 10:00", half), p.visit("2", "2026-03-02 11:00", half))
	p.sync(syncs.TypeInbound)
	p.change("1", isCompleted)
	p.change("2", isCompleted)
	read := make(chan string, 3)
	p.store.afterRead = func(ids []string) { read <- strings.Join(ids, " ") }
	p.store.beforeWrite = once(func() { // of the first chunk
		require.Equal(t, "1", <-read)
		require.Equal(t, "2", <-read)
		p.edit("2", "status = 'reviewed'")
	})
	require.Equal(t, syncs.Stats{AppointmentsFound: 2, CasesUpdated: 2}, p.sync(syncs.TypeInbound).Stats)
	require.Equal(t, "2", <-read, "it is read again")
	require.Equal(t, "pending", p.stored("1").Status)
	mine := p.stored("2")
	require.Equal(t, []string{"reviewed", "Completed"}, []string{mine.Status, mine.Appointment.Status})
}

func TestAReadThatFailsAheadEndsThePhaseAfterTheWritesBefore(t *testing.T) { // R15
	t.Parallel()
	p := newPractice(t)
	half := func(a *pims.Appointment) { a.Reason = strings.Repeat("a", 3<<20) }
	p.enter(p.visit("1", "2026-03-02 10:00", half), p.visit("2", "2026-03-02 11:00", half))
	p.sync(syncs.TypeInbound)
	p.change("1", isCompleted)
	p.change("2", isCompleted)
	reads := 0
	p.store.before = at("CasesByID", func() error {
		if reads++; reads == 2 {
			return fmt.Errorf("reading: %w", syncs.ErrDatabase)
		}
		return nil
	})
	require.Equal(t, 1, p.fail(syncs.CodeDatabaseUnavailable, syncs.TypeInbound).Stats.CasesUpdated)
	require.Equal(t, "pending", p.stored("1").Status)
	require.Equal(t, "draft", p.stored("2").Status)
}

func TestAClinicWithoutAZoneIsRefusedBeforeAnyLogin(t *testing.T) { // R1
	t.Parallel()
	p := newPractice(t)
	for _, zone := range []string{"", "Local", "Mars/Olympus_Mons"} {
		p.clinic.Timezone = zone
		p.fail(syncs.CodeTimezoneMissing, syncs.TypeInbound)
		o := p.fail(syncs.CodeTimezoneMissing, syncs.TypeFull)
		require.Len(t, o.audit.Result.Skipped, 3)
	}
	require.Empty(t, p.fake.Calls())
}

func TestAnAppointmentThatReturnsUndoesADeletionByTheSpecificationsOwnStatement(t *testing.T) { // R16, W10
	t.Parallel()
	for _, tc := range []struct{ name, syncStatus, wantStatus, wantSync string }{
		{"made before there was a sync_status", "null", "reviewed", "draft"},
		{"of a case whose status was sync's", "'reviewed'", "draft", "draft"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			p.enter(p.visit("1", "2026-03-02 10:00"))
			p.sync(syncs.TypeInbound)
			p.edit("1", `status = 'reviewed', sync_status = `+tc.syncStatus+`, metadata = metadata || '{"reconciliation":
				{"softDeleted": true, "reason": "Removed from PIMS", "deletedAt": "2026-03-01T12:00:00Z", "syncId": "0b0e2c5e-5d9c-4b59-9d3c-6d1f2d5a7f11"}}'`)
			require.Equal(t, 1, p.sync(syncs.TypeInbound).Stats.CasesUpdated)
			c := p.stored("1")
			require.False(t, c.SoftDeleted())
			require.Equal(t, []string{tc.wantStatus, tc.wantSync}, []string{c.Status, c.SyncStatus})
		})
	}
}

func TestTheTimeOfAWriteIsTheSyncs(t *testing.T) { // R3
	t.Parallel()
	p := newPractice(t)
	p.enter(p.visit("1", "2026-03-02 10:00"))
	p.sync(syncs.TypeInbound)
	created := p.clock.Now()
	p.pass(time.Hour)
	p.change("1", isCompleted)
	p.sync(syncs.TypeInbound)
	c := p.stored("1")
	require.True(t, created.Equal(c.CreatedAt))
	require.True(t, created.Add(time.Hour).Equal(c.UpdatedAt))
}
