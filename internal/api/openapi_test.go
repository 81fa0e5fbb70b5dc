package api

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/api/apitest"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/web"
)

var update = flag.Bool("update", false, "write openapi.golden.json anew")

const golden = "openapi.golden.json"

// The file is the contract in review: what changes it changes the API.
func TestTheOpenAPIDocumentIsTheOneThatWasReviewed(t *testing.T) {
	t.Parallel()
	if *update {
		require.NoError(t, os.WriteFile(golden, OpenAPI(), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), string(OpenAPI()), "the API has changed; if it was meant to, run `go test ./internal/api -run OpenAPI -update`")
}

func TestTheOpenAPIDocumentIsServed(t *testing.T) {
	t.Parallel()
	later := func(o *benchSettings) { o.Now = func() time.Time { return sample.Time.AddDate(1, 0, 0) } }
	a := newBench(t, later).get("/openapi.json", withoutKey) // whatever the time
	require.Equal(t, http.StatusOK, a.Code)
	require.Equal(t, "application/openapi+json", a.Header().Get("Content-Type"))
	require.Equal(t, string(OpenAPI()), a.Body.String())
}

// walk visits every object of a document.
func walk(node any, visit func(map[string]any)) {
	switch node := node.(type) {
	case map[string]any:
		visit(node)
		for _, child := range node {
			walk(child, visit)
		}
	case []any:
		for _, child := range node {
			walk(child, visit)
		}
	}
}

func TestTheDocumentIsOpenAPI31AndResolvesItsReferences(t *testing.T) {
	t.Parallel()
	doc := answer{t: t}
	require.NoError(t, json.Unmarshal(OpenAPI(), &doc.body))
	require.Equal(t, "3.1.0", doc.at("openapi"))
	schemas := describe(&server{}).Describe().Components.Schemas.Map()
	used := map[string]bool{}
	walk(doc.body, func(node map[string]any) {
		if ref, ok := node["$ref"].(string); ok {
			name := strings.TrimPrefix(ref, "#/components/schemas/")
			require.Contains(t, schemas, name)
			used[name] = true
		}
	})
	require.Len(t, used, len(schemas), "a schema is not used")
}

func TestHumasAdditionsAreNotInTheDocument(t *testing.T) { // docs/decisions/2026-11-24-dependencies.md
	t.Parallel()
	text := string(OpenAPI())
	for _, trace := range []string{`"$schema"`, "problem+json", "ErrorModel", "ErrorDetail", "unpkg", "cbor", `"422": {
          "description": "Unprocessable Entity"`} {
		require.NotContains(t, text, trace)
	}
	a := newBench(t).get("/api/syncs")
	require.Empty(t, a.Header().Get("Link"))
	require.NotContains(t, a.Body.String(), "$schema")
}

func TestRequestBodiesAreOptionalAndClosedAndResultsAreOpen(t *testing.T) {
	t.Parallel()
	doc := describe(&server{}).Describe()
	for path, item := range doc.Paths {
		for _, op := range web.Described(item) {
			if op.RequestBody == nil {
				continue
			}
			schema := doc.Components.Schemas.SchemaFromRef(op.RequestBody.Content["application/json"].Schema.Ref)
			require.Equal(t, false, schema.AdditionalProperties, path)
			replaces := strings.Contains(path, "/settings") // all that is stored
			require.Equal(t, replaces || len(schema.Required) > 0, op.RequestBody.Required, path)
			if strings.Contains(path, "/sync/") {
				require.Empty(t, schema.Required, "%s: a sync needs no body", path)
			}
		}
	}
	require.Nil(t, doc.Components.Schemas.Map()["SyncRecord"].AdditionalProperties)
}

func TestEveryOperationIsDescribedWithExamplesAndErrors(t *testing.T) {
	t.Parallel()
	doc := describe(&server{}).Describe()
	for path, item := range doc.Paths {
		for _, op := range web.Described(item) {
			require.NotEmpty(t, op.Summary, path)
			require.NotEmpty(t, op.Description, path)
			require.NotNil(t, op.Security, "%s: that no key is needed is said, too", path)
			require.Equal(t, strings.HasPrefix(path, "/api/"), len(op.Security) > 0, "%s: who calls the API needs a key, and nobody else", path)
			if len(op.Security) > 0 {
				require.Contains(t, op.Responses, "401", path)
				require.Contains(t, op.Responses, "403", path)
				require.Contains(t, op.Responses, "429", path)
				require.Contains(t, op.Responses, "400", path)
			}
			require.Contains(t, op.Responses, "500", path)
			for _, p := range op.Parameters {
				require.NotEmpty(t, p.Description, "%s %s", path, p.Name)
			}
			for status, response := range op.Responses {
				require.NotEmpty(t, response.Description, "%s %s", path, status)
				media, ok := response.Content["application/json"]
				if !ok {
					require.True(t, path == metricsPath || strings.HasSuffix(path, "/syncs/{id}/events"), path)
					continue
				}
				require.NotNil(t, media.Example, "%s %s", path, status)
			}
			if op.RequestBody != nil {
				require.NotNil(t, op.RequestBody.Content["application/json"].Example, path)
			}
		}
	}
}

func TestEveryExampleIsOfItsSchema(t *testing.T) {
	t.Parallel()
	c, err := apitest.Read(OpenAPI())
	require.NoError(t, err)
	seen, err := c.Examples()
	require.NoError(t, err)
	require.Greater(t, seen, 200, "the examples were not found")
}

func TestEveryPathOfTheInterfaceThatIsBuiltIsThere(t *testing.T) {
	t.Parallel()
	var paths []string
	for _, op := range (&server{}).operations() {
		paths = append(paths, op.Method+" "+op.Path)
	}
	slices.Sort(paths)
	own := []string{
		"GET /api/cases",
		"GET /api/cases/{id}",
		"GET /api/cases/{id}/history",
		"GET /api/cases/{id}/moment",
		"GET /api/cases/{id}/comparison",
		"GET /api/changes",
		"GET /api/events",
		"GET /api/freshness",
		"GET /api/plans",
		"GET /api/plans/{id}",
		"GET /api/recordings",
		"GET /api/recordings/{id}",
		"GET /api/syncs",
		"GET /api/syncs/{id}",
		"GET /api/syncs/{id}/events",
		"POST /api/cases/{id}/restore",
		"POST /api/plans/{id}/approve",
		"POST /api/plans/{id}/reject",
		"POST /api/sync/cases",
		"POST /api/sync/full",
		"POST /api/sync/inbound",
		"POST /api/sync/reconcile",
		"POST /api/syncs/{id}/cancel",
		"POST /api/syncs/{id}/restore",
	}
	want := []string{
		"GET /health", "GET /metrics", "GET /ready",
		"GET /api/fleet-keys", "POST /api/fleet-keys", "DELETE /api/fleet-keys/{id}",
		"GET /api/people", "POST /api/people", "PATCH /api/people/{id}", "DELETE /api/people/{id}", "GET /api/system",
		"GET /api/clinics", "POST /api/clinics", "GET /api/clinics/{clinicId}", "PATCH /api/clinics/{clinicId}", "GET /api/operator-events", "GET /api/trends",
		"GET /api/clinics/{clinicId}/credentials", "PUT /api/clinics/{clinicId}/credentials",
		"POST /api/clinics/{clinicId}/credentials/test", "POST /api/clinics/{clinicId}/credentials/resume",
		"GET /api/clinics/{clinicId}/schedules", "PUT /api/clinics/{clinicId}/schedules", "GET /api/clinics/{clinicId}/schedules/next",
		"GET /api/clinics/{clinicId}/settings", "PUT /api/clinics/{clinicId}/settings", "POST /api/clinics/{clinicId}/settings/preview", "GET /api/clinics/{clinicId}/words",
		"GET /api/clinics/{clinicId}/keys", "POST /api/clinics/{clinicId}/keys", "DELETE /api/clinics/{clinicId}/keys/{id}",
		"GET /api/webhooks", "POST /api/webhooks", "GET /api/webhooks/{id}", "PATCH /api/webhooks/{id}", "DELETE /api/webhooks/{id}",
		"POST /api/webhooks/{id}/test", "POST /api/webhooks/{id}/rotate", "GET /api/webhooks/{id}/deliveries",
		"POST /api/webhooks/{webhookId}/deliveries/{id}/resend", "POST /api/webhooks/{webhookId}/deliveries/{id}/skip",
		"GET /api/notifications", "POST /api/notifications", "GET /api/notifications/{id}", "PATCH /api/notifications/{id}",
		"DELETE /api/notifications/{id}", "POST /api/notifications/{id}/test",
		"GET /api/clinics/{clinicId}/status-links", "POST /api/clinics/{clinicId}/status-links", "DELETE /api/clinics/{clinicId}/status-links/{id}",
		"DELETE /api/clinics/{clinicId}/recordings/{id}",
	}
	for _, path := range own { // for clinic keys, and for callers that name the clinic (R42)
		want = append(want, path, strings.Replace(path, " /api/", " /api/clinics/{clinicId}/", 1))
	}
	slices.Sort(want)
	require.Equal(t, want, paths)
}

func TestTheDocumentationIsReadableOffline(t *testing.T) {
	t.Parallel()
	a := newBench(t).get("/docs", withoutKey)
	require.Equal(t, http.StatusOK, a.Code)
	require.Equal(t, "text/html; charset=utf-8", a.Header().Get("Content-Type"))
	page := a.Body.String()

	require.NotRegexp(t, `(?i)<(script|link|img|iframe|object|embed|form)\b`, page)
	require.NotRegexp(t, `(?i)(src|srcset|action)\s*=`, page)
	require.NotRegexp(t, `(?i)@import|url\(`, page)
	for _, href := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if target, ok := strings.CutPrefix(href[1], "#"); ok {
			require.Contains(t, page, `id="`+target+`"`)
		} else {
			require.Equal(t, "/openapi.json", href[1])
		}
	}
}

func TestTheDocumentationsStyleIsTheOneThatItsPolicyAllows(t *testing.T) {
	t.Parallel()
	a := newBench(t).get("/docs", withoutKey)
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(a.Body.String())
	require.Len(t, style, 2)
	sum := sha256.Sum256([]byte(style[1]))
	require.Contains(t, a.Header().Get("Content-Security-Policy"), "style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	require.NotContains(t, a.Body.String(), " style=")
}

func TestTheDocumentationTellsEveryOperationFieldAndCode(t *testing.T) {
	t.Parallel()
	page := newBench(t).get("/docs", withoutKey).Body.String()
	for _, op := range (&server{}).operations() {
		require.Contains(t, page, `<h3 id="`+op.ID+`"><span class="method">`+op.Method+`</span> `+op.Path)
		for code := range op.Problems() {
			for _, c := range op.Problems()[code] {
				require.Contains(t, page, "<code>"+string(c)+"</code>")
			}
		}
	}
	for name := range describe(&server{}).Describe().Components.Schemas.Map() {
		require.Contains(t, page, `id="schema-`+name+`"`)
	}
	require.NotContains(t, page, "ZgotmplZ", "the template refused a value")
	require.Contains(t, page, "Default: 7. From 0 to 90.")
	require.Contains(t, page, `curl -X POST -H &#34;X-API-Key: $PIMS_SYNC_KEY&#34;`)
}

func TestTheDocumentationsCommandsCallTheAddressThatServesIt(t *testing.T) {
	t.Parallel()
	at := func(host string) requestOption { return func(r *http.Request) { r.Host = host } }
	viaProxy := []requestOption{from("10.0.0.1:4711"), at("backend:3001"), withHeader("X-Forwarded-Host", "pims.example.com"), withHeader("X-Forwarded-Proto", "https")}
	for want, options := range map[string][]requestOption{
		"http://sync.example.com":      {at("sync.example.com")},
		"http://192.0.2.7:8080":        {at("192.0.2.7:8080")},
		"http://[2001:db8::7]:3001":    {at("[2001:db8::7]:3001")},
		"https://sync.example.org":     {at("sync.example.org"), func(r *http.Request) { r.TLS = &tls.ConnectionState{} }},
		"https://pims.example.com":     viaProxy,
		"http://backend:3001":          append(slices.Clone(viaProxy), from("192.0.2.9:4711")), // not a proxy that is trusted
		"http://127.0.0.1:3001":        {at("a\"><script>alert(1)</script>")},
		"http://127.0.0.1:3001/health": {at("")},
	} {
		page := newBench(t, trust("10.0.0.0/8")).get("/docs", append(options, withoutKey)...).Body.String()
		require.Contains(t, page, " "+want)
		require.NotContains(t, page, "http://address.invalid")
		require.NotContains(t, page, "alert(1)")
	}
}
