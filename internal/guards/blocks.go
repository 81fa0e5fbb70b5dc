package guards

import "github.com/pims-sync/pims-sync/internal/pims"

const allBlocksMinimum = 5 // unmarked blocks, and known cases, that are no day off

// VisitsAsBlocks compares the calendar's blocks with the stored cases of the same days (R5).
// known is how many cases have an id that is a block now. unreadable reports whether the
// calendar shows no visit while rows that nobody marks as blocks are, or may be, the visits
// that we know: the PIMS writes visits in another form.
func VisitsAsBlocks(snapshot *pims.Snapshot, stored []Scheduled) (known int, unreadable bool) {
	unmarked := make(map[string]bool, len(snapshot.Blocks)) // by id: not marked
	for i := range snapshot.Blocks {
		unmarked[snapshot.Blocks[i].ID] = !snapshot.Blocks[i].Marked
	}
	present, doubtful, rows := 0, 0, 0
	for _, s := range stored {
		if s.SoftDeleted {
			continue
		}
		present++
		if doubt, is := unmarked[s.PIMSID]; is {
			known++
			if doubt {
				doubtful++
			}
		}
	}
	for _, doubt := range unmarked {
		if doubt {
			rows++
		}
	}
	unreadable = snapshot.Found() == 0 && (doubtful > 0 || rows >= allBlocksMinimum && present >= allBlocksMinimum)
	return known, unreadable
}
