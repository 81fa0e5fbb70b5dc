package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// fakeFleetKeys is fleet_keys in memory.
type fakeFleetKeys struct {
	mu      sync.Mutex
	rows    []access.FleetKey
	touched int
}

func (f *fakeFleetKeys) FleetKeyByHash(_ context.Context, hash string) (access.FleetKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.IndexFunc(f.rows, func(k access.FleetKey) bool { return k.Hash == hash }); i >= 0 {
		return f.rows[i], nil
	}
	return access.FleetKey{}, access.ErrNoFleetKey
}

func (f *fakeFleetKeys) TouchFleetKey(context.Context, uuid.UUID, time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.touched++
	return nil
}

func (f *fakeFleetKeys) FleetKeys(context.Context) ([]access.FleetKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.rows), nil
}

func (f *fakeFleetKeys) AddFleetKey(_ context.Context, key access.FleetKey) (access.FleetKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rows = append(f.rows, key)
	return key, nil
}

func (f *fakeFleetKeys) RevokeFleetKey(_ context.Context, id uuid.UUID) (access.FleetKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.rows {
		if f.rows[i].ID == id {
			f.rows[i].Active = false
			return f.rows[i], nil
		}
	}
	return access.FleetKey{}, access.ErrNoFleetKey
}

// add makes a fleet key.
func (f *fakeFleetKeys) add(draft access.FleetKey, change func(*access.FleetKey)) string {
	row, key := access.IssueFleetKey(draft, testTime)
	if change != nil {
		change(&row)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rows = append(f.rows, row)
	return key
}

// fakeLog is operator_events in memory.
type fakeLog struct {
	mu     sync.Mutex
	events []access.Event
}

func (f *fakeLog) Act(ctx context.Context, e access.Event, do func(context.Context, *access.Event) error) error {
	err := do(ctx, &e)
	return errorsOr(err, f.Note(ctx, e, err))
}

func errorsOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

func (f *fakeLog) Note(_ context.Context, e access.Event, failure error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	e.Outcome = access.Done
	if failure != nil {
		e.Outcome = access.Failed
	}
	f.events = append(f.events, e)
	return nil
}

// A line says who may call one operation.
type line struct {
	scopes string      // of clinic keys, one of these is enough; empty: no clinic key may
	role   access.Role // of everybody else; empty: nobody else may at this address
	also   bool        // the operation exists under /api/clinics/{clinicId} too, for the role of named
	named  access.Role
	whole  bool   // only callers that are not limited to some clinics
	owned  bool   // its record belongs to the clinic of the bench
	chosen bool   // the body names the clinic: one that the caller does not see is a wrong field
	body   string // that is valid
	query  string // that a call needs
}

const anySync = "sync:inbound sync:cases sync:reconcile sync:full"

// lines has a line for each operation that needs a caller: scopes × routes × callers ×
// states (R38, R39, R42). A new operation needs a line here.
var lines = map[string]line{
	"POST /api/sync/inbound":         {scopes: "sync:inbound sync:full", also: true, named: access.RoleOperator},
	"POST /api/sync/cases":           {scopes: "sync:cases sync:full", also: true, named: access.RoleOperator},
	"POST /api/sync/reconcile":       {scopes: "sync:reconcile sync:full", also: true, named: access.RoleOperator},
	"POST /api/sync/full":            {scopes: "sync:full", also: true, named: access.RoleOperator},
	"GET /api/syncs":                 {scopes: anySync, role: access.RoleViewer, also: true, named: access.RoleViewer},
	"GET /api/syncs/{id}":            {scopes: anySync, also: true, named: access.RoleViewer},
	"GET /api/syncs/{id}/events":     {scopes: anySync, also: true, named: access.RoleViewer},
	"POST /api/syncs/{id}/cancel":    {scopes: "sync:inbound sync:full", also: true, named: access.RoleOperator}, // of an inbound sync
	"POST /api/syncs/{id}/restore":   {scopes: "cases:restore", also: true, named: access.RoleOperator},
	"GET /api/freshness":             {scopes: anySync, also: true, named: access.RoleViewer},
	"GET /api/cases":                 {scopes: anySync, also: true, named: access.RoleViewer},
	"GET /api/cases/{id}":            {scopes: anySync, also: true, named: access.RoleViewer},
	"GET /api/cases/{id}/history":    {scopes: anySync, also: true, named: access.RoleViewer},
	"GET /api/cases/{id}/moment":     {query: "?at=2026-01-17T12:00:00Z", scopes: anySync, also: true, named: access.RoleViewer},
	"GET /api/cases/{id}/comparison": {query: "?from=2026-01-17T12:00:00Z", scopes: anySync, also: true, named: access.RoleViewer},
	"POST /api/cases/{id}/restore":   {scopes: "cases:restore", also: true, named: access.RoleOperator},
	"GET /api/changes":               {scopes: anySync, also: true, named: access.RoleViewer},
	"GET /api/events":                {scopes: anySync, role: access.RoleViewer, also: true, named: access.RoleViewer},
	"GET /api/plans":                 {scopes: anySync, role: access.RoleViewer, also: true, named: access.RoleViewer},
	"GET /api/plans/{id}":            {scopes: anySync, also: true, named: access.RoleViewer},
	"GET /api/recordings":            {scopes: anySync, role: access.RoleViewer, also: true, named: access.RoleViewer},
	"GET /api/recordings/{id}":       {scopes: anySync, also: true, named: access.RoleViewer},
	"POST /api/plans/{id}/approve":   {scopes: "plans:approve", also: true, named: access.RoleOperator},
	"POST /api/plans/{id}/reject":    {scopes: "plans:approve", also: true, named: access.RoleOperator},
	"GET /api/clinics":               {role: access.RoleViewer},
	"POST /api/clinics":              {role: access.RoleAdmin, whole: true, body: `{"name":"Pine Hill","timezone":"America/Denver"}`},
	"GET /api/operator-events":       {role: access.RoleAdmin},
	"GET /api/clinics/{clinicId}":    {named: access.RoleViewer},
	"PATCH /api/clinics/{clinicId}":  {named: access.RoleAdmin, body: `{"name":"Pine Hill"}`},

	"GET /api/clinics/{clinicId}/credentials":          {named: access.RoleViewer},
	"PUT /api/clinics/{clinicId}/credentials":          {named: access.RoleAdmin, body: `{"provider":"idexx_neo","fields":{"username":"reception@example.com","password":"Zanzibar"}}`},
	"POST /api/clinics/{clinicId}/credentials/test":    {named: access.RoleOperator},
	"POST /api/clinics/{clinicId}/credentials/resume":  {named: access.RoleOperator},
	"GET /api/clinics/{clinicId}/schedules":            {named: access.RoleViewer},
	"PUT /api/clinics/{clinicId}/schedules":            {named: access.RoleAdmin, body: `{"schedules":[]}`},
	"GET /api/clinics/{clinicId}/schedules/next":       {named: access.RoleViewer},
	"GET /api/clinics/{clinicId}/keys":                 {named: access.RoleViewer},
	"POST /api/clinics/{clinicId}/keys":                {named: access.RoleAdmin, body: `{}`},
	"DELETE /api/clinics/{clinicId}/keys/{id}":         {named: access.RoleAdmin},
	"GET /api/clinics/{clinicId}/status-links":         {named: access.RoleViewer},
	"POST /api/clinics/{clinicId}/status-links":        {named: access.RoleAdmin, body: `{"name":"front desk"}`},
	"DELETE /api/clinics/{clinicId}/status-links/{id}": {named: access.RoleAdmin},
	"GET /api/clinics/{clinicId}/settings":             {named: access.RoleViewer},
	"PUT /api/clinics/{clinicId}/settings":             {named: access.RoleAdmin, body: `{"statuses":{"In room":"in_progress"}}`},
	"POST /api/clinics/{clinicId}/settings/preview":    {named: access.RoleAdmin, body: `{}`},
	"GET /api/clinics/{clinicId}/words":                {named: access.RoleViewer},
	"DELETE /api/clinics/{clinicId}/recordings/{id}":   {named: access.RoleAdmin},

	"GET /api/trends":             {role: access.RoleViewer, whole: true},
	"GET /api/fleet-keys":         {role: access.RoleAdmin, whole: true},
	"POST /api/fleet-keys":        {role: access.RoleAdmin, whole: true, body: `{"scope":"fleet:read"}`},
	"DELETE /api/fleet-keys/{id}": {role: access.RoleAdmin, whole: true},

	"GET /api/webhooks":                                     {role: access.RoleAdmin},
	"POST /api/webhooks":                                    {role: access.RoleAdmin, chosen: true, body: `{"url":"https://example.com/hooks","clinicId":"{clinicId}"}`},
	"GET /api/webhooks/{id}":                                {role: access.RoleAdmin, owned: true},
	"PATCH /api/webhooks/{id}":                              {role: access.RoleAdmin, owned: true, body: `{"enabled":false}`},
	"DELETE /api/webhooks/{id}":                             {role: access.RoleAdmin, owned: true},
	"POST /api/webhooks/{id}/test":                          {role: access.RoleAdmin, owned: true},
	"POST /api/webhooks/{id}/rotate":                        {role: access.RoleAdmin, owned: true},
	"GET /api/webhooks/{id}/deliveries":                     {role: access.RoleAdmin, owned: true},
	"GET /api/notifications":                                {role: access.RoleAdmin},
	"POST /api/notifications":                               {role: access.RoleAdmin, chosen: true, body: `{"type":"email","email":"ops@example.com","clinicId":"{clinicId}"}`},
	"GET /api/notifications/{id}":                           {role: access.RoleAdmin, owned: true},
	"PATCH /api/notifications/{id}":                         {role: access.RoleAdmin, owned: true, body: `{"name":"on call"}`},
	"DELETE /api/notifications/{id}":                        {role: access.RoleAdmin, owned: true},
	"POST /api/notifications/{id}/test":                     {role: access.RoleAdmin, owned: true},
	"POST /api/webhooks/{webhookId}/deliveries/{id}/resend": {role: access.RoleAdmin, owned: true},
	"POST /api/webhooks/{webhookId}/deliveries/{id}/skip":   {role: access.RoleAdmin, owned: true},

	"GET /api/people":         {role: access.RoleAdmin, whole: true},
	"POST /api/people":        {role: access.RoleAdmin, whole: true, body: `{"email":"grace@example.com"}`},
	"PATCH /api/people/{id}":  {role: access.RoleAdmin, whole: true, body: `{"name":"Ada L."}`},
	"DELETE /api/people/{id}": {role: access.RoleAdmin, whole: true},
	"GET /api/system":         {role: access.RoleViewer, whole: true},
}

// A presented key, and what a line allows to it.
type presented struct {
	key     string
	good    bool
	scope   clinic.Scope // of a clinic key
	role    access.Role  // of any other caller
	limited bool
	sees    bool // the clinic of the bench
}

// allCallers makes a key of each kind, scope and state.
func allCallers(b *bench) map[string]presented {
	all := map[string]presented{"no key": {}}
	mine := b.reads.owner.ID
	for _, scope := range clinic.Scopes() {
		key, _ := b.keys.add(mine, func(k *clinic.APIKey) { k.Permissions = []clinic.Scope{scope} })
		all["clinic key "+string(scope)] = presented{key: key, good: true, scope: scope}
	}
	revoked, _ := b.keys.add(mine, func(k *clinic.APIKey) { k.Active, k.Permissions = false, []clinic.Scope{clinic.ScopeAll} })
	expired, _ := b.keys.add(mine, func(k *clinic.APIKey) { k.ExpiresAt, k.Permissions = testTime, []clinic.Scope{clinic.ScopeAll} })
	all["revoked clinic key"], all["expired clinic key"] = presented{key: revoked}, presented{key: expired}
	for _, scope := range access.FleetScopes() {
		role := scope.Role()
		all[string(scope)] = presented{key: b.fleetKeys.add(access.FleetKey{Scope: scope}, nil), good: true, role: role, sees: true}
		all[string(scope)+" of the clinic"] = presented{
			key: b.fleetKeys.add(access.FleetKey{Scope: scope, Limited: true, Clinics: []uuid.UUID{mine}}, nil), good: true, role: role, limited: true, sees: true,
		}
		all[string(scope)+" of another clinic"] = presented{
			key: b.fleetKeys.add(access.FleetKey{Scope: scope, Limited: true, Clinics: []uuid.UUID{uuid.New()}}, nil), good: true, role: role, limited: true,
		}
	}
	all["revoked fleet key"] = presented{key: b.fleetKeys.add(access.FleetKey{Scope: access.FleetAdmin}, func(k *access.FleetKey) { k.Active = false })}
	all["expired fleet key"] = presented{key: b.fleetKeys.add(access.FleetKey{Scope: access.FleetAdmin}, func(k *access.FleetKey) { k.ExpiresAt = testTime })}
	all["unknown fleet key"] = presented{key: clinic.GenerateKeyOf(clinic.KeyOfFleet)}
	return all
}

// want returns the status of an operation that refuses a caller, or 0 where it must not.
func (p presented) want(l line, named bool) int {
	role := l.role
	if named {
		role = l.named
	}
	switch {
	case !p.good:
		return http.StatusUnauthorized
	case p.scope != "" && named, p.scope != "" && l.scopes == "":
		return http.StatusForbidden
	case p.scope != "":
		if p.scope == clinic.ScopeAll || slices.Contains(strings.Fields(l.scopes), string(p.scope)) {
			return 0
		}
		return http.StatusForbidden
	case role == "":
		return http.StatusBadRequest // the path has to name the clinic
	case named && !p.sees:
		return http.StatusNotFound
	case !p.role.Includes(role), l.whole && p.limited:
		return http.StatusForbidden
	case l.owned && !p.sees:
		return http.StatusNotFound
	case l.chosen && !p.sees:
		return http.StatusBadRequest
	}
	return 0
}

// full is a bench on which every operation finds what it needs.
func full(t *testing.T) (*bench, *strings.Replacer) {
	t.Helper()
	b := newBench(t)
	b.endsAtOnce(func(*syncs.Audit) {})
	b.reads.records = map[uuid.UUID]cases.Record{sample.CaseID: *sample.Record()}
	b.reads.plans = map[uuid.UUID]syncs.Plan{sample.CaseID: *sample.Plan()}
	b.restores.restorations = []cases.Restoration{{CaseID: sample.CaseID, Outcome: cases.RestoreDone}}
	b.condition.condition = *sample.Condition()
	audit := sample.Audit(syncs.TypeInbound)
	audit.ID, audit.ClinicID = sample.CaseID, b.reads.owner.ID
	b.syncs.put(audit)
	b.fleetKeys.rows = append(b.fleetKeys.rows, *sample.FleetKey())
	b.people.rows = append(b.people.rows, *sample.Person())
	b.keys.add(b.reads.owner.ID, func(k *clinic.APIKey) { k.ID = sample.CaseID })
	b.credentials.stored = &clinic.StoredCredential{ID: uuid.New(), Provider: "idexx_neo", CreatedAt: testTime}
	return b, strings.NewReplacer("{id}", sample.CaseID.String(), "{webhookId}", sample.CaseID.String(), "{clinicId}", b.reads.owner.ID.String())
}

func TestEachCallerMayDoWhatItsLineSaysAndNothingElse(t *testing.T) { // R38, R39, R42
	t.Parallel()
	b, fill := full(t)
	callers := allCallers(b)
	checked := map[string]bool{}
	for _, op := range describe(&server{}).Operations {
		if op.Needs == "" {
			continue
		}
		base := op.Method + " " + op.Path
		l, ok := lines[base]
		named := strings.HasPrefix(op.Path, "/api/clinics/{clinicId}")
		if !ok && named {
			base = op.Method + " /api" + strings.TrimPrefix(op.Path, "/api/clinics/{clinicId}")
			l, ok = lines[base]
			ok = ok && l.also
		}
		require.True(t, ok, "%s %s has no line: say in lines who may call it", op.Method, op.Path)
		checked[base] = true
		for name, p := range callers {
			options := []requestOption{withKey(p.key), from("[2001:db8:" + uuid.NewString()[:4] + "::1]:1")}
			if l.body != "" {
				options = append(options, withHeader("Content-Type", "application/json"))
			}
			b.outgoing.put(sample.CaseID, b.reads.owner.ID)
			b.recordings.put(sample.CaseID, b.reads.owner.ID)
			a := b.do(op.Method, fill.Replace(op.Path)+l.query, fill.Replace(l.body), options...)
			what := op.Method + " " + op.Path + " by " + name
			if want := p.want(l, named); want != 0 {
				require.Equal(t, want, a.Code, "%s: %s", what, a.Body)
			} else {
				require.Less(t, a.Code, 400, "%s: %s", what, a.Body)
			}
		}
	}
	require.Len(t, checked, len(lines), "a line is of no operation")
}

func TestAClinicOutsideTheLimitIsLikeOneThatDoesNotExist(t *testing.T) { // R42
	t.Parallel()
	b, _ := full(t)
	here, nowhere := b.reads.owner.ID.String(), uuid.NewString()
	for _, scope := range access.FleetScopes() {
		stranger := b.fleetKeys.add(access.FleetKey{Scope: scope, Limited: true, Clinics: []uuid.UUID{uuid.New()}}, nil)
		whole := b.fleetKeys.add(access.FleetKey{Scope: scope}, nil)
		for _, op := range describe(&server{}).Operations {
			if op.Of != web.OfNamedClinic {
				continue
			}
			at := func(id, key string) answer {
				path := strings.NewReplacer("{clinicId}", id, "{id}", sample.CaseID.String()).Replace(op.Path)
				return b.do(op.Method, path, "", withKey(key))
			}
			hidden, missing := at(here, stranger), at(nowhere, stranger)
			hidden.refused(http.StatusNotFound, syncs.CodeNotFound, "")
			require.JSONEq(t, missing.Body.String(), hidden.Body.String(), op.Path)
			for _, id := range []string{nowhere, "nonsense", strings.ToUpper(here) + "0"} {
				a := at(url.PathEscape(id), whole)
				require.Contains(t, []int{http.StatusNotFound, http.StatusForbidden}, a.Code, op.Path) // 403: the scope is too small for any clinic
				if a.Code == http.StatusNotFound {
					require.Equal(t, missing.Body.String(), a.Body.String(), op.Path)
				}
			}
		}
	}
}

func TestListsAcrossClinicsAreLimitedLikeTheirCaller(t *testing.T) { // R42
	t.Parallel()
	b, _ := full(t)
	one := uuid.New()
	b.get("/api/syncs", withKey(b.fleetKeys.add(access.FleetKey{Scope: access.FleetRead}, nil)))
	b.get("/api/syncs", withKey(b.fleetKeys.add(access.FleetKey{Scope: access.FleetRead, Limited: true, Clinics: []uuid.UUID{one}}, nil)))
	b.get("/api/plans", withKey(b.fleetKeys.add(access.FleetKey{Scope: access.FleetRead, Limited: true, Clinics: []uuid.UUID{one}}, nil)))
	b.get("/api/syncs", withKey(b.fleetKeys.add(access.FleetKey{Scope: access.FleetRead, Limited: true}, nil)))
	require.Equal(t, [][]uuid.UUID{nil, {one}, {}}, b.syncs.across, "an empty limit is no clinic, and not all")
	require.Equal(t, [][]uuid.UUID{{one}}, b.reads.across)
	b.get("/api/clinics/" + b.reads.owner.ID.String() + "/syncs")
	require.Len(t, b.syncs.across, 3)
}

func TestAFleetKeyActsInItsOwnNameAndIsToldItsOwnAddresses(t *testing.T) { // R14, R42
	t.Parallel()
	b, _ := full(t)
	key := b.fleetKeys.add(access.FleetKey{Scope: access.FleetOperate}, nil)
	path := "/api/clinics/" + b.reads.owner.ID.String()
	a := b.post(path+"/sync/inbound", "", withKey(key), withHeader("Prefer", "respond-async"))
	require.Equal(t, http.StatusAccepted, a.Code, "%s", a.Body)
	require.Equal(t, path+"/syncs/"+a.at("id").(string), a.Header().Get("Location"))
	require.Equal(t, b.reads.owner.ID, b.syncs.started()[0].ClinicID)
	b.post(path+"/syncs/"+a.at("id").(string)+"/cancel", "", withKey(key))
	row, err := b.fleetKeys.FleetKeyByHash(t.Context(), clinic.Hash(key))
	require.NoError(t, err)
	require.Equal(t, []string{"fleet:" + row.ID.String()}, b.syncs.actors)

	require.Len(t, b.events.events, 2)
	started := b.events.events[0]
	require.Equal(t, access.SyncStart, started.Action) // R44
	require.Equal(t, access.Record{Kind: "sync", ID: a.at("id").(string)}, started.Record)
	require.Equal(t, access.Values{"type": syncs.TypeInbound, "dryRun": false, "force": false, "record": false}, started.After)
	require.Equal(t, b.reads.owner.ID, started.ClinicID)
}

func TestAFleetKeyIsMadeShownOnceAndRevoked(t *testing.T) { // R39, R42
	t.Parallel()
	b, _ := full(t)
	admin := b.fleetKeys.add(access.FleetKey{Scope: access.FleetAdmin}, nil)
	made := b.post("/api/fleet-keys", `{"name":" monitor ","scope":"fleet:read","clinics":["`+b.reads.owner.ID.String()+`"],"expiresAt":"2026-02-01T00:00:00Z"}`, withKey(admin))
	require.Equal(t, http.StatusCreated, made.Code, "%s", made.Body)
	key := made.at("key").(string)
	require.Regexp(t, `^[a-z2-7]{8}_pims_fleet_[a-z2-7]{47}$`, key)
	require.Equal(t, "monitor", made.at("name"))
	require.Equal(t, key[:8], made.at("prefix"))
	require.Equal(t, http.StatusOK, b.get("/api/syncs", withKey(key)).Code)
	require.NotContains(t, b.get("/api/fleet-keys", withKey(admin)).Body.String(), key)
	require.Equal(t, http.StatusOK, b.do(http.MethodDelete, "/api/fleet-keys/"+made.at("id").(string), "", withKey(admin)).Code)
	require.Equal(t, http.StatusUnauthorized, b.get("/api/syncs", withKey(key)).Code)
	b.do(http.MethodDelete, "/api/fleet-keys/"+uuid.NewString(), "", withKey(admin)).refused(http.StatusNotFound, syncs.CodeNotFound, "")

	require.Len(t, b.events.events, 3)
	created := b.events.events[0]
	require.Equal(t, access.FleetKeyCreate, created.Action)
	require.Equal(t, access.KindFleetKey, created.Who.Kind)
	require.Equal(t, "192.0.2.1", created.Origin)
	require.Equal(t, access.Failed, b.events.events[2].Outcome)
	require.NotContains(t, created.After, "key")
	require.NotContains(t, b.log.String(), key[8:])

	for field, body := range map[string]string{
		"scope":     `{"name":"x"}`,
		"clinics":   `{"scope":"fleet:read","clinics":["` + uuid.NewString() + `"]}`,
		"expiresAt": `{"scope":"fleet:read","expiresAt":"2026-01-17T12:00:00Z"}`,
		"name":      `{"scope":"fleet:read","name":"a\nb"}`,
		"nonsense":  `{"scope":"fleet:read","nonsense":1}`,
	} {
		b.post("/api/fleet-keys", body, withKey(admin)).refused(http.StatusBadRequest, syncs.CodeInvalidRequest, field)
	}
	for _, body := range []string{`{"scope":"fleet:all"}`, `{"scope":null}`, ``, `{"scope":"fleet:read","clinics":[]}`, `{"scope":"fleet:read","clinics":["{` + uuid.NewString() + `}"]}`} {
		require.Equal(t, http.StatusBadRequest, b.post("/api/fleet-keys", body, withKey(admin)).Code, body)
	}
}

// newFleet makes the service of operators over the fakes of a bench.
func newFleet(b *bench) *fleet.Service {
	return fleet.New(fleet.Options{
		Log: b.events, Clinics: b.reads, Settings: b.reads, Keys: b.keys, FleetKeys: b.fleetKeys, Credentials: b.credentials, Connector: b.credentials, Decisions: b.decisions,
		Restores: b.restores, Now: func() time.Time { return b.now },
	})
}

func TestCredentialsAreStoredAndNeverShown(t *testing.T) { // R37, R40, R44
	t.Parallel()
	b, _ := full(t)
	admin := b.fleetKeys.add(access.FleetKey{Scope: access.FleetAdmin}, nil)
	path := "/api/clinics/" + b.reads.owner.ID.String() + "/credentials"
	put := func(body string) answer {
		return b.do(http.MethodPut, path, body, withKey(admin), withHeader("Content-Type", "application/json"))
	}
	stored := put(`{"provider":"idexx_neo","fields":{"username":"reception@example.com","password":"` + secret + `"}}`)
	require.Equal(t, http.StatusOK, stored.Code, "%s", stored.Body)
	require.Equal(t, secret, b.credentials.given["password"])
	require.Equal(t, true, stored.at("set"))
	shown := b.get(path, withKey(admin))
	for _, text := range []string{stored.Body.String(), shown.Body.String(), b.log.String()} {
		require.NotContains(t, text, secret)
		require.NotContains(t, text, "reception")
	}
	require.Equal(t, access.CredentialsSet, b.events.events[0].Action)
	require.NotContains(t, b.events.events[0].After, "password")
	put(`{"provider":"`+secret+`","fields":{"username":"x"}}`).refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "provider")
	put(`{"provider":"idexx_neo","fields":{"password":"`+secret+`"}}`).refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "username")
	put(`{"provider":"idexx_neo"}`).refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "fields")

	b.credentials.err = pims.ErrAuthRejected
	b.post(path+"/test", "", withKey(admin)).refused(http.StatusBadGateway, syncs.CodeAuthRejected, "")
	require.Equal(t, access.Failed, b.events.events[len(b.events.events)-1].Outcome)
	b.credentials.stored = nil
	require.Equal(t, false, b.get(path, withKey(admin)).at("set"))
}

func TestClinicsAreListedInPagesOfAnyOrder(t *testing.T) { // R42
	t.Parallel()
	b, _ := full(t)
	var mine []uuid.UUID
	for i, clinicName := range []string{"Pine Hill", "harbor Lights", "Harbor Lights", "Cedar"} {
		x := *sample.Condition()
		x.Clinic.ID, x.Clinic.Name = uuid.New(), clinicName
		x.Clinic.Active = i != 3
		b.condition.all = append(b.condition.all, x)
		if i < 3 {
			mine = append(mine, x.Clinic.ID)
		}
	}
	names := func(target string, options ...requestOption) (names []string) {
		for cursor := ""; ; {
			a := b.get(target+cursor, options...)
			require.Equal(t, http.StatusOK, a.Code, "%s", a.Body)
			for i := range a.at("items").([]any) {
				names = append(names, a.at("items", i, "name").(string))
			}
			if a.at("nextCursor") == nil {
				return names
			}
			cursor = "&cursor=" + a.at("nextCursor").(string)
		}
	}
	whole := withKey(b.fleetKeys.add(access.FleetKey{Scope: access.FleetRead}, nil))
	limited := withKey(b.fleetKeys.add(access.FleetKey{Scope: access.FleetRead, Limited: true, Clinics: mine}, nil))
	for _, order := range []string{"name", "state", "since", "dataAsOf"} {
		require.ElementsMatch(t, []string{"Pine Hill", "harbor Lights", "Harbor Lights", "Cedar"}, names("/api/clinics?limit=1&sort="+order, whole), order)
	}
	byName := names("/api/clinics?limit=3", whole)
	require.Equal(t, "Cedar", byName[0])
	require.Equal(t, "Pine Hill", byName[3])
	require.Equal(t, []string{"Cedar"}, names("/api/clinics?limit=1&state=off", whole))
	require.Len(t, names("/api/clinics?limit=1&q=HARBOR", whole), 2)
	require.Equal(t, []string{"Pine Hill"}, names("/api/clinics?q="+mine[0].String()[:13], whole))
	require.Len(t, names("/api/clinics?limit=2", limited), 3)
	b.get("/api/clinics?cursor=nonsense", whole).refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "cursor")
}

func TestAnOperatorChangesAClinicAndIsRecorded(t *testing.T) { // R33, R44
	t.Parallel()
	b, _ := full(t)
	admin := b.fleetKeys.add(access.FleetKey{Scope: access.FleetAdmin}, nil)
	path := "/api/clinics/" + b.reads.owner.ID.String()
	with := func(method, target, body string) answer {
		return b.do(method, target, body, withKey(admin), withHeader("Content-Type", "application/json"))
	}
	require.Equal(t, http.StatusOK, with(http.MethodPatch, path, `{"timezone":"America/Denver","active":false}`).Code)
	require.Equal(t, "America/Denver", b.reads.owner.Timezone)
	require.Equal(t, access.ClinicDisable, b.events.events[0].Action)
	with(http.MethodPatch, path, `{"timezone":"Local"}`).refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "timezone")
	with(http.MethodPatch, path, `{"name":" "}`).refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "name")

	schedules := with(http.MethodPut, path+"/schedules", `{"schedules":[{"type":"inbound","cron":"0 6 * * *","enabled":true}]}`)
	require.Equal(t, http.StatusOK, schedules.Code, "%s", schedules.Body)
	require.Equal(t, "inbound", schedules.at("entries", 0, "type"))
	require.Len(t, b.get(path+"/schedules/next?days=3", withKey(admin)).at("items"), 3)
	with(http.MethodPut, path+"/schedules", `{"schedules":[{"type":"inbound","cron":"never"}]}`).refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "schedules")
	with(http.MethodPut, path+"/schedules", `{"schedules":{}}`).refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "schedules")
	with(http.MethodPut, path+"/schedules", `{"schedules": null }`).refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "schedules")

	made := with(http.MethodPost, path+"/keys", `{"name":"backend","scopes":["sync:inbound"]}`)
	require.Equal(t, http.StatusCreated, made.Code, "%s", made.Body)
	key := made.at("key").(string)
	require.Equal(t, http.StatusOK, b.get("/api/syncs", withKey(key)).Code)
	require.NotContains(t, b.get(path+"/keys", withKey(admin)).Body.String(), key)
	require.Equal(t, http.StatusOK, with(http.MethodDelete, path+"/keys/"+made.at("id").(string), "").Code)
	require.Equal(t, http.StatusUnauthorized, b.get("/api/syncs", withKey(key)).Code)
	theirs, id := b.keys.add(uuid.New(), nil)
	with(http.MethodDelete, path+"/keys/"+id.String(), "").refused(http.StatusNotFound, syncs.CodeNotFound, "")
	require.Equal(t, http.StatusOK, b.get("/api/syncs", withKey(theirs)).Code)
	with(http.MethodPost, path+"/keys", `{"scopes":["everything"]}`).refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "scopes")
	require.NotEmpty(t, b.get("/api/operator-events", withKey(admin)).at("items"))
}

func TestWhatACallerChangesIsRecorded(t *testing.T) { // R44
	t.Parallel()
	b, _ := full(t)
	key, id := b.keys.add(b.reads.owner.ID, func(k *clinic.APIKey) { k.Permissions = []clinic.Scope{clinic.ScopeAll} })
	what := "/" + sample.CaseID.String() + "/"
	for path, action := range map[string]access.Action{
		"/api/syncs" + what + "cancel":  access.SyncCancel,
		"/api/syncs" + what + "restore": access.SyncRestore,
		"/api/cases" + what + "restore": access.CaseRestore,
		"/api/plans" + what + "approve": access.PlanApprove,
		"/api/plans" + what + "reject":  access.PlanReject,
	} {
		b.events.events = nil
		require.Less(t, b.post(path, "", withKey(key)).Code, 400, path)
		require.Len(t, b.events.events, 1, path)
		event := b.events.events[0]
		require.Equal(t, action, event.Action)
		require.Equal(t, access.Who{Kind: access.KindClinicKey, ID: id}, event.Who)
		require.Equal(t, b.reads.owner.ID, event.ClinicID)
		require.Equal(t, sample.CaseID.String(), event.Record.ID)
		require.Equal(t, access.Done, event.Outcome)
	}
}
