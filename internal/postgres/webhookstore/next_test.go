package webhookstore_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/webhooks"
)

// only returns the one delivery of an endpoint in a state.
func (b *bench) only(e webhooks.Endpoint, state string) webhooks.Delivery {
	b.Helper()
	list, err := b.store.Deliveries(b.Context(), e.ID, webhooks.DeliveryFilter{State: state})
	require.NoError(b.T, err)
	require.Len(b.T, list.Items, 1)
	return list.Items[0]
}

func TestWhatIsShownOfTheNextTryIsWhatHappens(t *testing.T) { // R47
	t.Parallel()
	b := newBench(t)
	id, _ := b.add(webhooks.Endpoint{ClinicID: b.clinic}, "/hook")
	b.answer(http.StatusServiceUnavailable)
	b.insert(b.clinic, 1)
	for range 6 { // so often that it rests longer than the next delivery would wait
		b.turn()
		b.pass(time.Hour)
		b.exec("update webhook_deliveries set next_try_at = $1", b.clock())
		b.exec("update webhook_endpoints set not_before = '-infinity'")
	}
	b.turn()
	b.insert(b.clinic, 1)
	b.turn()
	b.taken("/hook")

	e, err := b.store.Endpoint(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, "it returned 503 Service Unavailable", e.LastError)
	require.True(t, e.Rests(b.clock()))
	list, err := b.store.Deliveries(t.Context(), id, webhooks.DeliveryFilter{})
	require.NoError(t, err)
	fresh := list.Items[0]
	require.Zero(t, fresh.Tries)
	require.Equal(t, e.RestsUntil, fresh.NextTryAt, "it is due, and waits for the end of the rest")

	b.answer(0)
	b.pass(fresh.NextTryAt.Sub(b.clock()) - time.Second)
	b.turn()
	require.Empty(t, b.taken("/hook"), "not before")
	b.pass(time.Second)
	b.turn()
	require.Len(t, b.taken("/hook"), 1)
	e, err = b.store.Endpoint(t.Context(), id)
	require.NoError(t, err)
	require.False(t, e.Rests(b.clock()))
	require.Empty(t, e.LastError)

	require.NoError(t, b.store.Enable(t.Context(), id, false, webhooks.ReasonPerson, b.clock()))
	waiting := b.only(e, webhooks.Pending)
	require.Equal(t, webhooks.HeldByEndpoint, waiting.HeldBy)
	require.True(t, waiting.NextTryAt.IsZero(), "there is no next try before somebody enables it")
	require.Empty(t, b.only(e, webhooks.Delivered).HeldBy)
}

func TestADeliveryBehindOneThatFailedForGoodSaysSo(t *testing.T) { // R47
	t.Parallel()
	b := newBench(t)
	id, _ := b.add(webhooks.Endpoint{Ordered: true}, "/hook")
	b.answer(http.StatusServiceUnavailable)
	b.insert(b.clinic, 1)
	b.turn()
	b.insert(b.clinic, 2)
	b.turn()
	e := webhooks.Endpoint{ID: id}
	b.exec("update webhook_deliveries set state = 'failed', ended_at = now() where tries > 0")
	b.exec("update webhook_deliveries set next_try_at = 'infinity' where state = 'pending'")
	require.Equal(t, webhooks.HeldByOrder, b.only(e, webhooks.Pending).HeldBy)
	_, err := b.store.Resend(t.Context(), b.only(e, webhooks.Failed).ID, true, b.clock())
	require.NoError(t, err)
	require.Empty(t, b.only(e, webhooks.Pending).HeldBy)
	_, err = b.store.Resend(t.Context(), b.only(e, webhooks.Skipped).ID, true, b.clock())
	require.ErrorContains(t, err, "skip a delivery: the delivery is skipped")
}
