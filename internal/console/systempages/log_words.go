package systempages

import (
	"strings"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/console/page"
)

// callerKinds say what kind of caller did something.
var callerKinds = map[access.Kind]string{
	access.KindPerson: "person", access.KindFleetKey: "fleet key", access.KindClinicKey: "API key", access.KindOSUser: "on the server",
}

// actionNames say what was done.
var actionNames = map[access.Action]string{
	access.ClinicAdd:           "Added a clinic",
	access.ClinicSet:           "Changed a clinic",
	access.ClinicDisable:       "Turned a clinic off",
	access.ClinicExport:        "Exported a clinic",
	access.ClinicErase:         "Erased a clinic",
	access.ClientExport:        "Exported a client",
	access.ClientErase:         "Erased a client",
	access.SettingsSet:         "Changed a clinic's settings",
	access.CredentialsSet:      "Replaced the credentials",
	access.CredentialsTest:     "Tested the login",
	access.CredentialsResume:   "Resumed the credentials",
	access.CredentialsRemove:   "Removed the credentials",
	access.SchedulesSet:        "Changed the schedule",
	access.KeyCreate:           "Created an API key",
	access.KeyRevoke:           "Revoked an API key",
	access.FleetKeyCreate:      "Created a fleet key",
	access.FleetKeyRevoke:      "Revoked a fleet key",
	access.SyncStart:           "Started a sync",
	access.SyncCancel:          "Cancelled a sync",
	access.SyncRestore:         "Restored what a sync deleted",
	access.CaseRestore:         "Restored a case",
	access.CaseRead:            "Looked at a case",
	access.NotesHide:           "Hid the notes of a case",
	access.NotesReturn:         "Brought the notes of a case back",
	access.PlanApprove:         "Approved a plan",
	access.PlanReject:          "Rejected a plan",
	access.DriftAccept:         "Accepted a changed form of the PIMS's data",
	access.PersonAdd:           "Invited a person",
	access.PersonSet:           "Changed a person",
	access.PersonRemove:        "Removed a person",
	access.PersonSignIn:        "Signed in",
	access.PersonSignOut:       "Signed out",
	access.PersonPassword:      "Set a password",
	access.ConsoleLink:         "Made a link to the console",
	access.StatusLinkCreate:    "Made a link to a practice's page",
	access.StatusLinkRevoke:    "Revoked a link to a practice's page",
	access.WebhookAdd:          "Added a webhook",
	access.WebhookSet:          "Changed a webhook",
	access.WebhookRemove:       "Removed a webhook",
	access.WebhookRotate:       "Renewed a webhook's secret",
	access.WebhookTest:         "Tested a webhook",
	access.WebhookResend:       "Sent a delivery again",
	access.WebhookSkip:         "Skipped a delivery",
	access.NotificationsAdd:    "Added a channel for notifications",
	access.NotificationsSet:    "Changed a channel for notifications",
	access.NotificationsRemove: "Removed a channel for notifications",
	access.NotificationsTest:   "Tested a channel for notifications",
	access.RecordingRead:       "Read a recording",
	access.RecordingExport:     "Exported a recording",
	access.RecordingRemove:     "Removed a recording",
	access.EncryptionRotate:    "Encrypted everything with a new key",
	access.DatabaseSeal:        "Sealed the database",
}

// actionName returns an action in words, and one without words by its name.
func actionName(a access.Action) string {
	if words := actionNames[a]; words != "" {
		return words
	}
	return page.Capital(strings.NewReplacer(".", ": ", "_", " ").Replace(string(a)))
}
