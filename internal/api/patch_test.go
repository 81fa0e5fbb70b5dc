package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A change that names nothing is none: it is answered like a look, and is not in the record
// of what was done.
func TestAChangeOfNothingIsNotRecorded(t *testing.T) { // R44
	t.Parallel()
	b, fill := full(t)
	admin := withKey(b.fleetKeys.add(access.FleetKey{Scope: access.FleetAdmin}, nil))
	nobody := strings.NewReplacer("{id}", uuid.NewString(), "{clinicId}", uuid.NewString())
	made := func(path, body string) *strings.Replacer {
		id, _ := b.post(path, body, admin).at("id").(string)
		return strings.NewReplacer("{id}", id)
	}
	ofPath := map[string]*strings.Replacer{
		"/api/clinics/{clinicId}": fill, "/api/people/{id}": fill,
		"/api/webhooks/{id}":      made("/api/webhooks", `{"url":"https://example.com/hooks"}`),
		"/api/notifications/{id}": made("/api/notifications", `{"type":"email","email":"ops@example.com"}`),
	}
	b.events.events = nil
	changed := 0
	for _, op := range describe(&server{}).Operations {
		if op.Method != http.MethodPatch {
			continue
		}
		changed++
		address := ofPath[op.Path].Replace(op.Path)
		for _, body := range []string{"", "{}"} {
			found := b.do(op.Method, address, body, admin)
			require.Equal(t, http.StatusOK, found.Code, "%s %s: %s", address, body, found.Body)
			if seen := b.get(address, admin); seen.Code == http.StatusOK {
				require.Equal(t, seen.body, found.body, address)
			}
			b.do(op.Method, nobody.Replace(op.Path), body, admin).refused(http.StatusNotFound, syncs.CodeNotFound, "")
		}
	}
	require.Len(t, ofPath, changed)
	require.Empty(t, b.events.events)
	require.Empty(t, b.people.by)
}
