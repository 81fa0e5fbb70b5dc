package clinic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/seal"
)

// A StoredCredential is a row of pims_credentials: a clinic's sealed credentials. A
// replacement is a new row with a new id, so that what concerns the old row (a session, a
// suspension) never affects the new one.
type StoredCredential struct {
	ID              uuid.UUID
	ClinicID        uuid.UUID
	Provider        string // as stored; may be an alias in a row made by hand
	Sealed          []byte // R37
	SuspendedAt     time.Time
	SuspendedReason string    // empty where not suspended
	TestedAt        time.Time // zero: never
	TestOutcome     string    // pims.Kind's word
	CreatedAt       time.Time
	UpdatedAt       time.Time
}

// A CredentialStore is what a Connector needs of pims_credentials.
type CredentialStore interface {
	// Credential reads a clinic's credential. The error is ErrCredentialsMissing where
	// there is none.
	Credential(ctx context.Context, clinicID uuid.UUID) (StoredCredential, error)

	// SuspendCredential marks this credential as refused by the PIMS and removes its
	// session, in one transaction (R32, R36). It does nothing where the credential was
	// replaced or removed meanwhile, or is already suspended.
	SuspendCredential(ctx context.Context, clinicID, credentialID uuid.UUID, reason string, at time.Time) error

	// NoteTest stores when this credential was tested, and the outcome as a word of
	// pims.Kind. It does nothing where the credential was replaced or removed meanwhile.
	NoteTest(ctx context.Context, clinicID, credentialID uuid.UUID, outcome string, at time.Time) error
}

// A StoredSession is a row of pims_sessions: the sealed state of a login. A clinic has at
// most one. CredentialID and LoggedInAt identify the login.
type StoredSession struct {
	ClinicID     uuid.UUID
	CredentialID uuid.UUID
	Sealed       []byte    // R37
	LoggedInAt   time.Time // whole microseconds, so that it survives the database
	UsedAt       time.Time
}

// A SessionStore is what a Connector needs of pims_sessions. No method affects a session of
// another login: several connections of a clinic may be open.
type SessionStore interface {
	// Session reads the clinic's session. The error is ErrNoSession where there is none.
	Session(ctx context.Context, clinicID uuid.UUID) (StoredSession, error)

	// SaveSession stores a new login in place of an older one. It does nothing where the
	// stored one is newer, or where the credential was replaced, removed or suspended
	// meanwhile.
	SaveSession(ctx context.Context, session StoredSession) error

	// UpdateSession writes Sealed and UsedAt of the same login. It does nothing where
	// another login, or none, is stored now.
	UpdateSession(ctx context.Context, session StoredSession) error

	// DropSession removes the same login. It does nothing where another login, or none, is
	// stored now.
	DropSession(ctx context.Context, session StoredSession) error
}

// ErrNoSession means that no session is stored for the clinic.
var ErrNoSession = errors.New("no session is kept for the clinic")

// sealedState is the form of a pims.State inside its seal.
type sealedState struct {
	Data  []byte        `json:"data"`
	Until time.Time     `json:"until,omitzero"`
	Idle  time.Duration `json:"idle,omitempty"` // nanoseconds
}

// sealState seals the state of a login of the credential.
func sealState(ring *seal.Keyring, c StoredCredential, state pims.State) ([]byte, error) {
	plain, err := json.Marshal(sealedState(state))
	if err != nil {
		return nil, fmt.Errorf("writing the session: %w", err)
	}
	return ring.Seal(plain, c.SessionSubject())
}

// errState means that another version sealed the session in another form.
var errState = errors.New("the kept session has another form")

// openState opens the state of a login of the credential. Its error never quotes the state.
func openState(ring *seal.Keyring, c StoredCredential, sealed []byte) (pims.State, error) {
	plain, err := ring.Open(sealed, c.SessionSubject())
	if err != nil {
		return pims.State{}, err
	}
	var state sealedState
	if json.Unmarshal(plain, &state) != nil || state.Data == nil {
		return pims.State{}, errState
	}
	return pims.State(state), nil
}

// SealCredential makes the row that stores a clinic's credentials, with a new id (R37). It
// checks only that writing loses nothing. Connector.NewCredential checks what the PIMS
// needs. Inside the seal, credentials are a JSON object of texts.
func SealCredential(ring *seal.Keyring, clinicID uuid.UUID, provider string, c pims.Credentials) (StoredCredential, error) {
	if err := checkTexts(c); err != nil {
		return StoredCredential{}, err
	}
	plain, err := json.Marshal(map[string]string(c))
	if err != nil {
		return StoredCredential{}, fmt.Errorf("writing the credentials: %w", err)
	}
	stored := StoredCredential{ID: uuid.New(), ClinicID: clinicID, Provider: provider}
	stored.Sealed, err = ring.Seal(plain, stored.Subject())
	if err != nil {
		return StoredCredential{}, err
	}
	return stored, nil
}

// checkTexts refuses texts that JSON would silently change.
func checkTexts(c pims.Credentials) error {
	for _, name := range slices.Sorted(maps.Keys(c)) {
		if !utf8.ValidString(name) || !utf8.ValidString(c[name]) {
			return &pims.FieldError{Field: strings.ToValidUTF8(name, "?"), Reason: "is not valid UTF-8"}
		}
	}
	return nil
}

// Open decrypts the credentials of the row. The error is ErrKeyUnknown where their key is
// not on the ring, and ErrCredentialsInvalid where they are unreadable: W1, "Validate
// credential structure".
func (c StoredCredential) Open(ring *seal.Keyring) (pims.Credentials, error) {
	plain, err := ring.Open(c.Sealed, c.Subject())
	switch { // in words for the person who asked for a sync
	case errors.Is(err, seal.ErrKeyUnknown):
		return nil, fmt.Errorf("the clinic's PIMS credentials are %w", seal.ErrKeyUnknown)
	case errors.Is(err, seal.ErrBroken):
		return nil, fmt.Errorf("%w (%w)", ErrCredentialsInvalid, seal.ErrBroken)
	case err != nil:
		return nil, err
	}
	var fields map[string]string
	if json.Unmarshal(plain, &fields) != nil || fields == nil { // its error may quote the content (R40)
		return nil, fmt.Errorf("%w (they are no JSON object)", ErrCredentialsInvalid)
	}
	return fields, nil
}

// Suspended reports whether the PIMS refused the credential (R32).
func (c StoredCredential) Suspended() bool { return !c.SuspendedAt.IsZero() }

// Subject is the place for which the credential is sealed.
func (c StoredCredential) Subject() seal.Subject {
	return seal.Subject{Table: seal.CredentialsTable, ClinicID: c.ClinicID, Provider: c.Provider, RowID: c.ID}
}

// SessionSubject is the place for which the sessions of the credential are sealed.
func (c StoredCredential) SessionSubject() seal.Subject {
	return seal.Subject{Table: seal.SessionsTable, ClinicID: c.ClinicID, Provider: c.Provider, RowID: c.ID}
}
