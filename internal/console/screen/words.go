package screen

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// LoginBadge says in a word whether a clinic's credentials can be used.
func LoginBadge(k *scheduler.CredentialCondition) page.Badge {
	switch {
	case !k.Set:
		return page.Idle("Not set", "ring")
	case !k.SuspendedAt.IsZero():
		return page.Bad("Paused", "lock")
	default:
		return page.Quiet("Set", "key")
	}
}

// Short returns the beginning of an id, which is enough to tell it from others.
func Short(id uuid.UUID) string { return id.String()[:8] }

// ShortText is short for an id that is a text. What is no id stays as it is.
func ShortText(id string) string {
	if parsed, err := uuid.Parse(id); err == nil {
		return Short(parsed)
	}
	return id
}

// ActorName returns an actor (R14) for people to read.
func ActorName(actor string, people map[string]string) string {
	if name := people[actor]; name != "" {
		return name
	}
	switch kind, id, _ := strings.Cut(actor, ":"); {
	case kind == "fleet":
		return "fleet key " + ShortText(id)
	case kind == "person" && id != "":
		return "a removed person"
	}
	return syncs.Who(actor)
}

// RunTypes are the types of syncs in the words of the console.
var RunTypes = []string{
	string(syncs.TypeFull), "Full sync",
	string(syncs.TypeInbound), "Appointments",
	string(syncs.TypeCases), "Notes",
	string(syncs.TypeReconciliation), "Deletions",
}

// TypeName returns a type of syncs in words.
func TypeName(t syncs.Type) string {
	if i := slices.Index(RunTypes, string(t)); i >= 0 {
		return RunTypes[i+1]
	}
	return string(t)
}

// StateBadges are the states of a clinic.
var StateBadges = map[scheduler.ClinicState]page.Badge{
	scheduler.ClinicOK:           page.Good("Up to date", "check"),
	scheduler.ClinicStale:        page.Warn("Out of date", "clock"),
	scheduler.ClinicWaiting:      page.Warn("Needs a decision", "hand"),
	scheduler.ClinicFailing:      page.Bad("Failing", "triangle"),
	scheduler.ClinicLoginRefused: page.Bad("Login refused", "lock"),
	scheduler.ClinicNeverSynced:  page.Info("Never synced", "ring"),
	scheduler.ClinicOff:          page.Idle("Off", "dash"),
}

// codeWords say what a code means, for a person who reads it beside a clinic.
var codeWords = map[syncs.Code]string{
	syncs.CodeCredentialsMissing:   "No credentials are set",
	syncs.CodeCredentialsInvalid:   "The stored credentials cannot be used",
	syncs.CodeCredentialsSuspended: "Paused after refused logins; replace the password",
	syncs.CodeTimezoneMissing:      "The clinic has no usable time zone",
	syncs.CodeCursorExpired:        "The change feed has forgotten this place",
	syncs.CodeInvalidRequest:       "The request was not valid",
	syncs.CodeForbidden:            "The clinic was turned off",
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
	syncs.CodeTooManyRows:          "The PIMS lists more rows than one sync may hold",
	syncs.CodeAuthExpired:          "The PIMS ended the session early",
	syncs.CodeBrowserUnavailable:   "The browser for logins does not start",
	syncs.CodeDatabaseUnavailable:  "The database was not available",
	syncs.CodeInterrupted:          "The sync was interrupted",
	syncs.CodeTimeout:              "The sync took too long",
	syncs.CodeCancelled:            "Somebody cancelled the sync",
	syncs.CodeNotTaken:             "The test message was not taken",
	syncs.CodeInternal:             "A fault of this program; the log says which",
}

// RunCodes offers the codes that a sync can end with, in words, by their words. The address
// has the chosen one as "code".
func RunCodes(v *page.Visit) (chosen string, offered []page.Choice) {
	codes := syncs.EndCodes()
	slices.SortFunc(codes, func(a, b syncs.Code) int { return strings.Compare(codeWords[a], codeWords[b]) })
	var pairs []string
	for _, code := range codes {
		pairs = append(pairs, string(code), codeWords[code])
	}
	return v.Filter("code", "Any reason", pairs...)
}

// Explain returns a code in plain words, and an unknown code as it is.
func Explain(code syncs.Code) string {
	if words := codeWords[code]; words != "" {
		return words
	}
	return string(code)
}
