package embedded

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVersionsAreReadFromTheServersAnswer(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]installation{
		"postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n": {version: "15.14", major: 15},
		"postgres (PostgreSQL) 17.2 (Homebrew)\n":                {version: "17.2", major: 17},
		"postgres (PostgreSQL) 19beta1\n":                        {version: "19beta1", major: 19},
		"postgres (PostgreSQL) 9.6.24\n":                         {version: "9.6.24", major: 9},
		"postgres (EnterpriseDB) 15.1\n":                         {},
		"":                                                       {},
	} {
		version, major := parseVersion(answer)
		require.Equal(t, want, installation{version: version, major: major}, answer)
	}
}

func TestTheInstallationFitsTheClusterOrComesFirst(t *testing.T) {
	t.Parallel()
	path := installation{bin: "/usr/bin", version: "16.9", major: 16}
	newest := installation{bin: "/usr/lib/postgresql/17/bin", version: "17.2", major: 17}
	oldest := installation{bin: "/usr/lib/postgresql/15/bin", version: "15.14", major: 15}
	found := []installation{path, newest, oldest}
	for major, want := range map[int]installation{0: path, 15: oldest, 16: path, 17: newest} {
		got, err := choose(found, major)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}

	_, err := choose(found, 18)
	require.EqualError(t, err, "the database was made by PostgreSQL 18, but this machine has 16.9, 17.2, 15.14 (nothing was changed): "+
		"install PostgreSQL 18, or move the data over with pg_upgrade, or set DATA_DIR to a new folder")
}

func TestWithoutPostgreSQLTheErrorSaysWhatToInstall(t *testing.T) {
	t.Parallel()
	found := installations(t.Context(), []string{t.TempDir(), "/nowhere"})
	require.Empty(t, found)

	_, err := choose(found, 0)
	require.ErrorContains(t, err, "PostgreSQL 15 or newer is not installed")
	require.ErrorContains(t, err, "apt-get install postgresql")
	require.ErrorContains(t, err, "DATABASE_URL")
}

func TestTheServerOnThisMachineIsFound(t *testing.T) {
	t.Parallel()
	found, err := findInstallation(t.Context(), 0)
	require.NoError(t, err)
	require.GreaterOrEqual(t, found.major, oldestMajor)
	require.FileExists(t, found.bin+"/initdb")
}

func TestTheDefaultDataFolderIsTheUsers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		euid int
		goos string
		env  map[string]string
		want string
	}{
		"root":                    {0, "linux", map[string]string{"HOME": "/root"}, "/var/lib/pims-sync"},
		"a user":                  {1000, "linux", map[string]string{"HOME": "/home/kim"}, "/home/kim/.local/share/pims-sync"},
		"a user with XDG":         {1000, "linux", map[string]string{"HOME": "/home/kim", "XDG_DATA_HOME": "/data"}, "/data/pims-sync"},
		"a user with a wrong XDG": {1000, "linux", map[string]string{"HOME": "/home/kim", "XDG_DATA_HOME": "data"}, "/home/kim/.local/share/pims-sync"},
		"a user on macOS":         {501, "darwin", map[string]string{"HOME": "/Users/kim"}, "/Users/kim/Library/Application Support/pims-sync"},
	} {
		dir, err := defaultDir(c.euid, c.goos, func(key string) string { return c.env[key] })
		require.NoError(t, err, name)
		require.Equal(t, c.want, dir, name)
	}

	_, err := defaultDir(1000, "linux", func(string) string { return "" })
	require.ErrorContains(t, err, "set DATA_DIR")
}
