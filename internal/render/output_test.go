package render

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestTheProgressOfASyncIsDrawnOverItself(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	b := &Bar{w: &out, live: true}
	b.Show(progress("inbound", "fetch", 0, 0))
	b.Show(progress("inbound", "write", 50, 100))
	b.Show(progress("", "", 0, 0))
	b.Close()
	lines := strings.Split(out.String(), "\r")
	require.Len(t, lines, 5)
	require.Equal(t, "inbound         fetch     ", lines[1])
	require.Equal(t, "inbound         write      ["+strings.Repeat("█", 15)+strings.Repeat("·", 15)+"] 50/100", lines[2])
	require.Equal(t, strings.Repeat(" ", len([]rune(lines[2]))), lines[3], "it is wiped")
	require.Empty(t, lines[4])

	out.Reset()
	b = NewBar(&out, true)
	b.Show(progress("inbound", "fetch", 0, 0))
	b.Close()
	require.Empty(t, out.String(), "not on a terminal, it is silent")
}

func TestAMomentIsShownInTheClinicsZone(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	at := time.Date(2026, 1, 17, 12, 0, 0, 0, time.UTC)
	require.Equal(t, "2026-01-17 13:00 CET", Stamp(at, berlin))
	require.Equal(t, "2026-01-17 12:00 UTC", Stamp(at, nil))
	require.Equal(t, "-", Stamp(time.Time{}, berlin))
}

func progress(phase syncs.Type, step string, done, total int) syncs.Progress {
	return syncs.Progress{Phase: phase, Step: step, Done: done, Total: total}
}
