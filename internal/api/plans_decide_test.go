package api

import (
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// deciding is a bench with a plan and a key that may decide and restore.
func deciding(t *testing.T) (*bench, syncs.Plan) {
	t.Helper()
	b := newBench(t)
	b.key, b.keyID = b.keys.add(b.reads.owner.ID, nil, clinic.ScopeApprove, clinic.ScopeRestore, clinic.ScopeReconcile)
	plan := *sample.Plan()
	b.reads.plans = map[uuid.UUID]syncs.Plan{plan.ID: plan}
	record := *sample.Record()
	b.reads.records = map[uuid.UUID]cases.Record{record.ID: record}
	return b, plan
}

func TestAnApprovalStartsItsSyncAndSaysWhere(t *testing.T) { // R23
	t.Parallel()
	b, plan := deciding(t)
	b.decisions.audit = syncs.Audit{ID: uuid.New()}
	a := b.post("/api/plans/"+plan.ID.String()+"/approve", "")
	require.Equal(t, http.StatusAccepted, a.Code)
	require.Equal(t, "/api/syncs/"+b.decisions.audit.ID.String(), a.Header().Get("Location"))
	require.Equal(t, b.decisions.audit.ID.String(), a.body["syncId"])
	require.Equal(t, []uuid.UUID{plan.ID}, b.decisions.approved)
	require.Equal(t, "key:"+b.keyID.String(), b.decisions.actor)
}

func TestARejectionAnswersThePlan(t *testing.T) { // R23
	t.Parallel()
	b, plan := deciding(t)
	a := b.post("/api/plans/"+plan.ID.String()+"/reject", "{}")
	require.Equal(t, http.StatusOK, a.Code)
	require.Equal(t, []uuid.UUID{plan.ID}, b.decisions.rejected)
}

func TestASecondDecisionIsAConflict(t *testing.T) { // docs/interface.md §Endpoints "a second approval is a 409"
	t.Parallel()
	b, plan := deciding(t)
	b.decisions.err = syncs.Fail(syncs.CodeAlreadyDecided, "the plan was approved before")
	for _, verb := range []string{"approve", "reject"} {
		a := b.post("/api/plans/"+plan.ID.String()+"/"+verb, "")
		require.Equal(t, http.StatusConflict, a.Code)
		require.Equal(t, "already_decided", a.body["code"])
	}
}

func TestDecidingAndRestoringNeedTheirScopes(t *testing.T) { // R39
	t.Parallel()
	b, plan := deciding(t)
	b.key, _ = b.keys.add(b.reads.owner.ID, nil) // the four sync scopes
	for _, path := range []string{
		"/api/plans/" + plan.ID.String() + "/approve", "/api/plans/" + plan.ID.String() + "/reject",
		"/api/cases/" + sample.CaseID.String() + "/restore", "/api/syncs/" + sample.SyncID.String() + "/restore",
	} {
		require.Equal(t, http.StatusForbidden, b.post(path, "").Code, path)
	}
	require.Empty(t, b.decisions.approved)
}

func TestARestoredCaseIsAnswered(t *testing.T) { // R24
	t.Parallel()
	b, _ := deciding(t)
	b.restores.restorations = []cases.Restoration{{CaseID: sample.CaseID, Outcome: cases.RestoreDone}}
	a := b.post("/api/cases/"+sample.CaseID.String()+"/restore", "")
	require.Equal(t, http.StatusOK, a.Code)
	require.Equal(t, sample.CaseID.String(), a.body["id"])
	require.Equal(t, "key:"+b.keyID.String(), b.restores.actor)
}

func TestARefusedRestoreSaysWhatWasChangedSince(t *testing.T) { // R24
	t.Parallel()
	b, _ := deciding(t)
	refused := cases.Restoration{CaseID: sample.CaseID, Outcome: cases.RestoreRefused, Changes: []cases.Event{{Field: "phone_number", Actor: "person", At: testTime}}}
	b.restores.restorations = []cases.Restoration{refused}
	a := b.post("/api/cases/"+sample.CaseID.String()+"/restore", "")
	require.Equal(t, http.StatusConflict, a.Code)
	require.Contains(t, a.body["error"], "phone number (by a person or another program at 2026-01-17T12:00:00Z)")

	other := uuid.New()
	b.syncs.audits[sample.SyncID] = syncs.Audit{ID: sample.SyncID, ClinicID: b.reads.owner.ID, Type: syncs.TypeReconciliation}
	b.restores.deleted = []uuid.UUID{sample.CaseID, other}
	b.restores.restorations = append(b.restores.restorations, cases.Restoration{CaseID: other, Outcome: cases.RestoreDone})
	a = b.post("/api/syncs/"+sample.SyncID.String()+"/restore", "")
	require.Equal(t, http.StatusOK, a.Code)
	require.Equal(t, false, a.body["success"])
	require.Equal(t, []any{other.String()}, a.body["restored"])
	require.Equal(t, b.restores.deleted, b.restores.asked)
}

// A restore that restored nothing is no action that was done.
func TestTheRestoreOfACaseThatIsNotThereOrRefusedIsRecordedAsFailed(t *testing.T) { // R24, R44
	t.Parallel()
	b, _ := full(t)
	key, _ := b.keys.add(b.reads.owner.ID, func(k *clinic.APIKey) { k.Permissions = []clinic.Scope{clinic.ScopeAll} })
	for code, restorations := range map[syncs.Code][]cases.Restoration{
		syncs.CodeNotFound:       nil,
		syncs.CodeAlreadyDecided: {{CaseID: sample.CaseID, Outcome: cases.RestoreRefused}},
	} {
		b.events.events, b.restores.restorations = nil, restorations
		b.post("/api/cases/"+sample.CaseID.String()+"/restore", "", withKey(key)).refused(web.StatusOf(code), code, "")
		require.Len(t, b.events.events, 1, code)
		require.Equal(t, access.Failed, b.events.events[0].Outcome, code)
	}
}

func TestTheHistoryTellsInPlainWords(t *testing.T) { // R14
	t.Parallel()
	b, _ := deciding(t)
	b.reads.events = []cases.Event{
		{CaseID: sample.CaseID, At: testTime, Actor: "sync:1", Action: "created"},
		{CaseID: sample.CaseID, At: testTime, Actor: "person", Action: "changed", Field: "scheduled_date", Before: []byte(`"2026-01-17T12:00:00Z"`), After: []byte(`"2026-01-18T12:00:00Z"`)},
	}
	a := b.get("/api/cases/" + sample.CaseID.String() + "/history")
	require.Equal(t, http.StatusOK, a.Code)
	items, _ := a.body["items"].([]any)
	require.Len(t, items, 2)
	second, _ := items[1].(map[string]any)
	require.Equal(t, []any{"date changed from 2026-01-17 06:00 CST to 2026-01-18 06:00 CST"}, second["text"])
	require.Equal(t, "a person or another program", second["who"])
	require.Equal(t, http.StatusNotFound, b.get("/api/cases/"+uuid.NewString()+"/history").Code)
}
