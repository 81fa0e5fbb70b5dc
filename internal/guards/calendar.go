package guards

import (
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Scheduled is what the guards of a calendar know of a stored case (R18).
type Scheduled struct {
	PIMSID        string
	ScheduledDate time.Time // zero: null
	Start         string    // metadata.appointment.start, the raw wall clock
	SoftDeleted   bool      // metadata.reconciliation.softDeleted
	Protected     bool      // a person restored it, and its id has not been seen since (R24)
}

// The thresholds of the guards that check a calendar (R18).
const (
	wrongPracticeMinimum = 5  // ids on each side that share none
	massShiftMinimum     = 10 // appointments that moved
	massShiftShare       = 0.8
)

// WrongPractice reports whether a calendar belongs to another practice: our database and
// the calendar each have at least five ids in the same days, and none is in both (R18).
func WrongPractice(snapshot *pims.Snapshot, stored []Scheduled, words *settings.Reader) (syncs.Evidence, bool) {
	present := make(map[string]bool, snapshot.Found())
	filtered := 0
	for i := range snapshot.Appointments {
		if a := &snapshot.Appointments[i]; snapshot.Window.Contains(a.Start) {
			present[a.ID] = true
			if words.Filtered(a) != (settings.Cause{}) {
				filtered++
			}
		}
	}
	for i := range snapshot.Unusable {
		present[snapshot.Unusable[i].ID] = true
	}
	evidence := syncs.Evidence{FetchedAt: snapshot.FetchedAt, Found: len(present), Filtered: filtered}
	for i := range snapshot.Blocks { // an id that we know is this practice's, whatever its row is now
		present[snapshot.Blocks[i].ID] = true
	}
	for _, s := range stored {
		if s.SoftDeleted {
			continue
		}
		evidence.Known++
		if present[s.PIMSID] {
			evidence.Shared++
		}
	}
	wrong := evidence.Known >= wrongPracticeMinimum && evidence.Found >= wrongPracticeMinimum && evidence.Shared == 0
	return evidence, wrong
}

// MassShift reports whether the known appointments of a calendar moved together, as they do
// when a time zone is wrong: at least ten moved, and four fifths of those found moved by
// the same offset (R18). Two offsets are the same
//   - as instants,
//   - as local times of the window's zone (a clock change may lie between), or
//   - where the PIMS's own text did not change and only its interpretation did.
func MassShift(snapshot *pims.Snapshot, stored []Scheduled) (syncs.Evidence, bool) {
	before := make(map[string]*Scheduled, len(stored))
	for i := range stored {
		before[stored[i].PIMSID] = &stored[i]
	}
	evidence := syncs.Evidence{FetchedAt: snapshot.FetchedAt, Found: snapshot.Found()}
	instants, walls := map[time.Duration]int{}, map[time.Duration]int{}
	sameText := 0
	for i := range snapshot.Appointments {
		a := &snapshot.Appointments[i]
		old, ok := before[a.ID]
		if !ok || old.ScheduledDate.IsZero() {
			continue
		}
		evidence.Shared++
		if a.Start.Equal(old.ScheduledDate) {
			continue
		}
		evidence.Moved++
		instants[a.Start.Sub(old.ScheduledDate)]++
		walls[wallShift(old.ScheduledDate, a.Start, snapshot.Window.Location)]++
		if a.StartText != "" && pims.WallText(a.StartText) == pims.WallText(old.Start) {
			sameText++
		}
	}
	evidence.Known = evidence.Shared
	offset, most := commonest(instants)
	if wall, n := commonest(walls); n > most {
		offset, most = wall, n
	}
	evidence.MovedBy = offset
	most = max(most, sameText)
	shifted := evidence.Moved >= massShiftMinimum && float64(most) >= massShiftShare*float64(evidence.Shared)
	return evidence, shifted
}

func wallShift(from, to time.Time, loc *time.Location) time.Duration {
	_, fromOffset := from.In(loc).Zone()
	_, toOffset := to.In(loc).Zone()
	return to.Sub(from) + time.Duration(toOffset-fromOffset)*time.Second
}

func commonest(counts map[time.Duration]int) (offset time.Duration, most int) {
	for o, n := range counts {
		if n > most || n == most && o < offset {
			offset, most = o, n
		}
	}
	return offset, most
}
