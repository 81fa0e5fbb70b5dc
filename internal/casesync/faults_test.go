package casesync_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A faulty database fails at one call, and notes all.
type faulty struct {
	at    int // which call fails; none: -1
	calls []string
}

func (f *faulty) before(call string) error {
	f.calls = append(f.calls, call)
	if len(f.calls)-1 == f.at {
		return fmt.Errorf("%s: %w", call, syncs.ErrDatabase)
	}
	return nil
}

// syncWith runs a full sync of a busy day on a faulty database.
func (p *practice) syncWith(f *faulty) outcome {
	p.Helper()
	p.aRound()
	p.aBusyDay()
	p.fake.SetConsultations(p.records[:2]...) // one to be read: two may be stored together or not
	p.store.before, p.recorder.before = f.before, f.before
	o := p.try(syncs.TypeFull, one)
	p.store.before, p.recorder.before = nil, nil
	return o
}

func TestAFailureOfTheDatabaseAtAnyMomentLosesNothing(t *testing.T) { // R30, W15
	t.Parallel()
	healthy := newPractice(t)
	whole := &faulty{at: -1}
	require.NoError(t, healthy.syncWith(whole).err)
	want := healthy.state()
	for i, call := range whole.calls {
		t.Run(fmt.Sprintf("call %d, %s", i, call), func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			f := &faulty{at: i}
			o := p.syncWith(f)
			require.Equal(t, whole.calls[:i+1], f.calls[:i+1])
			require.Equal(t, syncs.StatusFailed, o.audit.Status)
			require.Equal(t, syncs.CodeDatabaseUnavailable, o.audit.Result.Code)
			require.Equal(t, 0, strings.Count(strings.Join(p.deleted(), " "), "4"), "whatever fails, no case is deleted wrongly")
			p.sync(syncs.TypeFull)
			require.Equal(t, want, p.state(), "the next run converges")
		})
	}
}

// state is the content of the practice's cases, without ids and times of ours.
func (p *practice) state() []string {
	p.Helper()
	return column[string](p, `select (to_jsonb(c) - '{id,clinic_id,created_at,updated_at}'::text[]
		#- '{metadata,reconciliation,syncId}' #- '{metadata,reconciliation,deletedAt}' #- '{metadata,consultation,fetchedAt}')::text
		from cases c where clinic_id = $1 order by pims_id`)
}

func TestAPlanThatCannotBeKeptIsNoRefusal(t *testing.T) { // R23
	t.Parallel()
	p := newPractice(t)
	p.aWeek()
	p.remove("1", "2", "3", "4", "5", "6", "7")
	p.recorder.before = at("KeepPlan", func() error { return syncs.ErrDatabase })
	o := p.fail(syncs.CodeDatabaseUnavailable, syncs.TypeReconciliation)
	require.Zero(t, o.audit.Result.PlanID)
	require.Empty(t, p.deleted())
}

func TestAPhaseWhoseAuditCannotBeClosedIsNotComplete(t *testing.T) { // R27, R30
	t.Parallel()
	p := newPractice(t)
	p.aRound()
	p.remove("4")
	first := true
	p.recorder.before = at("EndPhase", func() error {
		if first {
			first = false
			return syncs.ErrDatabase
		}
		return nil
	})
	o := p.fail(syncs.CodeDatabaseUnavailable, syncs.TypeFull)
	require.Equal(t, []string{"inbound failed", "cases completed"}, ran(o))
	require.Equal(t, syncs.CodeInterrupted, o.phase(t, syncs.TypeInbound).Result.Code)
	require.Contains(t, o.audit.Result.Skipped, syncs.TypeReconciliation)
	require.Empty(t, p.deleted())
}
