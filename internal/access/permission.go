package access

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Role is what a person may do (R42). Each includes those before it.
type Role string

// The roles, the least first.
const (
	RoleViewer   Role = "viewer"   // reads
	RoleOperator Role = "operator" // also starts syncs, decides plans, restores, tests logins
	RoleAdmin    Role = "admin"    // also changes clinics, credentials, schedules, keys and people
)

// Roles lists the roles, the least first.
func Roles() []Role { return []Role{RoleViewer, RoleOperator, RoleAdmin} }

// Includes reports whether a role includes another.
func (r Role) Includes(other Role) bool {
	mine := slices.Index(Roles(), r)
	return mine >= 0 && mine >= slices.Index(Roles(), other)
}

// A Permission is what an operation needs of its caller. The zero Permission is nobody's:
// an operation that forgets to say what it needs is refused.
type Permission string

// The permissions. For a clinic key those with a scope's name need that scope, and Read
// needs any sync scope; it has no other (R39).
const (
	Read          Permission = "read" // a clinic's syncs, cases, plans and freshness
	SyncInbound   Permission = Permission(clinic.ScopeInbound)
	SyncCases     Permission = Permission(clinic.ScopeCases)
	SyncReconcile Permission = Permission(clinic.ScopeReconcile)
	SyncFull      Permission = Permission(clinic.ScopeFull)
	Restore       Permission = Permission(clinic.ScopeRestore)
	Approve       Permission = Permission(clinic.ScopeApprove)

	ReadClinics    Permission = "clinics:read"    // the clinics, and how each is configured
	OperateClinics Permission = "clinics:operate" // test and resume credentials
	ChangeClinics  Permission = "clinics:change"  // a clinic, its credentials, schedules and keys
	ReadSystem     Permission = "system:read"     // the installation
	ReadTrends     Permission = "trends:read"     // what all clinics come to
	ChangeSystem   Permission = "system:change"   // add clinics; fleet keys, people; read operator events
)

// A need is what a permission asks of each kind of caller.
type need struct {
	role   Role           // of a fleet key or a person
	scopes []clinic.Scope // of a clinic key: any of these; none: no clinic key has it
	whole  bool           // the caller must not be limited to some clinics
}

// needs is the one table of what each permission asks.
var needs = map[Permission]need{
	Read:           {role: RoleViewer, scopes: clinic.SyncScopes()},
	SyncInbound:    {role: RoleOperator, scopes: []clinic.Scope{clinic.ScopeInbound}},
	SyncCases:      {role: RoleOperator, scopes: []clinic.Scope{clinic.ScopeCases}},
	SyncReconcile:  {role: RoleOperator, scopes: []clinic.Scope{clinic.ScopeReconcile}},
	SyncFull:       {role: RoleOperator, scopes: []clinic.Scope{clinic.ScopeFull}},
	Restore:        {role: RoleOperator, scopes: []clinic.Scope{clinic.ScopeRestore}},
	Approve:        {role: RoleOperator, scopes: []clinic.Scope{clinic.ScopeApprove}},
	ReadClinics:    {role: RoleViewer},
	OperateClinics: {role: RoleOperator},
	ChangeClinics:  {role: RoleAdmin},
	ReadSystem:     {role: RoleViewer, whole: true},
	ReadTrends:     {role: RoleViewer, whole: true},
	ChangeSystem:   {role: RoleAdmin, whole: true},
}

// Permissions lists every permission, sorted.
func Permissions() []Permission {
	var all []Permission
	for p := range needs {
		all = append(all, p)
	}
	slices.Sort(all)
	return all
}

// ForSync returns the permission to start and to cancel a sync of a type.
func ForSync(t syncs.Type) Permission { return Permission(clinic.SyncScope(t)) }

// Role returns the least role of a fleet key or a person that has the permission.
func (p Permission) Role() Role { return needs[p].role }

// Scopes lists the scopes of which a clinic key needs one; none: no clinic key has the
// permission.
func (p Permission) Scopes() []clinic.Scope { return needs[p].scopes }

// ErrHidden means that a clinic is outside of the caller's limit. It must be shown exactly
// as a clinic that does not exist (R42).
var ErrHidden = errors.New("no such clinic")

// Denied is the error of a caller that lacks a permission. Its text says what is missing.
type Denied struct{ Missing string }

func (d Denied) Error() string { return d.Missing }

// Check is the one function that says whether a caller may do an operation on a clinic, or
// with uuid.Nil on the installation. The error is ErrHidden or a Denied.
//
// A clinic that the caller cannot see is hidden whatever the caller lacks besides, so that
// a refusal does not tell that the clinic exists.
func (c *Caller) Check(p Permission, clinicID uuid.UUID) error {
	n, known := needs[p]
	if clinicID != uuid.Nil && !c.Sees(clinicID) {
		return ErrHidden
	}
	if !known {
		return Denied{"nobody may do this"}
	}
	if c.Kind == KindClinicKey {
		return c.checkScopes(n)
	}
	if c.Kind == "" || !c.Role.Includes(n.role) {
		return Denied{fmt.Sprintf("this needs the role %s", n.role)}
	}
	if n.whole && c.Limited {
		return Denied{"this needs a caller that is not limited to some clinics"}
	}
	return nil
}

func (c *Caller) checkScopes(n need) error {
	if n.scopes == nil {
		return Denied{"no API key of a clinic may do this; use a fleet key"}
	}
	if slices.ContainsFunc(n.scopes, func(s clinic.Scope) bool { return slices.Contains(c.Scopes, s) }) {
		return nil
	}
	missing := string(n.scopes[0])
	if len(n.scopes) > 1 {
		missing = "any sync scope"
	}
	return Denied{"this API key lacks the scope that this needs: " + missing}
}

// InWords says what a clinic key needs for the permission, for the documentation.
func (p Permission) InWords() string {
	scopes := p.Scopes()
	switch len(scopes) {
	case 0:
		return "none; " + string(p.Role())
	case 1:
		return "`" + string(scopes[0]) + "`"
	default:
		return "any sync scope"
	}
}
