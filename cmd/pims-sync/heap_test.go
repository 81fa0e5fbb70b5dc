package main

import (
	"regexp"
	"strconv"
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

func TestAServersHeapMayGrowToItsFloor(t *testing.T) {
	t.Parallel()
	s := newAccount(t).serve(t)
	eventually(t, func() bool {
		found := regexp.MustCompile(`(?m)^go_gc_gogc_percent (\d+)$`).FindStringSubmatch(fetch(t, s.URL()+"/metrics"))
		require.NotNil(t, found)
		percent, err := strconv.Atoi(found[1])
		return err == nil && percent > 100
	}, "the heap is collected whenever it has doubled")
}
