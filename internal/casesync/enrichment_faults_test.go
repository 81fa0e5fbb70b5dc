package casesync_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// seenMany makes n cases, each with a consultation of its own: 1 to n.
func (p *practice) seenMany(n int) {
	p.Helper()
	var visits []pims.Appointment
	for i := range n {
		id, start := fmt.Sprint(1+i), fmt.Sprintf("2026-03-02 %02d:%02d", i/60, i%60)
		visits = append(visits, p.visit(id, start, belongsTo(id)))
		p.record(p.held(id, id, start))
	}
	p.seen(visits...)
}

// one is a batch size at which consultations are read one after the other.
var one = syncs.Options{ParallelBatchSize: new(1)}

// enriched are the cases that have a consultation.
func (p *practice) enriched() int {
	p.Helper()
	return scan[int](p, "select count(*) from cases where clinic_id = $1 and metadata ? 'consultation'")
}

func TestFiveTransportErrorsInARowEndThePhase(t *testing.T) { // R20
	t.Parallel()
	unreachable, limited, remote := fmt.Errorf("view: %w", pims.ErrUnreachable), fmt.Errorf("view: %w", pims.ErrRateLimited), fmt.Errorf("view: %w", pims.ErrRemote)
	t.Run("five", func(t *testing.T) {
		t.Parallel()
		p := newPractice(t)
		p.seenMany(12)
		p.fake.FailNext(pimstest.OpConsultation, nil, nil, unreachable, limited, unreachable, limited, unreachable)
		o := p.fail(syncs.CodeUnreachable, syncs.TypeCases, one)
		require.Equal(t, [5]int{12, 2, 0, 0, 10}, found(o), "nobody is left uncounted")
		require.Len(t, o.audit.Result.Failures, 10)
		require.Equal(t, 2, p.enriched(), "what was stored stays")
		require.Equal(t, 7, p.fake.Count(pimstest.OpConsultation), "nothing more is asked")

		require.Equal(t, [5]int{12, 10, 2, 0, 0}, found(p.sync(syncs.TypeCases)), "the next run takes up the rest")
	})
	t.Run("of which the last one was told to wait", func(t *testing.T) {
		t.Parallel()
		p := newPractice(t)
		p.seenMany(6)
		p.fake.FailAlways(pimstest.OpConsultation, limited)
		p.fail(syncs.CodePIMSRateLimited, syncs.TypeCases, one)
	})
	t.Run("not four, however often", func(t *testing.T) {
		t.Parallel()
		p := newPractice(t)
		p.seenMany(12)
		four := []error{unreachable, unreachable, unreachable, unreachable}
		p.fake.FailNext(pimstest.OpConsultation, append(append(append(four, nil), four...), remote)...)
		require.Equal(t, [5]int{12, 3, 0, 0, 9}, found(p.sync(syncs.TypeCases, one)), "an answer, even an error of the PIMS, breaks the row")
		p.again = nil
	})
	t.Run("not five errors of the PIMS", func(t *testing.T) {
		t.Parallel()
		p := newPractice(t)
		p.seenMany(7)
		p.fake.FailNext(pimstest.OpConsultation, remote, remote, remote, remote, remote, remote)
		require.Equal(t, [5]int{7, 1, 0, 0, 6}, found(p.sync(syncs.TypeCases, one)))
		p.again = nil
	})
}

func TestADeadSessionEndsThePhase(t *testing.T) { // R20, R36
	t.Parallel()
	for _, tc := range []struct {
		err  error
		code syncs.Code
	}{
		{pims.ErrSessionExpired, syncs.CodeAuthExpired},
		{pims.ErrAuthRejected, syncs.CodeAuthRejected}, // the renewal's answers
		{pims.ErrAuthChallenge, syncs.CodeAuthChallenge},
		{pims.ErrLoginFormChanged, syncs.CodeLoginFormChanged},
		{pims.ErrBrowserUnavailable, syncs.CodeBrowserUnavailable},
		{clinic.ErrCredentialsSuspended, syncs.CodeCredentialsSuspended},
		{clinic.ErrCredentialsMissing, syncs.CodeCredentialsMissing},
		{clinic.ErrCredentialsInvalid, syncs.CodeCredentialsInvalid},
		{clinic.ErrDisabled, syncs.CodeForbidden},
	} {
		t.Run(string(tc.code), func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			p.seenMany(9)
			p.fake.FailNext(pimstest.OpConsultation, nil, nil)
			p.fake.FailAlways(pimstest.OpConsultation, fmt.Errorf("view: %w", tc.err))
			o := p.fail(tc.code, syncs.TypeCases, one)
			require.Equal(t, [5]int{9, 2, 0, 0, 7}, found(o))
			require.Equal(t, 3, p.fake.Count(pimstest.OpConsultation), "nothing more is asked")
			require.Equal(t, 2, p.enriched())
			for _, failure := range o.audit.Result.Failures {
				require.Equal(t, syncs.ItemAuthExpired, failure.Code)
			}
		})
	}
}

func TestASiblingThatTheEndCutsOffFailsForTheSameReason(t *testing.T) { // R20
	t.Parallel()
	p := newPractice(t)
	p.seenMany(2)
	var began sync.WaitGroup
	began.Add(2)
	p.fake.OnCall(func(ctx context.Context, call pimstest.Call) error {
		if call.Op != pimstest.OpConsultation {
			return nil
		}
		began.Done()
		began.Wait()
		if call.ID == "1" {
			return pims.ErrSessionExpired
		}
		<-ctx.Done() // hangs until the phase gives it up
		return ctx.Err()
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a phase that goes on would wait for ever
	defer cancel()
	o := p.run(ctx, syncs.Run{Type: syncs.TypeCases})
	require.Equal(t, syncs.CodeAuthExpired, o.audit.Result.Code)
	require.Equal(t, [5]int{2, 0, 0, 0, 2}, found(o))
	for _, failure := range o.audit.Result.Failures {
		require.Equal(t, syncs.ItemAuthExpired, failure.Code, failure.Error)
	}
}

func TestAsManyConsultationsAreReadAtATimeAsTheRequestSays(t *testing.T) { // R4, W7
	t.Parallel()
	for name, tc := range map[string]struct {
		size    *int
		atATime int
	}{"one": {new(1), 1}, "three": {new(3), 3}, "by default five": {nil, 5}, "at most twenty": {new(20), 20}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			p.seenMany(2 * tc.atATime)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a smaller batch would wait for ever
			defer cancel()
			full := newTurnstile(tc.atATime)
			p.fake.OnCall(func(ctx context.Context, call pimstest.Call) error {
				if call.Op == pimstest.OpConsultation {
					return full.pass(ctx)
				}
				return nil
			})
			o := p.run(ctx, syncs.Run{Type: syncs.TypeCases, Options: syncs.Options{ParallelBatchSize: tc.size}})
			require.NoError(t, o.err)
			require.Equal(t, tc.atATime, p.fake.HighWater(pimstest.OpConsultation))
			require.Equal(t, 2*tc.atATime, p.enriched())
			p.fake.OnCall(nil)
		})
	}
}

// A turnstile lets callers pass in groups of a size.
type turnstile struct {
	mu      sync.Mutex
	size    int
	waiting int
	open    chan struct{}
}

func newTurnstile(size int) *turnstile { return &turnstile{size: size, open: make(chan struct{})} }

func (g *turnstile) pass(ctx context.Context) error {
	g.mu.Lock()
	open := g.open
	if g.waiting++; g.waiting == g.size {
		close(open)
		g.waiting, g.open = 0, make(chan struct{})
	}
	g.mu.Unlock()
	select {
	case <-open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestAConsultationIsStoredWhileTheNextIsStillBeingRead(t *testing.T) { // R20
	t.Parallel()
	p := newPractice(t)
	p.seenMany(2)
	stored := make(chan struct{})
	p.store.afterWrite = func(written []string) {
		if slices.Contains(written, "1") {
			close(stored)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p.fake.OnCall(func(ctx context.Context, call pimstest.Call) error {
		if call.ID != "2" {
			return nil
		}
		select {
		case <-stored:
			require.NotNil(t, p.stored("1").Consultation)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	o := p.run(ctx, syncs.Run{Type: syncs.TypeCases, Options: one})
	require.NoError(t, o.err)
	require.Equal(t, [5]int{2, 2, 0, 0, 0}, found(o))
	p.fake.OnCall(nil)
}

func TestASearchThatFailsEndsThePhaseAndChangesNothing(t *testing.T) { // R20
	t.Parallel()
	p := newPractice(t)
	p.seenMany(3)
	before := p.cases(p.clinic.ID)
	p.fake.FailNext(pimstest.OpSearch, fmt.Errorf("search: %w", pims.ErrSchemaDrift))
	o := p.fail(syncs.CodeSchemaDrift, syncs.TypeCases)
	require.Equal(t, 3, o.Stats.CasesFound)
	require.Equal(t, before, p.cases(p.clinic.ID))
	require.Zero(t, scan[int](p, "select count(*) from case_enrichments where clinic_id = $1"), "it was no try in vain")
}

func TestWhatAPersonDoesWhileNotesAreReadIsKept(t *testing.T) { // R11, R12
	t.Parallel()
	p := newPractice(t)
	p.seenMany(4)
	p.store.beforeWrite = once(func() {
		p.edit("1", `status = 'approved', metadata = metadata || '{"invoice": {"n": 1.50}}'`)
		p.edit("2", `metadata = metadata || '{"reconciliation": {"softDeleted": true}}'`)
		p.exec("delete from cases where clinic_id = $1 and pims_id = '3'")
	})
	o := p.sync(syncs.TypeCases)
	require.Equal(t, [5]int{4, 2, 0, 2, 0}, found(o), "one was deleted, one is gone")
	c := p.stored("1")
	require.Equal(t, "approved", c.Status)
	require.NotNil(t, c.Consultation)
	require.JSONEq(t, `{"n": 1.50}`, scan[string](p, "select (metadata -> 'invoice')::text from cases where clinic_id = $1 and pims_id = '1'"))
	require.Nil(t, p.stored("2").Consultation)
}

func TestACaseThatIsNeverLeftAloneEndsThePhaseAndKeepsTheOthers(t *testing.T) { // R12
	t.Parallel()
	p := newPractice(t)
	p.seenMany(2)
	p.store.beforeWrite = func(writes []cases.Write) error {
		for i := range writes {
			if writes[i].After.PIMSID == "2" {
				p.edit("2", "metadata = metadata || jsonb_build_object('n', txid_current())")
			}
		}
		return nil
	}
	p.fail(syncs.CodeInternal, syncs.TypeCases, one)
	require.Equal(t, 1, p.enriched())
}

func TestAFailureOfTheDatabaseEndsThePhaseAsSuch(t *testing.T) { // W15
	t.Parallel()
	p := newPractice(t)
	p.seenMany(3)
	p.store.beforeWrite = func([]cases.Write) error { return fmt.Errorf("writing: %w", syncs.ErrDatabase) }
	p.fail(syncs.CodeDatabaseUnavailable, syncs.TypeCases, one)
	require.Zero(t, p.enriched())
	p.store.beforeWrite = nil
	p.fake.FailNext(pimstest.OpConsultation, pims.ErrNotFound) // which is noted
	p.store.before = at("KeepReadings", func() error { return fmt.Errorf("keeping: %w", syncs.ErrDatabase) })
	p.fail(syncs.CodeDatabaseUnavailable, syncs.TypeCases, one)
}
