package casesync_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

// nobodys is a practice whose calendar named 51 for visit 1, of Otto, when it was last read.
// Consultation 51 names nobody, and the search lists it for no visit.
func nobodys(t *testing.T, changes ...func(*pims.Consultation)) *practice {
	t.Helper()
	p := newPractice(t)
	p.seen(
		p.visit("1", "2026-03-02 08:00", of("otto"), belongsTo("51")),
		p.visit("2", "2026-03-02 08:30", of("pip"), none),
		p.visit("3", "2026-03-02 09:00", of("mochi"), belongsTo("53")),
	)
	p.record(p.held("51", "", "2026-03-02 08:00", append(changes, says("otto itches"))...), p.held("53", "3", "2026-03-02 09:00", says("mochi eats")))
	return p
}

// calendars counts the calls that read the calendar.
func (p *practice) calendars() int { return p.fake.Count(pimstest.OpAppointments) }

// What the calendar says now of a consultation that it named for visit 1, and which nothing
// else names.
var presents = map[string]struct {
	change func(p *practice)
	taken  bool // newly, by a case that shows nothing
	kept   bool // what is stored of an earlier read
}{
	"the same":                 {func(*practice) {}, true, true},
	"left out":                 {func(p *practice) { p.change("1", unsaid) }, true, true},
	"another time":             {func(p *practice) { p.change("1", p.begins("2026-03-02 10:00")) }, true, true},
	"another consultation":     {func(p *practice) { p.change("1", belongsTo("52")) }, false, false},
	"none":                     {func(p *practice) { p.change("1", none) }, false, false},
	"swapped":                  {func(p *practice) { p.change("1", belongsTo("52")); p.change("2", belongsTo("51")) }, false, false},
	"for another visit, too":   {func(p *practice) { p.change("2", belongsTo("51")) }, false, false},
	"for a new visit, too":     {func(p *practice) { p.enter(p.visit("4", "2026-03-02 11:00", of("pip"), belongsTo("51"))) }, false, false},
	"of its patient, too":      {func(p *practice) { p.enter(p.visit("4", "2026-03-02 11:00", of("otto"), belongsTo("51"))) }, true, true},
	"moved and left out":       {func(p *practice) { p.change("1", unsaid); p.change("2", belongsTo("51")) }, false, false},
	"for another patient":      {func(p *practice) { p.change("1", of("pip")) }, false, true},
	"not the visit":            {func(p *practice) { p.remove("1") }, false, true},
	"the visit on another day": {func(p *practice) { p.change("1", p.begins("2026-02-20 08:00")) }, false, true},
}

func TestAConsultationThatNamesNobodyIsComparedWithTheCalendarAsItIsNow(t *testing.T) { // R9
	t.Parallel()
	for name, present := range presents {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := nobodys(t)
			present.change(p)
			p.sync(syncs.TypeCases)
			require.Equal(t, present.taken, p.notes("1") == "Zzotto itches", p.notes("1"))
			require.Equal(t, "Zzmochi eats", p.notes("3"), "the others do not wait")
			require.Empty(t, p.notes("2"))
			require.Equal(t, 1, p.calendars(), "once in a phase")
		})
		t.Run(name+", stored before", func(t *testing.T) {
			t.Parallel()
			p := nobodys(t, unfinished)
			p.sync(syncs.TypeCases)
			require.Equal(t, "Zzotto itches", p.notes("1"))
			present.change(p)
			p.record(p.held("51", "", "2026-03-02 08:00", unfinished, says("whoever limps")))
			p.sync(syncs.TypeCases)
			want := ""
			switch {
			case present.taken:
				want = "Zzwhoever limps"
			case present.kept:
				want = "Zzotto itches"
			}
			require.Equal(t, want, p.notes("1"))
		})
		t.Run(name+", in a dry run", func(t *testing.T) {
			t.Parallel()
			p := nobodys(t)
			present.change(p)
			before := p.stored("1")
			o := p.sync(syncs.TypeCases, syncs.Options{DryRun: true})
			enriched := 1
			if present.taken {
				enriched = 2
			}
			require.Equal(t, enriched, o.Stats.CasesEnriched)
			require.Equal(t, before, p.stored("1"))
		})
		t.Run(name+", and a full sync after it", func(t *testing.T) {
			t.Parallel()
			p := nobodys(t)
			present.change(p)
			p.sync(syncs.TypeCases)
			p.fake.ForgetCalls()
			p.sync(syncs.TypeFull, syncs.Options{StartDate: timetest.Date(t, "2026-02-20"), EndDate: timetest.Date(t, "2026-03-10"), Force: true})
			want := 1 // its own reading is new enough
			if name == "not the visit" {
				want++ // it is looked for before it is deleted (R22)
			}
			require.Equal(t, want, p.calendars())
			require.Equal(t, present.kept && name != "not the visit", p.notes("1") == "Zzotto itches", "the calendar names it for the visit as it is now")
			require.Equal(t, name == "swapped", p.notes("2") == "Zzotto itches", p.notes("2"))
		})
	}
}

func TestTheCalendarIsReadAgainOnlyWhereNothingElseSaysWhoseAConsultationIs(t *testing.T) { // R9
	t.Parallel()
	for name, say := range map[string]func(p *practice){
		"it names the visit":   func(p *practice) { p.record(p.held("51", "1", "2026-03-02 08:00")); p.fake.ListFor("51", "") },
		"it names the patient": func(p *practice) { p.record(p.held("51", "", "2026-03-02 08:00", ofPatient("otto"))) },
		"the search lists it":  func(p *practice) { p.fake.ListFor("51", "1") },
		"another's patient":    func(p *practice) { p.record(p.held("51", "", "2026-03-02 08:00", ofPatient("pip"))) },
		"another's visit":      func(p *practice) { p.record(p.held("51", "2", "2026-03-02 08:00")); p.fake.ListFor("51", "") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := nobodys(t)
			say(p)
			p.sync(syncs.TypeCases)
			require.Zero(t, p.calendars())
		})
	}
}

func TestACalendarThatCannotBeReadAgainFailsOnlyWhatNeedsIt(t *testing.T) { // R9, R20
	t.Parallel()
	for _, fault := range []error{pims.ErrNotFound, pims.ErrUnreachable, pims.ErrRemote, pims.ErrSchemaDrift, pims.ErrTooManyRows, pims.ErrTimedOut} {
		for _, stored := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, stored %t", pims.Kind(fault), stored), func(t *testing.T) {
				t.Parallel()
				p := nobodys(t, unfinished)
				want := ""
				if stored {
					p.sync(syncs.TypeCases)
					want = "Zzotto itches"
				}
				p.record(p.held("51", "", "2026-03-02 08:00", unfinished, says("whoever limps")))
				p.fake.OnCall(func(_ context.Context, call pimstest.Call) error {
					if call.Op == pimstest.OpAppointments {
						return fmt.Errorf("calendar: %w", fault)
					}
					return nil
				})
				p.again = nil
				o := p.sync(syncs.TypeCases, syncs.Options{Force: true})
				require.Equal(t, []syncs.ItemFailure{{
					CaseID: p.stored("1").ID, Code: syncs.ItemPIMSError,
					Error: "The calendar alone says whose the consultation is, and could not be read again: " + pims.Kind(fault),
				}}, o.audit.Result.Failures)
				require.Equal(t, want, p.notes("1"))
				require.Equal(t, "Zzmochi eats", p.notes("3"))
				p.fake.OnCall(nil)
				p.sync(syncs.TypeCases)
				require.Equal(t, "Zzwhoever limps", p.notes("1"), "the next run tries again")
			})
		}
	}
}

func TestASessionThatEndsWhileTheCalendarIsReadAgainEndsThePhase(t *testing.T) { // R9, R20, R36
	t.Parallel()
	p := nobodys(t)
	p.fake.FailAlways(pimstest.OpAppointments, fmt.Errorf("calendar: %w", pims.ErrSessionExpired))
	o := p.fail(syncs.CodeAuthExpired, syncs.TypeCases, one)
	require.Equal(t, syncs.ItemFailure{CaseID: p.stored("1").ID, Error: "PIMS session ended", Code: syncs.ItemAuthExpired}, o.audit.Result.Failures[0])
	require.Empty(t, p.notes("1"))
	require.Equal(t, 1, p.calendars())
}

func TestALateCorrectionThatNamesNobodyArrives(t *testing.T) { // R9, R19
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(p *practice)
		want   string
	}{
		"the calendar still names it": {func(*practice) {}, "Zzotto itches less"},
		"it was moved":                {func(p *practice) { p.change("1", belongsTo("52")) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := nobodys(t)
			p.sync(syncs.TypeCases)
			require.Equal(t, "Zzotto itches", p.notes("1"))
			p.pass(20 * 24 * time.Hour)
			p.fake.Corrections = 45
			p.sync(syncs.TypeCases) // it keeps the entries
			p.pass(24 * time.Hour)
			p.record(p.held("51", "", "2026-03-02 08:00", says("otto itches less")))
			tc.change(p)
			p.sync(syncs.TypeCases)
			require.Equal(t, tc.want, p.notes("1"))
		})
	}
}
