package main

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

func TestAKeyThatIsNotGoodOpensNothing(t *testing.T) { // R38, R39
	t.Parallel()
	w := newWorld(t)
	p := w.practice(t, neosim.Options{})
	revoked := p.newKey(t, nil, time.Time{})
	_, err := w.store.Pool().Exec(t.Context(), `update clinic_api_keys set is_active = false where key_prefix = $1`, revoked[:8])
	require.NoError(t, err)
	texts := map[string]bool{}
	for name, key := range map[string]string{
		"missing":      "",
		"of no form":   "letmein",
		"one letter":   p.key[:len(p.key)-1] + flipped(p.key[len(p.key)-1]),
		"prefix alone": p.key[:8],
		"revoked":      revoked,
		"expired":      p.newKey(t, nil, time.Now().Add(-time.Minute)),
	} {
		for _, c := range []struct{ method, path string }{
			{"POST", "/api/sync/inbound"},
			{"POST", "/api/sync/cases"},
			{"POST", "/api/sync/reconcile"},
			{"POST", "/api/sync/full"},
			{"GET", "/api/syncs"},
			{"GET", "/api/cases"},
			{"GET", "/api/plans"},
		} {
			a := p.call(t, c.method, c.path, "", "X-API-Key", key)
			require.Contains(t, []int{401, 429}, a.status, "%s key, %s: %v", name, c.path, a.body)
			if a.status == http.StatusUnauthorized {
				require.Equal(t, "unauthorized", a.text("code"))
				texts[a.text("error")] = true
			}
		}
	}
	require.Len(t, texts, 1, "one text for every bad key")
	require.Empty(t, p.Requests())
	require.Equal(t, 200, p.get(t, "/api/syncs").status, "a good one is let in all the same")
	require.NotContains(t, w.log.String(), p.key[8:])
}

func flipped(c byte) string {
	if c == 'a' {
		return "b"
	}
	return "a"
}

func TestAKeyOpensWhatItsScopesSay(t *testing.T) { // R39
	t.Parallel()
	w := newWorld(t)
	p := w.practice(t, neosim.Options{})
	require.Equal(t, 200, p.sync(t, "inbound", "").status)
	for scope, open := range map[clinic.Scope][]string{
		"sync:inbound":   {"inbound"},
		"sync:cases":     {"cases"},
		"sync:reconcile": {"reconcile"},
		"sync:full":      {"inbound", "cases", "reconcile", "full"},
		"cases:restore":  {},
	} {
		key := p.newKey(t, []clinic.Scope{scope}, time.Time{})
		for _, kind := range []string{"inbound", "cases", "reconcile", "full"} {
			a := p.sync(t, kind, `{"dryRun": true}`, "X-API-Key", key)
			if slices.Contains(open, kind) {
				require.Equal(t, 200, a.status, "%s, %s: %v", scope, kind, a.body)
				continue
			}
			require.Equal(t, 403, a.status, "%s, %s: %v", scope, kind, a.body)
			require.Equal(t, "forbidden", a.text("code"))
		}
		reads := p.call(t, "GET", "/api/syncs", "", "X-API-Key", key)
		if len(open) > 0 {
			require.Equal(t, 200, reads.status, scope)
		} else {
			require.Equal(t, 403, reads.status, scope)
		}
	}
}

func TestAKeyOpensItsOwnClinicOnly(t *testing.T) { // R38
	t.Parallel()
	w := newWorld(t)
	p, other := w.practice(t, neosim.Options{}), w.practice(t, neosim.Options{Seed: 2})
	a := p.sync(t, "inbound", "")
	require.Equal(t, 200, a.status)
	items, _ := p.get(t, "/api/cases?limit=1").get("items").([]any)
	require.Len(t, items, 1)
	record := answer{body: items[0].(map[string]any)}
	require.Equal(t, 200, p.get(t, "/api/cases/"+record.text("id")).status)
	require.Equal(t, 404, other.get(t, "/api/cases/"+record.text("id")).status)
	require.Equal(t, 404, other.get(t, "/api/syncs/"+a.text("syncId")).status)
	require.Empty(t, other.get(t, "/api/cases").get("items"))
	require.Empty(t, other.get(t, "/api/syncs").get("items"))
}
