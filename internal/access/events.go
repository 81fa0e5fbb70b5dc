package access

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// An Event is the record of one action (R44). It holds no secret and no name of a patient
// or a client (R40).
type Event struct {
	ID     int64     // of the database, in the order of recording
	At     time.Time // when the action ended
	Who    Who
	Origin string // where it came from: a network address, or "command line"

	Action   Action
	ClinicID uuid.UUID // zero: the action was on the installation
	Record   Record    // what was acted on; zero: the clinic or the installation itself

	// Before and After are what the action changed. A creation has only After, a removal
	// only Before. An action that failed has no After.
	Before, After Values

	Outcome Outcome
	Code    string // why it was not done: a code of docs/interface.md §Codes
}

// Who names whoever did something.
type Who struct {
	Kind Kind
	ID   uuid.UUID // of the key or the person; zero for a user of the operating system
	Name string    // of the key, the person or the user; for people to read
}

// By says in whose name and from where an action is done.
type By struct {
	Caller

	Origin string // a network address, or "command line"
}

// Event begins the record of an action (R44).
func (by *By) Event(action Action, clinicID uuid.UUID, record Record) Event {
	return Event{
		Who:    Who{Kind: by.Kind, ID: by.ID, Name: by.Name},
		Origin: by.Origin, Action: action, ClinicID: clinicID, Record: record,
	}
}

// A Log records actions.
type Log interface {
	// Act runs an action in one transaction with its record. do adds to the event what it
	// learns: the clinic, the record, and what was before and after. do may be called again.
	Act(ctx context.Context, event Event, do func(context.Context, *Event) error) error

	// Note records an action that changes nothing in the database, or whose changes have
	// transactions of their own.
	Note(ctx context.Context, event Event, failure error) error
}

// A Record names the row that was acted on.
type Record struct {
	Kind string // such as "case", "plan" or "key"
	ID   string
}

// RecordOf names a row by its id. uuid.Nil is no row: the action failed before it made one.
func RecordOf(kind string, id uuid.UUID) Record {
	if id == uuid.Nil {
		return Record{}
	}
	return Record{Kind: kind, ID: id.String()}
}

// Values are named values that can be written as JSON.
type Values map[string]any

// An Outcome is how an action ended.
type Outcome string

// The outcomes.
const (
	Done   Outcome = "done"   // the action's changes are stored
	Failed Outcome = "failed" // nothing was changed; Event.Code says why
)

// An Action is what was done. The set is closed: a record of another action is refused.
type Action string

// The actions. What is named first is the thing that is acted on.
const (
	ClinicAdd     Action = "clinic.add"
	ClinicSet     Action = "clinic.set"
	ClinicDisable Action = "clinic.disable"
	ClinicExport  Action = "clinic.export"
	ClinicErase   Action = "clinic.erase"
	ClientExport  Action = "client.export"
	ClientErase   Action = "client.erase"
	SettingsSet   Action = "settings.set"

	CredentialsSet    Action = "credentials.set"
	CredentialsTest   Action = "credentials.test"
	CredentialsResume Action = "credentials.resume"
	CredentialsRemove Action = "credentials.remove"
	SchedulesSet      Action = "schedules.set"

	KeyCreate      Action = "key.create"
	KeyRevoke      Action = "key.revoke"
	FleetKeyCreate Action = "fleet_key.create"
	FleetKeyRevoke Action = "fleet_key.revoke"

	SyncStart   Action = "sync.start" // not of clinic keys
	SyncCancel  Action = "sync.cancel"
	SyncRestore Action = "sync.restore"
	CaseRestore Action = "case.restore"
	CaseRead    Action = "case.read" // of people only
	NotesHide   Action = "notes.hide"
	NotesReturn Action = "notes.return"
	PlanApprove Action = "plan.approve"
	PlanReject  Action = "plan.reject"
	DriftAccept Action = "drift.accept"

	PersonAdd      Action = "person.add"
	PersonSet      Action = "person.set"
	PersonRemove   Action = "person.remove"
	PersonSignIn   Action = "person.sign_in"
	PersonSignOut  Action = "person.sign_out"
	PersonPassword Action = "person.password"
	ConsoleLink    Action = "console.link"

	StatusLinkCreate Action = "status_link.create"
	StatusLinkRevoke Action = "status_link.revoke"

	WebhookAdd          Action = "webhook.add"
	WebhookSet          Action = "webhook.set"
	WebhookRemove       Action = "webhook.remove"
	WebhookRotate       Action = "webhook.rotate"
	WebhookTest         Action = "webhook.test"
	WebhookResend       Action = "webhook.resend"
	WebhookSkip         Action = "webhook.skip"
	NotificationsAdd    Action = "notifications.add"
	NotificationsSet    Action = "notifications.set"
	NotificationsRemove Action = "notifications.remove"
	NotificationsTest   Action = "notifications.test"

	RecordingRead   Action = "recording.read"
	RecordingExport Action = "recording.export"
	RecordingRemove Action = "recording.remove"

	EncryptionRotate Action = "encryption.rotate"
	DatabaseSeal     Action = "database.seal"
)

// Actions lists the actions, sorted.
func Actions() []Action {
	return []Action{
		CaseRead, CaseRestore, ClientErase, ClientExport, ClinicAdd, ClinicDisable, ClinicErase, ClinicExport, ClinicSet, ConsoleLink,
		CredentialsRemove, CredentialsResume, CredentialsSet, CredentialsTest, DatabaseSeal, DriftAccept, EncryptionRotate,
		FleetKeyCreate, FleetKeyRevoke, KeyCreate, KeyRevoke, NotesHide, NotesReturn, NotificationsAdd, NotificationsRemove,
		NotificationsSet, NotificationsTest, PersonAdd, PersonPassword, PersonRemove, PersonSet, PersonSignIn, PersonSignOut,
		PlanApprove, PlanReject, RecordingExport, RecordingRead, RecordingRemove, SchedulesSet, SettingsSet, StatusLinkCreate,
		StatusLinkRevoke, SyncCancel, SyncRestore, SyncStart, WebhookAdd, WebhookRemove, WebhookResend, WebhookRotate,
		WebhookSet, WebhookSkip, WebhookTest,
	}
}

// Known reports whether the action is one of Actions.
func (a Action) Known() bool { return slices.Contains(Actions(), a) }

// A Filter chooses events. The newest come first.
type Filter struct {
	Clinics []uuid.UUID // only of these clinics; nil: all, also those of the installation
	Since   time.Time   // only from then on; zero: all
	Page    syncs.Page
}
