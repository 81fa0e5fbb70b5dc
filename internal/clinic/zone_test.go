package clinic_test

import (
	"archive/zip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
)

// Whatever a machine has besides the zones of IANA, no clinic can have it (R1).
func TestOnlyZonesOfIANAAreZones(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", " ", "Local", "local", "localtime", "posixrules", "Factory", "right/UTC", "right/America/New_York", "posix/UTC",
		"posix/Europe/Berlin", "leapseconds", "tzdata.zi", "zone.tab", "America", "America/", "/etc/localtime",
		"../zoneinfo/UTC", "./UTC", "UTC ", " UTC", "UTC\n", "America//Chicago", "Mars/Olympus", "+02:00", "UTC+2",
		"America/Chicago\x00", "Europe/Kyiv/",
	} {
		_, err := clinic.LoadZone(name)
		require.ErrorContains(t, err, "is not an IANA time zone such as America/Chicago", "%q", name)
		_, err = clinic.Clinic{Timezone: name}.Location()
		require.ErrorIs(t, err, clinic.ErrTimezoneMissing, "%q", name)
	}
	for _, name := range []string{"UTC", "America/Chicago", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "EST5EDT", "US/Pacific", "Europe/Kyiv", "GB"} {
		loc, err := clinic.LoadZone(name)
		require.NoError(t, err)
		require.Equal(t, name, loc.String())
	}
}

// A newer Go may know more zones; then zones.txt is to be made anew from its list.
func TestTheZonesAreThoseOfGo(t *testing.T) {
	t.Parallel()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	archive, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	require.NoError(t, err)
	defer archive.Close()
	var names []string
	for _, f := range archive.File {
		if name := f.Name; name != "Factory" && !strings.HasSuffix(name, "/") {
			names = append(names, name)
			_, err := clinic.LoadZone(name)
			require.NoError(t, err)
		}
	}
	document, err := os.ReadFile("zones.txt")
	require.NoError(t, err)
	require.ElementsMatch(t, names, strings.Fields(string(document)))
}
