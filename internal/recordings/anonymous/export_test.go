package anonymous_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/recordings/anonymous"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// exported returns an anonymous copy, as whoever gets it reads it.
func exported(t *testing.T, r *recordings.Recording) *recordings.Recording {
	t.Helper()
	held, err := anonymous.ExportWith(t.Context(), []byte("a key of this test"), r, options)
	require.NoError(t, err)
	document, err := held.Encode()
	require.NoError(t, err)
	held, err = recordings.Decode(document)
	require.NoError(t, err)
	require.True(t, held.Anonymous)
	return held
}

func TestFaultyRunsAndTheirExportsReplayAsTheyWere(t *testing.T) { // R5, R6, R18, R20, R22, R23, R51, R52
	t.Parallel()
	for n, f := range faultyRuns() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			r := f.record(t)
			if *every || n%3 != 0 {
				requireSame(t, r)
			}
			if *every || n%3 == 0 {
				held := exported(t, r)
				require.Len(t, held.After.Decisions, len(r.After.Decisions))
				requireSame(t, held)
				requireNobody(t, r, held)
			}
		})
	}
}

func TestARecordingAndItsCopyTellTheSessionsOfARunApart(t *testing.T) { // R36, R52
	t.Parallel()
	dies := fault{kind: syncs.TypeFull, play: fails(neosim.Fault{Op: neosim.OpView, Kind: neosim.FaultSessionDies, Count: 1})}
	r := dies.record(t)
	held := exported(t, r)
	seen := map[int]bool{}
	for i := range r.Exchanges {
		seen[r.Exchanges[i].Session] = true
		require.Equal(t, r.Exchanges[i].Session, held.Exchanges[i].Session)
	}
	require.Equal(t, map[int]bool{0: true, 1: true, 2: true}, seen)
}

var caseIDs = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// requireNobody requires that no text of people is in an export (R40).
func requireNobody(t *testing.T, r, held *recordings.Recording) {
	t.Helper()
	document, err := held.Encode()
	require.NoError(t, err)
	texts := []string{unpack(t, document)}
	for i := range held.Exchanges {
		content, err := held.Exchanges[i].Body.Bytes()
		require.NoError(t, err)
		texts = append(texts, string(content))
	}
	text := strings.ReplaceAll(strings.ToLower(strings.Join(texts, "\n")), "\x00", "")
	text = caseIDs.ReplaceAllString(text, "") // they are ours and random: four of their digits may be "feed"
	tokens := map[string]bool{}
	for _, token := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) }) {
		tokens[token] = true
	}
	canaries := canariesOf(t, r)
	if len(r.Before.Cases) > 0 {
		require.Greater(t, len(canaries), 100)
	}
	var forms []string
	for canary := range canaries {
		require.False(t, tokens[canary], "%q is in the export", canary)
		for _, form := range spellings(t, canary) {
			forms = append(forms, form, "\x00")
		}
	}
	found := strings.Index(strings.NewReplacer(forms...).Replace(text), "\x00")
	require.Equal(t, -1, found, "the export holds a text of the original")
}

// canariesOf returns the names, phone numbers, addresses, notes and ids of a recording:
// words of four letters or more that the wire format does not know, and numbers of five
// digits or more.
func canariesOf(t *testing.T, r *recordings.Recording) map[string]bool {
	t.Helper()
	wire := idexxneo.New(pims.Environment{}).Declaration().Wire
	known := map[string]bool{}
	for _, word := range strings.FieldsFunc(strings.ToLower(strings.Join(append(wire.Words, wire.Fields...), " ")), func(r rune) bool { return !unicode.IsLetter(r) }) {
		known[word] = true
	}
	for word := range strings.FieldsSeq("broken removed reviewed pending draft surgery checkup other scheduled completed before after with under twice moved found known limit fields days size text code form header body requests cases plans phases last kinds shapes rows answers came filled keys forms") {
		known[word] = true
	}
	canaries := map[string]bool{}
	add := func(text string) {
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) }) {
			word = strings.ToLower(word)
			letters := strings.IndexFunc(word, unicode.IsLetter) >= 0
			if letters && len([]rune(word)) >= 4 && !known[word] || !letters && len(word) >= 5 {
				canaries[word] = true
			}
		}
	}
	for i := range r.Before.Cases {
		c := r.Before.Cases[i].Stored()
		add(strings.Join([]string{c.PIMSID, c.PatientName, c.ClientName, c.PhoneNumber}, " "))
		add(strings.Join([]string{c.Appointment.ClientEmail, c.Appointment.PatientID, c.Appointment.ClientID, c.Appointment.Title, c.Appointment.Reason, c.Appointment.Veterinarian}, " "))
		if n := c.Consultation; n != nil {
			add(strings.Join([]string{n.SOAP.Subjective, n.SOAP.Objective, n.SOAP.Assessment, n.SOAP.Plan, n.Discharge, n.Notes, n.ID, strings.Join(n.Diagnoses, " ")}, " "))
		}
	}
	return canaries
}

// spellings are ways in which a text can stand within another, in lower case. A short one
// would occur by chance.
func spellings(t *testing.T, text string) []string {
	t.Helper()
	if len(text) < 8 {
		return nil
	}
	escaped, err := json.Marshal(text)
	require.NoError(t, err)
	forms := []string{text, url.QueryEscape(text), strings.Trim(string(escaped), `"`)}
	ascii := ""
	for _, r := range text {
		if r < 128 {
			ascii += string(r)
		} else {
			ascii += strings.ToLower(strings.Trim(jsonEscape(r), `"`))
		}
	}
	forms = append(forms, ascii)
	for skip := range 3 { // whatever stands before it
		coded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", skip) + text))
		forms = append(forms, coded[(skip*4+2)/3:len(coded)-4])
	}
	for i := range forms {
		forms[i] = strings.ToLower(forms[i])
	}
	return forms
}

func jsonEscape(r rune) string {
	const digits = "0123456789abcdef"
	return `\u` + string([]byte{digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15]})
}

func TestAnExportIsTheSameUnderOneKeyAndAnotherUnderAnother(t *testing.T) { // R52
	t.Parallel()
	r := newWorld(t, nil).sync(t, syncs.TypeInbound, syncs.Options{})
	var documents [][]byte
	for _, key := range []string{"one", "one", "two"} {
		held, err := anonymous.ExportWith(t.Context(), []byte(key), r, options)
		require.NoError(t, err)
		document, err := held.Encode()
		require.NoError(t, err)
		documents = append(documents, document)
	}
	require.Equal(t, documents[0], documents[1])
	require.NotEqual(t, documents[0], documents[2])
}

func TestBrokenJSONStaysBrokenInItsPlace(t *testing.T) { // R52
	t.Parallel()
	for _, broken := range []string{
		`[{"id": 4711234, "patient_name": "Bella Rosewater", "start": "2026-03-18 10:00:00"}, {"id": 471`,
		`[{"patient_name": "Ros` + "\xff" + `ewater"}]`, `{"data": [], "error": "Mrs Rosewater is gone"`, "\x00\x01Rosewater", `"Rosew`,
		`{"Rosewater": {"Rosewater": "Rosewater"}, "patient_name": "Rosewater", "weight": "12,345 kg", "vitals": {"pulse": 180}}`,
		"<html><body><p class=\"x\">Mrs Rosewater</p><input name=\"password\"></body></html>",
	} {
		held := inACopy(t, broken)
		require.Len(t, held, len(broken))
		require.NotContains(t, strings.ToLower(held), "rosew")
		for i, b := range []byte(broken) {
			if !unicode.IsLetter(rune(b)) && !unicode.IsDigit(rune(b)) {
				require.Equal(t, b, held[i], "%s\n%s", broken, held)
			}
		}
	}
}

func TestWhatAClientDecidesByStays(t *testing.T) { // R5, R7, R52
	t.Parallel()
	for _, kept := range []string{
		`{"success":false,"status":500,"code":"404","error":"no error"}`, `{"total":45,"page":2,"perPage":20,"data":[]}`,
		`[{"id":0,"start":"0000-00-00 00:00:00","current_status":"Checked-In","type_description":"Urgent surgery"}]`,
		`{"vitals":{"weight":"12 lbs 4 oz","temperature":38.5,"temperatureUnit":"C"},"clinicalNotes":"S:\nO: T: 38.5 P: 92\nA/P: &nbsp;<br/><p>"}`,
		`[1e400,1E+99,-0.5,true,null]`, `<form><input type="password"></form>`,
	} {
		require.Equal(t, kept, inACopy(t, kept))
	}
}

func TestWhatIsPersonalIsReplacedHoweverItIsWritten(t *testing.T) { // R40, R52
	t.Parallel()
	for answer, personal := range map[string]string{
		`{"phone_number":"06 12 34 56 78"}`:                        "06 12 34 56 78",
		`{"phone_number":"+1 (312) 55-01-42"}`:                     "55-01-42",
		`{"phone_number":5550142}`:                                 "5550142",
		`{"vitals":{"patient":4711234}}`:                           "4711234",
		`{"Rosewater":1}`:                                          "Rosewater",
		`{"notes":"&Rosewater; came"}`:                             "Rosewater",
		`{"notes":"&#82;&#111;&#115;&#101;&#x77;"}`:                "&#111;&#115;&#101;&#x77;",
		`{"notes":"\u0052\u006f\u0073\u0065"}`:                     `\u006f\u0073\u0065`,
		`{"notes":"<rosewater x=1> at <b rosewater=1>"}`:           "rosewater",
		`{"link":"https://neo.example/clients/Rosewater?n=R%20o"}`: "Rosewater",
		`{"email":"ada@rosewater.example"}`:                        "rosewater",
		`{"patient_name":"Ромашка"}`:                               "Ромашка",
		`{"patient_name":"小林"}`:                                    "小林",
		`{"id":"5f1c9a52-7a35-4d0e-9f5e-2a1b3c4d5e6f"}`:            "5f1c9a52",
		`{"start":"2026-03-18 10:00:00"}`:                          "2026-03-18",
		`{"born":"18/03/2014"}`:                                    "18/03/2014",
	} {
		held := inACopy(t, answer)
		require.Len(t, held, len(answer))
		require.NotContains(t, held, personal)
	}
}

func TestADamagedNameStaysADamagedFormOfTheSame(t *testing.T) { // R7, R52
	t.Parallel()
	held := inACopy(t, `["Rosewater","Zo\u00eb","R\ud83dsewater","Zo`+"\uFFFD"+`","Q`+"\uFFFD"+`q"]`)
	var texts []string
	require.NoError(t, json.Unmarshal([]byte(held), &texts))
	require.Empty(t, pims.Undamaged(texts[2], texts[0]))
	require.Empty(t, pims.Undamaged(texts[3], texts[1]))
	require.NotEmpty(t, pims.Undamaged(texts[4], texts[1]))
	require.NotContains(t, held, "sewater")
}

// inACopy returns what becomes of an answer in an export.
func inACopy(t *testing.T, answer string) string {
	t.Helper()
	r := &recordings.Recording{
		Format: recordings.Format, Provider: idexxneo.Name, Zone: zone, Base: "https://neo.example", Began: noon,
		Request:   recordings.Request{Type: syncs.TypeInbound, Trigger: syncs.TriggerCLI},
		Exchanges: []recordings.Exchange{{Method: "GET", URL: "https://neo.example/", Status: 200, Body: recordings.NewBody([]byte(answer))}},
	}
	content, err := exported(t, r).Exchanges[0].Body.Bytes()
	require.NoError(t, err)
	return string(content)
}
