package webhookstore_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres/oplog"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/webhooks"
)

func TestWhatPeopleDoWithEndpointsIsStoredAndRecorded(t *testing.T) { // R44, R47
	t.Parallel()
	b := newBench(t)
	log := oplog.New(b.db, slog.New(slog.DiscardHandler))
	service := webhooks.NewService(webhooks.ServiceOptions{
		Log: log, Registry: b.store, HasClinic: func(context.Context, uuid.UUID) (bool, error) { return true, nil },
		Sequence: func(context.Context) error { return b.sequence() }, Hosts: pims.HostPolicy{}, Now: b.clock,
	})
	by := access.By{Caller: access.OfOSUser("root"), Origin: "command line"}
	e, _, err := service.Add(t.Context(), by, webhooks.Endpoint{ClinicID: b.clinic, URL: "https://example.com/hooks"})
	require.NoError(t, err)
	require.Equal(t, []string{feed.CaseChanged}, e.Types)
	url, off := "https://example.com/other", false
	changed, err := service.Set(t.Context(), by, e.ID, webhooks.Change{URL: &url, Types: []string{feed.PlanOpened}, Enabled: &off})
	require.NoError(t, err)
	require.Equal(t, []any{url, []string{feed.PlanOpened}, webhooks.ReasonPerson}, []any{changed.URL, changed.Types, changed.Reason})
	require.Equal(t, b.clinic, changed.ClinicID)

	for i := range 5 {
		b.exec(`insert into webhook_deliveries (endpoint_id, clinic_id, type, body, event_at, created_at, next_try_at, state, ended_at)
			values ($1, $2, 'case.changed', '{}', $3, $3, $3, $4, $3)`, e.ID, b.clinic, b.now.Add(time.Duration(-i)*time.Minute), []string{"failed", "delivered"}[i%2])
	}
	var seen []uuid.UUID
	for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
		page, err := service.Deliveries(t.Context(), by, e.ID, webhooks.DeliveryFilter{State: webhooks.Failed, Page: syncs.Page{Limit: 2, Cursor: cursor}})
		require.NoError(t, err)
		for _, d := range page.Items {
			seen = append(seen, d.ID)
		}
		cursor = page.NextCursor
	}
	require.Len(t, seen, 3)
	d, err := service.Skip(t.Context(), by, e.ID, seen[0])
	require.NoError(t, err)
	require.Equal(t, webhooks.Skipped, d.State)
	_, err = service.Skip(t.Context(), by, e.ID, seen[0])
	require.ErrorContains(t, err, "only a failed or pending one")
	_, err = service.Resend(t.Context(), by, uuid.New(), seen[1])
	require.ErrorIs(t, err, access.ErrHidden, "a delivery of another endpoint")
	for range 2 {
		_, _ = b.add(webhooks.Endpoint{ClinicID: b.clinic}, "/hook")
	}
	b.exec("update webhook_endpoints set failing_since = $1 where id = (select max(id::text)::uuid from webhook_endpoints where enabled)", b.now)
	b.exec(`insert into webhook_deliveries (endpoint_id, clinic_id, type, body, event_at, created_at, next_try_at)
		select id, clinic_id, 'case.changed', '{}', $1, $1, $1 from webhook_endpoints`, b.now.Add(-time.Minute))
	backlog, err := b.store.Backlog(t.Context(), b.now)
	require.NoError(t, err)
	require.Equal(t, webhooks.Backlog{Pending: 3, OldestDue: time.Minute, Endpoints: map[string]int{"enabled": 1, "failing": 1, "given_up": 0, "disabled": 1}}, backlog)
	require.Len(t, backlog.Endpoints, len(webhooks.EndpointStates()))
	require.NoError(t, service.Remove(t.Context(), by, e.ID))

	events, err := log.Events(t.Context(), access.Filter{})
	require.NoError(t, err)
	var actions []access.Action
	for _, event := range events.Items {
		require.Equal(t, b.clinic, event.ClinicID)
		actions = append(actions, event.Action)
	}
	require.Equal(t, []access.Action{access.WebhookRemove, access.WebhookSkip, access.WebhookSkip, access.WebhookSet, access.WebhookAdd}, actions)
}
