package fleetpages

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/scheduler"
)

func TestEveryStateHasItsPlaceInTheFleet(t *testing.T) {
	t.Parallel()
	require.ElementsMatch(t, scheduler.ClinicStates(), fleetStates())
}
