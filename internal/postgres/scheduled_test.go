package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheScheduleTellsWhatWasSoftDeleted(t *testing.T) { // R18: what was deleted is not known
	t.Parallel()
	f := newFixture(t)
	deleted := f.insert(visit("1"))
	f.insert(visit("2"))
	f.softDelete(deleted)
	scheduled, err := f.cases.ScheduledByID(t.Context(), f.clinic, provider, []string{"1", "2"})
	require.NoError(t, err)
	require.Len(t, scheduled, 2)
	for _, s := range scheduled {
		require.Equal(t, s.PIMSID == "1", s.SoftDeleted, s.PIMSID)
	}
}
