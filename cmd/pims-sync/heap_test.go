package main

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

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
