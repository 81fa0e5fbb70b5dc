package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A FleetScope is what a fleet key may do (R42). Each includes those before it.
type FleetScope string

// The scopes of fleet keys, the least first.
const (
	FleetRead    FleetScope = "fleet:read"
	FleetOperate FleetScope = "fleet:operate"
	FleetAdmin   FleetScope = "fleet:admin"
)

// FleetScopes lists the scopes of fleet keys, the least first, in the order of Roles.
func FleetScopes() []FleetScope { return []FleetScope{FleetRead, FleetOperate, FleetAdmin} }

// ParseFleetScope reads the scope of a new key.
func ParseFleetScope(text string) (FleetScope, error) {
	if scope := FleetScope(text); slices.Contains(FleetScopes(), scope) {
		return scope, nil
	}
	words := make([]string, len(FleetScopes()))
	for i, s := range FleetScopes() {
		words[i] = string(s)
	}
	return "", fmt.Errorf("%q is not a scope of fleet keys; the scopes are %s", text, strings.Join(words, ", "))
}

// Role returns the role that a scope is. An unknown scope is no role.
func (s FleetScope) Role() Role {
	if i := slices.Index(FleetScopes(), s); i >= 0 {
		return Roles()[i]
	}
	return ""
}

// ScopeOf returns the scope of fleet keys that is a role.
func ScopeOf(r Role) FleetScope {
	if i := slices.Index(Roles(), r); i >= 0 {
		return FleetScopes()[i]
	}
	return ""
}

// A FleetKey is a row of fleet_keys: a key for many clinics, as it is stored. The key itself
// is shown once, when it is made, and never stored (R39, R42).
type FleetKey struct {
	ID         uuid.UUID
	Name       string
	Prefix     string // the key's first eight characters, for people to recognise it
	Hash       string // SHA-256 of the key, in hex
	Scope      FleetScope
	Limited    bool        // to Clinics
	Clinics    []uuid.UUID // sorted; empty unless Limited
	Active     bool        // false: revoked
	ExpiresAt  time.Time   // zero: never
	LastUsedAt time.Time   // zero: never used
	CreatedBy  string      // an actor
	CreatedAt  time.Time
}

// IssueFleetKey completes a new key: the row to store, and the key, which is shown once.
func IssueFleetKey(row FleetKey, now time.Time) (FleetKey, string) {
	key := clinic.GenerateKeyOf(clinic.KeyOfFleet)
	row.ID, row.Prefix, row.Hash, row.Active, row.CreatedAt = uuid.New(), clinic.Prefix(key), clinic.Hash(key), true, now
	row.Clinics = slices.Clone(row.Clinics)
	slices.SortFunc(row.Clinics, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	row.Clinics = slices.Compact(row.Clinics)
	return row, key
}

// Usable reports whether a key is neither revoked nor expired.
func (k *FleetKey) Usable(now time.Time) bool {
	return k.Active && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

// ErrNoFleetKey means that there is no such fleet key.
var ErrNoFleetKey error = syncs.Fail(syncs.CodeNotFound, "there is no such fleet key")

// A FleetKeyStore is what authentication needs of fleet_keys.
type FleetKeyStore interface {
	// FleetKeyByHash reads the key of a hash, usable or not. The error is ErrNoFleetKey
	// where there is none.
	FleetKeyByHash(ctx context.Context, hash string) (FleetKey, error)

	// TouchFleetKey stores when a key was used. A time before the stored one changes
	// nothing.
	TouchFleetKey(ctx context.Context, id uuid.UUID, at time.Time) error
}

// IsFleetKey reports whether a presented key has the form of a fleet key.
func IsFleetKey(presented string) bool { return clinic.KeyOfFleet.Matches(presented) }

// AuthenticateFleetKey finds the caller of a presented fleet key. The error is
// clinic.ErrUnauthorized for an unknown, revoked, expired or malformed key; any other error
// is the store's. The key is looked up by its hash alone, so that the time that this takes
// says nothing about a key that is nearly right.
func AuthenticateFleetKey(ctx context.Context, presented string, store FleetKeyStore, now time.Time) (Caller, error) {
	if !IsFleetKey(presented) || !clinic.Presentable(presented) {
		return Caller{}, clinic.ErrUnauthorized
	}
	key, err := store.FleetKeyByHash(ctx, clinic.Hash(presented))
	switch {
	case errors.Is(err, ErrNoFleetKey):
		return Caller{}, clinic.ErrUnauthorized
	case err != nil:
		return Caller{}, fmt.Errorf("looking a fleet key up: %w", err)
	case !key.Usable(now):
		return Caller{}, clinic.ErrUnauthorized
	}
	if now.Sub(key.LastUsedAt) >= clinic.TouchKeysEvery {
		if err := store.TouchFleetKey(ctx, key.ID, now); err != nil {
			return Caller{}, fmt.Errorf("noting the use of a fleet key: %w", err)
		}
	}
	return Caller{
		Kind: KindFleetKey, ID: key.ID, Name: key.Name, Role: key.Scope.Role(),
		Limited: key.Limited, Clinics: key.Clinics,
	}, nil
}
