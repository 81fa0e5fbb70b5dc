package console

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Badge is a state: a word and a shape, and a tone that colours both. The tone alone says
// nothing.
type Badge struct {
	Word string
	Icon string // the name of a shape, see icons
	Tone string // good, warn, bad, info or idle; quiet where it needs nobody's eye
}

// stateBadges are the states of a clinic.
var stateBadges = map[scheduler.ClinicState]Badge{
	scheduler.ClinicOK:           {"Up to date", "check", "good"},
	scheduler.ClinicStale:        {"Out of date", "clock", "warn"},
	scheduler.ClinicWaiting:      {"Needs a decision", "hand", "warn"},
	scheduler.ClinicFailing:      {"Failing", "triangle", "bad"},
	scheduler.ClinicLoginRefused: {"Login refused", "lock", "bad"},
	scheduler.ClinicNeverSynced:  {"Never synced", "ring", "info"},
	scheduler.ClinicOff:          {"Off", "dash", "idle"},
}

// codeWords say what a code means, for a person who reads it beside a clinic.
var codeWords = map[syncs.Code]string{
	syncs.CodeCredentialsMissing:   "No credentials are set",
	syncs.CodeCredentialsInvalid:   "The stored credentials cannot be used",
	syncs.CodeCredentialsSuspended: "Paused after refused logins; replace the password",
	syncs.CodeTimezoneMissing:      "The clinic has no usable time zone",
	syncs.CodeCursorExpired:        "The change feed has forgotten this place",
	syncs.CodeInvalidRequest:       "The request was not valid",
	syncs.CodeForbidden:            "The caller may not do this",
	syncs.CodeNotFound:             "It does not exist",
	syncs.CodeSyncRunning:          "Another sync was running",
	syncs.CodeAlreadyDecided:       "Somebody has decided already",
	syncs.CodeIdempotencyMismatch:  "The request repeats another one's key",
	syncs.CodeDraining:             "The server was shutting down",
	syncs.CodeDeletionGuard:        "Too many appointments are missing; a plan waits",
	syncs.CodeDriftGuard:           "The PIMS returns appointments in another form; a plan waits",
	syncs.CodeShiftGuard:           "Most appointments moved by the same time; a plan waits",
	syncs.CodeWrongPractice:        "This looks like another practice's calendar; a plan waits",
	syncs.CodeSnapshotUnsound:      "The PIMS contradicted itself; nothing was deleted",
	syncs.CodeSnapshotIncomplete:   "The PIMS sent rows that cannot be read",
	syncs.CodeAuthRejected:         "The PIMS refused the user name or password",
	syncs.CodeAuthChallenge:        "The PIMS asks for a second step at login",
	syncs.CodeLoginFormChanged:     "The PIMS's login page has changed",
	syncs.CodeUnreachable:          "The PIMS could not be reached",
	syncs.CodePIMSError:            "The PIMS reported an error",
	syncs.CodePIMSRateLimited:      "The PIMS asked us to slow down",
	syncs.CodeSchemaDrift:          "The PIMS sends data in another form",
	syncs.CodeAuthExpired:          "The PIMS ended the session early",
	syncs.CodeBrowserUnavailable:   "The browser for logins does not start",
	syncs.CodeDatabaseUnavailable:  "The database was not available",
	syncs.CodeInterrupted:          "The sync was interrupted",
	syncs.CodeTimeout:              "The sync took too long",
	syncs.CodeCancelled:            "Somebody cancelled the sync",
	syncs.CodeInternal:             "A fault of this program; the log says which",
}

// explain returns a code in plain words, and an unknown code as it is.
func explain(code syncs.Code) string {
	if words := codeWords[code]; words != "" {
		return words
	}
	return string(code)
}

// ago returns how long ago a moment was, in one unit: "now", "4 min", "3 h", "12 d". The
// script of the pages writes the same.
func ago(t, now time.Time) string {
	d := now.Sub(t)
	future := d < 0
	d = d.Abs()
	var text string
	switch {
	case d < time.Minute:
		return "now"
	case d < time.Hour:
		text = fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		text = fmt.Sprintf("%d h", int(d.Hours()))
	default:
		text = fmt.Sprintf("%d d", int(d.Hours()/24))
	}
	if future {
		return "in " + text
	}
	return text + " ago"
}

// sentence begins a text with a capital letter and ends it with a point.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(text[size:], ".") + "."
}

// number formats a count with separators: 2,000.
func number(n int) string {
	digits := fmt.Sprint(n)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// counted formats a number of things: "1 clinic", "2,000 clinics".
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return number(n) + " " + thing + "s"
}
