package casesync_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/seal"
)

func TestEveryErrorOfASyncHasItsCode(t *testing.T) { // W15, docs/interface.md §Codes
	t.Parallel()
	for _, tc := range []struct {
		err   error
		code  casesync.Code
		retry bool
	}{
		{casesync.ErrTimeout, casesync.CodeTimeout, true},
		{casesync.ErrCancelled, casesync.CodeCancelled, false},
		{casesync.ErrShutdown, casesync.CodeInterrupted, true},
		{casesync.ErrLeaseLost, casesync.CodeInterrupted, true},
		{casesync.ErrDatabase, casesync.CodeDatabaseUnavailable, true},
		{clinic.ErrTimezoneMissing, casesync.CodeTimezoneMissing, false},
		{clinic.ErrDisabled, casesync.CodeForbidden, false},
		{clinic.ErrCredentialsMissing, casesync.CodeCredentialsMissing, false},
		{clinic.ErrCredentialsSuspended, casesync.CodeCredentialsSuspended, false},
		{clinic.ErrCredentialsInvalid, casesync.CodeCredentialsInvalid, false},
		{seal.ErrKeyUnknown, casesync.CodeCredentialsInvalid, false},
		{&pims.FieldError{Field: "practiceId", Reason: "is missing"}, casesync.CodeCredentialsInvalid, false},
		{pims.ErrHostNotAllowed, casesync.CodeCredentialsInvalid, false},
		{pims.ErrAuthRejected, casesync.CodeAuthRejected, false},
		{pims.ErrAuthChallenge, casesync.CodeAuthChallenge, false},
		{pims.ErrLoginFormChanged, casesync.CodeLoginFormChanged, false},
		{pims.ErrBrowserUnavailable, casesync.CodeBrowserUnavailable, true},
		{pims.ErrSessionExpired, casesync.CodeAuthExpired, true},
		{pims.ErrRateLimited, casesync.CodePIMSRateLimited, true},
		{pims.ErrSchemaDrift, casesync.CodeSchemaDrift, false},
		{pims.ErrIncomplete, casesync.CodeSnapshotIncomplete, false},
		{pims.ErrUnreachable, casesync.CodeUnreachable, true},
		{pims.ErrRemote, casesync.CodePIMSError, true},
		{pims.ErrNotFound, casesync.CodePIMSError, true},
		{context.DeadlineExceeded, casesync.CodeTimeout, true},
		{context.Canceled, casesync.CodeInterrupted, true},
		{errors.New("Zzmochi limps"), casesync.CodeInternal, true},
		{errors.Join(casesync.Fail(casesync.CodeDeletionGuard, "refused"), panics.Recovered("Zzmochi")), casesync.CodeInternal, true}, // R58
		{casesync.Fail(casesync.CodeDeletionGuard, "refused"), casesync.CodeDeletionGuard, false},
		{casesync.Fail(casesync.CodeShiftGuard, "refused"), casesync.CodeShiftGuard, false},
		{casesync.Fail(casesync.CodeWrongPractice, "refused"), casesync.CodeWrongPractice, false},
		{casesync.Fail(casesync.CodeSnapshotUnsound, "refused"), casesync.CodeSnapshotUnsound, false},
	} {
		failure := casesync.Explain(fmt.Errorf("while it worked: %w", tc.err))
		require.Equal(t, tc.code, failure.Code, "%v", tc.err)
		require.NotEmpty(t, failure.Error())
		require.NotContains(t, failure.Message, "Zz", "internals are never shown (R38)")
		require.Equal(t, tc.retry, failure.Code.Retryable(), "%s", tc.code)
	}
}

func TestTheWordsOfARefusedLoginAreTheSpecifications(t *testing.T) { // R32, W16
	t.Parallel()
	failure := casesync.Explain(fmt.Errorf("log in to neo.example: %w", pims.ErrAuthRejected))
	require.Equal(t, "PIMS authentication failed: Invalid credentials", failure.Message)
}

func TestARunIsConcludedFromItsResultAndItsError(t *testing.T) {
	t.Parallel()
	result := casesync.Result{Stats: casesync.Stats{CasesFound: 3}}
	status, concluded := casesync.Conclude(result, nil)
	require.Equal(t, casesync.StatusCompleted, status)
	require.Equal(t, result, concluded)

	plan := uuid.New()
	status, concluded = casesync.Conclude(result, fmt.Errorf("the phase: %w", &casesync.Failure{Code: casesync.CodeDeletionGuard, Message: "too many", PlanID: plan}))
	require.Equal(t, casesync.StatusFailed, status)
	require.Equal(t, casesync.Result{Stats: result.Stats, Code: casesync.CodeDeletionGuard, Error: "too many", PlanID: plan}, concluded)

	status, concluded = casesync.Conclude(result, casesync.ErrCancelled)
	require.Equal(t, casesync.StatusCancelled, status)
	require.Equal(t, casesync.CodeCancelled, concluded.Code)
	require.True(t, status.Final())
	require.False(t, casesync.StatusQueued.Final() || casesync.StatusInProgress.Final())
}

func TestASyncHasWorkedFromItsStartToItsEnd(t *testing.T) {
	t.Parallel()
	audit := casesync.Audit{StartedAt: evening}
	require.Zero(t, audit.Duration())
	audit.CompletedAt = evening.Add(1500 * time.Millisecond)
	require.Equal(t, 1500*time.Millisecond, audit.Duration())
	require.Zero(t, (&casesync.Audit{CompletedAt: evening}).Duration(), "it was cancelled while it waited")
}

func TestTheCountsOfEachTypeAreTheSpecifications(t *testing.T) { // W21, R12, R25
	t.Parallel()
	stats := casesync.Stats{
		AppointmentsFound: 1, CasesFound: 2, CasesCreated: 3, CasesUpdated: 4, CasesUnchanged: 5, CasesSkipped: 6,
		CasesEnriched: 7, CasesFailed: 8, CasesChecked: 9, CasesDeleted: 10, CasesRestored: 11,
	}
	for kind, want := range map[casesync.Type]string{
		casesync.TypeInbound:        "[{appointmentsFound 1} {casesCreated 3} {casesUpdated 4} {casesUnchanged 5} {casesSkipped 6}]",
		casesync.TypeCases:          "[{casesFound 2} {casesEnriched 7} {casesUnchanged 5} {casesSkipped 6} {casesFailed 8}]",
		casesync.TypeReconciliation: "[{casesChecked 9} {casesDeleted 10} {casesUpdated 4} {casesRestored 11}]",
		casesync.TypeFull: "[{appointmentsFound 1} {casesCreated 3} {casesUpdated 4} {casesUnchanged 5} {casesSkipped 6}" +
			" {casesFound 2} {casesEnriched 7} {casesFailed 8} {casesChecked 9} {casesDeleted 10} {casesRestored 11}]",
	} {
		require.Equal(t, want, fmt.Sprint(stats.Counts(kind)), kind)
	}
}

func TestAddingCountsLeavesBothAsTheyWere(t *testing.T) { // R27
	t.Parallel()
	ids := make([]uuid.UUID, 1, 4)
	one, other := casesync.Stats{CasesDeleted: 1, DeletedIDs: ids}, casesync.Stats{CasesDeleted: 2, DeletedIDs: []uuid.UUID{uuid.New()}}
	sum := one.Add(other)
	require.Equal(t, 3, sum.CasesDeleted)
	require.Len(t, sum.DeletedIDs, 2)
	require.Equal(t, uuid.Nil, ids[:2][1], "the first one's list is not written into")
}

func TestAPlanCanBeDecidedOnceWithinADay(t *testing.T) { // R18, R23
	t.Parallel()
	open := casesync.Plan{Status: casesync.PlanOpen, CreatedAt: evening, ExpiresAt: evening.Add(casesync.PlanLifetime)}
	require.NoError(t, open.Decidable(evening))
	require.NoError(t, open.Decidable(evening.Add(24*time.Hour-1)))
	for name, tc := range map[string]struct {
		status casesync.PlanStatus
		now    time.Time
		says   string
	}{
		"late":       {casesync.PlanOpen, evening.Add(24 * time.Hour), "expired after 24 hours"},
		"expired":    {casesync.PlanExpired, evening, "expired"},
		"superseded": {casesync.PlanSuperseded, evening, "superseded"},
		"approved":   {casesync.PlanApproved, evening, "approved before"},
		"rejected":   {casesync.PlanRejected, evening, "rejected before"},
	} {
		plan := open
		plan.Status = tc.status
		err := plan.Decidable(tc.now)
		var failure *casesync.Failure
		require.ErrorAs(t, err, &failure, name)
		require.Equal(t, casesync.CodeAlreadyDecided, failure.Code)
		require.Contains(t, failure.Message, tc.says)
	}
}

func TestEachTypeOfSyncKnowsItsFields(t *testing.T) { // docs/interface.md §Fields of a request
	t.Parallel()
	for kind, want := range map[casesync.Type][]string{
		casesync.TypeInbound:        {"startDate", "endDate", "daysAhead", "dryRun"},
		casesync.TypeCases:          {"startDate", "endDate", "parallelBatchSize", "force", "dryRun"},
		casesync.TypeReconciliation: {"lookbackDays", "lookaheadDays", "dryRun"},
		casesync.TypeFull:           {"startDate", "endDate", "daysAhead", "parallelBatchSize", "force", "lookbackDays", "lookaheadDays", "dryRun"},
	} {
		require.Equal(t, want, casesync.Allowed(kind), kind)
	}
}

func TestDiffTellsMeasurementsInOneLine(t *testing.T) { // R26
	t.Parallel()
	before, after := stored(nil), stored(func(c *casesync.Case) {
		c.Consultation = &casesync.Consultation{Consultation: pims.Consultation{
			ID: "9", Diagnoses: []string{"sprain", "otitis"}, Vitals: &pims.Vitals{
				Temperature: new(101.5), TemperatureUnit: "F", Respiration: new(20.0), Weight: new(25.3), Raw: map[string]string{"pulse": "fast"},
			},
		}}
	})
	require.Equal(t, []casesync.FieldChange{
		{Field: "consultation.id", After: "9"},
		{Field: "consultation.vitals", After: `temperature 101.5 F, pulse "fast", respiration 20, weight 25.3`},
		{Field: "consultation.diagnoses", After: "sprain; otitis"},
	}, casesync.Diff(before, after))
	require.Empty(t, casesync.Diff(after, before), "what was not read is no change")
}
