package queue_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/queue"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// What is wrong with a request on the clinic's today is told before there is a sync.
func TestAWrongWindowBecomesNoSync(t *testing.T) { // R4
	t.Parallel()
	url := pgtest.URL(t)
	id := addClinic(t, url)
	_, err := pgtest.Open(t, url).Pool().Exec(t.Context(), `update clinics set timezone = 'America/Chicago' where id = $1`, id)
	require.NoError(t, err)
	r := newReplica(t, url, nil, func(o *queue.Options) {
		o.Now = func() time.Time { return time.Date(2026, 3, 4, 3, 0, 0, 0, time.UTC) } // the evening of the 3rd
	})
	date := func(year, month, day int) *pims.Date {
		return &pims.Date{Year: year, Month: time.Month(month), Day: day}
	}
	for name, c := range map[string]struct {
		kind    syncs.Type
		options syncs.Options
		field   string
	}{
		"an end before today":           {syncs.TypeInbound, syncs.Options{EndDate: date(2026, 3, 2)}, "endDate"},
		"a full one's, too":             {syncs.TypeFull, syncs.Options{EndDate: date(2026, 3, 2)}, "endDate"},
		"an end too far from today":     {syncs.TypeInbound, syncs.Options{EndDate: date(2026, 7, 1)}, "endDate"},
		"cases that begin after today":  {syncs.TypeCases, syncs.Options{StartDate: date(2026, 3, 4)}, "startDate"},
		"cases that begin too long ago": {syncs.TypeCases, syncs.Options{StartDate: date(2025, 3, 4)}, "startDate"},
		"a year far ahead":              {syncs.TypeInbound, syncs.Options{StartDate: date(9999, 12, 30)}, "startDate"},
		"a year long ago":               {syncs.TypeInbound, syncs.Options{StartDate: date(1, 1, 1)}, "startDate"},
		"an end of no time":             {syncs.TypeCases, syncs.Options{EndDate: date(2101, 1, 1)}, "endDate"},
	} {
		_, err := r.Start(t.Context(), syncs.Request{ClinicID: id, Type: c.kind, Options: c.options}, "")
		f := failure(t, err)
		require.Equal(t, syncs.CodeInvalidRequest, f.Code, name)
		require.Equal(t, c.field, f.Field, name)
	}
	all, err := r.Audits(t.Context(), id, syncs.AuditFilter{})
	require.NoError(t, err)
	require.Empty(t, all.Items)
	_, err = r.Start(t.Context(), syncs.Request{ClinicID: id, Type: syncs.TypeInbound, Trigger: syncs.TriggerAPI, Options: syncs.Options{EndDate: date(2026, 3, 3)}}, "")
	require.NoError(t, err, "it is still the 3rd there")
}
