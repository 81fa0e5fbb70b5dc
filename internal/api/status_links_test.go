package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/practice"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// fakeLinks is pims_sync_status_links in memory.
type fakeLinks struct {
	practice.Store // what the API does not call

	lenient bool // every id is a link of every clinic

	mu   sync.Mutex
	rows []practice.Link
}

func (f *fakeLinks) Links(_ context.Context, clinicID uuid.UUID) (of []practice.Link, _ error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.rows {
		if l.ClinicID == clinicID {
			of = append(of, l)
		}
	}
	return of, nil
}

func (f *fakeLinks) Add(_ context.Context, l practice.Link) (practice.Link, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rows = append(f.rows, l)
	return l, nil
}

func (f *fakeLinks) Revoke(_ context.Context, clinicID, id uuid.UUID) (practice.Link, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.rows, func(l practice.Link) bool { return l.ID == id && l.ClinicID == clinicID })
	if i < 0 && f.lenient {
		return practice.Link{ID: id, ClinicID: clinicID}, nil
	}
	if i < 0 {
		return practice.Link{}, practice.ErrNoLink
	}
	f.rows[i].Active = false
	return f.rows[i], nil
}

func TestALinkToThePracticesPageIsShownOnce(t *testing.T) { // R42, R44, R61
	t.Parallel()
	links := &fakeLinks{}
	b := newBench(t, func(o *benchSettings) {
		o.Fleet.Practice = practice.New(practice.Options{Log: o.Record, Store: links, Now: func() time.Time { return testTime }})
	})
	admin := b.fleetKeys.add(access.FleetKey{Scope: access.FleetAdmin}, nil)
	path := "/api/clinics/" + b.reads.owner.ID.String() + "/status-links"
	made := b.post(path, `{"name":"front desk"}`, withKey(admin))
	require.Equal(t, http.StatusCreated, made.Code, "%s", made.Body)
	link, _ := made.at("link").(string)
	require.Contains(t, link, "/status/")
	token := link[strings.LastIndex(link, "/")+1:]
	list := b.get(path, withKey(admin))
	require.Contains(t, list.Body.String(), "front desk")
	require.NotContains(t, list.Body.String()+links.rows[0].Hash+b.log.String(), token)
	b.post(path, `{"name":"a\nb"}`, withKey(admin)).refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "name")
	revoked := b.do(http.MethodDelete, path+"/"+links.rows[0].ID.String(), "", withKey(admin))
	require.Equal(t, false, revoked.at("active"))
	b.do(http.MethodDelete, path+"/"+uuid.NewString(), "", withKey(admin)).refused(http.StatusNotFound, syncs.CodeNotFound, "")
}

// Whoever is given the link must find the server with it, whatever address the caller wrote.
func TestALinkToThePracticesPageLeadsWherePeopleFindTheServer(t *testing.T) { // R61
	t.Parallel()
	b := newBench(t, func(o *benchSettings) {
		o.Fleet.Practice = practice.New(practice.Options{Log: o.Record, Store: &fakeLinks{}, Now: func() time.Time { return testTime }})
		o.Fleet.BaseOf = func(*http.Request) string { return "https://sync.example.com" }
	})
	admin := b.fleetKeys.add(access.FleetKey{Scope: access.FleetAdmin}, nil)
	made := b.post("/api/clinics/"+b.reads.owner.ID.String()+"/status-links", `{}`, withKey(admin), func(r *http.Request) { r.Host = "elsewhere.example.com" })
	require.Equal(t, http.StatusCreated, made.Code, "%s", made.Body)
	link, _ := made.at("link").(string)
	require.True(t, strings.HasPrefix(link, "https://sync.example.com/status/"), link)
}
