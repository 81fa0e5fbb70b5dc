package pims

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheSameMomentHasOneText(t *testing.T) { // R12
	t.Parallel()
	for _, text := range []string{
		"2026-11-21 08:15:00", "2026-11-21T08:15:00", "2026-11-21 08:15", "2026-11-21T08:15", "2026-11-21 08:15:00.000", "2026-11-21T08:15:00.000000",
		"2026-11-21T08:15:00,000", "2026-11-21 08:15:00.437", "2026-11-21T08:15:00.999999", "2026-11-21T8:15:00 ", " 2026-11-21 08:15:00\n", "2026-11-21 8:15:00", "2026-11-21T8:15", "2026-11-21  08:15:00",
	} {
		at, ok := ParseWall(text)
		require.True(t, ok, text)
		require.Equal(t, time.Date(2026, time.November, 21, 8, 15, 0, 0, time.UTC), at, text)
		require.Equal(t, "2026-11-21T08:15:00", WallText(text), text)
		require.Equal(t, WallText(text), WallText(WallText(text)), text)
	}
}

func TestOtherTextStaysAsItIs(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "soon", "2026-11-21", "21.11.2026 08:15:00", "2026-11-21T08:15:00Z", "2026-11-21T08:15:00+01:00", "2026-11-21 08:15:00 UTC",
		"2026-02-30 08:15:00", "2026-11-21 24:00:00", "2026-11-21 08:15:60", "0000-00-00 00:00:00", "1763712900",
	} {
		_, ok := ParseWall(text)
		require.False(t, ok, text)
		require.Equal(t, text, WallText(text))
	}
}
