package api

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// pagedBench is a bench whose lists all have a next page, and keys of several callers.
func pagedBench(t *testing.T, changes ...func(*benchSettings)) (b *bench, mine, other, fleet, limited requestOption) {
	t.Helper()
	b = newBench(t, changes...)
	b.syncs.list = syncs.List[syncs.Audit]{NextCursor: "next"}
	b.reads.cursor = "next"
	b.reads.records = map[uuid.UUID]cases.Record{sample.CaseID: *sample.Record(), sample.PlanID: *sample.Record()}
	for _, name := range []string{"Cedar", "Pine Hill"} {
		x := *sample.Condition()
		x.Clinic.ID, x.Clinic.Name = uuid.New(), name
		b.condition.all = append(b.condition.all, x)
	}
	otherKey, _ := b.keys.add(uuid.New(), nil)
	return b, withKey(b.key), withKey(otherKey),
		withKey(b.fleetKeys.add(access.FleetKey{Scope: access.FleetRead}, nil)),
		withKey(b.fleetKeys.add(access.FleetKey{Scope: access.FleetRead, Limited: true, Clinics: []uuid.UUID{b.reads.owner.ID}}, nil))
}

func TestACursorHoldsForItsClinicListAndFilterAndNowhereElse(t *testing.T) { // R38
	t.Parallel()
	b, mine, other, fleet, limited := pagedBench(t)
	named := "/api/clinics/" + b.reads.owner.ID.String()
	lists := []struct {
		target string
		caller requestOption
	}{
		{"/api/syncs", mine},
		{"/api/syncs", other},
		{"/api/syncs", fleet},
		{"/api/syncs", limited},
		{named + "/syncs", fleet},
		{"/api/syncs?status=failed", mine},
		{"/api/syncs?status=failed&type=full", mine},
		{"/api/plans", mine},
		{"/api/plans", other},
		{"/api/plans", fleet},
		{"/api/cases", mine},
		{"/api/cases", other},
		{"/api/cases?deleted=true", mine},
		{"/api/cases?order=newest", mine},
		{named + "/cases", fleet},
		{"/api/cases/" + sample.CaseID.String() + "/history", mine},
		{"/api/cases/" + sample.PlanID.String() + "/history", mine},
		{"/api/clinics?limit=1", fleet},
		{"/api/clinics?limit=1&sort=since", fleet},
	}
	for i, from := range lists {
		page := b.get(from.target, from.caller)
		require.Equal(t, http.StatusOK, page.Code, "%s: %s", from.target, page.Body)
		cursor := page.at("nextCursor").(string)
		for j, to := range lists {
			a := b.get(withCursor(to.target, cursor), to.caller)
			if i == j {
				require.Equal(t, http.StatusOK, a.Code, "%s: %s", to.target, a.Body)
			} else {
				a.refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "cursor")
			}
		}
	}
	// Another page size, and another order of the same filter, are the same list.
	cursor := b.get("/api/syncs?type=full&status=failed").at("nextCursor").(string)
	require.Equal(t, http.StatusOK, b.get("/api/syncs?limit=7&status=failed&type=full&cursor="+cursor).Code)
}

func TestAForgedCursorIsRefusedBeforeTheStoreSeesIt(t *testing.T) { // R38
	t.Parallel()
	b, _, _, _, _ := pagedBench(t)
	cursor := b.get("/api/syncs").at("nextCursor").(string)
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	require.NoError(t, err)
	forged := []string{"next", "nonsense", base64.RawURLEncoding.EncodeToString([]byte("next")), cursor + "A", cursor[:len(cursor)-1], cursor + "%0A", strings.Repeat("A", 2048)}
	for i := range raw {
		changed := append([]byte{}, raw...)
		changed[i] ^= 1
		forged = append(forged, base64.RawURLEncoding.EncodeToString(changed))
	}
	forged = append(forged, base64.RawURLEncoding.EncodeToString(raw[:16]), base64.RawURLEncoding.EncodeToString(append(make([]byte, 16), "next"...)))
	for _, bad := range forged {
		b.get("/api/syncs?cursor="+bad).refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "cursor")
	}
	require.Len(t, b.syncs.filters, 1)
}

func TestReplicasReadEachOthersCursorsAlsoWhileTheKeyIsRotated(t *testing.T) { // R37, R38
	t.Parallel()
	old, fresh := []byte(strings.Repeat("o", 32)), []byte(strings.Repeat("n", 32))
	keyed := func(keys ...[]byte) *bench {
		b, _, _, _, _ := pagedBench(t, func(o *benchSettings) { o.CursorKeys = keys })
		return b
	}
	first := keyed(old)
	cursor := first.get("/api/syncs").at("nextCursor").(string)
	for _, test := range []struct {
		keys   [][]byte
		status int
	}{
		{[][]byte{old}, http.StatusOK},
		{[][]byte{fresh, old}, http.StatusOK},
		{[][]byte{fresh}, http.StatusBadRequest},
		{nil, http.StatusBadRequest},
	} {
		b := keyed(test.keys...)
		b.key, _ = b.keys.add(first.reads.owner.ID, nil)
		require.Equal(t, test.status, b.get("/api/syncs?cursor="+cursor).Code)
	}
}

func TestACompressedBodyIsRefused(t *testing.T) { // R38
	t.Parallel()
	b := newBench(t)
	for _, encoding := range []string{"gzip", "br", "x", ""} {
		b.post("/api/sync/inbound", `{}`, withHeader("Content-Encoding", encoding)).refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "Content-Encoding")
	}
	require.Equal(t, http.StatusAccepted, b.post("/api/sync/inbound", `{}`, withHeader("Content-Encoding", "identity"), withHeader("Prefer", "respond-async")).Code)
}
