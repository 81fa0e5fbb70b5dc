package casesync_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// turned makes rows of the calendar blocks, marked as such or not.
func (p *practice) turned(marked bool, ids ...string) {
	p.Helper()
	var blocks []pims.Block
	for _, id := range ids {
		blocks = append(blocks, pims.Block{ID: id, Marked: marked})
		if p.find(id) >= 0 {
			p.remove(id)
		}
	}
	p.fake.SetBlocks(blocks...)
}

// busy is a practice with six visits in the last days.
func busy(t *testing.T) *practice {
	t.Helper()
	p := newPracticeOn(t, "2026-03-06 09:00")
	var visits []pims.Appointment
	for i, id := range []string{"1", "2", "3", "4", "5", "6"} {
		visits = append(visits, p.visit(id, "2026-03-0"+string(rune('2'+i%4))+" 08:00"))
	}
	p.seen(visits...)
	return p
}

func TestACaseWhoseAppointmentIsABlockNowStaysAsItIs(t *testing.T) { // R5, R21
	t.Parallel()
	for name, tc := range map[string]struct{ marked, finder bool }{
		"marked": {true, true}, "not marked": {false, true}, "not marked, without a lookup": {false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := busy(t)
			p.fake.NoFinder = !tc.finder
			p.turned(tc.marked, "1", "2")
			before := p.versions()
			for _, kind := range []syncs.Type{syncs.TypeReconciliation, syncs.TypeFull} {
				o := p.sync(kind)
				if kind == syncs.TypeFull {
					o.audit = o.phase(t, syncs.TypeReconciliation)
				}
				require.Equal(t, 2, o.audit.Result.Warnings.VisitsAsBlocks)
				require.Empty(t, o.audit.Result.Stats.DeletedIDs)
			}
			require.Equal(t, before, p.versions())
			require.Empty(t, p.deleted())

			p.fake.SetBlocks()
			p.sync(syncs.TypeReconciliation)
			require.Equal(t, []string{"1", "2"}, p.deleted(), "now they are gone")
		})
	}
}

func TestACaseWhoseAppointmentIsABlockOfAnotherDayStays(t *testing.T) { // R5, R22
	t.Parallel()
	p := busy(t)
	p.fake.NoFinder = true
	p.remove("1")
	p.fake.SetBlocks()
	p.fake.OnCall(func(_ context.Context, call pimstest.Call) error {
		if call.Op != pimstest.OpAppointments {
			return nil
		}
		p.fake.SetBlocks()
		if call.Window.Days() > 60 {
			p.fake.SetBlocks(pims.Block{ID: "1"})
		}
		return nil
	})
	o := p.sync(syncs.TypeReconciliation)
	require.Equal(t, 1, o.audit.Result.Warnings.UnusableLookups)
	require.Empty(t, p.deleted())
}

func TestACalendarOfBlocksAloneIsRefusedWhereVisitsWereKnown(t *testing.T) { // R5
	t.Parallel()
	all := []string{"1", "2", "3", "4", "5", "6"}
	others := []string{"71", "72", "73", "74", "75"}
	for name, tc := range map[string]struct {
		marked  bool
		blocks  []string
		refused bool
	}{
		"every visit reads as a block":              {false, all, true},
		"some of the visits do, and none is left":   {false, all[:1], true},
		"five blocks under other ids":               {false, others, true},
		"four blocks: the practice may be closed":   {false, others[:4], false},
		"the visits are marked as blocks":           {true, all, false},
		"many marked blocks, as on a day of nobody": {true, others, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := busy(t)
			for _, id := range all {
				p.remove(id)
			}
			p.turned(tc.marked, tc.blocks...)
			before := p.versions()
			for _, kind := range []syncs.Type{syncs.TypeInbound, syncs.TypeReconciliation} {
				options := syncs.Options{}
				if kind == syncs.TypeInbound {
					start := pims.DateOf(p.instant("2026-03-02 09:00"), p.location)
					options = syncs.Options{StartDate: &start}
				}
				if tc.refused {
					p.fail(syncs.CodeSchemaDrift, kind, options)
				} else if kind == syncs.TypeInbound {
					p.sync(kind, options)
				}
			}
			require.Equal(t, before, p.versions())
		})
	}
}
