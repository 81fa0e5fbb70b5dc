package web

import (
	"context"
	"errors"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// The codes that only HTTP uses (docs/interface.md §Codes).
const (
	CodeUnauthorized     syncs.Code = "unauthorized"
	CodeMethodNotAllowed syncs.Code = "method_not_allowed"
	CodeBodyTooLarge     syncs.Code = "body_too_large"
	CodeRateLimited      syncs.Code = "rate_limited"
)

// statuses is the only table from a code to its HTTP status (R38, docs/interface.md
// §Codes).
var statuses = map[syncs.Code]int{
	syncs.CodeInvalidRequest:       http.StatusBadRequest,
	CodeUnauthorized:               http.StatusUnauthorized,
	syncs.CodeForbidden:            http.StatusForbidden,
	syncs.CodeNotFound:             http.StatusNotFound,
	CodeMethodNotAllowed:           http.StatusMethodNotAllowed,
	syncs.CodeSyncRunning:          http.StatusConflict,
	syncs.CodeCredentialsMissing:   http.StatusConflict,
	syncs.CodeCredentialsInvalid:   http.StatusConflict,
	syncs.CodeCredentialsSuspended: http.StatusConflict,
	syncs.CodeTimezoneMissing:      http.StatusConflict,
	syncs.CodeAlreadyDecided:       http.StatusConflict,
	syncs.CodeCancelled:            http.StatusConflict,
	syncs.CodeCursorExpired:        http.StatusGone,
	CodeBodyTooLarge:               http.StatusRequestEntityTooLarge,
	syncs.CodeDeletionGuard:        http.StatusUnprocessableEntity,
	syncs.CodeDriftGuard:           http.StatusUnprocessableEntity,
	syncs.CodeShiftGuard:           http.StatusUnprocessableEntity,
	syncs.CodeWrongPractice:        http.StatusUnprocessableEntity,
	syncs.CodeSnapshotUnsound:      http.StatusUnprocessableEntity,
	syncs.CodeSnapshotIncomplete:   http.StatusUnprocessableEntity,
	syncs.CodeTooManyRows:          http.StatusUnprocessableEntity,
	syncs.CodeIdempotencyMismatch:  http.StatusUnprocessableEntity,
	CodeRateLimited:                http.StatusTooManyRequests,
	syncs.CodeInternal:             http.StatusInternalServerError,
	syncs.CodeNotTaken:             http.StatusBadGateway,
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

// StatusOf returns the HTTP status of a code. A code that we do not know, for example one
// that a newer replica wrote into an audit, is a 500.
func StatusOf(code syncs.Code) int {
	if status, ok := statuses[code]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// Codes lists every code that has a status, sorted.
func Codes() []syncs.Code { return slices.Sorted(maps.Keys(statuses)) }

// StartCodes returns the codes with which the start of a sync, or the sync, can end: all
// codes except those of other operations.
func StartCodes() []syncs.Code {
	return slices.DeleteFunc(Codes(), func(code syncs.Code) bool {
		return code == syncs.CodeNotFound || code == syncs.CodeAlreadyDecided || code == syncs.CodeCursorExpired || code == syncs.CodeNotTaken ||
			code == CodeMethodNotAllowed
	})
}

// A Problem is the body of every error (R38).
type Problem struct {
	Success   bool       `json:"success" enum:"false" doc:"Always false." example:"false"`
	Error     string     `json:"error" doc:"What happened and what to do about it, for people." example:"daysAhead must be between 0 and 90"`
	Code      string     `json:"code" doc:"What happened, for programs." example:"invalid_request"`
	Field     string     `json:"field,omitempty" doc:"The field, parameter or header that is wrong." example:"daysAhead"`
	SyncID    *uuid.UUID `json:"syncId,omitempty" format:"uuid" doc:"The sync that is in the way, or that was started before the error."`
	PlanID    *uuid.UUID `json:"planId,omitempty" format:"uuid" doc:"The plan of what a guard held back."`
	Timestamp Instant    `json:"timestamp"`
}

// Error texts that reveal no more than they must: one for everything that is not the
// caller's, and one for all internal errors.
const (
	NotFoundText = "there is nothing here under this address"
	InternalText = "an internal error happened; the server's log tells more under the request id of the X-Request-Id header"
)

// NotFound is the failure of every id that is malformed, unknown or not the caller's.
func NotFound() *syncs.Failure { return syncs.Fail(syncs.CodeNotFound, NotFoundText) }

// Invalid returns a 400 that names a field and repeats no value.
func Invalid(field, format string, args ...any) error {
	return syncs.Invalid(field, format, args...)
}

// RateLimited is the error of a caller that has to wait.
type RateLimited struct {
	Wait time.Duration
	Text string
}

func (l RateLimited) Error() string { return l.Text }

// seconds returns the value of Retry-After: whole seconds, rounded up.
func (l RateLimited) seconds() string { return strconv.Itoa(int(math.Ceil(l.Wait.Seconds()))) }

// statusHungUp is the status of a request whose caller hung up before the response. Nobody
// receives it; log, metrics and traces show it, and no error.
const statusHungUp = 499

// hungUp reports whether the caller of a request hung up, and that is the cause of an error.
func hungUp(r *http.Request, cause error) bool {
	return errors.Is(r.Context().Err(), context.Canceled) && errors.Is(cause, context.Canceled)
}

// Fail writes a failure as the response, in the one form of errors (R38). cause is the error
// behind it, or nil: it is logged where the failure hides it, and a RateLimited sets
// Retry-After. A caller who hung up is no failure.
func Fail(w http.ResponseWriter, r *http.Request, failure *syncs.Failure, cause error) {
	e := EntryOf(r.Context())
	if hungUp(r, cause) {
		w.WriteHeader(statusHungUp)
		return
	}
	e.Code = failure.Code
	if failure.Code == syncs.CodeInternal || failure.Code == syncs.CodeDatabaseUnavailable {
		e.Cause = cause
	}
	if limited, ok := errors.AsType[RateLimited](cause); ok {
		w.Header().Set("Retry-After", limited.seconds())
	}
	if failure.Code == syncs.CodeDraining { // R31: another replica responds, or this one in a moment
		w.Header().Set("Retry-After", "1")
	}
	body := Problem{
		Error:     failure.Message,
		Code:      string(failure.Code),
		Field:     failure.Field,
		SyncID:    Known(failure.SyncID),
		PlanID:    Known(failure.PlanID),
		Timestamp: Instant(e.now()),
	}
	if body.SyncID == nil {
		body.SyncID = Known(e.SyncID)
	}
	encoded, err := Encode(body)
	if err != nil {
		e.Cause = err
	}
	writeJSON(w, StatusOf(failure.Code), encoded)
}

func notFound(w http.ResponseWriter, r *http.Request) { Fail(w, r, NotFound(), nil) }

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(body) //nolint:errcheck // nobody is left to be told
}
