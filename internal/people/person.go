package people

import (
	"bytes"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/secret"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Person is somebody who was invited.
type Person struct {
	ID      uuid.UUID
	Email   string // in lower case; no two people share one
	Name    string // empty: unknown
	Role    access.Role
	Limited bool        // to Clinics; all others do not exist for this person (R42)
	Clinics []uuid.UUID // sorted; none unless Limited

	Password     secret.Text // the argon2id hash, see HashPassword; empty: none
	Issuer       string      // of the OpenID Connect account that first signed in; empty: none yet
	Subject      string      // of the same account
	CreatedAt    time.Time
	UpdatedAt    time.Time
	LastSignedIn time.Time // zero: never
}

// The states of a person.
const (
	StateInvited = "invited" // has never signed in
	StateActive  = "active"
)

// State returns whether the person has ever signed in.
func (p *Person) State() string {
	if p.LastSignedIn.IsZero() {
		return StateInvited
	}
	return StateActive
}

// Caller returns the person as a caller (R42).
func (p *Person) Caller() access.Caller {
	return access.Caller{Kind: access.KindPerson, ID: p.ID, Name: p.Label(), Role: p.Role, Limited: p.Limited, Clinics: p.Clinics}
}

// ResetSignIn forgets the password and the OpenID Connect account.
func (p *Person) ResetSignIn() { p.Password, p.Issuer, p.Subject = secret.Text{}, "", "" }

// Label returns the name that others see: the name, or else the e-mail address.
func (p *Person) Label() string {
	if p.Name != "" {
		return p.Name
	}
	return p.Email
}

// Why a person cannot be found, added or changed.
var (
	ErrNotFound = syncs.Fail(syncs.CodeNotFound, "there is no such person")
	ErrExists   = syncs.Fail(syncs.CodeInvalidRequest, "a person with this e-mail address exists already")

	// ErrField is in every error of a field that cannot be stored.
	ErrField = errors.New("a field of the person is not valid")
)

const (
	maxEmail = 254 // characters, as mail allows
	maxName  = 200 // bytes
)

// fieldError says what is wrong with a field.
type fieldError string

func (e fieldError) Error() string { return string(e) }

// Unwrap returns ErrField, and the failure for a log and an API.
func (e fieldError) Unwrap() []error {
	return []error{ErrField, syncs.Fail(syncs.CodeInvalidRequest, "%s", string(e))}
}

// recorded returns what the record of a change shows of the person.
func (p *Person) recorded() access.Values {
	values := access.Values{
		"email": p.Email, "name": p.Name, "role": string(p.Role), "clinics": nil,
		"password": !p.Password.Empty(), "openId": p.Issuer != "",
	}
	if p.Limited {
		values["clinics"] = p.Clinics
	}
	return values
}

// ParseRole reads a role. The error lists the roles.
func ParseRole(text string) (access.Role, error) {
	if role := access.Role(text); slices.Contains(access.Roles(), role) {
		return role, nil
	}
	return "", fieldError(fmt.Sprintf("%q is no role; the roles are viewer, operator and admin", text))
}

// ParseEmail reads an e-mail address and returns it in lower case.
func ParseEmail(text string) (string, error) {
	text = strings.TrimSpace(text)
	address, err := mail.ParseAddress(text)
	switch {
	case len(text) > maxEmail:
		return "", fieldError(fmt.Sprintf("an e-mail address has at most %d characters", maxEmail))
	case err != nil || address.Address != text || !utf8.ValidString(text):
		return "", fieldError(fmt.Sprintf("%q is not an e-mail address such as name@example.com", text))
	}
	return strings.ToLower(text), nil
}

// check refuses a person that cannot be stored.
func (p *Person) check() error {
	if _, err := ParseEmail(p.Email); err != nil {
		return err
	}
	if len(p.Name) > maxName || !syncs.IsLine(p.Name) {
		return fieldError(fmt.Sprintf("the name has control characters or more than %d bytes", maxName))
	}
	_, err := ParseRole(string(p.Role))
	return err
}

// endsSessions reports whether a change of a person ends their sessions at once: another
// role, other clinics, another password or another account (R43).
func endsSessions(before, after *Person) bool {
	return before.Role != after.Role || before.Limited != after.Limited || !slices.Equal(before.Clinics, after.Clinics) ||
		!before.Password.Equal(after.Password) || before.Email != after.Email ||
		before.Issuer != "" && (before.Issuer != after.Issuer || before.Subject != after.Subject)
}

// limit brings the list of clinics into its one form.
func (p *Person) limit() {
	if !p.Limited {
		p.Clinics = nil
		return
	}
	p.Clinics = slices.Clone(p.Clinics)
	slices.SortFunc(p.Clinics, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	p.Clinics = slices.Compact(p.Clinics)
}
