package api

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// secret stands for what a caller wrote and must not get back.
const secret = "Zanzibar"

type badBody struct{ path, body, field string }

// badBodies are bodies that no endpoint may accept, and the field that is named.
func badBodies() map[string]badBody {
	return map[string]badBody{
		"unknown field":                {"inbound", `{"` + secret + `":1}`, secret},
		"unknown nested field":         {"inbound", `{"options":{"daysAhead":7}}`, "options"},
		"a clinic":                     {"inbound", `{"clinicId":"` + secret + `"}`, "clinicId"},
		"a field of another type":      {"inbound", `{"lookbackDays":7}`, "lookbackDays"},
		"force of inbound":             {"inbound", `{"force":false}`, "force"},
		"dates of reconcile":           {"reconcile", `{"startDate":"2026-01-17"}`, "startDate"},
		"doubled field":                {"inbound", `{"daysAhead":7,"daysAhead":7}`, "daysAhead"},
		"doubled field, escaped":       {"inbound", `{"daysAhead":7,"days\u0041head":8}`, "daysAhead"},
		"upper-case field":             {"inbound", `{"DaysAhead":7}`, "DaysAhead"},
		"lower-case field":             {"inbound", `{"daysahead":7}`, "daysahead"},
		"snake-case field":             {"inbound", `{"days_ahead":7}`, "days_ahead"},
		"a name that is no field's":    {"inbound", `{"Mrs. ` + secret + `":1}`, "(unknown)"},
		"a very long name":             {"inbound", `{"` + strings.Repeat(secret, 100) + `":1}`, "(unknown)"},
		"the empty name":               {"inbound", `{"":1}`, "(unknown)"},
		"schema reference":             {"inbound", `{"$schema":"` + secret + `"}`, "(unknown)"},
		"impossible date":              {"inbound", `{"startDate":"2026-02-30"}`, "startDate"},
		"date with clock":              {"inbound", `{"startDate":"2026-01-17T00:00:00Z"}`, "startDate"},
		"date of another form":         {"inbound", `{"startDate":"17.01.2026"}`, "startDate"},
		"date without zeros":           {"inbound", `{"startDate":"2026-1-7"}`, "startDate"},
		"date of one space":            {"inbound", `{"startDate":" "}`, "startDate"},
		"empty date":                   {"inbound", `{"startDate":""}`, "startDate"},
		"text for a date":              {"inbound", `{"endDate":"` + secret + `"}`, "endDate"},
		"number for a date":            {"inbound", `{"startDate":20260117}`, "startDate"},
		"object for a date":            {"inbound", `{"startDate":{"` + secret + `":1}}`, "startDate"},
		"list for a date":              {"inbound", `{"startDate":["2026-01-17"]}`, "startDate"},
		"text for a number":            {"inbound", `{"daysAhead":"7"}`, "daysAhead"},
		"fraction":                     {"inbound", `{"daysAhead":7.5}`, "daysAhead"},
		"exponent":                     {"inbound", `{"daysAhead":1e1}`, "daysAhead"},
		"number beyond int64":          {"inbound", `{"daysAhead":99999999999999999999}`, "daysAhead"},
		"number beyond float64":        {"inbound", `{"daysAhead":1e999}`, "daysAhead"},
		"number of many digits":        {"inbound", `{"daysAhead":` + strings.Repeat("9", 5000) + `}`, "daysAhead"},
		"boolean for a number":         {"cases", `{"parallelBatchSize":true}`, "parallelBatchSize"},
		"text for a boolean":           {"inbound", `{"dryRun":"true"}`, "dryRun"},
		"number for a boolean":         {"inbound", `{"dryRun":1}`, "dryRun"},
		"daysAhead over its cap":       {"inbound", `{"daysAhead":91}`, "daysAhead"},
		"daysAhead below zero":         {"inbound", `{"daysAhead":-1}`, "daysAhead"},
		"window over its cap":          {"inbound", `{"startDate":"2026-01-01","endDate":"2026-04-03"}`, "startDate"},
		"end before start":             {"cases", `{"startDate":"2026-01-17","endDate":"2026-01-16"}`, "endDate"},
		"daysAhead against endDate":    {"inbound", `{"startDate":"2026-01-17","endDate":"2026-01-24","daysAhead":3}`, "daysAhead"},
		"batch size over its cap":      {"cases", `{"parallelBatchSize":21}`, "parallelBatchSize"},
		"batch size of zero":           {"full", `{"parallelBatchSize":0}`, "parallelBatchSize"},
		"lookbackDays of zero":         {"reconcile", `{"lookbackDays":0}`, "lookbackDays"},
		"lookbackDays over its cap":    {"full", `{"lookbackDays":181}`, "lookbackDays"},
		"lookaheadDays over its cap":   {"reconcile", `{"lookaheadDays":91}`, "lookaheadDays"},
		"no JSON":                      {"inbound", secret, "body"},
		"NaN":                          {"inbound", `{"daysAhead":NaN}`, "body"},
		"Infinity":                     {"inbound", `{"daysAhead":Infinity}`, "body"},
		"leading zero":                 {"inbound", `{"daysAhead":07}`, "body"},
		"single quotes":                {"inbound", `{'daysAhead':7}`, "body"},
		"comment":                      {"inbound", `{/* ` + secret + ` */}`, "body"},
		"trailing comma":               {"inbound", `{"daysAhead":7,}`, "body"},
		"truncated":                    {"inbound", `{"daysAhead":7`, "body"},
		"two documents":                {"inbound", `{} {"daysAhead":7}`, "body"},
		"trailing garbage":             {"inbound", `{}` + secret, "body"},
		"trailing NUL":                 {"inbound", "{}\x00", "body"},
		"null":                         {"inbound", `null`, "body"},
		"list":                         {"inbound", `[]`, "body"},
		"text":                         {"inbound", `"` + secret + `"`, "body"},
		"number":                       {"inbound", `7`, "body"},
		"invalid UTF-8 in a name":      {"inbound", "{\"\xff\":1}", "body"},
		"invalid UTF-8 in a value":     {"inbound", "{\"startDate\":\"\xff\"}", "body"},
		"lone surrogate":               {"inbound", `{"startDate":"\ud800"}`, "body"},
		"byte order mark":              {"inbound", "\xef\xbb\xbf{}", "body"},
		"UTF-16":                       {"inbound", "{\x00}\x00", "body"},
		"deep nesting":                 {"inbound", `{"startDate":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, "body"},
		"something to cancel with":     {"", `{"reason":"` + secret + `"}`, "reason"},
		"syntax error after a mistake": {"inbound", `{"daysAhead":"` + secret + `",`, "daysAhead"},
	}
}

func TestABodyThatIsNotExactlyRightIsRefusedAndNamesTheField(t *testing.T) { // R38
	t.Parallel()
	for name, test := range badBodies() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			path := "/api/sync/" + test.path
			if test.path == "" {
				path = "/api/syncs/" + sample.SyncID.String() + "/cancel"
			}
			a := b.post(path, test.body)
			a.refused(http.StatusBadRequest, syncs.CodeInvalidRequest, test.field)
			require.Empty(t, b.syncs.started())
			if test.field != secret {
				require.NotContains(t, a.Body.String(), secret)
			}
			require.Less(t, a.Body.Len(), 500)
		})
	}
}

func TestADifferentlyWrittenFieldIsToldItsRightName(t *testing.T) {
	t.Parallel()
	a := newBench(t).post("/api/sync/inbound", `{"STARTDATE":"2026-01-17"}`)
	require.Contains(t, a.body["error"], "it is written startDate")
}

func TestAnUnknownFieldIsToldTheKnownOnes(t *testing.T) {
	t.Parallel()
	a := newBench(t).post("/api/sync/reconcile", `{"days":7}`)
	require.Contains(t, a.body["error"], "there are lookbackDays, lookaheadDays, dryRun")
}

func TestANullFieldCountsAsLeftOut(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.endsAtOnce(func(*syncs.Audit) {})
	a := b.post("/api/sync/full", `{"startDate":null,"endDate":null,"daysAhead":null,"parallelBatchSize":null,"lookbackDays":null,"lookaheadDays":null,"force":null,"dryRun":null}`)
	require.Equal(t, http.StatusOK, a.Code)
	require.Equal(t, syncs.Options{}, b.syncs.started()[0].Options)
}

func TestTheCapsThemselvesAreAccepted(t *testing.T) { // R4
	t.Parallel()
	b := newBench(t)
	b.endsAtOnce(func(*syncs.Audit) {})
	for _, body := range []string{
		`{"startDate":"2026-01-01","endDate":"2026-04-02"}`, // 92 days
		`{"daysAhead":0}`, `{"daysAhead":90,"lookbackDays":1,"lookaheadDays":0,"parallelBatchSize":1}`,
		`{"lookbackDays":180,"lookaheadDays":90,"parallelBatchSize":20}`,
	} {
		require.Equal(t, http.StatusOK, b.post("/api/sync/full", body).Code, body)
	}
}

func TestOnlyJSONInUTF8IsRead(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.endsAtOnce(func(*syncs.Audit) {})
	for _, good := range []string{"application/json", "Application/JSON", "application/json; charset=utf-8", `application/json;charset="UTF-8"`} {
		a := b.do(http.MethodPost, "/api/sync/inbound", `{}`, withHeader("Content-Type", good))
		require.Equal(t, http.StatusOK, a.Code, good)
	}
	require.Equal(t, http.StatusOK, b.do(http.MethodPost, "/api/sync/inbound", `{}`).Code, "no content type")
	for _, bad := range []string{
		"", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/problem+json",
		"application/cbor", "multipart/form-data; boundary=x", "application/json, text/plain", ";",
	} {
		b.do(http.MethodPost, "/api/sync/inbound", `{}`, withHeader("Content-Type", bad)).
			refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "Content-Type")
	}
	twice := func(r *http.Request) { r.Header["Content-Type"] = []string{"application/json", "application/json"} }
	b.do(http.MethodPost, "/api/sync/inbound", `{}`, twice).
		refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "Content-Type")
}

func TestABodyOverItsSizeIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.endsAtOnce(func(*syncs.Audit) {})
	fits := `{}` + strings.Repeat(" ", web.BodyLimit-2)
	require.Equal(t, http.StatusOK, b.post("/api/sync/inbound", fits).Code)
	b.post("/api/sync/inbound", fits+" ").refused(http.StatusRequestEntityTooLarge, web.CodeBodyTooLarge, "")
	b.post("/api/sync/inbound", strings.Repeat(" ", web.BodyLimit+1)).refused(http.StatusRequestEntityTooLarge, web.CodeBodyTooLarge, "")
	require.Len(t, b.syncs.started(), 1)
}

func TestABodyThatBreaksOffIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	broken := io.MultiReader(strings.NewReader(`{`), iotest.ErrReader(errors.New("reset by "+secret)))
	a := b.post("/api/sync/inbound", `{}`, func(r *http.Request) { r.Body = io.NopCloser(broken) })
	a.refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "body")
	require.NotContains(t, a.Body.String(), secret)
}

// FuzzBody: whatever comes, the answer is a document that names a field and
// repeats no value; and what is accepted is a JSON object that another decoder
// reads the same.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{}`, ``, `null`, `{"startDate":"2026-01-17","daysAhead":7}`, `{"daysAhead":7,"daysAhead":8}`, `{"DaysAhead":7}`,
		`{"daysAhead":1e400}`, `{"startDate":"\ud800"}`, `{"a":{"b":[1,2,{"c":null}]}}`, "{\"\xff\":1}", `{} {}`, `{"dryRun":true}x`,
		`{"endDate":"2026-02-30"}`, `{"force":null,"lookbackDays":-0}`,
	} {
		f.Add([]byte(seed))
	}
	for _, bad := range badBodies() {
		f.Add([]byte(bad.body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var options syncOptions
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/sync/full", bytes.NewReader(body))
		err := web.ReadBody(r, &options)
		if err != nil {
			var failure *syncs.Failure
			require.ErrorAs(t, err, &failure)
			require.Contains(t, []syncs.Code{syncs.CodeInvalidRequest, web.CodeBodyTooLarge}, failure.Code)
			require.Less(t, len(failure.Message)+len(failure.Field), 400)
			return
		}
		if len(bytes.TrimSpace(body)) == 0 {
			require.Equal(t, syncOptions{}, options)
			return
		}
		var again syncOptions
		decoder := stdjson.NewDecoder(bytes.NewReader(body))
		decoder.DisallowUnknownFields()
		require.NoError(t, decoder.Decode(&again), "%q", body)
		require.Equal(t, again, options)
		require.False(t, decoder.More())
	})
}
