package pims_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func TestAPartOfASnapshotIsWhatItsDaysAloneWouldHaveShown(t *testing.T) { // R5, R6, R27
	t.Parallel()
	location := zone(t, "America/New_York")
	whole, err := pims.NewWindow(date(t, "2026-03-01"), date(t, "2026-03-10"), location)
	require.NoError(t, err)
	days, err := pims.NewWindow(date(t, "2026-03-03"), date(t, "2026-03-04"), location)
	require.NoError(t, err)
	visit := func(id string, start time.Time, length time.Duration) pims.Appointment {
		return pims.Appointment{ID: id, Start: start, End: start.Add(length)}
	}
	snapshot := pims.Snapshot{
		Window: whole, FetchedAt: days.From(), Unidentified: 2, Duplicates: 3,
		Appointments: []pims.Appointment{
			visit("ended where it begins", days.From().Add(-time.Hour), time.Hour),
			visit("reaches in", days.From().Add(-time.Hour), time.Hour+1),
			visit("first", days.From(), 0),
			visit("last", days.Until().Add(-1), time.Hour),
			visit("after", days.Until(), time.Hour),
		},
		Unusable: []pims.RecordError{
			{ID: "without a day"},
			{ID: "unusable", Start: days.From()},
			{ID: "unusable elsewhere", Start: days.Until()},
		},
	}

	part := snapshot.Within(days)
	require.Equal(t, pims.Snapshot{
		Window: days, FetchedAt: days.From(), Unidentified: 2, Duplicates: 3,
		Appointments: snapshot.Appointments[1:4],
		Unusable:     snapshot.Unusable[:2],
	}, part)
	require.False(t, part.Complete(), "a row without an id may belong to any day")
}
