package idexxneo_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

// readPractice reads a week of a practice of one seed, on one day.
func readPractice(t *testing.T, o neosim.Options) ([]pims.Appointment, []pims.Consultation) {
	t.Helper()
	o.Seed, o.Now = 7, func() time.Time { return time.Date(2026, time.January, 21, 12, 0, 0, 0, time.UTC) }
	r := startRemote(t, options{sim: o})
	session, window := r.open(t), around(t, r, 6, 1)
	snapshot, err := session.Appointments(t.Context(), window)
	require.NoError(t, err)
	entries, err := session.SearchConsultations(t.Context(), window)
	require.NoError(t, err)
	require.Greater(t, len(entries), 40)
	var consultations []pims.Consultation
	for _, e := range entries {
		c, err := session.Consultation(t.Context(), e.ID)
		require.NoError(t, err)
		consultations = append(consultations, c)
	}
	return snapshot.Appointments, consultations
}

func TestAnotherStyleSaysTheSame(t *testing.T) { // R7, R12
	t.Parallel()
	for name, style := range map[string]neosim.Options{
		"times with a blank":       {Times: neosim.BlankTimes},
		"times with a letter":      {Times: neosim.LetterTimes},
		"times without seconds":    {Times: neosim.MinuteTimes},
		"times with a fraction":    {Times: neosim.MilliTimes},
		"times of the camel shape": {Times: neosim.BlankTimes, Shape: neosim.Camel},
		"ids in snake case":        {Names: neosim.SnakeNames},
		"ids in camel case":        {Names: neosim.CamelNames},
		"ids in objects":           {Names: neosim.NestedNames},
		"ids, then blanks":         {Names: neosim.DoubleNames},
		"notes pasted from Word":   {Notes: neosim.WordNotes},
		"notes with hidden heads":  {Notes: neosim.HiddenNotes},
		"the newer view, Word":     {Notes: neosim.WordNotes, Views: neosim.ViewsPageData},
		"units inside the vitals":  {MeasuredTexts: true},
		"parts that are unusable":  {OddParts: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			visits, records := readPractice(t, neosim.Options{Shape: style.Shape, Views: style.Views})
			styledVisits, styledRecords := readPractice(t, style)
			require.Empty(t, cmp.Diff(visits, styledVisits))
			require.Len(t, styledRecords, len(records))
			for i := range records {
				want, got := plainly(records[i]), plainly(styledRecords[i])
				if style.OddParts {
					require.NotEmpty(t, got.Unusable)
					want.Reason, got.Unusable = "", nil // which is an object
					if len(want.Diagnoses) == 0 {
						want.Diagnoses = nil
					}
				}
				require.Empty(t, cmp.Diff(want, got))
			}
		})
	}
}

// plainly is a consultation without what a style may change: the raw note, blanks and
// what is invisible.
func plainly(c pims.Consultation) pims.Consultation {
	c.RawNotes = ""
	for _, text := range []*string{&c.SOAP.Subjective, &c.SOAP.Objective, &c.SOAP.Assessment, &c.SOAP.Plan, &c.Notes} {
		*text = strings.Join(strings.Fields(strings.NewReplacer("\u200b", "", "\ufeff", "").Replace(*text)), " ")
	}
	return c
}
