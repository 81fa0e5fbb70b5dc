package syncs

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Code names how a sync failed, as the API shows it (docs/interface.md §Codes).
type Code string

// The codes that a sync can end with.
const (
	CodeCredentialsMissing   Code = "credentials_missing"
	CodeCredentialsInvalid   Code = "credentials_invalid"
	CodeCredentialsSuspended Code = "credentials_suspended"
	CodeTimezoneMissing      Code = "timezone_missing"
	CodeInvalidRequest       Code = "invalid_request"
	CodeForbidden            Code = "forbidden"
	CodeNotFound             Code = "not_found"
	CodeSyncRunning          Code = "sync_running"
	CodeAlreadyDecided       Code = "already_decided"
	CodeCursorExpired        Code = "cursor_expired"
	CodeIdempotencyMismatch  Code = "idempotency_mismatch"
	CodeDraining             Code = "draining"
	CodeDeletionGuard        Code = "deletion_guard"
	CodeShiftGuard           Code = "schedule_shift_guard"
	CodeDriftGuard           Code = "drift_guard"
	CodeWrongPractice        Code = "pims_wrong_practice"
	CodeSnapshotUnsound      Code = "snapshot_unsound"
	CodeSnapshotIncomplete   Code = "snapshot_incomplete"
	CodeAuthRejected         Code = "pims_auth_rejected"
	CodeAuthChallenge        Code = "pims_auth_challenge"
	CodeLoginFormChanged     Code = "login_form_changed"
	CodeUnreachable          Code = "pims_unreachable"
	CodePIMSError            Code = "pims_error"
	CodePIMSRateLimited      Code = "pims_rate_limited"
	CodeSchemaDrift          Code = "schema_drift"
	CodeTooManyRows          Code = "too_many_rows"
	CodeAuthExpired          Code = "auth_expired"
	CodeBrowserUnavailable   Code = "browser_unavailable"
	CodeDatabaseUnavailable  Code = "database_unavailable"
	CodeInterrupted          Code = "interrupted"
	CodeTimeout              Code = "timeout"
	CodeCancelled            Code = "cancelled"
	CodeNotTaken             Code = "not_taken" // of a test message (R47, R48), in the operator log
	CodeInternal             Code = "internal"
)

// EndCodes returns the codes that a sync can end with. The others are of requests that start
// none, and of other operations.
func EndCodes() []Code {
	return []Code{
		CodeAuthChallenge, CodeAuthExpired, CodeAuthRejected, CodeBrowserUnavailable, CodeCancelled, CodeCredentialsInvalid,
		CodeCredentialsMissing, CodeCredentialsSuspended, CodeDatabaseUnavailable, CodeDeletionGuard, CodeDriftGuard,
		CodeForbidden, CodeInternal, CodeInterrupted, CodeInvalidRequest, CodeLoginFormChanged, CodeNotFound, CodePIMSError,
		CodePIMSRateLimited, CodeSchemaDrift, CodeShiftGuard, CodeSnapshotIncomplete, CodeSnapshotUnsound, CodeTimeout,
		CodeTimezoneMissing, CodeTooManyRows, CodeUnreachable, CodeWrongPractice,
	}
}

// RefusedHere returns the codes of syncs that ended before anything was asked of the PIMS
// because of what somebody did here: a wrong request, a clinic that was turned off or whose
// zone was taken away while the sync waited. Such a sync says nothing about how the clinic's
// syncs go; as long as the cause holds, the clinic's state says so itself (R48, R61).
func RefusedHere() []Code {
	return []Code{CodeForbidden, CodeInvalidRequest, CodeTimezoneMissing}
}

// Reasons that end a sync from outside its rules.
var (
	// ErrLeaseLost: another attempt has taken the sync over, or it was closed. The attempt
	// that gets this error stops and writes nothing more (R30).
	ErrLeaseLost = errors.New("lease_lost: the sync is no longer this attempt's to write")

	// ErrCancelled: a person or program cancelled the sync.
	ErrCancelled = errors.New("the sync was cancelled")

	// ErrTimeout: the sync worked longer than its limit (R28).
	ErrTimeout = errors.New("the sync took longer than SYNC_TIMEOUT_MS allows")

	// ErrShutdown: the process is ending; the sync goes back to the queue (R31).
	ErrShutdown = errors.New("the process is shutting down")

	// ErrDatabase: the database did not carry out a request. Stores wrap it.
	ErrDatabase = errors.New("the database is not available")
)

// A Failure ends a sync with a code of its own: a guard or a rule refused.
type Failure struct {
	Code    Code
	Message string
	PlanID  uuid.UUID // of the plan that was kept, if one was
	SyncID  uuid.UUID // of the sync that is in the way, for CodeSyncRunning
	Field   string    // of the request, for CodeInvalidRequest
}

func (f *Failure) Error() string { return f.Message }

// Fail makes a Failure.
func Fail(code Code, format string, args ...any) *Failure {
	return &Failure{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Invalid makes the Failure of a field of a request that is wrong. The text must repeat no
// value (R38).
func Invalid(field, format string, args ...any) *Failure {
	f := Fail(CodeInvalidRequest, format, args...)
	f.Field = field
	return f
}

// IsLine reports whether a text of a request is one line: valid UTF-8 without control
// characters.
func IsLine(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// Retryable reports whether another attempt may succeed (W15, column Retry; R32).
func (c Code) Retryable() bool {
	switch c {
	case CodeUnreachable, CodePIMSError, CodePIMSRateLimited, CodeAuthExpired, CodeBrowserUnavailable,
		CodeDatabaseUnavailable, CodeInterrupted, CodeTimeout, CodeInternal:
		return true
	default:
		return false
	}
}
