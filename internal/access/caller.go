// Package access says who asks for something and what they may do (R42).
//
// A caller is a clinic's API key, a fleet key, a person, or a user of the operating system
// at the command line. The package decides; it reads nothing and stores nothing, and it
// knows no HTTP and no database. It also names what the record of actions holds (R44).
package access

import (
	"slices"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
)

// A Kind is a kind of caller. The words are also those of operator_events (R44).
type Kind string

// The kinds of callers.
const (
	KindClinicKey Kind = "clinic_key"
	KindFleetKey  Kind = "fleet_key"
	KindPerson    Kind = "person"
	KindOSUser    Kind = "os_user"
)

// A Caller is whoever asks for something. The zero Caller is nobody and may do nothing.
type Caller struct {
	Kind Kind
	ID   uuid.UUID // of the key or the person; zero for a user of the operating system
	Name string    // of the key, the person or the user; for people to read

	// Role is what a fleet key or a person may do. A user of the operating system is an
	// admin. A clinic key has scopes instead.
	Role   Role
	Scopes []clinic.Scope // of a clinic key, with those that another scope implies

	// Clinics limits the caller to these clinics, if Limited. A clinic key has its clinic
	// and no other.
	Limited bool
	Clinics []uuid.UUID
}

// OfClinicKey returns the caller that an API key of a clinic identifies (R39).
func OfClinicKey(key clinic.APIKey) Caller {
	return Caller{
		Kind: KindClinicKey, ID: key.ID, Name: key.Name, Scopes: key.Scopes(),
		Limited: true, Clinics: []uuid.UUID{key.ClinicID},
	}
}

// OfOSUser returns the caller that the command line is: a user of the operating system, who
// can read the database's password and may therefore do everything.
func OfOSUser(name string) Caller {
	return Caller{Kind: KindOSUser, Name: name, Role: RoleAdmin}
}

// Actor returns the caller as the history of cases and operator_events name it:
// key:<id>, fleet:<id>, person:<id> or os:<user> (R14, R44).
func (c *Caller) Actor() string {
	switch c.Kind {
	case KindClinicKey:
		return "key:" + c.ID.String()
	case KindFleetKey:
		return "fleet:" + c.ID.String()
	case KindPerson:
		return "person:" + c.ID.String()
	case KindOSUser:
		return "os:" + c.Name
	default:
		return ""
	}
}

// LimitedTo returns the clinics that the caller is limited to; nil: it sees all.
func (c *Caller) LimitedTo() []uuid.UUID {
	if !c.Limited {
		return nil
	}
	return append([]uuid.UUID{}, c.Clinics...)
}

// Sees reports whether a clinic is within the caller's limit. One that is not must look to
// the caller like one that does not exist (R42).
func (c *Caller) Sees(clinicID uuid.UUID) bool {
	return c.Kind != "" && (!c.Limited || slices.Contains(c.Clinics, clinicID))
}

// Clinic returns the clinic of a clinic key, which its requests do not name (R38), and zero
// for any other caller.
func (c *Caller) Clinic() uuid.UUID {
	if c.Kind == KindClinicKey && len(c.Clinics) == 1 {
		return c.Clinics[0]
	}
	return uuid.Nil
}
