package clinic

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // the zones of every clinic, whatever the machine has (R1)
)

// zoneNames are the names of the IANA time zone database, one a line, without
// "Factory", which stands for a machine whose zone was never set.
//
//go:embed zones.txt
var zoneNames string

var knownZones = sync.OnceValue(func() map[string]bool {
	known := make(map[string]bool, 600)
	for name := range strings.Lines(zoneNames) {
		known[strings.TrimSpace(name)] = true
	}
	return known
})

// LoadZone loads an IANA zone by its name. Unlike time.LoadLocation it refuses names that
// depend on the machine: the empty name, "Local", "localtime" and "posixrules", which mean
// the server's zone (R1), and "right/…", which counts leap seconds. So every machine knows
// the same zones. A zone is read once; thousands of clinics share it.
func LoadZone(name string) (*time.Location, error) {
	loadedZones.Lock()
	defer loadedZones.Unlock()
	if loc := loadedZones.byName[name]; loc != nil {
		return loc, nil
	}
	if knownZones()[name] {
		if loc, err := time.LoadLocation(name); err == nil {
			loadedZones.byName[name] = loc
			return loc, nil
		}
	}
	return nil, fmt.Errorf("%q is not an IANA time zone such as America/Chicago", name)
}

// loadedZones are the zones that were loaded by their names, of which there are some
// hundreds.
var loadedZones = struct {
	sync.Mutex
	byName map[string]*time.Location
}{byName: make(map[string]*time.Location)}
