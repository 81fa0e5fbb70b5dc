package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

func TestEveryBadKeyGetsTheSameAnswer(t *testing.T) { // R38
	t.Parallel()
	b := newBench(t)
	revoked, _ := b.keys.add(b.reads.owner.ID, func(k *clinic.APIKey) { k.Active = false })
	expired, _ := b.keys.add(b.reads.owner.ID, func(k *clinic.APIKey) { k.ExpiresAt = testTime })
	stranger := clinic.GenerateKey()
	want := `{"success":false,"error":"` + unauthorizedText + `","code":"unauthorized","timestamp":"2026-01-17T12:00:00.123Z"}`
	for name, options := range map[string][]requestOption{
		"none":              {withoutKey},
		"empty":             {withKey("")},
		"unknown":           {withKey(stranger)},
		"revoked":           {withKey(revoked)},
		"expired":           {withKey(expired)},
		"a known prefix":    {withKey(b.key[:8] + stranger[8:])},
		"a digit too much":  {withKey(b.key + "a")},
		"another case":      {withKey(string([]byte{b.key[0] ^ 0x20}) + b.key[1:])},
		"two right ones":    {withHeader(keyHeader, b.key)},
		"as a bearer token": {withoutKey, withHeader("Authorization", "Bearer "+b.key)},
		"in the query":      {withoutKey, func(r *http.Request) { r.URL.RawQuery = "apiKey=" + b.key }},
		"NUL and high byte": {withKey("\x00\xff")},
	} {
		options = append(options, from(fmt.Sprintf("[2001:db8:%x::1]:1", len(name))))
		a := b.get("/api/syncs", options...)
		require.Equal(t, http.StatusUnauthorized, a.Code, name)
		require.JSONEq(t, want, a.Body.String(), name)
	}
}

func TestABadKeyLearnsNothingAboutTheRest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i, a := range []answer{
		b.post("/api/sync/inbound", `{"nonsense":1}`, withoutKey, from("192.0.2.1:1")),
		b.get("/api/syncs?nonsense=1", withoutKey, from("192.0.2.2:1")),
		b.get("/api/cases/"+uuid.NewString(), withoutKey, from("192.0.2.3:1")),
		b.post("/api/syncs/nonsense/cancel", "", withoutKey, from("192.0.2.4:1")),
	} {
		require.Equal(t, http.StatusUnauthorized, a.Code, i)
	}
}

func TestAKeyOfAnyOtherFormIsAccepted(t *testing.T) { // R39
	t.Parallel()
	b := newBench(t)
	b.keys.rows = append(b.keys.rows, clinic.APIKey{
		ID: uuid.New(), ClinicID: b.reads.owner.ID, Prefix: "pk_live_", Hash: clinic.Hash("pk_live_by-hand"), Active: true,
	})
	require.Equal(t, http.StatusOK, b.get("/api/syncs", withKey("pk_live_by-hand")).Code)
}

func TestTheUseOfAKeyIsNoted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.get("/api/syncs")
	require.Equal(t, testTime, b.keys.touched[b.keyID])
}

func TestADatabaseThatDoesNotAnswerIsNoBadKey(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.keys.err = fmt.Errorf("reading keys: %w", syncs.ErrDatabase)
	for range 2 * failureBurst {
		b.get("/api/syncs", withKey(clinic.GenerateKey())).refused(http.StatusServiceUnavailable, syncs.CodeDatabaseUnavailable, "")
	}
}

func TestEachEndpointNeedsItsScope(t *testing.T) { // R39
	t.Parallel()
	b := newBench(t)
	b.endsAtOnce(func(*syncs.Audit) {})
	b.reads.records = map[uuid.UUID]cases.Record{sample.CaseID: *sample.Record()}
	b.reads.plans = map[uuid.UUID]syncs.Plan{sample.PlanID: *sample.Plan()}
	audit := sample.Audit(syncs.TypeInbound)
	audit.ClinicID = b.reads.owner.ID
	b.syncs.put(audit)

	type request struct{ method, path string }
	reads := []request{
		{http.MethodGet, "/api/syncs"},
		{http.MethodGet, "/api/syncs/" + audit.ID.String()},
		{http.MethodGet, "/api/cases"},
		{http.MethodGet, "/api/cases/" + sample.CaseID.String()},
		{http.MethodGet, "/api/plans"},
		{http.MethodGet, "/api/plans/" + sample.PlanID.String()},
	}
	inbound, cases := request{http.MethodPost, "/api/sync/inbound"}, request{http.MethodPost, "/api/sync/cases"}
	reconcile, full := request{http.MethodPost, "/api/sync/reconcile"}, request{http.MethodPost, "/api/sync/full"}
	cancel := request{http.MethodPost, "/api/syncs/" + audit.ID.String() + "/cancel"}
	all := append([]request{inbound, cases, reconcile, full, cancel}, reads...)

	for name, test := range map[string]struct {
		scopes  []clinic.Scope
		allowed []request
	}{
		"none given":     {nil, all},
		"everything":     {[]clinic.Scope{clinic.ScopeAll}, all},
		"full":           {[]clinic.Scope{clinic.ScopeFull}, all},
		"inbound":        {[]clinic.Scope{clinic.ScopeInbound}, append([]request{inbound, cancel}, reads...)},
		"cases":          {[]clinic.Scope{clinic.ScopeCases}, append([]request{cases}, reads...)},
		"reconcile":      {[]clinic.Scope{clinic.ScopeReconcile}, append([]request{reconcile}, reads...)},
		"no sync scope":  {[]clinic.Scope{clinic.ScopeApprove, clinic.ScopeRestore}, nil},
		"empty":          {[]clinic.Scope{}, nil},
		"one of another": {[]clinic.Scope{"sync:other"}, nil},
	} {
		key, _ := b.keys.add(b.reads.owner.ID, func(k *clinic.APIKey) { k.Permissions = test.scopes })
		for _, r := range all {
			a := b.do(r.method, r.path, "", withKey(key))
			if slices.Contains(test.allowed, r) {
				require.Equal(t, http.StatusOK, a.Code, "%s: %v: %s", name, r, a.Body)
			} else {
				a.refused(http.StatusForbidden, syncs.CodeForbidden, "")
			}
		}
	}
}

func TestTheKeyDecidesTheClinic(t *testing.T) { // R38
	t.Parallel()
	b := newBench(t)
	b.endsAtOnce(func(*syncs.Audit) {})
	b.reads.records = map[uuid.UUID]cases.Record{sample.CaseID: *sample.Record()}
	b.reads.plans = map[uuid.UUID]syncs.Plan{sample.PlanID: *sample.Plan()}
	stranger := uuid.New()
	key, _ := b.keys.add(stranger, nil)

	b.post("/api/sync/inbound", "", withKey(key))
	require.Equal(t, stranger, b.syncs.started()[0].ClinicID)

	mine := fmt.Sprint(b.post("/api/sync/inbound", "").at("syncId"))
	for _, path := range []string{"/api/syncs/", "/api/cases/", "/api/plans/"} {
		known := map[string]string{"/api/syncs/": mine, "/api/cases/": sample.CaseID.String(), "/api/plans/": sample.PlanID.String()}[path]
		require.Equal(t, http.StatusOK, b.get(path+known).Code)
		theirs, nobodys := b.get(path+known, withKey(key)), b.get(path+uuid.NewString(), withKey(key))
		theirs.refused(http.StatusNotFound, syncs.CodeNotFound, "")
		require.JSONEq(t, nobodys.Body.String(), theirs.Body.String())
	}
	b.post("/api/syncs/"+mine+"/cancel", "", withKey(key)).refused(http.StatusNotFound, syncs.CodeNotFound, "")
	require.Empty(t, b.syncs.actors)
}

func TestFailedAuthenticationsOfAnAddressAreLimited(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for range failureBurst {
		require.Equal(t, http.StatusUnauthorized, b.get("/api/syncs", withoutKey).Code)
	}
	limited := b.get("/api/syncs", withKey(clinic.GenerateKey()))
	limited.refused(http.StatusTooManyRequests, web.CodeRateLimited, "")
	require.Equal(t, "6", limited.Header().Get("Retry-After"))

	require.Equal(t, http.StatusOK, b.get("/api/syncs").Code, "a right key is let in")
	require.Equal(t, http.StatusUnauthorized, b.get("/api/syncs", withoutKey, from("198.51.100.7:1")).Code, "another address is not limited")

	b.now = b.now.Add(failureInterval)
	require.Equal(t, http.StatusUnauthorized, b.get("/api/syncs", withoutKey).Code)
	require.Equal(t, http.StatusTooManyRequests, b.get("/api/syncs", withoutKey).Code)
}

func TestBehindATrustedProxyTheClientIsLimitedAndNotTheProxy(t *testing.T) {
	t.Parallel()
	b := newBench(t, trust("192.0.2.0/24"))
	for range failureBurst + 1 {
		b.get("/api/syncs", withoutKey, withHeader("X-Forwarded-For", "203.0.113.1"))
	}
	require.Equal(t, http.StatusTooManyRequests, b.get("/api/syncs", withoutKey, withHeader("X-Forwarded-For", "203.0.113.1")).Code)
	require.Equal(t, http.StatusUnauthorized, b.get("/api/syncs", withoutKey, withHeader("X-Forwarded-For", "203.0.113.2")).Code)
}

func TestACallerCannotEscapeItsLimitByWritingTheHeaderItself(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	codes := map[int]int{}
	for i := range failureBurst + 5 {
		codes[b.get("/api/syncs", withoutKey, withHeader("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i))).Code]++
	}
	require.Equal(t, map[int]int{http.StatusUnauthorized: failureBurst, http.StatusTooManyRequests: 5}, codes)
}

func TestADisabledClinicIsForbidden(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.syncs.onStart = func(*syncs.Audit) error { return errors.Join(clinic.ErrDisabled) }
	b.post("/api/sync/inbound", "").refused(http.StatusForbidden, syncs.CodeForbidden, "")
}
