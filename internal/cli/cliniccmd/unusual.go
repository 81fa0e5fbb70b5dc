package cliniccmd

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/scheduler"
)

// unusualCounts names the counts of a clinic that were unusual lately (R49).
func unusualCounts(x *scheduler.Condition) string {
	var counts []string
	for _, u := range x.Unusual {
		for _, f := range u.Findings {
			if !slices.Contains(counts, f.Count) {
				counts = append(counts, f.Count)
			}
		}
	}
	return render.OrDash(strings.Join(counts, " "))
}

// tellUnusual lists the runs of a clinic whose counts were unusual lately.
func tellUnusual(w io.Writer, x *scheduler.Condition) {
	var rows [][]string
	for _, u := range x.Unusual {
		for _, f := range u.Findings {
			rows = append(rows, []string{render.Stamp(u.Began, zoneOf(x)), u.SyncID.String(), f.Count, fmt.Sprint(f.Value), fmt.Sprint(f.Usual), render.OrDash(u.Field)})
		}
	}
	if len(rows) > 0 {
		fmt.Fprintln(w)
		render.Table(w, []string{"unusual", "sync", "count", "value", "usual", "most changes in"}, rows)
	}
}
