package leaving

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// FileName returns a name for the file of an archive: the clinic's, and the day.
func FileName(clinicName string, subject *Subject, now time.Time) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(clinicName))
	if subject.OfClient() {
		name += "-client"
	}
	name = fmt.Sprintf("%s-%s-%s.zip", strings.Trim(name, "-"), subject.ClinicID.String()[:8], now.Format(time.DateOnly))
	return strings.TrimPrefix(name, "-") // of a name in other letters nothing is left
}

// WriteFile makes a new file that nobody else can read. A file that could not be completed
// is removed.
func WriteFile(name string, write func(io.Writer) (Manifest, error)) (manifest Manifest, err error) {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return manifest, fmt.Errorf("%s exists; name another file with --output", name)
	}
	if err != nil {
		return manifest, fmt.Errorf("making the archive: %w", err)
	}
	manifest, err = write(file)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		_ = os.Remove(name) // the error says why it is gone
	}
	return manifest, err
}

// String lists the counts for people.
func (c Counts) String() string {
	var parts []string
	for _, what := range slices.Sorted(maps.Keys(c)) {
		if c[what] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c[what], strings.ReplaceAll(strings.TrimPrefix(what, "pims_"), "_", " ")))
		}
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}
