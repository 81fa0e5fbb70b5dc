package casesync_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

// searches are the days that the consultations were searched for.
func (p *practice) searches() []string {
	var days []string
	for _, c := range p.fake.Calls() {
		if c.Op == pimstest.OpSearch {
			days = append(days, c.Window.Start.String()+" to "+c.Window.End.String())
		}
	}
	return days
}

// correct changes the notes of a consultation.
func (p *practice) correct(id, visit, at, addendum string) {
	p.Helper()
	p.record(p.held(id, visit, at, func(c *pims.Consultation) { c.Notes = addendum }))
}

// aMonthAgo is a practice with the final notes of a visit of February the 4th read, and
// of one of March the 1st; it is March the 6th.
func aMonthAgo(t *testing.T) *practice {
	t.Helper()
	p := newPracticeOn(t, "2026-02-08 09:00")
	p.seen(p.visit("1", "2026-02-04 08:00"))
	p.record(p.held("51", "1", "2026-02-04 08:00"))
	require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(p.sync(syncs.TypeCases)))
	p.at("2026-03-06 09:00")
	p.seen(p.visit("2", "2026-03-01 08:00"))
	p.record(p.held("52", "2", "2026-03-01 08:00"))
	require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(p.sync(syncs.TypeCases)))
	p.again = nil
	p.fake.ForgetCalls()
	p.fake.Corrections = 45
	return p
}

const (
	theWeek  = "2026-02-27 to 2026-03-06"
	theOlder = "2026-01-20 to 2026-02-26"
)

func TestACorrectionLongAfterTheVisitArrives(t *testing.T) { // R19
	t.Parallel()
	for _, kind := range []syncs.Type{syncs.TypeCases, syncs.TypeFull} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := aMonthAgo(t)
			p.correct("51", "1", "2026-02-04 08:00", "Zzaddendum")
			o := p.sync(kind)
			require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(o), "only what differs is found")
			require.Equal(t, "Zzaddendum", p.stored("1").Consultation.Notes)
			require.Equal(t, []string{theWeek, theOlder}, p.searches())
			require.Equal(t, 1, p.fake.Count(pimstest.OpConsultation), "only what differs is viewed")
		})
	}
	t.Run("within the days that every run searches, too", func(t *testing.T) {
		t.Parallel()
		p := aMonthAgo(t)
		p.correct("52", "2", "2026-03-01 08:00", "Zzaddendum")
		require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(p.sync(syncs.TypeCases)))
		require.Equal(t, "Zzaddendum", p.stored("2").Consultation.Notes)
	})
	t.Run("unless the notes are the same", func(t *testing.T) {
		t.Parallel()
		p := aMonthAgo(t)
		require.Equal(t, [5]int{}, found(p.sync(syncs.TypeCases)))
		require.Equal(t, []string{theWeek, theOlder}, p.searches())
		require.Zero(t, p.fake.Count(pimstest.OpConsultation))
	})
	t.Run("not where the PIMS does not say for how long notes change", func(t *testing.T) {
		t.Parallel()
		p := aMonthAgo(t)
		p.fake.Corrections = 0
		p.correct("51", "1", "2026-02-04 08:00", "Zzaddendum")
		require.Equal(t, [5]int{}, found(p.sync(syncs.TypeCases)))
		require.Empty(t, p.searches())
	})
	t.Run("and the shape that only the search tells is read once", func(t *testing.T) {
		t.Parallel()
		p := aMonthAgo(t)
		p.correct("51", "1", "2026-02-04 08:00", "Zzaddendum")
		require.Equal(t, 1, p.sync(syncs.TypeCases).Stats.CasesEnriched)
		p.fake.ForgetCalls()
		p.at("2026-03-07 09:00")
		require.Equal(t, [5]int{}, found(p.sync(syncs.TypeCases)), "the next day nothing differs")
		require.Zero(t, p.fake.Count(pimstest.OpConsultation))
	})
}

func TestTheLookReachesAsFarBackAsTheProviderSays(t *testing.T) { // R19
	t.Parallel()
	p := aMonthAgo(t)
	p.correct("51", "1", "2026-02-04 08:00", "Zzaddendum")
	p.fake.Corrections = 29
	require.Equal(t, [5]int{}, found(p.sync(syncs.TypeCases)), "the visit was 30 days ago")
	p.at("2026-03-07 00:30")
	p.fake.Corrections = 31
	require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(p.sync(syncs.TypeCases)))

	p.fake.Corrections = 3
	p.at("2026-03-08 09:00")
	p.fake.ForgetCalls()
	p.sync(syncs.TypeCases)
	require.Equal(t, []string{"2026-03-01 to 2026-03-08"}, p.searches(), "nothing lies before the days that every run searches")
}

func TestTheLookCountsACaseThatIsDueOnce(t *testing.T) { // R19
	t.Parallel()
	p := aMonthAgo(t)
	p.seen(p.visit("3", "2026-03-06 08:00"))
	p.record(p.held("53", "3", "2026-03-06 08:00"))
	require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(p.sync(syncs.TypeCases)))
	p.at("2026-03-07 09:00")
	p.correct("53", "3", "2026-03-06 08:00", "Zzaddendum")
	require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(p.sync(syncs.TypeCases)), "it is due for three days, whatever its entry")
}

func TestTheLookCountsACaseThatIsDueForAnotherReasonOnce(t *testing.T) { // R7, R19
	t.Parallel()
	p := aMonthAgo(t)
	p.change("1", of("otto"))
	p.sync(syncs.TypeInbound, syncs.Options{StartDate: timetest.Date(t, "2026-02-04"), EndDate: timetest.Date(t, "2026-02-04")})
	require.Empty(t, p.notes("1"), "it is due whatever the window")
	p.record(p.held("51", "1", "2026-02-04 08:00", ofPatient("otto"), says("otto itches")))
	require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(p.sync(syncs.TypeCases)))
	require.Equal(t, "Zzotto itches", p.notes("1"))
}

func TestOneRunOfAClinicsDayLooks(t *testing.T) { // R19
	t.Parallel()
	p := aMonthAgo(t)
	today := pims.DateOf(p.clock.Now(), p.location)
	for _, options := range []syncs.Options{{DryRun: true}, {StartDate: &today}, {EndDate: &today}, {DryRun: true, Force: true}} {
		p.sync(syncs.TypeCases, options)
		p.sync(syncs.TypeFull, options)
		require.NotContains(t, p.searches(), theOlder, "%+v does not look", options)
	}
	p.sync(syncs.TypeInbound)
	p.sync(syncs.TypeReconciliation)
	p.correct("51", "1", "2026-02-04 08:00", "Zzaddendum")
	require.Equal(t, 1, p.sync(syncs.TypeCases).Stats.CasesFound, "none of them used the day's look up")

	p.correct("51", "1", "2026-02-04 08:00", "Zzanother")
	p.fake.ForgetCalls()
	p.at("2026-03-06 23:59")
	require.Zero(t, p.sync(syncs.TypeCases).Stats.CasesFound)
	require.Empty(t, p.searches())
	p.at("2026-03-07 00:00") // of the clinic: it is five in the morning, UTC
	require.Equal(t, 1, p.sync(syncs.TypeFull).Stats.CasesFound)
	require.Equal(t, "Zzanother", p.stored("1").Consultation.Notes)
}

func TestAnEntryThatWasNeverKeptIsAdoptedAndNotViewed(t *testing.T) { // R19
	t.Parallel()
	p := aMonthAgo(t)
	p.exec("update case_enrichments set entry_fingerprint = null where clinic_id = $1")
	kept := func() []string {
		return column[string](p, "select coalesce(entry_fingerprint, '-') from case_enrichments where clinic_id = $1 order by read_at")
	}
	readAt := column[time.Time](p, "select read_at from case_enrichments where clinic_id = $1 order by read_at")
	require.Equal(t, [5]int{}, found(p.sync(syncs.TypeCases)))
	require.Zero(t, p.fake.Count(pimstest.OpConsultation))
	require.NotContains(t, kept(), "-")
	require.Equal(t, readAt, column[time.Time](p, "select read_at from case_enrichments where clinic_id = $1 order by read_at"), "an adoption is no read")

	p.correct("51", "1", "2026-02-04 08:00", "Zzaddendum")
	p.at("2026-03-07 09:00")
	require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(p.sync(syncs.TypeCases)), "what changes from then on arrives")
}

func TestALookThatFailsIsTriedAgainByTheNextRun(t *testing.T) { // R19
	t.Parallel()
	p := aMonthAgo(t)
	p.correct("51", "1", "2026-02-04 08:00", "Zzaddendum")
	p.enter(p.visit("3", "2026-03-06 08:00"))
	p.sync(syncs.TypeInbound)
	p.record(p.held("53", "3", "2026-03-06 08:00"))
	p.fake.FailNext(pimstest.OpSearch, nil, fmt.Errorf("search: %w", pims.ErrSchemaDrift))
	o := p.fail(syncs.CodeSchemaDrift, syncs.TypeCases)
	require.Contains(t, o.audit.Result.Error, "late corrections")
	require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(o), "what is due is served all the same")

	p.dies(pimstest.OpConsultation, fmt.Errorf("view: %w", pims.ErrSessionExpired))
	p.fail(syncs.CodeAuthExpired, syncs.TypeCases)
	p.fake.FailAlways(pimstest.OpConsultation, nil)
	p.fake.OnCall(nil)
	require.Equal(t, 1, p.sync(syncs.TypeCases).Stats.CasesEnriched)
	require.Equal(t, "Zzaddendum", p.stored("1").Consultation.Notes)
}

func TestACaseThatTheLookCannotReadIsFoundAgainTheNextDay(t *testing.T) { // R19, R20
	t.Parallel()
	p := aMonthAgo(t)
	p.correct("51", "1", "2026-02-04 08:00", "Zzaddendum")
	p.fake.FailConsultation("51", fmt.Errorf("view: %w", pims.ErrRemote))
	require.Equal(t, [5]int{1, 0, 0, 0, 1}, found(p.sync(syncs.TypeCases)))
	p.fake.ForgetCalls()
	require.Equal(t, [5]int{}, found(p.sync(syncs.TypeCases)), "the look is done for this day")
	p.fake.FailConsultation("51", nil)
	p.at("2026-03-07 09:00")
	require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(p.sync(syncs.TypeCases)))
}

func TestTheLookFindsNotesThatAreListedForAnotherVisitNow(t *testing.T) { // R9, R19
	t.Parallel()
	p := aMonthAgo(t)
	p.record(p.held("51", "9", "2026-02-04 08:00"))
	p.sync(syncs.TypeCases)
	require.Nil(t, p.stored("1").Consultation, "they are not the case's any more")
}
