package pimstest

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func runConsultations(t *testing.T, h Harness) {
	t.Run("one comes with all that the PIMS tells", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		b.SetRecords(record("501", "101", at(13, 9, 0)))
		c, err := b.login().Consultation(t.Context(), "501")
		require.NoError(t, err)
		require.Equal(t, "501", c.ID)
		require.Equal(t, pims.ConsultationCompleted, c.Status)
		require.Equal(t, time.Date(2026, time.January, 13, 8, 0, 0, 0, time.UTC), c.At.UTC())
		require.Equal(t, pims.SOAP{
			Subjective: "Zzsubjective", Objective: "Zzobjective", Assessment: "Zzassessment", Plan: "Zzplan",
		}, c.SOAP)
		require.Contains(t, c.RawNotes, "Zzobjective")
		require.Empty(t, c.Notes)
		require.Equal(t, "Zzdischarge", c.Discharge)
	})
	t.Run("one says whose it is, where the PIMS does", func(t *testing.T) { // R7
		t.Parallel()
		b := newBench(t, h, berlin)
		pips, ottos := record("501", "101", at(13, 9, 0)), record("502", "102", at(13, 9, 30))
		pips.PatientID, ottos.PatientID = "301", "302"
		b.SetRecords(pips, ottos, record("503", "103", at(13, 10, 0)))
		session := b.login()
		for id, patient := range map[string]string{"501": "301", "502": "302", "503": ""} {
			c, err := session.Consultation(t.Context(), id)
			require.NoError(t, err)
			require.Contains(t, []string{patient, ""}, c.PatientID, "never another one")
		}
	})
	t.Run("a diagnosis without a name is skipped and counted, and the rest arrives", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		partly := record("501", "101", at(13, 9, 0))
		partly.Diagnoses = []string{"", "Zzdiagnosis", ""}
		b.SetRecords(partly)
		c, err := b.login().Consultation(t.Context(), "501")
		require.NoError(t, err)
		require.Equal(t, "Zzplan", c.SOAP.Plan)
		require.Equal(t, "Zzdischarge", c.Discharge)
		if c.Diagnoses != nil { // else this PIMS has none
			require.Equal(t, []string{"Zzdiagnosis"}, c.Diagnoses)
			require.Equal(t, []pims.Part{pims.PartDiagnoses, pims.PartDiagnoses}, c.Unusable)
		}
	})
	t.Run("one that does not exist is not found", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		b.fill()
		_, err := b.login().Consultation(t.Context(), "999")
		b.requireKind(err, pims.ErrNotFound)
	})
	t.Run("an id never becomes another path", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		b.fill()
		for _, id := range []string{"../501", "501?x=1", "501/../501", " ", "a b"} {
			_, err := b.login().Consultation(t.Context(), id)
			require.Error(t, err, id)
		}
	})
	t.Run("a search lists what was held in its window, over many pages", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		want := make(map[string]string)
		var records []Record
		for i := range 137 {
			id := strconv.Itoa(500 + i)
			records = append(records, record(id, strconv.Itoa(100+i), at(13, 9, 0).Add(time.Duration(i)*time.Minute)))
			want[id] = strconv.Itoa(100 + i)
		}
		records = append(records, record("900", "901", at(12, 23, 59)), record("902", "903", at(14, 0, 0)))
		b.SetRecords(records...)
		entries, err := b.login().SearchConsultations(t.Context(), b.window(13, 13))
		require.NoError(t, err)
		got := make(map[string]string)
		for _, e := range entries {
			got[e.ID] = e.AppointmentID
			require.Equal(t, pims.ConsultationCompleted, e.Status)
			require.True(t, b.window(13, 13).Contains(e.At))
			require.NotEmpty(t, e.Fingerprint)
			require.LessOrEqual(t, len(e.Fingerprint), 64)
		}
		require.Equal(t, want, got)
		require.Len(t, entries, len(want))
	})
	t.Run("a search without a hit is empty", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		b.fill()
		entries, err := b.login().SearchConsultations(t.Context(), b.window(1, 5))
		require.NoError(t, err)
		require.Empty(t, entries)
	})
	t.Run("a fingerprint changes with its entry only", func(t *testing.T) { // R19
		t.Parallel()
		b := newBench(t, h, berlin)
		b.fill()
		session := b.login()
		fingerprints := func() (first, second string) {
			entries, err := session.SearchConsultations(t.Context(), b.window(12, 18))
			require.NoError(t, err)
			require.Len(t, entries, 2)
			for _, e := range entries {
				if e.ID == "501" {
					first = e.Fingerprint
				} else {
					second = e.Fingerprint
				}
			}
			return first, second
		}
		first, second := fingerprints()
		require.NotEqual(t, first, second)
		againFirst, againSecond := fingerprints()
		require.Equal(t, first, againFirst)
		require.Equal(t, second, againSecond)

		changed := record("501", "101", at(13, 9, 0))
		changed.Notes += " Zzaddendum"
		b.SetRecords(changed, record("502", "102", at(14, 10, 0)))
		changedFirst, unchangedSecond := fingerprints()
		require.NotEqual(t, first, changedFirst)
		require.Equal(t, second, unchangedSecond)
	})
}
