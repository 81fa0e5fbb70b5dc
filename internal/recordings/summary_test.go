package recordings_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestASummaryHasNoAnswerAndNoCase(t *testing.T) { // R40, R52
	t.Parallel()
	large := `{"patient":"` + strings.Repeat(canary, 64<<10) + `"}` // packed inside of the document
	r := recordings.Recording{
		Format: recordings.Format, Program: "1.2.3", Request: recordings.Request{Type: syncs.TypeInbound}, Settings: json.RawMessage(`{"filters":{"rooms":[["` + canary + `"]]}}`),
		Before: recordings.Before{LookedOn: "2026-01-17", Cases: []recordings.Case{
			{PIMSID: "1", PatientName: canary, Metadata: json.RawMessage(`{"consultation":{"soapNotes":{"plan":"` + canary + `"},"vitals":[1,2]}}`)}, {PIMSID: "2"},
		}},
		Logins: []recordings.Login{{Landed: "https://neo.example", Outcome: "ok"}},
		Exchanges: []recordings.Exchange{
			{Method: http.MethodPost, URL: "https://neo.example/patients/4711/view?q=" + canary, Form: canary, AfterMS: 5, TookMS: 7, Status: http.StatusOK, Body: recordings.NewBody([]byte(large))},
			{Method: http.MethodGet, URL: "https://neo.example/search", Status: http.StatusOK, End: recordings.FaultBroken, Body: recordings.NewBody([]byte("\xff" + canary))},
			{Method: http.MethodGet, URL: "https://neo.example/search", Fault: recordings.FaultRefused},
		},
		After: recordings.Outcome{Status: syncs.StatusFailed, Code: syncs.CodeSchemaDrift},
		Cut:   "too much",
	}
	document, err := r.Encode()
	require.NoError(t, err)
	summary, err := recordings.Summarize(document)
	require.NoError(t, err)
	require.Equal(t, &recordings.Summary{
		Program: "1.2.3", Cases: 2, Logins: r.Logins, Outcome: r.After, Cut: "too much",
		Sent: []recordings.Sent{
			{Number: 1, Method: http.MethodPost, Endpoint: "/patients/{id}/view", AfterMS: 5, TookMS: 7, Status: http.StatusOK, Bytes: len(large)},
			{Number: 2, Method: http.MethodGet, Endpoint: "/search", Status: http.StatusOK, Fault: recordings.FaultBroken, Bytes: 1 + len(canary)},
			{Number: 3, Method: http.MethodGet, Endpoint: "/search", Fault: recordings.FaultRefused},
		},
	}, summary)
}

func TestADocumentThatIsNoRecordingIsRefusedWithTheReason(t *testing.T) { // R52
	t.Parallel()
	pack := func(document string) []byte {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, err := w.Write([]byte(document))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return packed.Bytes()
	}
	damaged := pack(`{"format":1}`)
	damaged[len(damaged)-8] ^= 1 // the checksum
	const middle, other = "ends in the middle", "not the JSON of one"
	for _, tc := range []struct {
		name, says string
		document   []byte
	}{
		{"no gzip", "no gzip file", []byte("{}")},
		{"nothing", "no gzip file", nil},
		{"empty", middle, pack(``)},
		{"cut JSON", middle, pack(`{"format":1`)},
		{"a cut file", middle, pack(`{"format":1,"program":"` + strings.Repeat("ab", 500) + `"}`)[:25]},
		{"damaged", "damaged", damaged},
		{"another document", other, pack(`{}`)},
		{"null", other, pack(`null`)},
		{"a list", other, pack(`[]`)},
		{"other exchanges", other, pack(`{"format":1,"exchanges":{}}`)},
		{"broken cases", other, pack(`{"format":1,"before":{"cases":[{]}}`)},
		{"no exchange", other, pack(`{"format":1,"exchanges":[7]}`)},
		{"newer", "newer pims-sync made it, in format 2", pack(`{"format":2}`)},
	} {
		_, err := recordings.Summarize(tc.document)
		require.ErrorIs(t, err, recordings.ErrUnknownFormat, tc.name)
		require.ErrorContains(t, err, tc.says, tc.name)
		_, err = recordings.Decode(tc.document)
		require.ErrorIs(t, err, recordings.ErrUnknownFormat, tc.name)
		require.ErrorContains(t, err, tc.says, tc.name)
	}
}
