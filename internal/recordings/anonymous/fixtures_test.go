package anonymous_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/recordings"
)

var (
	bundle   = flag.String("bundle", "", "an anonymous export that becomes a fixture (make fixture)")
	simulate = flag.Bool("simulate", false, "make the simulator's fixture anew")
)

// example is the fixture that the simulator makes: a calendar of which half is missing.
const example = "half-of-the-calendar.json.gz"

func TestEachFixtureReplaysAsItWas(t *testing.T) { // R52
	t.Parallel()
	if *simulate {
		document, err := exported(t, run(t, "half of the calendar").record(t)).Encode()
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join("testdata", example), document, 0o600))
	}
	if *bundle != "" {
		adopt(t, *bundle)
	}
	files, err := filepath.Glob(filepath.Join("testdata", "*.json.gz"))
	require.NoError(t, err)
	require.Contains(t, files, filepath.Join("testdata", example))
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			requireSame(t, fixture(t, file))
		})
	}
}

// fixture reads an export. Other recordings contain personal data.
func fixture(t *testing.T, file string) *recordings.Recording {
	t.Helper()
	document, err := os.ReadFile(file)
	require.NoError(t, err)
	r, err := recordings.Decode(document)
	require.NoError(t, err)
	require.True(t, r.Anonymous, "%s is no anonymous export: pims-sync recordings export makes one", file)
	return r
}

// adopt copies an export that replays as it was into the fixtures.
func adopt(t *testing.T, file string) {
	t.Helper()
	requireSame(t, fixture(t, file))
	document, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join("testdata", filepath.Base(file)), document, 0o600))
}

func run(t *testing.T, name string) *fault {
	t.Helper()
	for _, f := range oddRuns() {
		if f.name == name {
			return &f
		}
	}
	t.Fatalf("there is no run called %q", name)
	return nil
}
