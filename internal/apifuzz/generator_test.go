package apifuzz

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/api"
)

// A request as the generator makes it.
type request struct {
	caller         caller
	method, target string
	header         [][2]string
	body           string
}

// An operation is one of the description, as far as the generator needs it.
type operation struct {
	method, path string
	Parameters   []parameter `json:"parameters"`
	RequestBody  struct {
		Content map[string]struct {
			Example map[string]any `json:"example"`
		} `json:"content"`
	} `json:"requestBody"`
}

type parameter struct {
	Name    string `json:"name"`
	In      string `json:"in"`
	Example any    `json:"example"`
	Schema  struct {
		Enum []any `json:"enum"`
	} `json:"schema"`
}

// left are operations that a fuzzer must not do, because we would then call others: a PIMS,
// the address of a webhook, a channel of notifications.
var left = []string{"PUT /api/clinics/{clinicId}/credentials", "POST /api/webhooks", "POST /api/notifications"}

// A generator makes requests. The same random numbers make the same requests of the same
// responses, but for ids, which are new in each run.
type generator struct {
	*rand.Rand

	w          *world
	operations []operation
	cursors    []string // that responses gave
}

func newGenerator(random *rand.Rand, w *world) *generator {
	g := &generator{Rand: random, w: w}
	var document struct {
		Paths map[string]map[string]operation `json:"paths"`
	}
	require.NoError(w.t, json.Unmarshal(api.OpenAPI(), &document))
	for _, path := range slices.Sorted(maps.Keys(document.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(document.Paths[path])) {
			op := document.Paths[path][method]
			op.method, op.path = strings.ToUpper(method), path
			if !slices.Contains(left, op.method+" "+op.path) {
				g.operations = append(g.operations, op)
			}
		}
	}
	return g
}

func (g *generator) oneIn(n int) bool { return g.IntN(n) == 0 }

func pick[T any](g *generator, from []T) T { return from[g.IntN(len(from))] }

// junk are texts that a parser may stumble over.
var junk = []string{
	"", " ", "0", "-1", "+5", "007", "1e3", "9999999999999999999", "null", "true", "[]", "{}", "'", "\"", "' or 1=1 --", "%", "%00", "\x00", "\xff", "\ud7ff", "🐈",
	"..", "../..", "0000-01-01", "9999-12-31", "10000-01-01", "2026-02-30", "2026-01-17T12:00:00Z", "9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:00",
	"Infinity", "NaN", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", strings.Repeat("a", 300), strings.Repeat("é", 3000), "\u202e", "a\nb", "<script>",
}

// request makes a request of the description, with some of it wrong.
func (g *generator) request() request {
	op := pick(g, g.operations)
	r := request{caller: g.caller(), method: op.method, target: g.path(op.path)}
	if query := g.query(op); query != "" {
		r.target += "?" + query
	}
	r.header = append(r.header, g.w.credentials(r.caller)...)
	if r.caller.session == "" && g.oneIn(40) { // a session counts only beside no key
		r.header = append(r.header, [2]string{"X-API-Key", pick(g, g.w.callers).key})
		r.caller.never = g.w.tenants[1].word // two keys are none
	}
	if g.oneIn(40) {
		r.method = pick(g, []string{"HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "BREW", "TRACE", "GET"})
	}
	if content, ok := op.RequestBody.Content["application/json"]; ok || g.oneIn(10) {
		r.body = g.body(content.Example)
		r.header = append(r.header, [2]string{"Content-Type", pick(g, []string{
			"application/json", "application/json", "application/json", "application/json; charset=utf-8", "text/plain", "application/json; charset=latin1", "",
		})})
	}
	for _, h := range [][2]string{
		{"Prefer", "respond-async"},
		{"Idempotency-Key", pick(g, []string{"k1", "k2", "", "é", strings.Repeat("k", 256)})},
		{"Content-Encoding", "gzip"},
		{"Accept", "text/html"},
		{"X-Forwarded-For", pick(g, junk)},
		{"X-HTTP-Method-Override", "DELETE"},
		{"Range", "bytes=0-1"},
		{"If-None-Match", "*"},
		{"Cookie", "__Host-pims_sync=x"},
	} {
		if g.oneIn(15) && !strings.ContainsAny(h[1], "\x00\n") && utf8.ValidString(h[1]) {
			r.header = append(r.header, h)
		}
	}
	if strings.HasPrefix(op.path, "/api/sync/") && op.path != "/api/syncs" {
		r.header = append(r.header, [2]string{"Prefer", "respond-async"})
	}
	return r
}

// caller returns mostly one that has a key: strangers soon get 429 and nothing else.
func (g *generator) caller() caller {
	by := pick(g, g.w.callers)
	if by.name == nobody && !g.oneIn(4) {
		return g.caller()
	}
	return by
}

// path fills in ids of both tenants, or anything.
func (g *generator) path(pattern string) string {
	fill := func(usual string) string {
		switch {
		case g.oneIn(12):
			return url.PathEscape(pick(g, junk))
		case g.oneIn(11):
			return uuid.NewString()
		case g.oneIn(4):
			return pick(g, pick(g, g.w.tenants[:]).ids)
		case g.oneIn(20):
			return strings.ToUpper(usual)
		}
		return usual
	}
	one := pick(g, g.w.tenants[:])
	pattern = strings.ReplaceAll(pattern, "{clinicId}", fill(one.id.String()))
	pattern = strings.ReplaceAll(pattern, "{webhookId}", fill(pick(g, one.of["webhooks"])))
	if before, _, ok := strings.Cut(pattern, "/{id}"); ok {
		ids := pick(g, g.w.tenants[:]).of[path.Base(before)]
		if len(ids) == 0 {
			ids = one.ids
		}
		pattern = strings.ReplaceAll(pattern, "{id}", fill(pick(g, ids)))
	}
	return pattern
}

// query gives some of the parameters, mostly right ones.
func (g *generator) query(op operation) string {
	var parts []string
	for _, p := range op.Parameters {
		if p.In != "query" || !g.oneIn(3) {
			continue
		}
		parts = append(parts, url.QueryEscape(p.Name)+"="+url.QueryEscape(g.value(p)))
		if g.oneIn(30) {
			parts = append(parts, parts[len(parts)-1])
		}
	}
	if g.oneIn(30) {
		parts = append(parts, pick(g, []string{"x=1", "Limit=1", "a;b", "%zz", "limit", "=", "limit=1&limit=2", "__proto__=1"}))
	}
	return strings.Join(parts, "&")
}

func (g *generator) value(p parameter) string {
	switch {
	case p.Name == "wait":
		return pick(g, []string{"0", "-1", "31", "x", ""}) // a wait takes its time
	case (p.Name == "cursor" || p.Name == "after") && len(g.cursors) > 0 && !g.oneIn(4):
		return g.cursor()
	case g.oneIn(4):
		return pick(g, junk)
	case len(p.Schema.Enum) > 0:
		return pick(g, p.Schema.Enum).(string)
	case p.Name == "limit":
		return pick(g, []string{"1", "2", "200", "1000"})
	}
	if text, ok := p.Example.(string); ok {
		return text
	}
	return pick(g, junk)
}

// cursor returns a cursor that some response gave, as it was or forged.
func (g *generator) cursor() string {
	cursor := pick(g, g.cursors)
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(raw) == 0 || !g.oneIn(2) {
		return cursor
	}
	switch g.IntN(4) {
	case 0:
		raw[g.IntN(len(raw))] ^= byte(1 + g.IntN(255))
	case 1:
		raw = raw[:g.IntN(len(raw))]
	case 2:
		raw = append(raw, byte(g.IntN(256)))
	default:
		for i := range raw {
			raw[i] = byte(g.IntN(256))
		}
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// learn keeps the cursors that a response gave.
func (g *generator) learn(body []byte) {
	var page struct {
		NextCursor, Cursor string
	}
	if json.Unmarshal(body, &page) == nil {
		for _, cursor := range []string{page.NextCursor, page.Cursor} {
			if cursor != "" && len(g.cursors) < 500 {
				g.cursors = append(g.cursors, cursor)
			}
		}
	}
}

// body returns a body of the description, with some of it wrong.
func (g *generator) body(example map[string]any) string {
	if g.oneIn(10) {
		return pick(g, []string{"", "{", "[]", "null", `{"a":1,"a":2}`, "{}x", "\xff", `{"\ud800":1}`, strings.Repeat("[", 5000), strings.Repeat(" ", 70000), `"` + strings.Repeat("a", 70000) + `"`})
	}
	body := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(example)) {
		switch {
		case g.oneIn(8):
			body[name] = g.anything()
		case g.oneIn(20):
			body[strings.ToUpper(name)] = example[name]
		case !g.oneIn(8):
			body[name] = example[name]
		}
	}
	if g.oneIn(15) {
		body[pick(g, []string{"zz", "dryRun", "force", "startDate", "clinicId", "limit"})] = g.anything()
	}
	encoded, err := json.Marshal(body)
	require.NoError(g.w.t, err)
	return string(encoded)
}

func (g *generator) anything() any {
	return pick(g, []any{nil, true, 0, -1, 1e300, 90, "", pick(g, junk), []any{}, []any{pick(g, junk)}, map[string]any{"a": 1}, strings.Repeat("a", 5000)})
}
