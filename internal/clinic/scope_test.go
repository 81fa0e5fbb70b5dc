package clinic_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestWhatEachScopePermits(t *testing.T) {
	t.Parallel()
	type scopes = []clinic.Scope
	const (
		inbound, cases, reconcile = clinic.ScopeInbound, clinic.ScopeCases, clinic.ScopeReconcile
		full, restore, approve    = clinic.ScopeFull, clinic.ScopeRestore, clinic.ScopeApprove
	)
	sync := scopes{inbound, cases, reconcile, full}
	for name, c := range map[string]struct {
		held    scopes
		allowed scopes
		reads   bool
	}{
		"none given":   {nil, sync, true},
		"an empty set": {scopes{}, nil, false},
		"inbound":      {scopes{inbound}, scopes{inbound}, true},
		"cases":        {scopes{cases}, scopes{cases}, true},
		"reconcile":    {scopes{reconcile}, scopes{reconcile}, true},
		"full":         {scopes{full}, sync, true},
		"the three":    {scopes{inbound, cases, reconcile}, scopes{inbound, cases, reconcile}, true},
		"restore":      {scopes{restore}, scopes{restore}, false},
		"approve":      {scopes{approve}, scopes{approve}, false},
		"unknown":      {scopes{"sync:everything"}, nil, false},
		"all":          {scopes{"*"}, append(sync[:4:4], restore, approve, clinic.ScopeAll), true},
	} {
		key := clinic.APIKey{Permissions: c.held}
		require.Equal(t, c.allowed, key.Scopes(), name)
		require.Equal(t, c.reads, key.AllowsReading(), name)
	}
}

func TestASyncNeedsTheScopeOfItsType(t *testing.T) {
	t.Parallel()
	require.Equal(t, clinic.ScopeInbound, clinic.SyncScope(syncs.TypeInbound))
	require.Equal(t, clinic.ScopeCases, clinic.SyncScope(syncs.TypeCases))
	require.Equal(t, clinic.ScopeReconcile, clinic.SyncScope(syncs.TypeReconciliation))
	require.Equal(t, clinic.ScopeFull, clinic.SyncScope(syncs.TypeFull))
	require.Equal(t, clinic.ScopeAll, clinic.SyncScope("other"))
}

func TestScopesOfANewKeyAreRead(t *testing.T) {
	t.Parallel()
	got, err := clinic.ParseScopes([]string{"sync:cases", " plans:approve ", "sync:cases"})
	require.NoError(t, err)
	require.Equal(t, []clinic.Scope{clinic.ScopeCases, clinic.ScopeApprove}, got)

	got, err = clinic.ParseScopes([]string{"*"})
	require.NoError(t, err)
	require.Equal(t, []clinic.Scope{clinic.ScopeAll}, got)

	got, err = clinic.ParseScopes(nil)
	require.NoError(t, err)
	require.Nil(t, got, "none means the four, which is null in the row")

	for _, unknown := range []string{"", "sync", "sync:reconciliation", "SYNC:FULL"} {
		_, err = clinic.ParseScopes([]string{"sync:full", unknown})
		require.ErrorContains(t, err, "sync:inbound, sync:cases", unknown)
	}
}
