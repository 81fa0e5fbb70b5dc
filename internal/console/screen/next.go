package screen

import (
	"cmp"
	"errors"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// InWords returns an error in a sentence that a person may read, and whether that tells all
// of it. What it does not tell belongs into the log.
func InWords(err error) (words string, all bool) {
	problem := Told(err)
	if _, mendable := problem.(page.Problem); mendable { //nolint:errorlint // Told returns it as it is
		return problem.Error(), true
	}
	if problem == page.ErrNotFound { //nolint:errorlint // Told returns it as it is
		return "It does not exist any more.", true
	}
	if errors.Is(err, syncs.ErrDatabase) {
		return "The database cannot be reached. " + page.DatabaseText, false
	}
	return "The server could not do it; the log says why.", false
}

// PartOf names the part of a clinic's page where what has a code is mended.
var PartOf = map[syncs.Code]string{
	syncs.CodeCredentialsMissing: "login", syncs.CodeCredentialsInvalid: "login", syncs.CodeCredentialsSuspended: "login",
	syncs.CodeAuthRejected: "login", syncs.CodeAuthChallenge: "login", syncs.CodeLoginFormChanged: "login",
	syncs.CodeTimezoneMissing: "settings",
}

// nextSteps say what a person does about a code.
var nextSteps = map[syncs.Code]string{
	syncs.CodeCredentialsMissing:   "Store the user name and password of the PIMS.",
	syncs.CodeCredentialsInvalid:   "Store the credentials again.",
	syncs.CodeCredentialsSuspended: "Ask the practice for the present password and store it. If the stored one is right, use it again.",
	syncs.CodeAuthRejected:         "Ask the practice for the present password and store it.",
	syncs.CodeAuthChallenge:        "Log in by hand once, or ask the practice for a user without a second step. Then test the login.",
	syncs.CodeLoginFormChanged:     "Test the login. If it fails again, the provider's part of this program needs an update.",
	syncs.CodeForbidden:            "Turn the clinic on if it is to be synced. If it is on, nothing: the next sync runs.",
	syncs.CodeTimezoneMissing:      "Set the clinic's time zone.",
	syncs.CodeUnreachable:          "It is tried again at the next tick. If several clinics fail, look whether the PIMS is down.",
	syncs.CodePIMSError:            "It is tried again at the next tick. If it stays, ask the vendor of the PIMS.",
	syncs.CodePIMSRateLimited:      "Nothing, if it is rare. Otherwise lower PIMS_RATE_LIMIT, or spread the schedules.",
	syncs.CodeAuthExpired:          "It is tried again at the next tick. If it stays, somebody else may use the same login.",
	syncs.CodeSchemaDrift:          "The provider's part of this program needs an update. Nothing wrong was stored.",
	syncs.CodeTooManyRows:          "Sync fewer days at a time: shorten the schedule's days, or give a first and a last day.",
	syncs.CodeSnapshotIncomplete:   "Look for appointments without an id in the PIMS. Deletions wait until they are gone.",
	syncs.CodeSnapshotUnsound:      "It is tried again at the next tick. If it stays, compare a few appointments by hand.",
	syncs.CodeBrowserUnavailable:   "Look at the server: the headless browser is missing, or memory is short.",
	syncs.CodeDatabaseUnavailable:  "Look at the database.",
	syncs.CodeTimeout:              "It is tried again at the next tick. If it stays, shorten the window or raise the time limit.",
	syncs.CodeInterrupted:          "It is tried again at the next tick.",
	syncs.CodeInternal:             "Search the log for this sync, and report it.",
}

// NextStep returns what to do about a code.
func NextStep(code syncs.Code) string {
	return cmp.Or(nextSteps[code], "Open the latest run; it says more.")
}

// Told returns an error that a person can mend as a Problem, one of something that does not
// exist as ErrNotFound, and any other as it is.
func Told(err error) error {
	switch failure := casesync.Explain(err); {
	case err == nil:
		return nil
	case errors.Is(err, clinic.ErrNotFound):
		return page.ErrNotFound
	case failure.Code == syncs.CodeNotFound:
		return page.ErrNotFound
	case PartOf[failure.Code] != "":
		return page.Problem(Explain(failure.Code) + ". " + NextStep(failure.Code))
	case failure.Code == syncs.CodeInternal || failure.Code == syncs.CodeDatabaseUnavailable:
		return err
	default:
		return page.Problem(page.Sentence(failure.Message))
	}
}
