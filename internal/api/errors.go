package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// The codes that only the API uses (docs/interface.md §Codes).
const (
	codeUnauthorized     syncs.Code = "unauthorized"
	codeMethodNotAllowed syncs.Code = "method_not_allowed"
	codeBodyTooLarge     syncs.Code = "body_too_large"
	codeRateLimited      syncs.Code = "rate_limited"
)

// statuses is the only table from a code to its HTTP status (R38, docs/interface.md
// §Codes).
var statuses = map[syncs.Code]int{
	syncs.CodeInvalidRequest:       http.StatusBadRequest,
	codeUnauthorized:               http.StatusUnauthorized,
	syncs.CodeForbidden:            http.StatusForbidden,
	syncs.CodeNotFound:             http.StatusNotFound,
	codeMethodNotAllowed:           http.StatusMethodNotAllowed,
	syncs.CodeSyncRunning:          http.StatusConflict,
	syncs.CodeCredentialsMissing:   http.StatusConflict,
	syncs.CodeCredentialsInvalid:   http.StatusConflict,
	syncs.CodeCredentialsSuspended: http.StatusConflict,
	syncs.CodeTimezoneMissing:      http.StatusConflict,
	syncs.CodeAlreadyDecided:       http.StatusConflict,
	syncs.CodeCancelled:            http.StatusConflict,
	codeBodyTooLarge:               http.StatusRequestEntityTooLarge,
	syncs.CodeDeletionGuard:        http.StatusUnprocessableEntity,
	syncs.CodeShiftGuard:           http.StatusUnprocessableEntity,
	syncs.CodeWrongPractice:        http.StatusUnprocessableEntity,
	syncs.CodeSnapshotUnsound:      http.StatusUnprocessableEntity,
	syncs.CodeSnapshotIncomplete:   http.StatusUnprocessableEntity,
	syncs.CodeIdempotencyMismatch:  http.StatusUnprocessableEntity,
	codeRateLimited:                http.StatusTooManyRequests,
	syncs.CodeInternal:             http.StatusInternalServerError,
	syncs.CodeAuthRejected:         http.StatusBadGateway,
	syncs.CodeAuthChallenge:        http.StatusBadGateway,
	syncs.CodeLoginFormChanged:     http.StatusBadGateway,
	syncs.CodeUnreachable:          http.StatusBadGateway,
	syncs.CodePIMSError:            http.StatusBadGateway,
	syncs.CodePIMSRateLimited:      http.StatusBadGateway,
	syncs.CodeSchemaDrift:          http.StatusBadGateway,
	syncs.CodeAuthExpired:          http.StatusBadGateway,
	syncs.CodeBrowserUnavailable:   http.StatusServiceUnavailable,
	syncs.CodeDatabaseUnavailable:  http.StatusServiceUnavailable,
	syncs.CodeDraining:             http.StatusServiceUnavailable,
	syncs.CodeInterrupted:          http.StatusServiceUnavailable,
	syncs.CodeTimeout:              http.StatusGatewayTimeout,
}

// statusOf returns the HTTP status of a code. A code that we do not know, for example one
// that a newer replica wrote into an audit, is a 500.
func statusOf(code syncs.Code) int {
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

func (s *server) problem(f *syncs.Failure) problem {
	return problem{
		Error:     f.Message,
		Code:      string(f.Code),
		Field:     f.Field,
		SyncID:    known(f.SyncID),
		PlanID:    known(f.PlanID),
		Timestamp: instant(s.o.Now()),
	}
}

// Error texts that reveal no more than they must: one for every bad key (R38), one for
// every id that is not the caller's, and one for all internal errors.
const (
	unauthorizedText = "the API key is missing or invalid; send a valid one in the X-API-Key header"
	notFoundText     = "there is nothing here under this address"
	internalText     = "an internal error happened; the server's log tells more under the request id of the X-Request-Id header"
)

// explain turns any error into what the caller may know of it. It hides internals (R38).
func explain(err error) *syncs.Failure {
	if limited, ok := errors.AsType[tooManyFailures](err); ok {
		return syncs.Fail(codeRateLimited, "%s", limited)
	}
	switch {
	case errors.Is(err, clinic.ErrUnauthorized):
		return syncs.Fail(codeUnauthorized, unauthorizedText)
	case errors.Is(err, clinic.ErrNotFound):
		return errNotFound()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		// The API waits only for the database here, and only for a bounded time.
		return syncs.Fail(syncs.CodeDatabaseUnavailable, "%s", syncs.ErrDatabase)
	}
	failure := casesync.Explain(err)
	switch failure.Code {
	case syncs.CodeInternal:
		return syncs.Fail(syncs.CodeInternal, internalText)
	case syncs.CodeNotFound:
		return errNotFound()
	default:
		return failure
	}
}

func errNotFound() *syncs.Failure { return syncs.Fail(syncs.CodeNotFound, notFoundText) }

// invalid returns a 400 that names a field and repeats no value.
func invalid(field, format string, args ...any) error {
	f := syncs.Fail(syncs.CodeInvalidRequest, format, args...)
	f.Field = field
	return f
}
