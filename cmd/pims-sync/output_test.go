package main

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
	b := &bar{w: &out, live: true}
	b.show(progress("inbound", "fetch", 0, 0))
	b.show(progress("inbound", "write", 50, 100))
	b.show(progress("", "", 0, 0))
	b.close()
	lines := strings.Split(out.String(), "\r")
	require.Len(t, lines, 5)
	require.Equal(t, "inbound         fetch     ", lines[1])
	require.Equal(t, "inbound         write      ["+strings.Repeat("█", 15)+strings.Repeat("·", 15)+"] 50/100", lines[2])
	require.Equal(t, strings.Repeat(" ", len([]rune(lines[2]))), lines[3], "it is wiped")
	require.Empty(t, lines[4])

	out.Reset()
	b = newBar(&out, true)
	b.show(progress("inbound", "fetch", 0, 0))
	b.close()
	require.Empty(t, out.String(), "not on a terminal, it is silent")
}

func TestTheDemoShowsTheProgressOfItsClinicsInOneLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := (&stage{w: &out, live: true}).watch(make([]*demoClinic, 2))
	w.report(0, progressJSON{Phase: "inbound"})
	w.report(1, progressJSON{Phase: "cases", Done: 3, Total: 9})
	w.close()
	require.Contains(t, out.String(), "\r  inbound · cases 3/9")
	require.True(t, strings.HasSuffix(out.String(), " \r"))

	out.Reset()
	w = (&stage{w: &out}).watch(make([]*demoClinic, 2))
	w.report(0, progressJSON{Phase: "inbound"})
	w.close()
	require.Empty(t, out.String())
}

func TestADemoThatDiffersIsAFailure(t *testing.T) {
	t.Parallel()
	done := syncDone{Clinic: "Harbor Lights", Cases: 3, Response: &fullResponse{Success: true}}
	right := dayChange{Clinic: "Harbor Lights", PIMSID: "1", What: "appointment moved", Right: true}
	require.NoError(t, (&acts{First: []syncDone{done}, Second: []syncDone{done}, Changes: []dayChange{right}}).failure())

	empty, failed, wrong := done, done, right
	empty.Cases = 0
	failed.Response = &fullResponse{Code: "timeout", Error: "it took too long"}
	wrong.Right = false
	for _, c := range []struct {
		acts acts
		says string
	}{
		{acts{First: []syncDone{empty}}, "no case"},
		{acts{First: []syncDone{done}, Second: []syncDone{failed}}, "it took too long (timeout)"},
		{acts{First: []syncDone{done}, Second: []syncDone{done}, Changes: []dayChange{right, wrong}}, "appointment moved"},
	} {
		require.ErrorContains(t, c.acts.failure(), c.says)
	}
}

func TestAMomentIsShownInTheClinicsZone(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	at := time.Date(2026, 1, 17, 12, 0, 0, 0, time.UTC)
	require.Equal(t, "2026-01-17 13:00 CET", stamp(at, berlin))
	require.Equal(t, "2026-01-17 12:00 UTC", stamp(at, nil))
	require.Equal(t, "-", stamp(time.Time{}, berlin))
}

func progress(phase syncs.Type, step string, done, total int) syncs.Progress {
	return syncs.Progress{Phase: phase, Step: step, Done: done, Total: total}
}
