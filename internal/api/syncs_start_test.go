package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

func TestEachEndpointStartsASyncOfItsTypeWithTheOptionsOfTheBody(t *testing.T) {
	t.Parallel()
	start, end := pims.Date{Year: 2026, Month: 1, Day: 17}, pims.Date{Year: 2026, Month: 1, Day: 24}
	for path, test := range map[string]struct {
		body    string
		kind    syncs.Type
		options syncs.Options
	}{
		"inbound": {
			`{"startDate":"2026-01-17","endDate":"2026-01-24","daysAhead":7,"dryRun":true}`, syncs.TypeInbound,
			syncs.Options{StartDate: &start, EndDate: &end, DaysAhead: new(7), DryRun: true},
		},
		"cases": {
			`{"startDate":"2026-01-17","endDate":"2026-01-24","parallelBatchSize":10,"force":true,"dryRun":true}`, syncs.TypeCases,
			syncs.Options{StartDate: &start, EndDate: &end, ParallelBatchSize: new(10), Force: true, DryRun: true},
		},
		"reconcile": {
			`{"lookbackDays":30,"lookaheadDays":2,"dryRun":true}`, syncs.TypeReconciliation,
			syncs.Options{LookbackDays: new(30), LookaheadDays: new(2), DryRun: true},
		},
		"full": {
			`{"startDate":"2026-01-17","endDate":"2026-01-24","daysAhead":7,"parallelBatchSize":3,"force":true,"lookbackDays":14,"lookaheadDays":0,"dryRun":true}`, syncs.TypeFull,
			syncs.Options{
				StartDate: &start, EndDate: &end, DaysAhead: new(7), ParallelBatchSize: new(3), Force: true,
				LookbackDays: new(14), LookaheadDays: new(0), DryRun: true,
			},
		},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.endsAtOnce(func(*syncs.Audit) {})

			a := b.post("/api/sync/"+path, test.body)

			require.Equal(t, http.StatusOK, a.Code, "%s", a.Body)
			require.Equal(t, []syncs.Request{{
				ClinicID: b.reads.owner.ID, Type: test.kind, Trigger: syncs.TriggerAPI, Options: test.options,
			}}, b.syncs.started())
		})
	}
}

func TestTheBodiesKnowExactlyTheFieldsThatTheRulesAllow(t *testing.T) {
	t.Parallel()
	require.ElementsMatch(t, syncs.Allowed(syncs.TypeInbound), web.Fields(&inboundRequest{}))
	require.ElementsMatch(t, syncs.Allowed(syncs.TypeCases), web.Fields(&casesRequest{}))
	require.ElementsMatch(t, syncs.Allowed(syncs.TypeReconciliation), web.Fields(&reconcileRequest{}))
	require.ElementsMatch(t, syncs.Allowed(syncs.TypeFull), web.Fields(&syncOptions{}))
}

func TestNoBodyMeansTheDefaults(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]requestOption{
		"no content type":   nil,
		"json":              {withHeader("Content-Type", "application/json")},
		"curl's empty form": {withHeader("Content-Type", "application/x-www-form-urlencoded")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.endsAtOnce(func(*syncs.Audit) {})
			require.Equal(t, http.StatusOK, b.post("/api/sync/full", "", options...).Code)
			require.Equal(t, http.StatusOK, b.do(http.MethodPost, "/api/sync/full", " \r\n", options...).Code)
			require.Equal(t, syncs.Options{}, b.syncs.started()[0].Options)
			require.Equal(t, syncs.Options{}, b.syncs.started()[1].Options)
		})
	}
}

// The bodies of the specification, with the fields that docs/interface.md and R12, R25 add.
func TestACompletedSyncAnswersTheSpecifiedBody(t *testing.T) {
	t.Parallel()
	caseID := uuid.MustParse("6f0c2e9c-0000-4000-8000-000000000001")
	for path, test := range map[string]struct {
		result syncs.Result
		want   string
	}{
		"inbound": {
			syncs.Result{Stats: syncs.Stats{AppointmentsFound: 25, CasesCreated: 18, CasesUpdated: 7}},
			`{"appointmentsFound":25,"casesCreated":18,"casesUpdated":7,"casesUnchanged":0,"casesSkipped":0}`,
		},
		"cases": {
			syncs.Result{Stats: syncs.Stats{CasesFound: 25, CasesEnriched: 22, CasesSkipped: 3}},
			`{"casesFound":25,"casesEnriched":22,"casesUnchanged":0,"casesSkipped":3,"casesFailed":0}`,
		},
		"reconcile": {
			syncs.Result{Stats: syncs.Stats{CasesChecked: 120, CasesDeleted: 1, CasesRestored: 2, CasesUpdated: 3, DeletedIDs: []uuid.UUID{caseID}}},
			`{"casesChecked":120,"casesDeleted":1,"casesUpdated":3,"casesRestored":2,"deletedIds":["6f0c2e9c-0000-4000-8000-000000000001"]}`,
		},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.endsAtOnce(func(audit *syncs.Audit) { audit.Result = test.result })

			a := b.post("/api/sync/"+path, "")

			require.Equal(t, http.StatusOK, a.Code)
			id, _ := a.body["syncId"].(string)
			require.JSONEq(t, `{"success":true,"syncId":"`+id+`","stats":`+test.want+`,"durationMs":4532,"timestamp":"2026-01-17T12:00:00.123Z"}`, a.Body.String())
			require.NoError(t, uuid.Validate(id))
		})
	}
}

func TestDeletedIDsAreAnEmptyListWhereNothingWasDeleted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.endsAtOnce(func(*syncs.Audit) {})
	require.Contains(t, b.post("/api/sync/reconcile", "").Body.String(), `"deletedIds":[]`)
}

func TestCasesThatCouldNotBeEnrichedAreListed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	caseID := uuid.New()
	b.endsAtOnce(func(audit *syncs.Audit) {
		audit.Result.Failures = []syncs.ItemFailure{{CaseID: caseID, Error: "Consultation not found", Code: syncs.ItemNotFound}}
	})
	a := b.post("/api/sync/cases", "")
	require.Equal(t, true, a.body["success"])
	require.Equal(t, []any{map[string]any{"caseId": caseID.String(), "error": "Consultation not found", "code": "not_found"}}, a.body["failures"])
}

func TestAnIncompleteSnapshotThatWasWrittenIsASuccessWithACode(t *testing.T) { // R6
	t.Parallel()
	b := newBench(t)
	b.endsAtOnce(func(audit *syncs.Audit) {
		audit.Result.Code, audit.Result.Error = syncs.CodeSnapshotIncomplete, "2 rows without an id"
		audit.Result.Warnings.UnidentifiedRows = 2
	})
	a := b.post("/api/sync/inbound", "")
	require.Equal(t, http.StatusOK, a.Code)
	require.Equal(t, true, a.body["success"])
	require.Equal(t, "snapshot_incomplete", a.body["code"])
	require.Equal(t, 2.0, a.at("warnings", "unidentifiedRows"))
}

func TestADryRunAnswersWhatItWouldDo(t *testing.T) { // R26
	t.Parallel()
	b := newBench(t)
	caseID := uuid.New()
	b.endsAtOnce(func(audit *syncs.Audit) {
		audit.Result.Changes = []syncs.Change{
			{Action: syncs.ActionCreated, PIMSID: "7"},
			{Action: syncs.ActionUpdated, PIMSID: "8", CaseID: caseID, ScheduledDate: sample.Time, PatientName: "Biscuit", Fields: []syncs.FieldChange{{Field: "status", Before: "draft", After: "pending"}}},
		}
	})
	a := b.post("/api/sync/inbound", `{"dryRun":true}`)
	changes, err := json.Marshal(a.body["changes"])
	require.NoError(t, err)
	require.JSONEq(t, `[
		{"action":"created","caseId":null,"pimsId":"7","fields":[]},
		{"action":"updated","caseId":"`+caseID.String()+`","pimsId":"8","fields":[{"field":"status","before":"draft","after":"pending"}],
			"scheduledDate":"2026-01-17T12:00:00.000Z","patientName":"Biscuit"}
	]`, string(changes))
}

func TestADryRunWithNothingToDoAnswersNoChanges(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.endsAtOnce(func(*syncs.Audit) {})
	require.Equal(t, []any{}, b.post("/api/sync/inbound", `{"dryRun":true}`).body["changes"])
	require.NotContains(t, b.post("/api/sync/inbound", `{}`).body, "changes")
}

func TestASyncThatFailedAnswersItsBodyWithTheStatusOfItsCode(t *testing.T) { // R38
	t.Parallel()
	b := newBench(t)
	planID := uuid.New()
	b.endsAtOnce(func(audit *syncs.Audit) {
		audit.Status = syncs.StatusFailed
		audit.Result = syncs.Result{
			Code: syncs.CodeDeletionGuard, Error: "40 of 120 are missing", PlanID: planID,
			Stats: syncs.Stats{CasesChecked: 120},
		}
	})
	a := b.post("/api/sync/reconcile", "")
	require.Equal(t, http.StatusUnprocessableEntity, a.Code)
	id, _ := a.body["syncId"].(string)
	require.JSONEq(t, `{
		"success":false,"syncId":"`+id+`","code":"deletion_guard","error":"40 of 120 are missing","planId":"`+planID.String()+`",
		"stats":{"casesChecked":120,"casesDeleted":0,"casesUpdated":0,"casesRestored":0,"deletedIds":[]},
		"durationMs":4532,"timestamp":"2026-01-17T12:00:00.123Z"}`, a.Body.String())
}

func TestASyncThatEndedBadlyWithoutACodeStillHasOne(t *testing.T) {
	t.Parallel()
	for status, want := range map[syncs.Status]syncs.Code{
		syncs.StatusFailed:    syncs.CodeInternal,
		syncs.StatusCancelled: syncs.CodeCancelled,
	} {
		b := newBench(t)
		b.endsAtOnce(func(audit *syncs.Audit) { audit.Status = status })
		a := b.post("/api/sync/inbound", "")
		require.Equal(t, web.StatusOf(want), a.Code)
		require.Equal(t, string(want), a.body["code"])
		require.NotEmpty(t, a.body["error"])
	}
}

func TestAFullSyncAnswersEachPhase(t *testing.T) { // R27
	t.Parallel()
	b := newBench(t)
	b.endsAtOnce(func(audit *syncs.Audit) {
		inbound := syncs.Audit{ID: uuid.New(), Type: syncs.TypeInbound, Status: syncs.StatusFailed}
		inbound.Result = syncs.Result{Code: syncs.CodeWrongPractice, Error: "none of 20 ids is known", PlanID: sample.PlanID}
		cases := syncs.Audit{ID: uuid.New(), Type: syncs.TypeCases, Status: syncs.StatusCompleted}
		cases.Result.Stats.CasesFound = 25
		audit.Status = syncs.StatusFailed
		audit.Children = []syncs.Audit{inbound, cases}
		audit.Result = inbound.Result
		audit.Result.Skipped = map[syncs.Type]string{syncs.TypeReconciliation: "inbound failed with pims_wrong_practice"}
	})

	a := b.post("/api/sync/full", "")

	require.Equal(t, http.StatusUnprocessableEntity, a.Code)
	require.Equal(t, "pims_wrong_practice", a.body["code"])
	require.Equal(t, sample.PlanID.String(), a.body["planId"])
	require.Equal(t, false, a.at("inboundResult", "success"))
	require.Equal(t, "pims_wrong_practice", a.at("inboundResult", "code"))
	require.Equal(t, true, a.at("casesResult", "success"))
	require.Equal(t, 25.0, a.at("casesResult", "stats", "casesFound"))
	require.Equal(t,
		map[string]any{"success": false, "skipped": true, "reason": "inbound failed with pims_wrong_practice"},
		a.body["reconciliationResult"])
}

func TestAFullSyncThatEndedBeforeItsPhasesSaysSoOfEach(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.endsAtOnce(func(audit *syncs.Audit) {
		audit.Status = syncs.StatusFailed
		audit.Result = syncs.Result{Code: syncs.CodeAuthRejected, Error: pims.ErrAuthRejected.Error()}
	})
	a := b.post("/api/sync/full", "")
	require.Equal(t, http.StatusBadGateway, a.Code)
	for _, phase := range []string{"inboundResult", "casesResult", "reconciliationResult"} {
		require.Equal(t, true, a.at(phase, "skipped"))
		require.NotEmpty(t, a.at(phase, "reason"))
	}
}

func TestTheCallWaitsForTheEndOfItsSync(t *testing.T) { // R28
	t.Parallel()
	b := newBench(t)
	answers := make(chan answer)
	go func() { answers <- b.post("/api/sync/inbound", "") }()
	b.syncs.end(<-b.syncs.waiting, func(audit *syncs.Audit) {
		complete(audit)
		audit.Result.Stats.CasesCreated = 3
	})
	a := <-answers
	require.Equal(t, http.StatusOK, a.Code)
	require.Equal(t, 3.0, a.at("stats", "casesCreated"))
}

func TestACallThatHasWaitedLongEnoughAnswers202AndWhereToLook(t *testing.T) { // R28
	t.Parallel()
	for name, prepare := range map[string]func(*bench) []requestOption{
		"the wait is over":      func(*bench) []requestOption { return nil },
		"Prefer: respond-async": func(*bench) []requestOption { return []requestOption{withHeader("Prefer", "respond-async")} },
		"the sync was put back": func(b *bench) []requestOption {
			// R31: another replica will take it up.
			b.syncs.onStart = func(audit *syncs.Audit) error { audit.Attempt = 1; return nil }
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(o *benchSettings) { o.Wait = 0 })
			a := b.post("/api/sync/full", "", prepare(b)...)
			require.Equal(t, http.StatusAccepted, a.Code)
			id, _ := a.body["id"].(string)
			require.Equal(t, "/api/syncs/"+id, a.Header().Get("Location"))
			require.Equal(t, "queued", a.body["status"])

			shown := b.get(a.Header().Get("Location"))
			require.Equal(t, http.StatusOK, shown.Code)
			require.JSONEq(t, shown.Body.String(), a.Body.String())
		})
	}
}

func TestRespondAsyncDoesNotWaitAndSaysThatItWasHeard(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, prefer := range []string{"respond-async", "handling=lenient, Respond-Async;x=1"} {
		a := b.post("/api/sync/inbound", "", withHeader("Prefer", prefer))
		require.Equal(t, http.StatusAccepted, a.Code)
		require.Equal(t, "respond-async", a.Header().Get("Preference-Applied"))
	}
	require.Empty(t, b.syncs.waiting)
}

func TestOtherPreferencesAreIgnored(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.endsAtOnce(func(*syncs.Audit) {})
	a := b.post("/api/sync/inbound", "", withHeader("Prefer", "return=minimal, not-respond-async"))
	require.Equal(t, http.StatusOK, a.Code)
	require.Empty(t, a.Header().Get("Preference-Applied"))
}

func TestACallerWhoHangsUpCancelsNothing(t *testing.T) { // R28
	t.Parallel()
	b := newBench(t)
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/api/sync/inbound", nil)
	r.Header.Set(keyHeader, b.key)
	b.handler.ServeHTTP(httptest.NewRecorder(), r)
	require.Len(t, b.syncs.started(), 1, "the sync was not started")
	require.Empty(t, b.syncs.actors, "somebody cancelled")
}

func TestAnErrorWhileWaitingTellsWhichSyncWasStarted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.syncs.waitErr = errors.Join(syncs.ErrDatabase, errors.New("connection refused to 10.0.0.7"))
	a := b.post("/api/sync/inbound", "")
	a.refused(http.StatusServiceUnavailable, syncs.CodeDatabaseUnavailable, "")
	require.Equal(t, (<-b.syncs.waiting).String(), a.body["syncId"])
	require.NotContains(t, a.Body.String(), "10.0.0.7")
}

func TestARefusalToStartTellsWhichSyncIsInTheWay(t *testing.T) { // R29
	t.Parallel()
	b := newBench(t)
	running := uuid.New()
	b.syncs.onStart = func(*syncs.Audit) error {
		failure := syncs.Fail(syncs.CodeSyncRunning, "a sync is running")
		failure.SyncID = running
		return failure
	}
	a := b.post("/api/sync/inbound", "")
	a.refused(http.StatusConflict, syncs.CodeSyncRunning, "")
	require.Equal(t, running.String(), a.body["syncId"])
}

func TestWhatKeepsASyncFromStartingIsARefusal(t *testing.T) {
	t.Parallel()
	for code, err := range map[syncs.Code]error{
		syncs.CodeCredentialsMissing:   clinic.ErrCredentialsMissing,
		syncs.CodeCredentialsSuspended: clinic.ErrCredentialsSuspended,
		syncs.CodeCredentialsInvalid:   clinic.ErrCredentialsInvalid,
		syncs.CodeTimezoneMissing:      clinic.ErrTimezoneMissing,
		syncs.CodeForbidden:            clinic.ErrDisabled,
		syncs.CodeDraining:             syncs.Fail(syncs.CodeDraining, "this replica is shutting down"),
		syncs.CodeIdempotencyMismatch:  syncs.Fail(syncs.CodeIdempotencyMismatch, "another body"),
		syncs.CodeDatabaseUnavailable:  context.DeadlineExceeded,
		syncs.CodeInternal:             errors.New("nil map in queue.go:17"),
	} {
		b := newBench(t)
		b.syncs.onStart = func(*syncs.Audit) error { return err }
		a := b.post("/api/sync/inbound", "")
		a.refused(web.StatusOf(code), code, "")
		require.NotContains(t, a.Body.String(), "queue.go")
		require.Equal(t, code == syncs.CodeDraining, a.Header().Get("Retry-After") == "1", "%s", code)
	}
}

func TestTheIdempotencyKeyReachesTheQueue(t *testing.T) { // R29
	t.Parallel()
	b := newBench(t)
	b.endsAtOnce(func(*syncs.Audit) {})
	b.post("/api/sync/inbound", "", withHeader("Idempotency-Key", "night-2026-01-17"))
	b.post("/api/sync/inbound", "")
	require.Equal(t, []string{"night-2026-01-17", ""}, b.syncs.keys)
}

func TestAnImpossibleIdempotencyKeyIsRefused(t *testing.T) {
	t.Parallel()
	for _, keys := range [][]string{{""}, {"a", "b"}, {"with space"}, {"ümlaut"}, {strings.Repeat("x", 256)}, {"tab\t"}} {
		b := newBench(t)
		var options []requestOption
		for _, key := range keys {
			options = append(options, withHeader("Idempotency-Key", key))
		}
		b.post("/api/sync/inbound", "", options...).refused(http.StatusBadRequest, syncs.CodeInvalidRequest, "Idempotency-Key")
		require.Empty(t, b.syncs.started())
	}
}

func TestASyncCallKeepsNoDeadlineOnTheConnection(t *testing.T) {
	t.Parallel()
	// huma sets one of five seconds for reading the body, which is shorter than a
	// sync may be waited for.
	b := newBench(t)
	b.endsAtOnce(func(*syncs.Audit) {})
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/sync/inbound", strings.NewReader(`{}`))
	r.Header.Set(keyHeader, b.key)
	b.handler.ServeHTTP(w, r)
	require.Equal(t, http.StatusOK, w.Code)
	require.NoError(t, contract().Check(r, nil, w.Result(), w.Body.Bytes()))
	require.Empty(t, w.set)
}

type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error  { d.set = append(d.set, t); return nil }
func (d *deadlines) SetWriteDeadline(t time.Time) error { d.set = append(d.set, t); return nil }
