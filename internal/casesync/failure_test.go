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
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestEveryErrorOfASyncHasItsCode(t *testing.T) { // W15, docs/interface.md §Codes
	t.Parallel()
	for _, tc := range []struct {
		err   error
		code  syncs.Code
		retry bool
	}{
		{syncs.ErrTimeout, syncs.CodeTimeout, true},
		{syncs.ErrCancelled, syncs.CodeCancelled, false},
		{syncs.ErrShutdown, syncs.CodeInterrupted, true},
		{syncs.ErrLeaseLost, syncs.CodeInterrupted, true},
		{syncs.ErrDatabase, syncs.CodeDatabaseUnavailable, true},
		{clinic.ErrTimezoneMissing, syncs.CodeTimezoneMissing, false},
		{clinic.ErrDisabled, syncs.CodeForbidden, false},
		{clinic.ErrCredentialsMissing, syncs.CodeCredentialsMissing, false},
		{clinic.ErrCredentialsSuspended, syncs.CodeCredentialsSuspended, false},
		{clinic.ErrCredentialsInvalid, syncs.CodeCredentialsInvalid, false},
		{seal.ErrKeyUnknown, syncs.CodeCredentialsInvalid, false},
		{&pims.FieldError{Field: "practiceId", Reason: "is missing"}, syncs.CodeCredentialsInvalid, false},
		{pims.ErrHostNotAllowed, syncs.CodeCredentialsInvalid, false},
		{pims.ErrAuthRejected, syncs.CodeAuthRejected, false},
		{pims.ErrAuthChallenge, syncs.CodeAuthChallenge, false},
		{pims.ErrLoginFormChanged, syncs.CodeLoginFormChanged, false},
		{pims.ErrBrowserUnavailable, syncs.CodeBrowserUnavailable, true},
		{pims.ErrSessionExpired, syncs.CodeAuthExpired, true},
		{pims.ErrRateLimited, syncs.CodePIMSRateLimited, true},
		{pims.ErrTooManyRows, syncs.CodeTooManyRows, false},
		{pims.ErrSchemaDrift, syncs.CodeSchemaDrift, false},
		{pims.ErrIncomplete, syncs.CodeSnapshotIncomplete, false},
		{pims.ErrUnreachable, syncs.CodeUnreachable, true},
		{pims.ErrRemote, syncs.CodePIMSError, true},
		{pims.ErrNotFound, syncs.CodePIMSError, true},
		{context.DeadlineExceeded, syncs.CodeTimeout, true},
		{context.Canceled, syncs.CodeInterrupted, true},
		{errors.New("Zzmochi limps"), syncs.CodeInternal, true},
		{errors.Join(syncs.Fail(syncs.CodeDeletionGuard, "refused"), panics.Recovered("Zzmochi")), syncs.CodeInternal, true}, // R58
		{syncs.Fail(syncs.CodeDeletionGuard, "refused"), syncs.CodeDeletionGuard, false},
		{syncs.Fail(syncs.CodeShiftGuard, "refused"), syncs.CodeShiftGuard, false},
		{syncs.Fail(syncs.CodeWrongPractice, "refused"), syncs.CodeWrongPractice, false},
		{syncs.Fail(syncs.CodeSnapshotUnsound, "refused"), syncs.CodeSnapshotUnsound, false},
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
	result := syncs.Result{Stats: syncs.Stats{CasesFound: 3}}
	status, concluded := casesync.Conclude(result, nil)
	require.Equal(t, syncs.StatusCompleted, status)
	require.Equal(t, result, concluded)

	plan := uuid.New()
	status, concluded = casesync.Conclude(result, fmt.Errorf("the phase: %w", &syncs.Failure{Code: syncs.CodeDeletionGuard, Message: "too many", PlanID: plan}))
	require.Equal(t, syncs.StatusFailed, status)
	require.Equal(t, syncs.Result{Stats: result.Stats, Code: syncs.CodeDeletionGuard, Error: "too many", PlanID: plan}, concluded)

	status, concluded = casesync.Conclude(result, syncs.ErrCancelled)
	require.Equal(t, syncs.StatusCancelled, status)
	require.Equal(t, syncs.CodeCancelled, concluded.Code)
	require.True(t, status.Final())
	require.False(t, syncs.StatusQueued.Final() || syncs.StatusInProgress.Final())
}

func TestASyncHasWorkedFromItsStartToItsEnd(t *testing.T) {
	t.Parallel()
	audit := syncs.Audit{StartedAt: evening}
	require.Zero(t, audit.Duration())
	audit.CompletedAt = evening.Add(1500 * time.Millisecond)
	require.Equal(t, 1500*time.Millisecond, audit.Duration())
	require.Zero(t, (&syncs.Audit{CompletedAt: evening}).Duration(), "it was cancelled while it waited")
}

func TestTheCountsOfEachTypeAreTheSpecifications(t *testing.T) { // W21, R12, R25
	t.Parallel()
	stats := syncs.Stats{
		AppointmentsFound: 1, CasesFound: 2, CasesCreated: 3, CasesUpdated: 4, CasesUnchanged: 5, CasesSkipped: 6,
		CasesEnriched: 7, CasesFailed: 8, CasesChecked: 9, CasesDeleted: 10, CasesRestored: 11,
	}
	for kind, want := range map[syncs.Type]string{
		syncs.TypeInbound:        "[{appointmentsFound 1} {casesCreated 3} {casesUpdated 4} {casesUnchanged 5} {casesSkipped 6}]",
		syncs.TypeCases:          "[{casesFound 2} {casesEnriched 7} {casesUnchanged 5} {casesSkipped 6} {casesFailed 8}]",
		syncs.TypeReconciliation: "[{casesChecked 9} {casesDeleted 10} {casesUpdated 4} {casesRestored 11}]",
		syncs.TypeFull: "[{appointmentsFound 1} {casesCreated 3} {casesUpdated 4} {casesUnchanged 5} {casesSkipped 6}" +
			" {casesFound 2} {casesEnriched 7} {casesFailed 8} {casesChecked 9} {casesDeleted 10} {casesRestored 11}]",
	} {
		require.Equal(t, want, fmt.Sprint(stats.Counts(kind)), kind)
	}
}

func TestAddingCountsLeavesBothAsTheyWere(t *testing.T) { // R27
	t.Parallel()
	ids := make([]uuid.UUID, 1, 4)
	one, other := syncs.Stats{CasesDeleted: 1, DeletedIDs: ids}, syncs.Stats{CasesDeleted: 2, DeletedIDs: []uuid.UUID{uuid.New()}}
	sum := one.Add(other)
	require.Equal(t, 3, sum.CasesDeleted)
	require.Len(t, sum.DeletedIDs, 2)
	require.Equal(t, uuid.Nil, ids[:2][1], "the first one's list is not written into")
}

func TestAPlanCanBeDecidedOnceWithinADay(t *testing.T) { // R18, R23
	t.Parallel()
	open := syncs.Plan{Status: syncs.PlanOpen, CreatedAt: evening, ExpiresAt: evening.Add(syncs.PlanLifetime)}
	require.NoError(t, open.Decidable(evening))
	require.NoError(t, open.Decidable(evening.Add(24*time.Hour-1)))
	for name, tc := range map[string]struct {
		status syncs.PlanStatus
		now    time.Time
		says   string
	}{
		"late":       {syncs.PlanOpen, evening.Add(24 * time.Hour), "expired after 24 hours"},
		"expired":    {syncs.PlanExpired, evening, "expired"},
		"superseded": {syncs.PlanSuperseded, evening, "superseded"},
		"approved":   {syncs.PlanApproved, evening, "approved before"},
		"rejected":   {syncs.PlanRejected, evening, "rejected before"},
	} {
		plan := open
		plan.Status = tc.status
		err := plan.Decidable(tc.now)
		var failure *syncs.Failure
		require.ErrorAs(t, err, &failure, name)
		require.Equal(t, syncs.CodeAlreadyDecided, failure.Code)
		require.Contains(t, failure.Message, tc.says)
	}
}

func TestEachTypeOfSyncKnowsItsFields(t *testing.T) { // docs/interface.md §Fields of a request
	t.Parallel()
	for kind, want := range map[syncs.Type][]string{
		syncs.TypeInbound:        {"startDate", "endDate", "daysAhead", "dryRun", "record"},
		syncs.TypeCases:          {"startDate", "endDate", "parallelBatchSize", "force", "dryRun", "record"},
		syncs.TypeReconciliation: {"lookbackDays", "lookaheadDays", "dryRun", "record"},
		syncs.TypeFull:           {"startDate", "endDate", "daysAhead", "parallelBatchSize", "force", "lookbackDays", "lookaheadDays", "dryRun", "record"},
	} {
		require.Equal(t, want, syncs.Allowed(kind), kind)
	}
}
