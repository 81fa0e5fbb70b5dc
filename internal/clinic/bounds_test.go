package clinic_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func TestANameOf60MiBLeavesNoConnection(t *testing.T) { // R57
	t.Parallel()
	huge := strings.Repeat("n", 60<<20)
	o := newOffice(t)
	o.fake.SetAppointments(pims.Appointment{ID: "7", Start: noon, PatientName: huge}, pims.Appointment{ID: "8", Start: noon, PatientName: "Bella"})
	o.fake.SetConsultations(pims.Consultation{ID: "c7", At: noon, RawNotes: huge, Discharge: "rest"})
	connection := o.connect(t)

	snapshot, err := connection.Appointments(t.Context(), o.week(t))
	require.NoError(t, err)
	require.Len(t, snapshot.Appointments, 1)
	require.Equal(t, "Bella", snapshot.Appointments[0].PatientName)
	require.Equal(t, 2, snapshot.Found())

	finder, ok := connection.Finder()
	require.True(t, ok)
	_, err = finder.FindAppointment(t.Context(), "7")
	require.EqualError(t, err, "PIMS record 7: patient name is longer than 1024 bytes")

	c, err := connection.Consultation(t.Context(), "c7")
	require.NoError(t, err)
	require.Empty(t, c.RawNotes)
	require.Equal(t, []pims.Part{pims.PartNotes}, c.Unusable)
	require.Equal(t, "rest", c.Discharge)
	_, err = connection.Consultation(t.Context(), huge)
	require.EqualError(t, err, "PIMS record with an id that is too long: id is longer than 1024 bytes")
}
