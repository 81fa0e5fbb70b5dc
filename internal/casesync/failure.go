package casesync

import (
	"context"
	"errors"
	"fmt"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Explain turns any error of a sync into its code and the text that the audit keeps (W15).
// This is the only such table. A panic is CodeInternal, whatever else went wrong (R58).
func Explain(err error) *syncs.Failure {
	if panics.In(err) != nil {
		return internalFailure()
	}
	if failure, ok := errors.AsType[*syncs.Failure](err); ok {
		return failure
	}
	if field, ok := errors.AsType[*pims.FieldError](err); ok {
		return &syncs.Failure{Code: syncs.CodeCredentialsInvalid, Message: fmt.Sprintf("%v: %v", clinic.ErrCredentialsInvalid, field)}
	}
	for _, row := range explanations {
		if errors.Is(err, row.err) {
			text := err.Error()
			if row.text != "" {
				text = row.text
			}
			return &syncs.Failure{Code: row.code, Message: text}
		}
	}
	return internalFailure()
}

func internalFailure() *syncs.Failure {
	return &syncs.Failure{Code: syncs.CodeInternal, Message: "an internal error ended the sync; the log of this sync id tells more"}
}

// Conclude turns the result and the error of a run into the end of its audit.
func Conclude(result syncs.Result, err error) (syncs.Status, syncs.Result) {
	if err == nil {
		return syncs.StatusCompleted, result
	}
	failure := Explain(err)
	result.Code, result.Error, result.PlanID = failure.Code, failure.Message, failure.PlanID
	if failure.Code == syncs.CodeCancelled {
		return syncs.StatusCancelled, result
	}
	return syncs.StatusFailed, result
}

// explanations are tried in this order, the specific before the general. A text here
// replaces the error's own text.
var explanations = []struct {
	err  error
	code syncs.Code
	text string
}{
	{syncs.ErrTimeout, syncs.CodeTimeout, syncs.ErrTimeout.Error()},
	{syncs.ErrCancelled, syncs.CodeCancelled, syncs.ErrCancelled.Error()},
	{syncs.ErrShutdown, syncs.CodeInterrupted, "the process ended before the sync did"},
	{syncs.ErrLeaseLost, syncs.CodeInterrupted, syncs.ErrLeaseLost.Error()},
	{syncs.ErrDatabase, syncs.CodeDatabaseUnavailable, syncs.ErrDatabase.Error()},
	{clinic.ErrTimezoneMissing, syncs.CodeTimezoneMissing, ""},
	{clinic.ErrDisabled, syncs.CodeForbidden, clinic.ErrDisabled.Error()},
	{clinic.ErrCredentialsMissing, syncs.CodeCredentialsMissing, clinic.ErrCredentialsMissing.Error()},
	{clinic.ErrCredentialsSuspended, syncs.CodeCredentialsSuspended, clinic.ErrCredentialsSuspended.Error()},
	{clinic.ErrCredentialsInvalid, syncs.CodeCredentialsInvalid, ""},
	{seal.ErrKeyUnknown, syncs.CodeCredentialsInvalid, ""},
	{pims.ErrAuthRejected, syncs.CodeAuthRejected, pims.ErrAuthRejected.Error()},
	{pims.ErrAuthChallenge, syncs.CodeAuthChallenge, ""},
	{pims.ErrLoginFormChanged, syncs.CodeLoginFormChanged, ""},
	{pims.ErrBrowserUnavailable, syncs.CodeBrowserUnavailable, ""},
	{pims.ErrHostNotAllowed, syncs.CodeCredentialsInvalid, ""},
	{pims.ErrSessionExpired, syncs.CodeAuthExpired, ""},
	{pims.ErrRateLimited, syncs.CodePIMSRateLimited, ""},
	{pims.ErrTooManyRows, syncs.CodeTooManyRows, ""},
	{pims.ErrSchemaDrift, syncs.CodeSchemaDrift, ""},
	{pims.ErrIncomplete, syncs.CodeSnapshotIncomplete, ""},
	{pims.ErrUnreachable, syncs.CodeUnreachable, ""},
	{pims.ErrRemote, syncs.CodePIMSError, ""},
	{pims.ErrNotFound, syncs.CodePIMSError, ""},
	{context.DeadlineExceeded, syncs.CodeTimeout, syncs.ErrTimeout.Error()},
	{context.Canceled, syncs.CodeInterrupted, "the process ended before the sync did"},
}
