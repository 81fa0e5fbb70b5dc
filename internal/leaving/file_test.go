package leaving_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/leaving"
)

func TestAnArchiveIsAFileForItsOwnerAlone(t *testing.T) { // R40
	t.Parallel()
	name := filepath.Join(t.TempDir(), "clinic.zip")
	write := func(w io.Writer) (leaving.Manifest, error) {
		_, err := io.WriteString(w, "whole")
		return leaving.Manifest{Format: 1}, err
	}
	manifest, err := leaving.WriteFile(name, write)
	require.NoError(t, err)
	require.Equal(t, 1, manifest.Format)
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	_, err = leaving.WriteFile(name, write)
	require.ErrorContains(t, err, "--output", "another file is not overwritten")
	kept, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "whole", string(kept))
}

func TestAnArchiveThatCouldNotBeCompletedIsRemoved(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "clinic.zip")
	broken := errors.New("the connection broke off")
	_, err := leaving.WriteFile(name, func(w io.Writer) (leaving.Manifest, error) {
		_, _ = io.WriteString(w, "half")
		return leaving.Manifest{}, broken
	})
	require.ErrorIs(t, err, broken)
	require.NoFileExists(t, name)
}

func TestTheNameOfAnArchiveHasTheClinicAndTheDayAndNoClient(t *testing.T) { // R40
	t.Parallel()
	id := uuid.MustParse("0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e01")
	day := time.Date(2026, time.March, 4, 12, 0, 0, 0, time.UTC)
	for clinicName, want := range map[string]string{
		"Harbor Lights": "harbor-lights-0190c3d2-2026-03-04.zip",
		"../../etc":     "etc-0190c3d2-2026-03-04.zip",
		"動物病院":          "0190c3d2-2026-03-04.zip",
	} {
		require.Equal(t, want, leaving.FileName(clinicName, &leaving.Subject{ClinicID: id}, day))
	}
	require.Equal(t, "harbor-lights-client-0190c3d2-2026-03-04.zip",
		leaving.FileName("Harbor Lights", &leaving.Subject{ClinicID: id, Client: "c-17"}, day))
}

func TestCountsAreToldInWords(t *testing.T) {
	t.Parallel()
	require.Equal(t, "nothing", leaving.Counts{"cases": 0}.String())
	require.Equal(t, "2 case events, 1 cases, 3 words", leaving.Counts{"cases": 1, "case_events": 2, "pims_words": 3, "syncs": 0}.String())
}
