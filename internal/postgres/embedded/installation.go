package embedded

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// oldestMajor is the oldest PostgreSQL that pims-sync works with.
const oldestMajor = 15

// binPatterns are the folders, beside PATH, where packages put the server.
func binPatterns() []string {
	return []string{
		"/usr/lib/postgresql/*/bin",                               // Debian, Ubuntu
		"/usr/pgsql-*/bin",                                        // the PostgreSQL project's RPMs
		"/usr/libexec/postgresql*",                                // Alpine
		"/opt/homebrew/opt/postgresql@*/bin",                      // Homebrew on Apple silicon
		"/usr/local/opt/postgresql@*/bin",                         // Homebrew on Intel
		"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",         // Homebrew on Linux
		"/Applications/Postgres.app/Contents/Versions/[0-9]*/bin", // Postgres.app
	}
}

// installation is a PostgreSQL server found on this machine.
type installation struct {
	bin     string // the folder of initdb and postgres
	version string // as in "15.14"
	major   int
}

// findInstallation finds the server for a cluster of the given major version.
// For 0, a cluster yet to be made, it is the one in PATH, else the newest.
func findInstallation(ctx context.Context, major int) (installation, error) {
	var path []string
	if program, err := exec.LookPath("postgres"); err == nil {
		path = append(path, filepath.Dir(program))
	}
	var packaged []string
	for _, pattern := range binPatterns() {
		dirs, _ := filepath.Glob(pattern) // the patterns are well formed
		packaged = append(packaged, dirs...)
	}
	found := installations(ctx, packaged)
	slices.SortStableFunc(found, func(a, b installation) int { return cmp.Compare(b.major, a.major) })
	found = append(installations(ctx, path), found...)
	if err := ctx.Err(); err != nil {
		return installation{}, err // they were not asked to the end
	}
	return choose(found, major)
}

// installations asks the servers in dirs for their versions and leaves out the
// folders without one and those older than oldestMajor.
func installations(ctx context.Context, dirs []string) []installation {
	var found []installation
	for _, dir := range dirs {
		if _, err := exec.LookPath(filepath.Join(dir, "initdb")); err != nil {
			continue
		}
		answer, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
		if err != nil {
			continue
		}
		if version, major := parseVersion(string(answer)); major >= oldestMajor {
			found = append(found, installation{bin: dir, version: version, major: major})
		}
	}
	return found
}

// parseVersion reads an answer like "postgres (PostgreSQL) 15.14 (Debian …)" or
// "postgres (PostgreSQL) 19beta1"; what it cannot read has the major version 0.
func parseVersion(answer string) (version string, major int) {
	m := regexp.MustCompile(`^postgres \(PostgreSQL\) ((\d+)\S*)`).FindStringSubmatch(answer)
	if m == nil {
		return "", 0
	}
	major, _ = strconv.Atoi(m[2]) // digits; too many of them are no version
	return m[1], major
}

// choose picks the first installation of the given major version; 0 means any.
func choose(found []installation, major int) (installation, error) {
	if len(found) == 0 {
		return installation{}, fmt.Errorf("PostgreSQL %d or newer is not installed (no initdb and postgres in PATH or where packages put them): "+
			"install the package postgresql (apt-get install postgresql, brew install postgresql@17), or set DATABASE_URL", oldestMajor)
	}
	var versions []string
	for _, i := range found {
		if major == 0 || i.major == major {
			return i, nil
		}
		versions = append(versions, i.version)
	}
	return installation{}, fmt.Errorf("the database was made by PostgreSQL %d, but this machine has %s (nothing was changed): "+
		"install PostgreSQL %d, or move the data over with pg_upgrade, or set DATA_DIR to a new folder",
		major, strings.Join(versions, ", "), major)
}
