package app

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAHeapIsCollectedWhenItReachesItsFloorOrHasDoubled(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for _, tc := range []struct{ live, roots, floor, percent uint64 }{
		{0, 0, 32 * mib, 800}, // 4 MiB, the smallest, times eight
		{1 * mib, 1 * mib, 32 * mib, 800},
		{6 * mib, 2 * mib, 32 * mib, 325},
		{12 * mib, 2 * mib, 32 * mib, 142},
		{20 * mib, 2 * mib, 32 * mib, 100},
		{200 * mib, 2 * mib, 32 * mib, 100},
	} {
		require.Equal(t, tc.percent, gcPercent(tc.live, tc.roots, tc.floor), "%+v", tc)
	}
}
