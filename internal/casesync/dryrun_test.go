package casesync_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// tables is everything that is stored of the practice, row versions included, but
// for the records of its syncs.
func (p *practice) tables() map[string]string {
	p.Helper()
	content := make(map[string]string)
	for _, table := range column[string](p, `select table_name::text from information_schema.columns
		where table_schema = 'public' and column_name = 'clinic_id' and $1::uuid is not null
			and table_name not in ('case_sync_audits', 'sync_leases')`) {
		content[table] = scan[string](p, fmt.Sprintf("select coalesce(string_agg(xmin || t::text, e'\\n' order by t::text), '') from %s t where clinic_id = $1", table))
	}
	require.Contains(p, content, "cases")
	require.Contains(p, content, "case_events")
	require.Contains(p, content, "case_enrichments")
	require.Contains(p, content, "deletion_plans")
	return content
}

var rehearsal = syncs.Options{DryRun: true}

// aBusyDay changes the PIMS of aRound in every way.
func (p *practice) aBusyDay() {
	p.Helper()
	p.remove("5")
	p.sync(syncs.TypeReconciliation)
	p.at("2026-03-03 06:00")
	p.enter(
		p.visit("23", "2026-03-03 10:00"),                 // new
		p.visit("5", "2026-02-27 09:00"),                  // returning
		p.visit("20", "2026-03-02 08:00", isCompleted),    // of the past
		p.visit("21", "2026-03-03 05:00", isCompleted),    // of today: both windows show it
		p.visit("22", "2026-03-09 16:00"),                 // moved
		p.visit("4", "2026-04-20 09:00", isScheduled),     // moved far away
		p.visit("2", "2026-02-24 09:00", belongsTo("52")), // linked
	)
	p.remove("3")
	p.record(p.held("52", "2", "2026-02-24 09:00"), p.held("53", "6", "2026-02-28 09:00"))
	p.again = nil
}

func TestADryRunTellsWhatTheRunWouldDoAndDoesNothing(t *testing.T) { // R26
	t.Parallel()
	for _, kind := range syncs.Types() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			p.aRound()
			p.aBusyDay()
			before, counted := p.tables(), fmt.Sprint(p.counted.actions)
			dry := p.sync(kind, rehearsal)
			require.Equal(t, before, p.tables())
			require.Equal(t, counted, fmt.Sprint(p.counted.actions), "nothing is counted as written")
			require.Empty(t, p.recorder.plans)
			again := p.sync(kind, rehearsal)
			require.Equal(t, dry.audit.Result.Stats, again.audit.Result.Stats)

			carried := p.sync(kind)
			require.Equal(t, carried.audit.Result.Stats, dry.audit.Result.Stats, "the real run did what the dry run said")
			require.Empty(t, carried.audit.Result.Changes)
			require.Equal(t, p.writtenBy(&carried.audit), changed(&dry.audit))
		})
	}
}

// changed are the PIMS ids that a dry run would write, each as often as it says so.
func changed(audit *syncs.Audit) map[string]int {
	ids := make(map[string]int)
	for _, change := range audit.Result.Changes {
		ids[change.PIMSID]++
	}
	for i := range audit.Children {
		for id, n := range changed(&audit.Children[i]) {
			ids[id] += n
		}
	}
	return ids
}

// writtenBy are the PIMS ids of the cases that a sync has written, once for each of
// its phases that did.
func (p *practice) writtenBy(audit *syncs.Audit) map[string]int {
	p.Helper()
	ids := make(map[string]int)
	for _, id := range column[string](p, `select pims_id from cases where clinic_id = $1
		and id in (select case_id from case_events where clinic_id = $1 and actor = 'sync:' || $2)`, audit.ID.String()) {
		ids[id]++
	}
	for i := range audit.Children {
		for id, n := range p.writtenBy(&audit.Children[i]) {
			ids[id] += n
		}
	}
	return ids
}

func TestADryRunShowsEachChangeFieldByField(t *testing.T) { // R26
	t.Parallel()
	p := newPractice(t)
	p.aRound()
	p.aBusyDay()
	changes := func(kind syncs.Type) map[string]syncs.Change {
		byID := make(map[string]syncs.Change)
		for _, change := range p.sync(kind, rehearsal).audit.Result.Changes {
			byID[change.PIMSID] = change
		}
		return byID
	}
	inbound := changes(syncs.TypeInbound)
	require.Len(t, inbound, 3)
	require.Equal(t, syncs.ActionCreated, inbound["23"].Action)
	require.Equal(t, uuid.Nil, inbound["23"].CaseID)
	require.Contains(t, inbound["23"].Fields, syncs.FieldChange{Field: "patientName", After: "Zzmochi"})
	moved := inbound["22"]
	require.True(t, p.stored("22").ScheduledDate.Equal(moved.ScheduledDate), "as it is now")
	moved.ScheduledDate = time.Time{}
	require.Equal(t, syncs.Change{
		Action: syncs.ActionUpdated, CaseID: p.stored("22").ID, PIMSID: "22", PatientName: "Zzmochi", Fields: []syncs.FieldChange{
			{Field: "scheduledDate", Before: "2026-03-09T19:00:00Z", After: "2026-03-09T20:00:00Z"},
			{Field: "appointment.end", Before: "2026-03-09T15:30:00", After: "2026-03-09T16:30:00"},
		},
	}, moved)

	cases := changes(syncs.TypeCases)
	require.Len(t, cases, 2)
	require.Equal(t, syncs.ActionEnriched, cases["2"].Action)
	require.Equal(t, []syncs.FieldChange{{Field: "consultation.statusText", Before: "Open", After: "Finalized"}}, cases["2"].Fields)
	require.Contains(t, cases["6"].Fields, syncs.FieldChange{Field: "consultation.soapNotes.subjective", After: "Zzlimps"})

	reconciliation := changes(syncs.TypeReconciliation)
	require.Equal(t, syncs.ActionDeleted, reconciliation["3"].Action)
	require.Equal(t, []syncs.FieldChange{
		{Field: "status", Before: "draft", After: "reviewed"},
		{Field: "reconciliation.reason", After: "Removed from PIMS"},
	}, reconciliation["3"].Fields)
	require.Equal(t, syncs.ActionRestored, reconciliation["5"].Action)
	require.Equal(t, []syncs.FieldChange{
		{Field: "status", Before: "reviewed", After: "draft"},
		{Field: "reconciliation.reason", Before: "Removed from PIMS"},
	}, reconciliation["5"].Fields)
	require.Equal(t, syncs.ActionUpdated, reconciliation["4"].Action)
}

func TestARefusedDryRunKeepsNoPlan(t *testing.T) { // R26
	t.Parallel()
	for code, spoil := range map[syncs.Code]func(*practice){
		syncs.CodeDeletionGuard: func(p *practice) { p.remove("1", "2", "3", "4", "5", "6", "7") },
		syncs.CodeWrongPractice: func(p *practice) {
			p.remove(p.ids()...)
			p.enter(p.visits("f", 9, "2026-02-25 08:00")...)
		},
		syncs.CodeShiftGuard: func(p *practice) {
			p.shift(p.calendar, 0, -2*60*60*1e9)
			p.enter(p.calendar...)
		},
	} {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			p.aWeek()
			spoil(p)
			before := p.tables()
			o := p.fail(code, syncs.TypeReconciliation, rehearsal)
			require.Equal(t, before, p.tables())
			require.Zero(t, o.audit.Result.PlanID)
			require.Empty(t, p.recorder.plans)
			if code == syncs.CodeDeletionGuard {
				require.Len(t, o.audit.Result.Changes, 7, "it tells which deletions would be held back")
				require.Equal(t, syncs.ActionHeldBack, o.audit.Result.Changes[0].Action)
				require.Contains(t, o.audit.Result.Changes[0].Fields, syncs.FieldChange{Field: "reconciliation.reason", After: "Removed from PIMS"})
				require.Zero(t, o.Stats.CasesDeleted)
			}
		})
	}
}

// ids are those of the whole calendar.
func (p *practice) ids() []string {
	ids := make([]string, len(p.calendar))
	for i := range p.calendar {
		ids[i] = p.calendar[i].ID
	}
	return ids
}

func TestADryRunListsAtMostAThousandChanges(t *testing.T) { // R26
	t.Parallel()
	p := newPractice(t)
	p.fill(10_000, 1_005, "2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05", "2026-03-06", "2026-03-07", "2026-03-08", "2026-03-09", "2026-03-09", "2026-03-09", "2026-03-09")
	o := p.sync(syncs.TypeInbound, rehearsal)
	require.Equal(t, 1_005, o.Stats.CasesCreated)
	require.Len(t, o.audit.Result.Changes, 1_000)
}

func TestADryRunListsAtMostFourMegabytesOfChanges(t *testing.T) { // R26, R57
	t.Parallel()
	p := newPractice(t)
	const long = 16 << 10 // what a reason may have
	for i := range 400 {
		a := p.visit(fmt.Sprint(i), "2026-03-03 09:00")
		a.Reason = strings.Repeat("r", long)
		p.enter(a)
	}
	o := p.try(syncs.TypeInbound, rehearsal)
	require.NoError(t, o.err)
	require.Equal(t, 400, o.Stats.CasesCreated, "all are counted")
	require.InDelta(t, syncs.MaxChangesBytes/long, len(o.Changes), 10)
}

func TestADryRunCountsAnAppointmentThatIsTellingTwiceOnce(t *testing.T) { // R26: today belongs to two windows
	t.Parallel()
	p := newPractice(t)
	p.enter(p.visit("1", "2026-03-02 08:00"))
	p.sync(syncs.TypeFull)
	p.change("1", is(pims.StatusNoShow, "No Show"))
	dry := p.sync(syncs.TypeFull, rehearsal)
	require.Equal(t, 1, dry.Stats.CasesUpdated)
	require.Equal(t, map[string]int{"1": 1}, changed(&dry.audit))
}
