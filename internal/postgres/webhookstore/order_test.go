package webhookstore_test

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/secret"
	"github.com/pims-sync/pims-sync/internal/webhooks"
)

// failed is an attempt that was not taken, with what it does.
func (b *bench) failed(d *webhooks.Delivery, state string) (webhooks.Attempt, webhooks.Verdict) {
	now := b.clock()
	return webhooks.Attempt{At: now, Status: 500, Error: "it returned 500", Response: "no"},
		webhooks.Verdict{State: state, NextTryAt: now.Add(time.Duration(d.Tries+1) * time.Hour)}
}

// claim leases the one endpoint that has something due.
func (b *bench) claim(worker string) webhooks.Endpoint {
	b.Helper()
	claimed, err := b.store.Claim(b.Context(), worker, 10, time.Minute, b.clock())
	require.NoError(b.T, err)
	require.Len(b.T, claimed, 1)
	return claimed[0].Endpoint
}

// next returns the delivery that is to be sent to a leased endpoint.
func (b *bench) next(worker string, e *webhooks.Endpoint) (webhooks.Delivery, bool) {
	b.Helper()
	d, due, err := b.store.Due(b.Context(), worker, e, b.clock())
	require.NoError(b.T, err)
	return d, due
}

// plan makes deliveries of what is new.
func (b *bench) plan() {
	b.Helper()
	require.NoError(b.T, b.sequence())
	_, _, err := b.store.Plan(b.Context(), b.clock())
	require.NoError(b.T, err)
}

// whilePlanning runs something while a transaction that has made deliveries is open: it is
// seen to wait for that one's end.
func (b *bench) whilePlanning(do func() error) {
	b.Helper()
	require.NoError(b.T, b.sequence())
	done := make(chan error, 1)
	require.NoError(b.T, b.db.Together(b.Context(), "plan", func(ctx context.Context) error {
		made, _, err := b.store.Plan(ctx, b.clock())
		require.Positive(b.T, made)
		go func() { done <- do() }()
		require.Eventually(b.T, func() bool {
			var waits bool
			err := b.db.Pool().QueryRow(b.Context(), `select exists (select from pg_stat_activity
				where datname = current_database() and wait_event_type = 'Lock')`).Scan(&waits)
			return err == nil && waits
		}, time.Minute, 5*time.Millisecond, "nothing waits for the transaction that makes deliveries")
		return err
	}))
	require.NoError(b.T, <-done)
}

// count counts deliveries.
func (b *bench) count(where string, args ...any) (n int) {
	b.Helper()
	require.NoError(b.T, b.db.Pool().QueryRow(b.Context(), "select count(*) from webhook_deliveries where "+where, args...).Scan(&n))
	return n
}

func TestWhatIsMadeDuringAFailureIsHeldBackToo(t *testing.T) { // R47
	t.Parallel()
	b := newBench(t)
	b.add(webhooks.Endpoint{Ordered: true}, "/hook")
	b.insert(b.clinic, 1)
	b.plan()
	e := b.claim("a")
	d, _ := b.next("a", &e)
	b.insert(b.clinic, 2)
	b.whilePlanning(func() error {
		a, v := b.failed(&d, webhooks.Pending)
		return b.store.Record(t.Context(), "a", &e, &d, a, v)
	})
	require.Equal(t, 2, b.count("state = 'pending' and next_try_at > $1", b.clock()), "the second waits behind the first")

	// And one that is sent again by a person frees what is made meanwhile.
	b.exec("update webhook_deliveries set next_try_at = now() - interval '1 hour'")
	a, v := b.failed(&d, webhooks.Failed)
	require.NoError(t, b.store.Record(t.Context(), "a", &e, &d, a, v))
	require.Equal(t, 1, b.count("next_try_at = 'infinity'"))
	b.insert(b.clinic, 3)
	b.whilePlanning(func() error {
		_, err := b.store.Resend(t.Context(), d.ID, false, b.clock())
		return err
	})
	require.Zero(t, b.count("next_try_at = 'infinity'"))
	b.turn() // after the lease of a
	require.Empty(t, b.taken("/hook"))
	require.NoError(t, b.store.Release(t.Context(), webhooks.Lease{EndpointID: e.ID, Holder: "a"}, b.clock()))
	b.turn()
	var sizes []int
	for _, r := range b.taken("/hook") {
		sizes = append(sizes, len(r.cases))
	}
	require.Equal(t, []int{1, 2, 3}, sizes)
}

func TestWhoSkipsALaterDeliveryFreesNoneBehindAnEarlierOne(t *testing.T) { // R47
	t.Parallel()
	b := newBench(t)
	id, _ := b.add(webhooks.Endpoint{Ordered: true}, "/hook")
	for n := range 3 {
		b.insert(b.clinic, n+1)
		b.plan()
	}
	b.answer(http.StatusInternalServerError)
	b.turn()
	require.Len(t, b.taken("/hook"), 1)
	b.answer(0)
	b.pass(2 * time.Second) // the endpoint has rested; the first delivery comes again after five
	list, err := b.store.Deliveries(t.Context(), id, webhooks.DeliveryFilter{})
	require.NoError(t, err)
	_, err = b.store.Resend(t.Context(), list.Items[1].ID, true, b.clock())
	require.NoError(t, err)
	b.turn()
	require.Empty(t, b.taken("/hook"), "the third still waits for the first")

	// Without the order, nothing waits for others.
	e, err := b.store.Endpoint(t.Context(), id)
	require.NoError(t, err)
	e.Ordered = false
	require.NoError(t, b.store.Change(t.Context(), e))
	b.pass(time.Second)
	b.turn()
	got := b.taken("/hook")
	require.Len(t, got, 1)
	require.Len(t, got[0].cases, 3)
}

func TestTheOrderHoldsForWhatWasMadeBeforeIt(t *testing.T) { // R47
	t.Parallel()
	b := newBench(t)
	id, _ := b.add(webhooks.Endpoint{}, "/hook")
	b.insert(b.clinic, 1)
	b.insert(b.newClinic(), 2)
	b.plan()
	e := b.claim("a")
	d, _ := b.next("a", &e)
	b.insert(d.ClinicID, 3)
	b.plan()
	a, v := b.failed(&d, webhooks.Pending)
	require.NoError(t, b.store.Record(t.Context(), "a", &e, &d, a, v))
	require.Equal(t, 1, b.count("next_try_at > $1", b.clock()), "without the order nothing waits for another")
	e, err := b.store.Endpoint(t.Context(), id)
	require.NoError(t, err)
	e.Ordered = true
	require.NoError(t, b.store.Change(t.Context(), e))
	require.Equal(t, 2, b.count("clinic_id = $1 and next_try_at > $2", d.ClinicID, b.clock()), "the clinic's later delivery waits")
	require.Equal(t, 2, b.count("next_try_at > $1", b.clock()), "the other clinic's does not")
}

func TestAnAttemptThatIsOutOfDateRevivesNothing(t *testing.T) { // R47
	t.Parallel()
	b := newBench(t)
	b.add(webhooks.Endpoint{Ordered: true}, "/hook")
	b.insert(b.clinic, 1)
	b.plan()
	e := b.claim("a")
	_, _ = b.next("a", &e)
	b.exec("update webhook_endpoints set leased_until = now() - interval '1 second'")
	require.NoError(t, b.store.Renew(t.Context(), []webhooks.Lease{{EndpointID: e.ID, Holder: "a"}}, time.Minute))
	_, due := b.next("a", &e)
	require.False(t, due, "a lease that has ended is not renewed")
	e = b.claim("b")
	d, _ := b.next("b", &e)
	a, v := b.failed(&d, webhooks.Failed)
	require.NoError(t, b.store.Record(t.Context(), "a", &e, &d, a, v))
	require.Equal(t, 1, b.count("state = 'pending' and tries = 0"), "b has it now")

	_, err := b.store.Resend(t.Context(), d.ID, true, b.clock())
	require.NoError(t, err)
	require.NoError(t, b.store.Record(t.Context(), "b", &e, &d, a, v))
	require.Equal(t, 1, b.count("state = 'skipped'"), "a person has decided")
	require.NoError(t, b.store.Record(t.Context(), "a", &e, &d, webhooks.Attempt{At: b.clock(), Status: 200}, webhooks.Verdict{State: webhooks.Delivered}))
	require.Equal(t, 1, b.count("state = 'delivered'"), "it was taken, whoever sent it")
}

// watched tells when an endpoint was given back.
type watched struct {
	webhooks.Store

	released chan struct{}
}

func (w *watched) Release(ctx context.Context, lease webhooks.Lease, notBefore time.Time) error {
	defer func() { w.released <- struct{}{} }()
	return w.Store.Release(ctx, lease, notBefore)
}

func TestAReplicaThatClaimsAgainDoesNotShareTheLease(t *testing.T) { // R47
	t.Parallel()
	b := newBench(t)
	b.add(webhooks.Endpoint{Ordered: true}, "/hook")
	b.insert(b.clinic, 1)
	require.NoError(t, b.sequence())
	store, sending := &watched{b.store, make(chan struct{}, 2)}, make(chan chan struct{}, 2)
	w := webhooks.NewWorker(webhooks.Options{
		Store: store, Send: func(context.Context, *webhooks.Endpoint, *webhooks.Delivery, []secret.Text) webhooks.Attempt {
			over := make(chan struct{})
			sending <- over
			<-over
			return webhooks.Attempt{At: b.clock(), Status: http.StatusOK}
		}, Logger: slog.New(slog.DiscardHandler), Now: b.clock,
	})
	require.NoError(t, w.Turn(t.Context()))
	first := <-sending
	b.exec("update webhook_endpoints set leased_until = now() - interval '1 second'")
	require.NoError(t, w.Turn(t.Context()))
	second := <-sending
	close(first)
	<-store.released
	var leased int
	require.NoError(t, b.db.Pool().QueryRow(t.Context(), "select count(*) from webhook_endpoints where leased_until > now()").Scan(&leased))
	require.Equal(t, 1, leased, "the first claim gives the second's lease away")
	close(second)
	w.Wait()
}
