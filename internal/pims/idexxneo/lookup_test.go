package idexxneo

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func TestALookupReadsARowBareOrUnderAName(t *testing.T) {
	t.Parallel()
	for name, body := range fixtures(t, "lookup") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked string
			answer := func(w http.ResponseWriter, r *http.Request) {
				asked = r.URL.RawQuery
				says(body)(w, r)
			}
			a, err := dial(t, wire{lookupPath: answer}).FindAppointment(t.Context(), "7001")
			require.NoError(t, err)
			require.Equal(t, "id=7001", asked)
			require.Equal(t, "7001", a.ID)
			require.Equal(t, "Mäxchen", a.PatientName)
			require.Equal(t, "Zoë O'Hara-Quill", a.ClientName)
			require.Equal(t, pims.StatusCheckedIn, a.Status)
			require.Equal(t, time.Date(2026, time.January, 17, 8, 0, 0, 0, time.UTC), a.Start.UTC())
		})
	}
}

func TestOnlyA404MeansThatAnAppointmentIsGone(t *testing.T) { // R22
	t.Parallel()
	for name, body := range fixtures(t, "lookup-refused") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := dial(t, wire{lookupPath: says(body)}).FindAppointment(t.Context(), "7001")
			requireDrift(t, err)
			require.NotErrorIs(t, err, pims.ErrNotFound)
		})
	}
	_, err := dial(t, wire{}).FindAppointment(t.Context(), "7001")
	require.ErrorIs(t, err, pims.ErrNotFound)
}

func TestAnAppointmentWithoutAStartIsFoundButUnusable(t *testing.T) {
	t.Parallel()
	body := `{"id":7001,"patient_name":"Bella","start":null}`
	_, err := dial(t, wire{lookupPath: says(body)}).FindAppointment(t.Context(), "7001")
	var record *pims.RecordError
	require.ErrorAs(t, err, &record)
	require.Equal(t, "7001", record.ID)
	require.Equal(t, "start", record.Field)
}
