package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
)

// The codes that only the API itself answers (docs/interface.md §Codes).
const (
	codeUnauthorized     casesync.Code = "unauthorized"
	codeMethodNotAllowed casesync.Code = "method_not_allowed"
	codeBodyTooLarge     casesync.Code = "body_too_large"
	codeRateLimited      casesync.Code = "rate_limited"
)

// statuses is the one table from a code to its HTTP status (R38, docs/interface.md §Codes).
var statuses = map[casesync.Code]int{
	casesync.CodeInvalidRequest:       http.StatusBadRequest,
	codeUnauthorized:                  http.StatusUnauthorized,
	casesync.CodeForbidden:            http.StatusForbidden,
	casesync.CodeNotFound:             http.StatusNotFound,
	codeMethodNotAllowed:              http.StatusMethodNotAllowed,
	casesync.CodeSyncRunning:          http.StatusConflict,
	casesync.CodeCredentialsMissing:   http.StatusConflict,
	casesync.CodeCredentialsInvalid:   http.StatusConflict,
	casesync.CodeCredentialsSuspended: http.StatusConflict,
	casesync.CodeTimezoneMissing:      http.StatusConflict,
	casesync.CodeAlreadyDecided:       http.StatusConflict,
	casesync.CodeCancelled:            http.StatusConflict,
	codeBodyTooLarge:                  http.StatusRequestEntityTooLarge,
	casesync.CodeDeletionGuard:        http.StatusUnprocessableEntity,
	casesync.CodeShiftGuard:           http.StatusUnprocessableEntity,
	casesync.CodeWrongPractice:        http.StatusUnprocessableEntity,
	casesync.CodeSnapshotUnsound:      http.StatusUnprocessableEntity,
	casesync.CodeSnapshotIncomplete:   http.StatusUnprocessableEntity,
	casesync.CodeIdempotencyMismatch:  http.StatusUnprocessableEntity,
	codeRateLimited:                   http.StatusTooManyRequests,
	casesync.CodeInternal:             http.StatusInternalServerError,
	casesync.CodeAuthRejected:         http.StatusBadGateway,
	casesync.CodeAuthChallenge:        http.StatusBadGateway,
	casesync.CodeLoginFormChanged:     http.StatusBadGateway,
	casesync.CodeUnreachable:          http.StatusBadGateway,
	casesync.CodePIMSError:            http.StatusBadGateway,
	casesync.CodePIMSRateLimited:      http.StatusBadGateway,
	casesync.CodeSchemaDrift:          http.StatusBadGateway,
	casesync.CodeAuthExpired:          http.StatusBadGateway,
	casesync.CodeBrowserUnavailable:   http.StatusServiceUnavailable,
	casesync.CodeDatabaseUnavailable:  http.StatusServiceUnavailable,
	casesync.CodeDraining:             http.StatusServiceUnavailable,
	casesync.CodeInterrupted:          http.StatusServiceUnavailable,
	casesync.CodeTimeout:              http.StatusGatewayTimeout,
}

// statusOf is the HTTP status of a code. A code that is not ours, such as one
// that a newer replica wrote into an audit, is a 500.
func statusOf(code casesync.Code) int {
	if status, ok := statuses[code]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// A problem is the body of every error (R38).
type problem struct {
	Success   bool       `json:"success" enum:"false" doc:"Always false." example:"false"`
	Error     string     `json:"error" doc:"What happened and what to do about it, for people." example:"daysAhead must be between 0 and 90"`
	Code      string     `json:"code" doc:"What happened, for programs." example:"invalid_request"`
	Field     string     `json:"field,omitempty" doc:"The field, parameter or header that is wrong." example:"daysAhead"`
	SyncID    *uuid.UUID `json:"syncId,omitempty" format:"uuid" doc:"The sync that is in the way, or that was started before the error."`
	PlanID    *uuid.UUID `json:"planId,omitempty" format:"uuid" doc:"The plan of what a guard held back."`
	Timestamp instant    `json:"timestamp"`
}

func (s *server) problem(f *casesync.Failure) problem {
	return problem{
		Error:     f.Message,
		Code:      string(f.Code),
		Field:     f.Field,
		SyncID:    known(f.SyncID),
		PlanID:    known(f.PlanID),
		Timestamp: instant(s.o.Now()),
	}
}

// The texts of errors that say no more than they must: one for every bad key
// (R38), one for every id that is not the caller's, one for all that is ours.
const (
	unauthorizedText = "the API key is missing or invalid; send a valid one in the X-API-Key header"
	notFoundText     = "there is nothing here under this address"
	internalText     = "an internal error happened; the server's log tells more under the request id of the X-Request-Id header"
)

// explain turns any error into what the caller may know of it. Internals stay
// inside (R38).
func explain(err error) *casesync.Failure {
	if limited, ok := errors.AsType[tooManyFailures](err); ok {
		return casesync.Fail(codeRateLimited, "%s", limited)
	}
	switch {
	case errors.Is(err, clinic.ErrUnauthorized):
		return casesync.Fail(codeUnauthorized, unauthorizedText)
	case errors.Is(err, clinic.ErrNotFound):
		return errNotFound()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		// Only the database is waited for here, and only so long.
		return casesync.Fail(casesync.CodeDatabaseUnavailable, "%s", casesync.ErrDatabase)
	}
	failure := casesync.Explain(err)
	switch failure.Code {
	case casesync.CodeInternal:
		return casesync.Fail(casesync.CodeInternal, internalText)
	case casesync.CodeNotFound:
		return errNotFound()
	default:
		return failure
	}
}

func errNotFound() *casesync.Failure { return casesync.Fail(casesync.CodeNotFound, notFoundText) }

// invalid is a 400 that names a field and repeats no value.
func invalid(field, format string, args ...any) error {
	f := casesync.Fail(casesync.CodeInvalidRequest, format, args...)
	f.Field = field
	return f
}
