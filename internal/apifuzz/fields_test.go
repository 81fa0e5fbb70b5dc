package apifuzz

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api"
)

// The database keeps no NUL: a body that has one is a 400 that names the field, for each text
// of each operation, also in lists and objects (R38).
func TestANULIsRefusedInEachTextOfABody(t *testing.T) {
	t.Parallel()
	tried := map[string]bool{}
	eachField(t, withNUL, func(field, sent string, status int) {
		require.Equal(t, http.StatusBadRequest, status, sent)
		tried[field] = true
	})
	for _, field := range []string{"name", "description", "email", "url", "statuses", "fields", "scopes", "timezone"} {
		require.True(t, tried[field], "%s was not tried", field)
	}
}

// A null is refused in each field that is described without it, and elsewhere does what the
// description says (R38).
func TestANullIsRefusedInEachFieldThatIsDescribedWithoutIt(t *testing.T) {
	t.Parallel()
	refused := map[string]bool{}
	eachField(t, func(any) (any, bool) { return nil, true }, func(field, _ string, status int) {
		refused[field] = refused[field] || status == http.StatusBadRequest
	})
	for _, field := range []string{"email", "url", "schedules", "timezone"} {
		require.True(t, refused[field], "%s was not refused", field)
	}
}

// eachField sends the example of each body that the API describes, once for each of its fields,
// with another value there; not ok: there is none. A response that the description forbids fails
// the test.
func eachField(t *testing.T, other func(value any) (bad any, ok bool), answered func(field, sent string, status int)) {
	t.Helper()
	w := newWorld(t)
	admin := w.callers[slices.IndexFunc(w.callers, func(c caller) bool { return c.name == string(access.FleetAdmin) && c.never == "" })]
	g := newGenerator(rand.New(rand.NewPCG(1, 1)), w)
	var document struct {
		Paths map[string]map[string]operation `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(api.OpenAPI(), &document))
	for pattern, methods := range document.Paths {
		for method, op := range methods {
			example := op.RequestBody.Content["application/json"].Example
			if example["url"] != nil {
				example["description"] = "a hook" // the example has none
			}
			for _, field := range slices.Sorted(maps.Keys(example)) {
				bad, ok := other(example[field])
				if !ok || strings.HasPrefix(pattern, "/api/sync/") { // fleet keys name the clinic
					continue
				}
				target := strings.ReplaceAll(pattern, "{clinicId}", w.tenants[0].id.String())
				if before, _, ok := strings.Cut(target, "/{id}"); ok && len(w.tenants[0].of[path.Base(before)]) > 0 {
					target = strings.ReplaceAll(target, "{id}", w.tenants[0].of[path.Base(before)][0])
				}
				body := maps.Clone(example)
				body[field] = bad
				encoded, err := json.Marshal(body)
				require.NoError(t, err)
				r := request{caller: admin, method: strings.ToUpper(method), target: target, body: string(encoded), header: append(w.credentials(admin), [2]string{"Content-Type", "application/json"})}
				if strings.Contains(target, "{") { // the tenant has none of these
					continue
				}
				answered(field, method+" "+target+": "+r.body, w.send(0, g, r))
			}
		}
	}
}

// withNUL puts a NUL into a text, wherever it stands in a value; not ok: there is none.
func withNUL(value any) (any, bool) {
	switch v := value.(type) {
	case string:
		return v + "\x00", true
	case []any:
		for i := range v {
			if bad, ok := withNUL(v[i]); ok {
				return []any{bad}, true
			}
		}
	case map[string]any:
		for name := range v {
			return map[string]any{name + "\x00": v[name]}, true
		}
	}
	return nil, false
}
