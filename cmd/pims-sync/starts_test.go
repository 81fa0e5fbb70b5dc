package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/postgres/fleetstore"
)

func TestASyncThatAFleetKeyStartsIsRecordedOrDoesNotStart(t *testing.T) { // R44
	t.Parallel()
	w := newWorld(t)
	p := w.practice(t, neosim.Options{})
	require.Equal(t, http.StatusOK, p.sync(t, "inbound", p.sinceYesterday()).status)
	row, key := access.IssueFleetKey(access.FleetKey{Name: "portal", Scope: access.FleetOperate, CreatedBy: "os:root"}, time.Now())
	_, err := fleetstore.New(w.store.DB).AddFleetKey(t.Context(), row)
	require.NoError(t, err)
	p.key = key
	start := func() answer {
		return p.call(t, http.MethodPost, "/api/clinics/"+p.id.String()+"/sync/inbound", p.sinceYesterday(), "Idempotency-Key", "7c2a")
	}
	first := start()
	require.Equal(t, http.StatusOK, first.status, first.body)
	require.Equal(t, first.text("syncId"), start().text("syncId"))

	type event struct {
		Action, Who, Record, Outcome string
		Repeated                     bool
	}
	recorded := func() []event {
		rows, err := w.store.Pool().Query(t.Context(), `select action, who_kind as who, record_id as record, outcome, (after ->> 'repeated') is not null as repeated
			from operator_events where action = 'sync.start' order by id`)
		require.NoError(t, err)
		events, err := pgx.CollectRows(rows, pgx.RowToStructByName[event])
		require.NoError(t, err)
		return events
	}
	one := event{Action: "sync.start", Who: "fleet_key", Record: first.text("syncId"), Outcome: "done"}
	again := one
	again.Repeated = true
	require.Equal(t, []event{one, again}, recorded(), "what the clinic's own key starts is not recorded")

	// What cannot be recorded does not start.
	count := func() (n int) {
		require.NoError(t, w.store.Pool().QueryRow(t.Context(), "select count(*) from case_sync_audits").Scan(&n))
		return n
	}
	before := count()
	_, err = w.store.Pool().Exec(t.Context(), "alter table operator_events add constraint nothing check (outcome <> 'done') not valid")
	require.NoError(t, err)
	refused := p.call(t, http.MethodPost, "/api/clinics/"+p.id.String()+"/sync/cases", "")
	require.Equal(t, http.StatusInternalServerError, refused.status, refused.body)
	require.Equal(t, before, count())
	require.Equal(t, "failed", recorded()[2].Outcome)
}
