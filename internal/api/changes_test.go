package api

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// fakeChanges notes what was asked and returns a page.
type fakeChanges struct {
	requests []feed.Request
	page     feed.Page
	err      error
}

func (f *fakeChanges) Read(_ context.Context, r feed.Request) (feed.Page, error) {
	f.requests = append(f.requests, r)
	return f.page, f.err
}

func (f *fakeReads) FirstByID(_ context.Context, clinicID uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]cases.Record, bool, error) {
	records := make(map[uuid.UUID]cases.Record)
	for _, id := range ids {
		if record, ok := f.records[id]; ok && clinicID == f.owner.ID {
			records[id] = record
		}
	}
	return records, false, f.err
}

func TestChangesAreReadAfterACursor(t *testing.T) { // R46
	t.Parallel()
	b := newBench(t)
	b.reads.records = map[uuid.UUID]cases.Record{sample.CaseID: *sample.Record()}
	gone := *sample.Change()
	gone.ID, gone.CaseID, gone.Action, gone.Fields = 48212, uuid.New(), feed.Removed, nil
	b.changes.page = feed.Page{Changes: []feed.Change{*sample.Change(), gone}, More: true}
	a := b.get("/api/changes?after=here&limit=7&wait=30&include=case")
	require.Equal(t, http.StatusOK, a.Code)
	require.Equal(t, []feed.Request{{ClinicID: b.reads.owner.ID, After: "here", Limit: 7, Wait: 30 * time.Second}}, b.changes.requests)
	require.Equal(t, "48211", a.at("items", 0, "id"))
	require.Equal(t, sample.CaseID.String(), a.at("items", 0, "case", "id"))
	require.Equal(t, []any{}, a.at("items", 1, "fields"))
	require.NotContains(t, a.at("items", 1), "case", "it is gone")
	require.Equal(t, feed.Cursor{}.String(), a.body["cursor"])
	require.Equal(t, true, a.body["more"])

	b.changes.page = feed.Page{}
	a = b.get("/api/changes")
	require.Equal(t, feed.Request{ClinicID: b.reads.owner.ID, Limit: defaultChanges}, b.changes.requests[1])
	require.Equal(t, []any{}, a.body["items"])
}

func TestAnExpiredCursorIsGone(t *testing.T) { // R46
	t.Parallel()
	b := newBench(t)
	b.changes.err = syncs.Fail(syncs.CodeCursorExpired, "ask with after=now")
	a := b.get("/api/changes?after=old")
	require.Equal(t, http.StatusGone, a.Code)
	require.Equal(t, "cursor_expired", a.body["code"])
	require.Equal(t, "ask with after=now", a.body["error"])
	for _, query := range []string{"wait=31", "wait=-1", "limit=1001", "include=cases"} {
		require.Equal(t, http.StatusBadRequest, b.get("/api/changes?"+query).Code, query)
	}
}
