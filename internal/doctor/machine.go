package doctor

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// A Disk is a folder that needs room.
type Disk struct {
	Folder string
	Use    string // what is kept there
}

const (
	leastRoom   = 256 << 20 // bytes; less is wrong
	enoughRoom  = 1 << 30   // bytes; less is a warning
	clockWarns  = 2 * time.Second
	clockFails  = 30 * time.Second
	megabyte    = 1 << 20
	zoneSamples = 24 // moments of the coming year at which zones are compared
)

// Disks checks the room in folders.
func Disks(disks ...Disk) Check {
	return Check{"disk", func(context.Context) (found []Finding) {
		for _, d := range disks {
			free, err := freeBytes(d.Folder)
			if err == nil {
				err = writable(d.Folder)
			}
			switch {
			case errors.Is(err, errors.ErrUnsupported):
				found = append(found, say("the room in %s (%s) is not known on this system", d.Folder, d.Use).warning("look yourself; at least 1 GB should be left"))
			case err != nil:
				found = append(found, say("%s (%s) cannot be written to: %v", d.Folder, d.Use, err).wrong("make it, or let this user write there; TMPDIR names the folder of temporary files, DATA_DIR that of the database"))
			case free < leastRoom:
				found = append(found, say("%s (%s) has %d MB left", d.Folder, d.Use, free/megabyte).wrong("free or add room; at least 1 GB should be left"))
			case free < enoughRoom:
				found = append(found, say("%s (%s) has %d MB left", d.Folder, d.Use, free/megabyte).warning("free or add room soon; at least 1 GB should be left"))
			default:
				found = append(found, ok("%s (%s) has %d MB left", d.Folder, d.Use, free/megabyte)...)
			}
		}
		return found
	}}
}

// Clock compares this machine's clock with the database's. ask returns the database's
// present time.
func Clock(now func() time.Time, ask func(context.Context) (time.Time, error)) Check {
	return Check{"clock", func(ctx context.Context) []Finding {
		before := now()
		theirs, err := ask(ctx)
		after := now()
		if err != nil {
			return Failed("the database's time is not known", err, askAgain)
		}
		middle := before.Add(after.Sub(before) / 2)
		return judgeClock(theirs.Sub(middle), after.Sub(before)/2)
	}}
}

// judgeClock judges by how much the database is ahead, known to within doubt.
func judgeClock(ahead, doubt time.Duration) []Finding {
	const next = "let both machines follow a time server; keys expire and schedules fire by this machine's clock, leases by the database's"
	side := "ahead of"
	if ahead < 0 {
		ahead, side = -ahead, "behind"
	}
	switch off := max(0, ahead-doubt); {
	case off > clockFails:
		return []Finding{say("the database's clock is %s %s this machine's", ahead.Round(time.Second), side).wrong(next)}
	case off > clockWarns:
		return []Finding{say("the database's clock is %s %s this machine's", ahead.Round(time.Second), side).warning(next)}
	default:
		return ok("the database's clock and this machine's agree to within %s", (ahead + doubt).Round(time.Millisecond))
	}
}

// Zones checks that the time zones of the clinics are known here, and mean the same in the
// database during the coming year. zones are the clinics by their zone; offsets returns the
// database's offsets from UTC of a zone at given moments.
func Zones(now func() time.Time, zones map[string][]string, offsets func(ctx context.Context, zone string, at []time.Time) ([]time.Duration, error)) Check {
	return Check{"time zones", func(ctx context.Context) (found []Finding) {
		at := make([]time.Time, zoneSamples)
		for i := range at {
			at[i] = now().AddDate(0, 0, i*365/zoneSamples)
		}
		for _, name := range slices.Sorted(maps.Keys(zones)) {
			location, err := time.LoadLocation(name)
			if err != nil || name == "" {
				found = append(found, say("the time zone %q of %s is not known, so no sync can run", name, some(zones[name])).wrong("set it with `pims-sync clinic set CLINIC --timezone Area/City`"))
				continue
			}
			theirs, err := offsets(ctx, name, at)
			if err != nil {
				found = append(found, say("the database does not know the time zone %s: %v", name, err).warning("update the time zone data of the database's machine"))
				continue
			}
			for i, moment := range at {
				if _, ours := moment.In(location).Zone(); i < len(theirs) && theirs[i] != time.Duration(ours)*time.Second {
					found = append(found, say("in %s, %s is %s from UTC here and %s in the database", name, moment.Format(time.DateOnly),
						time.Duration(ours)*time.Second, theirs[i]).warning("update the time zone data of this machine or of the database's; one of them is old"))
					break
				}
			}
		}
		return orOK(found, "the time zones of the clinics (%d) mean the same here and in the database", len(zones))
	}}
}
