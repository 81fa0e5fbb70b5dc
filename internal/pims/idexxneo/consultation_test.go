package idexxneo

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

const (
	viewPath     = "/consultations/view/5001"
	pageDataPath = "/consultations/5001/page-data"
)

func TestBothShapesOfAConsultationSayTheSame(t *testing.T) {
	t.Parallel()
	want := pims.Consultation{
		ID: "5001", AppointmentID: "7001",
		At: time.Date(2026, time.January, 17, 10, 15, 0, 0, berlin(t)), AtText: "2026-01-17T10:15:00",
		Status: pims.ConsultationCompleted, StatusText: "completed", Reason: "Ear check",
		RawNotes: "S: itchy ears\nO: red, T 101.5 F\nA: otitis externa\nP: clean & medicate",
		SOAP: pims.SOAP{
			Subjective: "itchy ears", Objective: "red, T 101.5 F",
			Assessment: "otitis externa", Plan: "clean & medicate",
		},
		Vitals: &pims.Vitals{
			Temperature: new(38.5), TemperatureUnit: "C", Pulse: new(80.0), Respiration: new(20.0),
			Weight: new(25.3), WeightUnit: "lb",
		},
		Diagnoses: []string{"Otitis externa", "Overweight"},
		Discharge: "Twice daily.",
	}
	for name, body := range fixtures(t, "consultation") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, want := viewPath, want
			switch {
			case strings.HasPrefix(name, "page-data"):
				path = pageDataPath
				want.Vitals, want.Diagnoses = nil, nil // this shape has none, and removes none
			case name == "view-html":
				want.RawNotes = "<p><b>S:</b> itchy&nbsp;ears</p><p><strong>Objective</strong>: red, T 101.5 F</p>" +
					"<div>ASSESSMENT: otitis externa<br/>Plan: clean &amp; medicate</div>"
				want.SOAP.Subjective = "itchy\u00a0ears"
			}
			c, err := dial(t, wire{path: says(body)}).Consultation(t.Context(), "5001")
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(want, c))
		})
	}
}

func TestAConsultationInAnyOtherFormIsRefused(t *testing.T) {
	t.Parallel()
	for name, body := range fixtures(t, "consultation-refused") {
		for _, path := range []string{viewPath, pageDataPath} {
			t.Run(name+path, func(t *testing.T) {
				t.Parallel()
				c, err := dial(t, wire{path: says(body)}).Consultation(t.Context(), "5001")
				requireDrift(t, err)
				require.Zero(t, c)
			})
		}
	}
}

func TestOnlyTwo404sMeanThatAConsultationIsMissing(t *testing.T) {
	t.Parallel()
	_, err := dial(t, wire{}).Consultation(t.Context(), "5001")
	require.ErrorIs(t, err, pims.ErrNotFound)

	asked := 0
	broken := func(w http.ResponseWriter, _ *http.Request) {
		asked++
		http.Error(w, "no", http.StatusForbidden)
	}
	_, err = dial(t, wire{viewPath: broken, pageDataPath: broken}).Consultation(t.Context(), "5001")
	require.ErrorIs(t, err, pims.ErrRemote)
	require.Equal(t, 1, asked, "another error than 404 is no reason to ask elsewhere")

	_, err = dial(t, wire{pageDataPath: broken}).Consultation(t.Context(), "5001")
	require.ErrorIs(t, err, pims.ErrRemote)
}

func TestAnIdThatIsNoPathIsAskedForAsItIs(t *testing.T) {
	t.Parallel()
	s := dial(t, wire{})
	for id, path := range map[string]string{
		"a/b": "/consultations/a%2Fb/", "a?b": "/consultations/a%3Fb/", "ä": "/consultations/%C3%A4/",
	} {
		_, err := s.Consultation(t.Context(), id)
		require.Error(t, err)
		require.ErrorContains(t, err, path)
	}
	for _, id := range []string{"", ".", ".."} {
		_, err := s.Consultation(t.Context(), id)
		require.ErrorIs(t, err, pims.ErrNotFound)
	}
}

// viewOf reads a view with further fields.
func viewOf(t *testing.T, fields string) (pims.Consultation, error) {
	t.Helper()
	body := `{"id":5001,` + fields + `}`
	return dial(t, wire{viewPath: says(body)}).Consultation(t.Context(), "5001")
}

func TestContentInAFormThatIsNotKnownMakesTheRecordUnusable(t *testing.T) { // Workflows §Error Categories
	t.Parallel()
	for field, names := range map[string][]string{
		"notes": {
			`"clinicalNotes":{"text":"Bella"}`, `"clinicalNotes":["Bella"]`, `"notes":{"text":"Bella"}`,
			`"consultationNotes":["Bella"]`, `"consultationNotes":{"notes":{"text":"Bella"}}`,
		},
		"diagnoses": {
			`"diagnoses":{"name":"Bella"}`, `"diagnoses":[["Bella"]]`, `"diagnoses":[{"code":"Bella"}]`, `"diagnoses":[{"name":null}]`,
		},
		"discharge": {`"dischargeInstructions":{"text":"Bella"}`, `"dischargeSummary":["Bella"]`},
	} {
		for _, fields := range names {
			t.Run(fields, func(t *testing.T) {
				t.Parallel()
				c, err := viewOf(t, `"consultedAt":"2026-01-17T10:15:00",`+fields)
				var record *pims.RecordError
				require.ErrorAs(t, err, &record)
				require.Equal(t, "5001", record.ID)
				require.Equal(t, field, record.Field)
				require.Equal(t, time.Date(2026, time.January, 17, 9, 15, 0, 0, time.UTC), record.Start.UTC())
				require.NotContains(t, err.Error(), "Bella")
				require.Zero(t, c)
			})
		}
	}
}

func TestWhatIsMissingIsToldFromWhatIsEmpty(t *testing.T) { // R7
	t.Parallel()
	c, err := viewOf(t, `"status":"completed"`)
	require.NoError(t, err)
	require.Nil(t, c.Vitals, "the answer does not speak of vitals")
	require.Nil(t, c.Diagnoses)
	for _, nothing := range []string{`null`, `[]`, `{}`, `[ ]`, `""`} {
		c, err := viewOf(t, `"clinicalNotes":`+nothing+`,"vitals":`+nothing+`,"diagnoses":`+nothing+`,"dischargeInstructions":`+nothing)
		require.NoError(t, err, nothing)
		require.Equal(t, &pims.Vitals{}, c.Vitals, "the answer says that there are none")
		require.Equal(t, []string{}, c.Diagnoses)
		require.Empty(t, c.RawNotes)
		require.Empty(t, c.Discharge)
	}
}

func TestDiagnosesComeAsTextsOrWithNames(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]string{
		`["Otitis externa","Überbein"]`:                      {"Otitis externa", "Überbein"},
		`[{"name":"Otitis externa"},"Überbein"]`:             {"Otitis externa", "Überbein"},
		`[null,""," ",{"name":"Otitis externa"}]`:            {"Otitis externa"},
		`"Otitis externa"`:                                   {"Otitis externa"},
		`[{"id":1,"codes":["x"],"name":"Otitis externa"},7]`: {"Otitis externa", "7"},
	} {
		c, err := viewOf(t, `"diagnoses":`+body)
		require.NoError(t, err)
		require.Equal(t, want, c.Diagnoses, body)
	}
}

func TestTwoNotesAreKeptWhereTheyDiffer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ page, raw, subjective, plan, rest string }{
		"both": {
			`{"consultationNotes":{"notes":"S: itchy P: drops"},"consultation":{"id":5001,"notes":"call owner\nP: recheck"}}`,
			"S: itchy P: drops\n\ncall owner\nP: recheck", "itchy", "drops\nrecheck", "call owner",
		},
		"the same twice": {
			`{"consultation":{"id":5001,"notes":" S: itchy\n"},"consultationNotes":{"notes":"S: itchy"}}`,
			"S: itchy", "itchy", "", "",
		},
		"only below the consultation": {
			`{"consultation":{"id":5001,"notes":"S: itchy"},"consultationNotes":{"notes":" "}}`,
			"S: itchy", "itchy", "", "",
		},
		"without the object of notes": {
			`{"consultation":{"id":5001,"notes":"S: itchy"},"consultationNotes":[]}`,
			"S: itchy", "itchy", "", "",
		},
		"none at all": {`{"consultation":{"id":5001}}`, "", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := dial(t, wire{pageDataPath: says(c.page)}).Consultation(t.Context(), "5001")
			require.NoError(t, err)
			require.Equal(t, c.raw, got.RawNotes)
			require.Equal(t, pims.SOAP{Subjective: c.subjective, Plan: c.plan}, got.SOAP)
			require.Equal(t, c.rest, got.Notes)
		})
	}
}

func TestADayWithoutATimeBeginsIt(t *testing.T) {
	t.Parallel()
	c, err := viewOf(t, `"date":"2026-01-17"`)
	require.NoError(t, err)
	require.Equal(t, time.Date(2026, time.January, 16, 23, 0, 0, 0, time.UTC), c.At.UTC())
	c, err = viewOf(t, `"consultedAt":"yesterday"`)
	require.NoError(t, err)
	require.Zero(t, c.At)
	require.Equal(t, "yesterday", c.AtText)
}
