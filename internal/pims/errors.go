package pims

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// What can go wrong with a PIMS. Providers wrap these errors with the operation. They never
// put a name, a note, a password or a cookie into an error (R40).
var (
	// ErrAuthRejected: the PIMS said explicitly that the credentials are wrong. The text is
	// the specification's (W16).
	ErrAuthRejected = errors.New("PIMS authentication failed: Invalid credentials")

	// ErrAuthChallenge: the PIMS asks for something that only a person may answer: a
	// captcha, a second factor, a new password, or whether to end another session.
	ErrAuthChallenge = errors.New("the PIMS asks for what only a person can do, such as a captcha, a second factor or a new password; log in by hand once, or ask the clinic for a user without it")

	// ErrLoginFormChanged: the login page does not have the expected form.
	ErrLoginFormChanged = errors.New("the PIMS login page has changed and is not recognised")

	// ErrBrowserUnavailable: no browser could be started.
	ErrBrowserUnavailable = errors.New("no headless browser could be started")

	// ErrSessionExpired: the session is dead. Log in again.
	ErrSessionExpired = errors.New("the PIMS session has expired")

	// ErrUnreachable: no answer came. The connection was refused, reset or timed out.
	ErrUnreachable = errors.New("the PIMS cannot be reached")

	// ErrTimedOut: no answer came in time. It is an ErrUnreachable, too.
	ErrTimedOut = fmt.Errorf("%w in time", ErrUnreachable)

	// ErrCertificate: the host's certificate is not accepted, so nothing was sent. It is an
	// ErrUnreachable, too.
	ErrCertificate = fmt.Errorf("its certificate is not accepted: %w", ErrUnreachable)

	// ErrRedirects: pages redirect in a circle. It is an ErrUnreachable, too.
	ErrRedirects = fmt.Errorf("its pages redirect in a circle: %w", ErrUnreachable)

	// ErrRateLimited: the PIMS refused our requests as too frequent, even after pauses.
	ErrRateLimited = errors.New("the PIMS limits our requests")

	// ErrRemote: the PIMS answered with an error of its own.
	ErrRemote = errors.New("the PIMS answered with an error")

	// ErrServer: the PIMS returned a status from 500 on, or a page that says that it is
	// closed for maintenance. It is an ErrRemote, too.
	ErrServer = fmt.Errorf("%w", ErrRemote)

	// ErrRecordRefused: the PIMS answered for one record, or a list, as it answers with a dead
	// session, although the session is alive (R20). It is also an ErrRemote.
	ErrRecordRefused = fmt.Errorf("it refuses this request, as if the session had ended, while the session lives: %w", ErrRemote)

	// ErrSchemaDrift: an answer has no form that we know.
	ErrSchemaDrift = errors.New("the PIMS answered in a form that is not recognised")

	// ErrOverLimit: one row or text, or all rows together, exceed a limit (R57). Asking for
	// less would return the same row again. It is an ErrSchemaDrift, too.
	ErrOverLimit = fmt.Errorf("a limit of a row or text is exceeded: %w", ErrSchemaDrift)

	// ErrTooManyRows: the rows of a sync's days, each of them in order, are together more
	// than a sync may hold (R57). It is an ErrOverLimit, too: halves would together be as
	// many.
	ErrTooManyRows error = tooManyRows{}

	// ErrNotFound: the PIMS does not have it.
	ErrNotFound = errors.New("not found in the PIMS")

	// ErrIncomplete: a snapshot lacks rows, so absence from it proves nothing (R6).
	ErrIncomplete = errors.New("the calendar snapshot is incomplete")

	// ErrHostNotAllowed: a URL names a host that is not allowed.
	ErrHostNotAllowed = errors.New("the host is not among the allowed PIMS hosts")
)

// tooManyRows is an ErrOverLimit whose text blames no row and no form.
type tooManyRows struct{}

func (tooManyRows) Error() string { return "the PIMS lists more rows than one sync may hold" }
func (tooManyRows) Unwrap() error { return ErrOverLimit }

// The words of Kind for errors that are not of this package.
const (
	kindOK    = "ok"
	kindField = "credentials_incomplete"
	kindOther = "error"
)

// Kind returns the word for an error's kind, for use as a metric's label: "ok" for nil. See
// Kinds.
func Kind(err error) string {
	if err == nil {
		return kindOK
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.word
		}
	}
	if _, ok := errors.AsType[*FieldError](err); ok {
		return kindField
	}
	return kindOther
}

// Kinds lists all words that Kind returns, a closed set.
func Kinds() []string {
	words := []string{kindOK}
	for _, k := range kinds {
		words = append(words, k.word)
	}
	return append(words, kindField, kindOther)
}

var kinds = []struct {
	err  error
	word string
}{
	{ErrAuthRejected, "auth_rejected"},
	{ErrAuthChallenge, "auth_challenge"},
	{ErrLoginFormChanged, "login_form_changed"},
	{ErrBrowserUnavailable, "browser_unavailable"},
	{ErrSessionExpired, "auth_expired"},
	{ErrRateLimited, "rate_limited"},
	{ErrTooManyRows, "too_many_rows"},
	{ErrSchemaDrift, "schema_drift"},
	{ErrNotFound, "not_found"},
	{ErrIncomplete, "incomplete"},
	{ErrHostNotAllowed, "host_not_allowed"},
	{ErrUnreachable, "unreachable"},
	{ErrRecordRefused, "record_refused"},
	{ErrRemote, "remote_error"},
	{context.DeadlineExceeded, "timeout"},
	{context.Canceled, "cancelled"},
}

// A RecordError is one record of the PIMS that we cannot use. The record is skipped, the
// others are not (W15).
type RecordError struct {
	ID     string // the record's id in the PIMS
	Field  string // what is unusable, in our words: "start", "notes"
	Reason string // why, without the value

	// Start is the record's day where it is known, else zero.
	Start time.Time
}

func (e *RecordError) Error() string {
	return fmt.Sprintf("PIMS record %s: %s %s", e.ID, e.Field, e.Reason)
}

// A FieldError is a credential's field that is missing or malformed. It never
// holds the value.
type FieldError struct {
	Field  string // its name in the Declaration
	Reason string
}

func (e *FieldError) Error() string { return e.Field + " " + e.Reason }
