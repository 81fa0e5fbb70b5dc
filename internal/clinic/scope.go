package clinic

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Scope is one thing that an API key permits (R39).
type Scope string

// The scopes. A row may have ScopeAll, which includes every other scope.
const (
	ScopeInbound   Scope = "sync:inbound"
	ScopeCases     Scope = "sync:cases"
	ScopeReconcile Scope = "sync:reconcile"
	ScopeFull      Scope = "sync:full"     // includes the three before it
	ScopeRestore   Scope = "cases:restore" // of a case, and of a sync
	ScopeApprove   Scope = "plans:approve" // and rejecting
	ScopeAll       Scope = "*"
)

// SyncScopes returns the four scopes that a key has where none are given. A key with any of
// them may read (R39).
func SyncScopes() []Scope { return []Scope{ScopeInbound, ScopeCases, ScopeReconcile, ScopeFull} }

// Scopes lists every scope.
func Scopes() []Scope { return append(SyncScopes(), ScopeRestore, ScopeApprove, ScopeAll) }

// ParseScopes reads the scopes of a new key. None given means the four sync scopes,
// returned as nil (R39). An unknown scope is an error: a stored row may have scopes that
// this program does not know, a new key may not.
func ParseScopes(texts []string) ([]Scope, error) {
	var scopes []Scope
	for _, text := range texts {
		scope := Scope(strings.TrimSpace(text))
		if !slices.Contains(Scopes(), scope) {
			return nil, fmt.Errorf("%q is not a scope; the scopes are %s", text, joinScopes(Scopes()))
		}
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return scopes, nil
}

func joinScopes(scopes []Scope) string {
	texts := make([]string, len(scopes))
	for i, scope := range scopes {
		texts[i] = string(scope)
	}
	return strings.Join(texts, ", ")
}

// SyncScope returns the scope that is needed to start or cancel a sync of a type (R39). An
// unknown type needs ScopeAll.
func SyncScope(t syncs.Type) Scope {
	switch t {
	case syncs.TypeInbound:
		return ScopeInbound
	case syncs.TypeCases:
		return ScopeCases
	case syncs.TypeReconciliation:
		return ScopeReconcile
	case syncs.TypeFull:
		return ScopeFull
	default:
		return ScopeAll
	}
}

// Scopes returns all scopes of the key, including those that another scope implies.
func (k APIKey) Scopes() []Scope {
	var scopes []Scope
	for _, scope := range Scopes() {
		if k.Allows(scope) {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// Allows reports whether the key has a scope (R39).
func (k APIKey) Allows(scope Scope) bool {
	held := k.Permissions
	if held == nil {
		held = SyncScopes()
	}
	if slices.Contains(held, scope) || slices.Contains(held, ScopeAll) {
		return true
	}
	return slices.Contains(held, ScopeFull) && slices.Contains(SyncScopes(), scope)
}

// AllowsReading reports whether the key may read: any sync scope is enough (R39).
func (k APIKey) AllowsReading() bool { return slices.ContainsFunc(SyncScopes(), k.Allows) }
