package api

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// docs/interface.md §Endpoints, "A sync in the API".
func TestASyncIsShownInTheShapeOfTheInterface(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	audit := sample.Audit(syncs.TypeCases)
	audit.ClinicID = b.reads.owner.ID
	audit.Options = syncs.Options{ParallelBatchSize: new(5), StartDate: &pims.Date{Year: 2026, Month: 1, Day: 10}}
	audit.Progress = syncs.Progress{Phase: syncs.TypeCases, Step: "fetch", Done: 25, Total: 25}
	b.syncs.put(audit)

	require.JSONEq(t, `{
		"id":"0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e01","clinicId":"`+b.reads.owner.ID.String()+`","type":"cases","status":"completed","trigger":"api","parentId":null,"dryRun":false,
		"options":{"startDate":"2026-01-10","parallelBatchSize":5},
		"stats":{"casesFound":25,"casesEnriched":22,"casesUnchanged":0,"casesSkipped":2,"casesFailed":1},
		"failures":[{"caseId":"0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e02","error":"Consultation not found","code":"not_found"}],
		"progress":{"phase":"cases","step":"fetch","done":25,"total":25},
		"error":null,"code":null,"planId":null,
		"createdAt":"2026-01-17T12:00:00.000Z","startedAt":"2026-01-17T12:00:00.000Z","completedAt":"2026-01-17T12:00:04.532Z","durationMs":4532
	}`, b.get("/api/syncs/"+audit.ID.String()).Body.String())
}

func TestASyncThatHasNotBegunIsShownWithNulls(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.syncs.put(&syncs.Audit{
		ID: sample.SyncID, ClinicID: b.reads.owner.ID, Type: syncs.TypeInbound, Status: syncs.StatusQueued,
		Trigger: syncs.TriggerSchedule, CreatedAt: sample.Time,
	})
	require.JSONEq(t, `{
		"id":"0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e01","clinicId":"`+b.reads.owner.ID.String()+`","type":"inbound","status":"queued","trigger":"schedule","parentId":null,"dryRun":false,"options":{},
		"stats":{"appointmentsFound":0,"casesCreated":0,"casesUpdated":0,"casesUnchanged":0,"casesSkipped":0},"failures":[],
		"progress":{"phase":null,"step":null,"done":0,"total":0},"error":null,"code":null,"planId":null,
		"createdAt":"2026-01-17T12:00:00.000Z","startedAt":null,"completedAt":null,"durationMs":null
	}`, b.get("/api/syncs/"+sample.SyncID.String()).Body.String())
}

func TestAFullSyncIsShownWithItsPhases(t *testing.T) { // R27
	t.Parallel()
	b := newBench(t)
	audit := sample.Audit(syncs.TypeFull)
	audit.ClinicID = b.reads.owner.ID
	b.syncs.put(audit)
	a := b.get("/api/syncs/" + audit.ID.String())
	require.Len(t, a.at("phases"), 3)
	require.Equal(t, audit.ID.String(), a.at("phases", 0, "parentId"))
	require.Len(t, a.at("stats"), 12)
	require.Equal(t, 25.0, a.at("stats", "appointmentsFound"))
	require.Equal(t, 120.0, a.at("stats", "casesChecked"))
}

func TestAFailedSyncIsShownWithWhatHappened(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	audit := sample.Audit(syncs.TypeReconciliation)
	audit.ClinicID, audit.Status = b.reads.owner.ID, syncs.StatusFailed
	audit.Result.Code, audit.Result.Error, audit.Result.PlanID = syncs.CodeDeletionGuard, "40 of 120", sample.PlanID
	b.syncs.put(audit)
	a := b.get("/api/syncs/" + audit.ID.String())
	require.Equal(t, http.StatusOK, a.Code, "looking is no failure")
	require.Equal(t, "deletion_guard", a.body["code"])
	require.Equal(t, "40 of 120", a.body["error"])
	require.Equal(t, sample.PlanID.String(), a.body["planId"])
}

func TestSyncsAreListedByTheirFilter(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.syncs.list = syncs.List[syncs.Audit]{Items: []syncs.Audit{*sample.Audit(syncs.TypeInbound)}, NextCursor: "next"}
	a := b.next(b.get("/api/syncs?type=reconciliation&status=failed&code=schema_drift&since=2026-01-17T12:00:00Z&limit=7"))
	require.Equal(t, syncs.AuditFilter{
		Type: syncs.TypeReconciliation, Status: syncs.StatusFailed, Code: syncs.CodeSchemaDrift, Since: time.Date(2026, 1, 17, 12, 0, 0, 0, time.UTC), Page: syncs.Page{Limit: 7, Cursor: "next"},
	}, b.syncs.filters[1])
	require.Len(t, a.body["items"], 1)
}

func TestAnEmptyListIsAList(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, path := range []string{"/api/syncs", "/api/cases", "/api/plans"} {
		require.JSONEq(t, `{"items":[],"nextCursor":null}`, b.get(path).Body.String())
	}
	require.Equal(t, syncs.AuditFilter{Page: syncs.Page{Limit: web.DefaultLimit}}, b.syncs.filters[0])
}

func TestAParameterWithoutAValueIsNotGiven(t *testing.T) {
	t.Parallel()
	b := newBench(t) // a number has none that is empty
	require.Equal(t, http.StatusOK, b.get("/api/syncs?type=&status=&cursor=").Code)
	require.Equal(t, http.StatusOK, b.get("/api/cases?from=&to=&status=&updatedSince=&cursor=").Code)
	require.Equal(t, cases.Filter{Page: syncs.Page{Limit: web.DefaultLimit}}, b.reads.caseFilters[0])
}

func TestAQueryThatIsNotExactlyRightIsRefusedAndNamesTheParameter(t *testing.T) { // R38
	t.Parallel()
	b := newBench(t)
	for target, field := range map[string]string{
		"/api/syncs?unknown=" + secret:                      "unknown",
		"/api/syncs?Status=failed":                          "Status",
		"/api/syncs?status=failed&status=failed":            "status",
		"/api/syncs?status=" + secret:                       "status",
		"/api/syncs?type=reconcile":                         "type",
		"/api/syncs?code=schema_drifted":                    "code",
		"/api/syncs?limit=":                                 "limit",
		"/api/syncs?limit=0":                                "limit",
		"/api/syncs?limit=201":                              "limit",
		"/api/syncs?limit=1e2":                              "limit",
		"/api/syncs?limit=-1":                               "limit",
		"/api/syncs?limit=%2B5":                             "limit",
		"/api/syncs?limit=007":                              "limit",
		"/api/syncs?limit=%205":                             "limit",
		"/api/syncs?limit=٥":                                "limit",
		"/api/cases?from=0000-01-01":                        "from",
		"/api/cases?to=10000-01-01":                         "to",
		"/api/cases?updatedSince=0000-12-31T23:59:59Z":      "updatedSince",
		"/api/cases?updatedSince=9999-12-31T23:59:59-01:00": "updatedSince", // the year 10000 of UTC
		"/api/cases?updatedSince=2026-01-17T12:00:00,5Z":    "updatedSince",
		"/api/cases?updatedSince=2026-01-17T1:00:00Z":       "updatedSince",
		"/health?" + url.QueryEscape("Mrs. Miller"):         "(unknown)",
		"/health?verbose=1":                                 "verbose",
		"/ready?x":                                          "x",
		"/metrics?x=1":                                      "x",
		"/openapi.json?x=1":                                 "x",
		"/docs?x=1":                                         "x",
		"/?x=1":                                             "x",
		"/api/syncs?limit=99999999999999999999":             "limit",
		"/api/syncs?cursor=" + strings.Repeat("a", 2049):    "cursor",
		"/api/syncs?cursor=%00":                             "cursor",
		"/api/syncs?cursor=%FF":                             "cursor",
		"/api/syncs?cursor=%zz":                             "query",
		"/api/syncs?limit=1;cursor=2":                       "query",
		"/api/syncs?" + url.QueryEscape("Mrs. Miller"):      "(unknown)",
		"/api/syncs?=1":                                     "(unknown)",
		"/api/syncs/" + sample.SyncID.String() + "?full=1":  "full",
		"/api/cases?from=17.01.2026":                        "from",
		"/api/cases?to=2026-02-30":                          "to",
		"/api/cases?from=2026-01-17&to=2026-01-16":          "to",
		"/api/cases?updatedSince=yesterday":                 "updatedSince",
		"/api/cases?updatedSince=2026-01-17":                "updatedSince",
		"/api/cases?updatedSince=2026-01-17T12:00:00+01:00": "updatedSince", // the + is a space
		"/api/cases?status=" + strings.Repeat("s", 65):      "status",
		"/api/cases?clinicId=" + uuid.NewString():           "clinicId",
		"/api/plans?status=failed":                          "status",
	} {
		a := b.get(target)
		a.refused(http.StatusBadRequest, syncs.CodeInvalidRequest, field)
		require.NotContains(t, a.Body.String(), secret)
		require.NotContains(t, a.Body.String(), "Miller")
	}
	b.post("/api/sync/inbound?startDate=2026-01-17", "").refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "startDate")
	require.Empty(t, b.syncs.started())
}

// docs/interface.md §Endpoints, "A case in the API".
func TestACaseIsShownInTheShapeOfTheInterface(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.reads.records = map[uuid.UUID]cases.Record{sample.CaseID: *sample.Record()}
	require.JSONEq(t, `{
		"id":"0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e02","provider":"idexx_neo","pimsId":"48213","deletedAt":null,"deletionReason":null,"patientName":"Biscuit","clientName":"Robin Example","phoneNumber":"555-0100",
		"scheduledDate":"2026-01-17T15:00:00.000Z","status":"draft","caseType":"checkup","metadata":{"appointment":{"status":"scheduled"}},
		"createdAt":"2026-01-17T12:00:00.000Z","updatedAt":"2026-01-17T12:00:00.000Z"
	}`, b.get("/api/cases/"+sample.CaseID.String()).Body.String())
}

func TestACaseMadeByHandIsShownWithNulls(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.reads.records = map[uuid.UUID]cases.Record{sample.CaseID: {ID: sample.CaseID, Provider: "idexx_neo", Status: "draft", CaseType: "other", CreatedAt: sample.Time, UpdatedAt: sample.Time}}
	require.JSONEq(t, `{
		"id":"0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e02","provider":"idexx_neo","pimsId":null,"deletedAt":null,"deletionReason":null,"patientName":null,"clientName":null,"phoneNumber":null,"scheduledDate":null,
		"status":"draft","caseType":"other","metadata":{},"createdAt":"2026-01-17T12:00:00.000Z","updatedAt":"2026-01-17T12:00:00.000Z"
	}`, b.get("/api/cases/"+sample.CaseID.String()).Body.String())
}

func TestMetadataAndTextsArriveAsTheyAreStored(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	record := *sample.Record()
	record.Metadata = []byte(`{"invoice":{"total":12345678901234567890.10,"html":"<b>&amp;</b>"},"note":"🐕 \u2028"}`)
	record.PatientName = new("Zoë <&> 🐈")
	b.reads.records = map[uuid.UUID]cases.Record{record.ID: record}
	text := b.get("/api/cases/" + record.ID.String()).Body.String()
	require.Contains(t, text, `12345678901234567890.10`)
	require.Contains(t, text, `"html":"<b>&amp;</b>"`)
	require.Contains(t, text, `"Zoë <&> 🐈"`)
}

func TestATextThatIsNotUTF8DoesNotHideItsRecord(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	record := *sample.Record()
	record.PatientName = new("Biscuit \xff")
	b.reads.records = map[uuid.UUID]cases.Record{record.ID: record}
	require.Equal(t, "Biscuit \uFFFD", b.get("/api/cases/" + record.ID.String()).body["patientName"])
}

func TestCasesAreListedByTheirFilter(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.reads.records = map[uuid.UUID]cases.Record{sample.CaseID: *sample.Record()}
	b.reads.cursor = "next"
	a := b.next(b.get("/api/cases?from=2026-01-10&to=2026-01-17&status=draft&updatedSince=2026-01-17T12:00:00.5%2B01:00&pimsId=48213&limit=200"))
	filter := b.reads.caseFilters[1]
	require.True(t, filter.UpdatedSince.Equal(time.Date(2026, 1, 17, 11, 0, 0, 5e8, time.UTC)))
	filter.UpdatedSince = time.Time{}
	require.Equal(t, cases.Filter{
		From: pims.Date{Year: 2026, Month: 1, Day: 10}, To: pims.Date{Year: 2026, Month: 1, Day: 17}, Status: "draft", PIMSID: "48213",
		Page: syncs.Page{Limit: 200, Cursor: "next"},
	}, filter)
	require.Len(t, a.body["items"], 1)
}

func TestSoftDeletedCasesAreMarkedAndFiltered(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	record := sample.Record()
	b.reads.records = map[uuid.UUID]cases.Record{sample.CaseID: *record}
	a := b.get("/api/cases/" + sample.CaseID.String())
	require.Equal(t, "idexx_neo", a.body["provider"])
	require.Nil(t, a.body["deletedAt"])
	require.Nil(t, a.body["deletionReason"])

	record.SoftDeleted, record.DeletedAt, record.DeletedReason = true, sample.Time.Add(time.Minute), "Removed from PIMS"
	b.reads.records[sample.CaseID] = *record
	a = b.get("/api/cases/" + sample.CaseID.String())
	require.Equal(t, "2026-01-17T12:01:00.000Z", a.body["deletedAt"])
	require.Equal(t, "Removed from PIMS", a.body["deletionReason"])
	record.DeletedAt, record.DeletedReason = time.Time{}, "" // the mark of another program
	b.reads.records[sample.CaseID] = *record
	require.Equal(t, "2026-01-17T12:00:00.000Z", b.get("/api/cases/" + sample.CaseID.String()).body["deletedAt"])

	for query, want := range map[string]cases.Filter{
		"":                            {},
		"?deleted=any&order=oldest":   {},
		"?deleted=&order=":            {},
		"?deleted=true":               {Deleted: new(true)},
		"?deleted=false&order=newest": {Deleted: new(false), NewestFirst: true},
	} {
		require.Equal(t, http.StatusOK, b.get("/api/cases"+query).Code)
		want.Limit = web.DefaultLimit
		require.Equal(t, want, b.reads.caseFilters[len(b.reads.caseFilters)-1], query)
	}
	b.get("/api/cases?deleted=yes").refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "deleted")
	b.get("/api/cases?order=up").refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "order")
}

func TestDaysNeedTheClinicsZone(t *testing.T) { // R1
	t.Parallel()
	for _, zone := range []string{"", "Local", "Mars/Olympus"} {
		b := newBench(t)
		b.reads.owner.Timezone = zone
		b.get("/api/cases?from=2026-01-17").refused(http.StatusConflict, syncs.CodeTimezoneMissing, "")
		b.get("/api/cases?to=2026-01-17").refused(http.StatusConflict, syncs.CodeTimezoneMissing, "")
		require.Equal(t, http.StatusOK, b.get("/api/cases").Code)
	}
}

// docs/interface.md §Endpoints, "A plan".
func TestAPlanIsShownInTheShapeOfTheInterface(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	plan := *sample.Plan()
	plan.ClinicID = b.reads.owner.ID
	plan.Evidence.Moved, plan.Evidence.MovedBy = 12, -time.Hour
	plan.Evidence.Refusal = "share"
	plan.Evidence.Rereadings = []syncs.Rereading{{Days: plan.Window, At: sample.Time, Found: 80, Back: 1}}
	b.reads.plans = map[uuid.UUID]syncs.Plan{sample.PlanID: plan}
	require.JSONEq(t, `{
		"id":"0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e03","clinicId":"`+b.reads.owner.ID.String()+`","syncId":"0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e01","syncType":"reconciliation",
		"status":"open","code":"deletion_guard","reason":"40 of 120 cases are missing from the PIMS, the limit is 12; nothing was deleted",
		"window":{"startDate":"2026-01-10","endDate":"2026-01-17"},
		"cases":[{"caseId":"0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e02","pimsId":"48213","scheduledDate":"2026-01-17T11:00:00.000Z","type":"Surgery","room":"Room 2"}],
		"evidence":{"fetchedAt":"2026-01-17T12:00:00.000Z","refusal":"share","known":120,"found":80,"shared":80,"candidates":120,"limit":12,"moved":12,"movedBySeconds":-3600,
			"days":{"2026-01-17":40},"lookups":[{"pimsId":"48213","method":"by_id","found":"gone","at":"2026-01-17T12:00:00.000Z"}],
			"rereadings":[{"startDate":"2026-01-10","endDate":"2026-01-17","at":"2026-01-17T12:00:00.000Z","found":80,"back":1}]},
		"createdAt":"2026-01-17T12:00:00.000Z","expiresAt":"2026-01-18T12:00:00.000Z","decidedAt":null,"decidedBy":null
	}`, b.get("/api/plans/"+sample.PlanID.String()).Body.String())
}

func TestAPlanWithoutCasesHasEmptyLists(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.reads.plans = map[uuid.UUID]syncs.Plan{sample.PlanID: {
		ID: sample.PlanID, SyncID: sample.SyncID, SyncType: syncs.TypeInbound, Status: syncs.PlanApproved, Code: syncs.CodeShiftGuard,
		Window: sample.Plan().Window, CreatedAt: sample.Time, ExpiresAt: sample.Time, DecidedAt: sample.Time, DecidedBy: "os:operator",
	}}
	a := b.get("/api/plans/" + sample.PlanID.String())
	require.Equal(t, []any{}, a.at("cases"))
	require.Equal(t, []any{}, a.at("evidence", "lookups"))
	require.Equal(t, map[string]any{}, a.at("evidence", "days"))
	require.Equal(t, "os:operator", a.at("decidedBy"))
}

func TestAPlanAndTheSyncThatCarriesItOutNameEachOther(t *testing.T) { // R23
	t.Parallel()
	b := newBench(t)
	plan, audit := *sample.Plan(), sample.Audit(syncs.TypeReconciliation)
	plan.Status = syncs.PlanApproved
	plan.Execution = syncs.Execution{SyncID: audit.ID, Status: syncs.StatusFailed, Code: syncs.CodeTimeout}
	audit.ClinicID, audit.Approval = b.reads.owner.ID, plan.ID
	b.reads.plans = map[uuid.UUID]syncs.Plan{plan.ID: plan}
	b.syncs.put(audit)
	a := b.get("/api/plans/" + plan.ID.String())
	require.Equal(t, map[string]any{"syncId": audit.ID.String(), "status": "failed", "code": "timeout"}, a.at("execution"))
	require.Equal(t, plan.ID.String(), b.get("/api/syncs/"+audit.ID.String()).at("approvedPlanId"))
}

func TestPlansAreListedByTheirFilter(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.reads.plans = map[uuid.UUID]syncs.Plan{sample.PlanID: *sample.Plan()}
	b.reads.cursor = "next"
	a := b.get("/api/plans?status=open&limit=1")
	require.Equal(t, []syncs.PlanFilter{{Status: syncs.PlanOpen, Page: syncs.Page{Limit: 1}}}, b.reads.planFilters)
	require.Len(t, a.body["items"], 1)
	b.next(a)
	require.Equal(t, syncs.Page{Limit: 1, Cursor: "next"}, b.reads.planFilters[1].Page)
}

func TestACancelledSyncIsShown(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	running := sample.Running(syncs.TypeInbound)
	running.ClinicID = b.reads.owner.ID
	b.syncs.put(running)
	b.syncs.onCancel = func(audit *syncs.Audit) error {
		audit.Status, audit.CompletedAt = syncs.StatusCancelled, sample.Time.Add(time.Second)
		return nil
	}
	a := b.post("/api/syncs/"+running.ID.String()+"/cancel", "{}")
	require.Equal(t, http.StatusOK, a.Code)
	require.Equal(t, "cancelled", a.body["status"])
	require.Equal(t, "cancelled", a.body["code"])
	require.Equal(t, []string{"key:" + b.keyID.String()}, b.syncs.actors)
}

func TestASyncThatWillStopAnswers202(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	running := sample.Running(syncs.TypeInbound)
	running.ClinicID = b.reads.owner.ID
	b.syncs.put(running)
	a := b.post("/api/syncs/"+running.ID.String()+"/cancel", "")
	require.Equal(t, http.StatusAccepted, a.Code)
	require.Equal(t, "/api/syncs/"+running.ID.String(), a.Header().Get("Location"))
	require.Equal(t, "in_progress", a.body["status"])
}

func TestASyncThatIsOverCannotBeCancelled(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	over := sample.Audit(syncs.TypeInbound)
	over.ClinicID = b.reads.owner.ID
	b.syncs.put(over)
	b.syncs.onCancel = func(*syncs.Audit) error { return syncs.Fail(syncs.CodeAlreadyDecided, "it is over") }
	b.post("/api/syncs/"+over.ID.String()+"/cancel", "").refused(http.StatusConflict, syncs.CodeAlreadyDecided, "")
}

func TestCancellingNeedsTheScopeOfTheSyncsType(t *testing.T) { // R39
	t.Parallel()
	b := newBench(t)
	full := sample.Running(syncs.TypeFull)
	full.ClinicID = b.reads.owner.ID
	b.syncs.put(full)
	key, _ := b.keys.add(b.reads.owner.ID, nil, clinic.ScopeInbound, clinic.ScopeCases, clinic.ScopeReconcile)
	a := b.post("/api/syncs/"+full.ID.String()+"/cancel", "", withKey(key))
	a.refused(http.StatusForbidden, syncs.CodeForbidden, "")
	require.Contains(t, a.body["error"], "sync:full")
	require.Empty(t, b.syncs.actors)
}

func TestACaseIsShownAsItWasAndComparedWithNow(t *testing.T) { // R14
	t.Parallel()
	b := newBench(t)
	record := *sample.Record()
	created := record.CreatedAt
	record.UpdatedAt = created.Add(2 * time.Hour)
	b.reads.records = map[uuid.UUID]cases.Record{record.ID: record}
	b.reads.events = []cases.Event{
		{ID: 1, CaseID: record.ID, At: created, Actor: "person", Action: "created"},
		{ID: 2, CaseID: record.ID, At: created.Add(2 * time.Hour), Actor: "person", Action: "changed", Field: "patient_name", Before: []byte(`"Old Pip"`), After: []byte(`"Pip"`)},
	}
	path := "/api/cases/" + record.ID.String()
	at := func(hours int) string {
		return created.Add(time.Duration(hours) * time.Hour).UTC().Format(time.RFC3339)
	}

	was := b.get(path + "/moment?at=" + at(1))
	require.Equal(t, "Old Pip", was.at("case", "patientName"))
	require.Equal(t, false, was.at("notesWithheld"))
	b.get(path+"/moment").refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "at")
	b.get(path+"/moment?at=yesterday").refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "at")
	b.get(path+"/moment?at="+at(-1)).refused(http.StatusNotFound, syncs.CodeNotFound, "")
	b.get("/api/cases/"+uuid.NewString()+"/moment?at="+at(1)).refused(http.StatusNotFound, syncs.CodeNotFound, "")

	differs := b.get(path + "/comparison?from=" + at(1) + "&to=" + at(2))
	require.Equal(t, []any{"patient changed from Old Pip to Pip"}, differs.at("items", 0, "text"))
	require.Len(t, differs.at("items"), 1)
	require.Empty(t, b.get(path+"/comparison?from="+at(0)+"&to="+at(1)).at("items"))
	b.get(path+"/comparison?to="+at(1)).refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "from")
	b.get(path+"/comparison?from="+at(2)+"&to="+at(1)).refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "to")
}
