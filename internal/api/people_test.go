package api

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// fakePeople is the table of people in memory.
type fakePeople struct {
	mu   sync.Mutex
	rows []people.Person
	by   []access.By
}

func (f *fakePeople) People(context.Context) ([]people.Person, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.rows), nil
}

func (f *fakePeople) Person(_ context.Context, id uuid.UUID) (people.Person, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.IndexFunc(f.rows, func(p people.Person) bool { return p.ID == id }); i >= 0 {
		return f.rows[i], nil
	}
	return people.Person{}, people.ErrNotFound
}

func (f *fakePeople) Invite(_ context.Context, by access.By, p people.Person) (people.Person, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if slices.ContainsFunc(f.rows, func(x people.Person) bool { return x.Email == "taken@example.com" && p.Email == x.Email }) {
		return people.Person{}, people.ErrExists
	}
	p.ID, p.CreatedAt = uuid.New(), testTime
	f.rows, f.by = append(f.rows, p), append(f.by, by)
	return p, nil
}

func (f *fakePeople) Change(_ context.Context, by access.By, id uuid.UUID, change func(*people.Person) error) (people.Person, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.rows {
		if f.rows[i].ID == id {
			f.by = append(f.by, by)
			err := change(&f.rows[i])
			return f.rows[i], err
		}
	}
	return people.Person{}, people.ErrNotFound
}

func (f *fakePeople) Remove(_ context.Context, _ access.By, id uuid.UUID) (people.Person, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.rows { // it stays, for the callers that come after
		if p.ID == id {
			return p, nil
		}
	}
	return people.Person{}, people.ErrNotFound
}

func (f *fakePeople) InviteLink(context.Context, uuid.UUID) (string, error) { return "token", nil }

func TestPeopleAreInvitedLimitedAndRemoved(t *testing.T) { // R42, R43
	t.Parallel()
	b := newBench(t)
	admin := withKey(b.fleetKeys.add(access.FleetKey{Scope: access.FleetAdmin}, nil))
	mine := b.reads.owner.ID.String()

	added := b.post("/api/people", `{"email":"ada@example.com","name":"Ada","clinics":["`+mine+`"]}`, admin)
	require.Equal(t, 201, added.Code, added.Body)
	require.Equal(t, "viewer", added.body["role"])
	require.Equal(t, []any{mine}, added.body["clinics"])
	require.Equal(t, "https://sync.example.com/token", added.body["link"])
	require.Equal(t, access.KindFleetKey, b.people.by[0].Kind)
	id, _ := added.body["id"].(string)

	changed := b.do("PATCH", "/api/people/"+id, `{"role":"admin","allClinics":true}`, admin)
	require.Equal(t, 200, changed.Code, changed.Body)
	require.Equal(t, "admin", changed.body["role"])
	require.Nil(t, changed.body["clinics"])
	require.NotContains(t, changed.body, "link")
	reset := b.do("PATCH", "/api/people/"+id, `{"resetSignIn":true}`, admin)
	require.Equal(t, "https://sync.example.com/token", reset.body["link"])

	for body, field := range map[string]string{
		`{"role":"owner"}`:                               "role",
		`{"email":"nobody"}`:                             "email",
		`{"clinics":["` + uuid.NewString() + `"]}`:       "clinics",
		`{"clinics":["` + mine + `"],"allClinics":true}`: "allClinics",
	} {
		refused := b.do("PATCH", "/api/people/"+id, body, admin)
		require.Equal(t, 400, refused.Code, body)
		require.Equal(t, field, refused.body["field"], body)
	}
	require.Equal(t, 404, b.do("PATCH", "/api/people/"+uuid.NewString(), `{"name":"x"}`, admin).Code)
	require.Equal(t, 404, b.do("DELETE", "/api/people/"+uuid.NewString(), "", admin).Code)

	b.reads.err = syncs.ErrDatabase
	b.do("PATCH", "/api/people/"+id, `{"clinics":["`+mine+`"]}`, admin).refused(http.StatusServiceUnavailable, syncs.CodeDatabaseUnavailable, "")
	b.reads.err = nil

	b.people.rows = append(b.people.rows, people.Person{ID: uuid.New(), Email: "taken@example.com", Role: access.RoleViewer, CreatedAt: testTime})
	require.Equal(t, 400, b.post("/api/people", `{"email":"taken@example.com"}`, admin).Code)
	all := b.get("/api/people", admin)
	require.Len(t, all.body["items"], 2)
	require.NotContains(t, all.Body.String(), "link")
}

func TestTheInstallationIsShownWithoutSecrets(t *testing.T) { // R37, R42
	t.Parallel()
	b := newBench(t)
	shown := b.get("/api/system", withKey(b.fleetKeys.add(access.FleetKey{Scope: access.FleetRead}, nil)))
	require.Equal(t, 200, shown.Code, shown.Body)
	require.Equal(t, "1.2.3", shown.body["version"])
	require.Equal(t, map[string]any{"version": "17.2", "migration": 53.0, "roles": true, "bytes": 432013312.0}, shown.body["database"])
}
