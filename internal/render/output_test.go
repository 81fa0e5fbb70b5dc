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

func TestRowsStandInColumnsWithoutBlanksAtTheEnd(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	Table(&out, []string{"id", "name", "note"}, [][]string{{"1", "Harbor Lights", ""}, {"22", "-", "new"}})
	require.Equal(t, "ID  NAME           NOTE\n1   Harbor Lights\n22  -              new\n", out.String())
	out.Reset()
	Fields(&out, "id", "1", "e-mail", "ada@example.com")
	require.Equal(t, "id      1\ne-mail  ada@example.com\n", out.String())
}

func TestWhatIsMissingIsADashForPeople(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 17, 13, 0, 0, 0, time.FixedZone("CET", 3600))
	require.Equal(t, "Sat 2026-01-17 12:00 UTC", DayStamp(at, nil))
	require.Equal(t, "-", OrDash(""))
	require.Equal(t, "word", OrDash("word"))
	require.Empty(t, Given(nil))
	require.Equal(t, "word", Given(new("word")))
	require.Equal(t, "1 clinic", Counted(1, "clinic"))
	require.Equal(t, "0 clinics", Counted(0, "clinic"))
	require.Equal(t, "{\n  \"a\": 1\n}", IndentJSON([]byte(`{"a":1}`)))
	require.Equal(t, "no JSON", IndentJSON([]byte("no JSON")))
}

func progress(phase syncs.Type, step string, done, total int) syncs.Progress {
	return syncs.Progress{Phase: phase, Step: step, Done: done, Total: total}
}
