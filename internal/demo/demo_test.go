package demo

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

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
	require.NoError(t, (&Acts{First: []syncDone{done}, Second: []syncDone{done}, Changes: []dayChange{right}}).Failure())

	empty, failed, wrong := done, done, right
	empty.Cases = 0
	failed.Response = &fullResponse{Code: "timeout", Error: "it took too long"}
	wrong.Right = false
	for _, c := range []struct {
		acts Acts
		says string
	}{
		{Acts{First: []syncDone{empty}}, "no case"},
		{Acts{First: []syncDone{done}, Second: []syncDone{failed}}, "it took too long (timeout)"},
		{Acts{First: []syncDone{done}, Second: []syncDone{done}, Changes: []dayChange{right, wrong}}, "appointment moved"},
	} {
		require.ErrorContains(t, c.acts.Failure(), c.says)
	}
}
