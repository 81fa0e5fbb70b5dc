package casesync_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/memory"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// large makes a practice whose calendar needs the process's turn: it has so many blocks.
func large(t *testing.T) *practice {
	t.Helper()
	p := busy(t)
	blocks := make([]pims.Block, memory.Small/pims.RowBytes)
	for i := range blocks {
		blocks[i] = pims.Block{ID: "block" + strconv.Itoa(i), Marked: true}
	}
	p.fake.SetBlocks(blocks...)
	return p
}

// soon is far longer than anything that these tests wait for. Without it, a fault would hang
// them.
const soon = 30 * time.Second

func TestOnlyOneSyncKeepsALargeCalendar(t *testing.T) { // R57
	t.Parallel()
	first, second, small := large(t), large(t), busy(t)
	var steps []string
	waits, ended := make(chan struct{}), make(chan outcome, 1)
	second.recorder.onReport = func(p syncs.Progress) {
		steps = append(steps, p.Step)
		if p.Step == "wait" {
			close(waits)
		}
	}
	resting := false // the first sync is in the last of its phases, long after its fetch
	first.store.before = at("EnrichmentCandidates", func() error {
		first.store.before = at("ScheduledIn", func() error {
			first.store.before = nil
			resting = true
			work, cancel := syncs.WithWorkLimit(second.background(), time.Hour)
			go func() {
				defer cancel()
				ended <- second.run(work, syncs.Run{Type: syncs.TypeInbound})
			}()
			select {
			case <-waits:
			case <-ended:
				return errors.New("the second sync does not wait")
			case <-time.After(soon):
				cancel()
				return errors.New("the second sync does not say that it waits")
			}
			small.sync(syncs.TypeInbound)
			given, end := context.WithCancel(first.background())
			third := large(t)
			third.recorder.onReport = func(p syncs.Progress) {
				if p.Step == "wait" {
					end()
				}
			}
			o := third.run(given, syncs.Run{Type: syncs.TypeInbound})
			require.ErrorIs(t, o.err, context.Canceled, "a wait can be cancelled")
			return nil
		})
		return nil
	})
	first.sync(syncs.TypeFull)
	require.True(t, resting)
	var o outcome
	select {
	case o = <-ended:
	case <-time.After(soon):
		require.FailNow(t, "the second sync does not get its turn")
	}
	require.NoError(t, o.err)
	require.Equal(t, []string{"login", "fetch", "wait", "fetch", "write"}, steps)
	require.Contains(t, second.logs.String(), "Waits until another sync no longer keeps a large calendar")
	second.recorder.onReport = nil
}

func TestASyncThatIsSlowOnPurposeLosesItsTurn(t *testing.T) { // R57
	t.Parallel()
	first, second := large(t), large(t)
	holds := make(chan struct{})
	first.fake.OnCall(func(ctx context.Context, call pimstest.Call) error {
		if call.Op != pimstest.OpSearch {
			return nil
		}
		close(holds) // it keeps the calendar, and never ends its search
		<-ctx.Done()
		return context.Cause(ctx)
	})
	work, expire := context.WithCancelCause(first.background())
	second.recorder.onReport = func(p syncs.Progress) {
		if p.Step == "wait" {
			expire(syncs.ErrTimeout) // as the time limit does
		}
	}
	ended := make(chan outcome)
	go func() { ended <- first.run(work, syncs.Run{Type: syncs.TypeFull}) }()
	<-holds
	second.sync(syncs.TypeInbound)
	second.recorder.onReport = nil
	require.ErrorIs(t, (<-ended).err, syncs.ErrTimeout)
}

func TestMoreRowsThanASyncMayHoldAreSaidToBeTooMany(t *testing.T) { // R57
	t.Parallel()
	p := large(t)
	blocks := make([]pims.Block, memory.Large>>20)
	for i := range blocks {
		blocks[i] = pims.Block{ID: strconv.Itoa(i) + strings.Repeat("0", 1<<20-1<<10), Marked: true} // few, so that the test is fast
	}
	p.fake.SetBlocks(blocks...)
	consultations := make([]pims.Consultation, 300)
	for i := range consultations {
		consultations[i] = pims.Consultation{ID: strconv.Itoa(i + 1), At: p.instant("2026-03-02 08:00")}
	}
	p.fake.SetConsultations(consultations...)

	o := p.fail(syncs.CodeTooManyRows, syncs.TypeFull)
	require.Contains(t, o.audit.Result.Error, "; sync fewer days at a time")
	require.NotContains(t, o.audit.Result.Error, "form", "nothing is wrong with the answers")
	require.Equal(t, syncs.StatusCompleted, o.phase(t, syncs.TypeInbound).Status, "what was written before stays")

	p.fake.SetBlocks(slices.Concat(blocks, blocks)...)
	o = p.fail(syncs.CodeTooManyRows, syncs.TypeInbound)
	require.Contains(t, o.audit.Result.Error, "; sync fewer days at a time")
}
