package idexxneo

import (
	"net/http"
	"slices"
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
				path, want.PatientID, want.ClientID = pageDataPath, "31", "41"
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

// wholeView is a view with every part, by field, and what is read of it.
func wholeView(t *testing.T) (map[string]string, pims.Consultation) {
	t.Helper()
	fields := map[string]string{
		"appointmentId":         `7001`,
		"consultedAt":           `"2026-01-17T10:15:00"`,
		"status":                `"completed"`,
		"reason":                `"Ear check"`,
		"clinicalNotes":         `"S: itchy"`,
		"notes":                 `"P: recheck"`,
		"vitals":                `{"pulse":80}`,
		"diagnoses":             `["Otitis externa"]`,
		"dischargeInstructions": `"Twice daily."`,
	}
	return fields, pims.Consultation{
		ID: "5001", AppointmentID: "7001",
		At: time.Date(2026, time.January, 17, 10, 15, 0, 0, berlin(t)), AtText: "2026-01-17T10:15:00",
		Status: pims.ConsultationCompleted, StatusText: "completed", Reason: "Ear check",
		RawNotes: "S: itchy\n\nP: recheck", SOAP: pims.SOAP{Subjective: "itchy", Plan: "recheck"},
		Vitals: &pims.Vitals{Pulse: new(80.0)}, Diagnoses: []string{"Otitis externa"}, Discharge: "Twice daily.",
	}
}

func TestAnOptionalPartOfAnyFormRefusesNothing(t *testing.T) { // W15
	t.Parallel()
	without := map[string]func(*pims.Consultation){ // the field
		"appointmentId": func(c *pims.Consultation) { c.AppointmentID = "" },
		"consultedAt":   func(c *pims.Consultation) { c.At, c.AtText = time.Time{}, "" },
		"status":        func(c *pims.Consultation) { c.Status, c.StatusText = pims.ConsultationUnknown, "" },
		"reason":        func(c *pims.Consultation) { c.Reason = "" },
		"clinicalNotes": func(c *pims.Consultation) {
			c.RawNotes, c.SOAP = "P: recheck", pims.SOAP{Plan: "recheck"}
		},
		"notes": func(c *pims.Consultation) {
			c.RawNotes, c.SOAP = "S: itchy", pims.SOAP{Subjective: "itchy"}
		},
		"vitals":                func(c *pims.Consultation) { c.Vitals = &pims.Vitals{} },
		"diagnoses":             func(c *pims.Consultation) { c.Diagnoses = []string{} },
		"dischargeInstructions": func(c *pims.Consultation) { c.Discharge = "" },
	}
	parts := map[string]pims.Part{
		"consultedAt": pims.PartTime, "status": pims.PartStatus, "reason": pims.PartReason, "clinicalNotes": pims.PartNotes,
		"notes": pims.PartNotes, "diagnoses": pims.PartDiagnoses, "dischargeInstructions": pims.PartDischarge,
	}
	fields, _ := wholeView(t)
	for field := range fields {
		for _, value := range []string{`null`, `""`, `{}`, `[]`, `[ ]`, `false`, `true`, `{"a":"Bella"}`, `{"a":{"b":["Bella"]}}`, `[["Bella"]]`, `[{}]`} {
			t.Run(field+" "+value, func(t *testing.T) {
				t.Parallel()
				fields, want := wholeView(t)
				fields[field] = value
				without[field](&want)
				nothing := slices.Contains([]string{`null`, `""`, `{}`, `[]`, `[ ]`, `false`}, value)
				switch {
				case nothing:
				case field == "vitals" && !strings.HasPrefix(value, "{"):
					want.Vitals.Raw = map[string]string{"vitals": value} // nothing of it is lost
				case field == "diagnoses":
					want.Diagnoses = nil // which cannot tell
					fallthrough
				default:
					if part, ok := parts[field]; ok {
						want.Unusable = []pims.Part{part}
					}
				}
				requireView(t, fields, want)
			})
		}
	}
}

func requireView(t *testing.T, fields map[string]string, want pims.Consultation) {
	t.Helper()
	members := []string{`"id":5001`}
	for field, value := range fields {
		members = append(members, `"`+field+`":`+value)
	}
	got, err := dial(t, wire{viewPath: says("{" + strings.Join(members, ",") + "}")}).Consultation(t.Context(), "5001")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(want, got))
}

func TestADiagnosisWithoutANameIsSkippedAndCounted(t *testing.T) {
	t.Parallel()
	for _, nameless := range []string{
		`null`, `""`, `" "`, `{}`, `[]`, `true`, `false`, `{"name":""}`, `{"name":null}`, `{"name":" "}`, `{"name":{}}`, `{"name":[]}`,
		`{"name":true}`, `{"name":{"en":"Otitis"}}`, `{"code":"H60"}`, `{"id":3,"name":"","code":"H60"}`, `["Otitis"]`, `[{"name":"Otitis"}]`,
	} {
		for body, want := range map[string][]string{
			`[` + nameless + `]`:                                   nil, // which cannot tell, and removes none
			`[` + nameless + `,"Otitis externa"]`:                  {"Otitis externa"},
			`[{"name":"Otitis externa"},` + nameless + `]`:         {"Otitis externa"},
			`["Otitis externa",` + nameless + `,{"name":"Fever"}]`: {"Otitis externa", "Fever"},
		} {
			c, err := viewOf(t, `"clinicalNotes":"S: itchy","diagnoses":`+body)
			require.NoError(t, err, body)
			require.Equal(t, want, c.Diagnoses, body)
			require.Equal(t, []pims.Part{pims.PartDiagnoses}, c.Unusable, body)
			require.Equal(t, "itchy", c.SOAP.Subjective, body)
		}
	}
}

func TestPartsOfTheNewerShapeRefuseNothing(t *testing.T) {
	t.Parallel()
	for page, unusable := range map[string][]pims.Part{
		`{"consultationNotes":{"notes":{"text":"Bella"}},"consultation":{"id":5001,"notes":"P: recheck"}}`:                          {pims.PartNotes},
		`{"consultationNotes":["Bella"],"consultation":{"id":5001,"notes":"P: recheck"}}`:                                           {pims.PartNotes},
		`{"consultationNotes":true,"consultation":{"id":5001,"notes":"P: recheck"}}`:                                                {pims.PartNotes},
		`{"consultationNotes":{"notes":"P: recheck"},"consultation":{"id":5001,"notes":{"text":"Bella"}}}`:                          {pims.PartNotes},
		`{"consultationNotes":{"notes":"P: recheck"},"consultation":{"id":5001,"dischargeSummary":["Bella"]}}`:                      {pims.PartDischarge},
		`{"status":true,"notes":[{"id":1}],"reason":{"a":1},"consultation":{"id":5001,"notes":"P: recheck"}}`:                       nil, // not the consultation's
		`{"patient":"Bella","client":[1],"consultationLines":{"a":1},"pageData":7,"consultation":{"id":5001,"notes":"P: recheck"}}`: nil,
	} {
		c, err := dial(t, wire{pageDataPath: says(page)}).Consultation(t.Context(), "5001")
		require.NoError(t, err, page)
		require.Equal(t, "recheck", c.SOAP.Plan, page)
		require.Equal(t, unusable, c.Unusable, page)
	}
}

func TestWhatIsMissingIsToldFromWhatIsEmpty(t *testing.T) { // R7
	t.Parallel()
	c, err := viewOf(t, `"status":"completed"`)
	require.NoError(t, err)
	require.Nil(t, c.Vitals, "the answer does not speak of vitals")
	require.Nil(t, c.Diagnoses)
	for _, nothing := range []string{`null`, `[]`, `{}`, `[ ]`, `""`, `false`} {
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
		`["Otitis externa","Überbein"]`:           {"Otitis externa", "Überbein"},
		`[{"name":"Otitis externa"},"Überbein"]`:  {"Otitis externa", "Überbein"},
		`[null,""," ",{"name":"Otitis externa"}]`: {"Otitis externa"},
		`{"id":1,"name":"Otitis externa"}`:        {"Otitis externa"},
		`"Otitis externa"`:                        {"Otitis externa"},
		`["<b>Otitis</b> externa","Itch &amp; <i>pain</i>","\u200bFever\u200b","<p>Obese</p>\n<p>Old</p>","\u00adT &lt; 38","a<b"]`: {
			"Otitis externa", "Itch & pain", "Fever", "Obese Old", "T < 38", "a<b",
		},
		`[{"name":"A&nbsp;&ndash;&nbsp;B"},{"name":"<b></b>"},"<br>","\u200b","Fever"]`: {"A – B", "Fever"},
		`[{"id":1,"codes":["x"],"name":"Otitis externa"},7]`:                            {"Otitis externa", "7"},
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
