package screen

import (
	"time"

	"github.com/pims-sync/pims-sync/internal/console/page"
)

// spans are the periods that a list can be limited to, and their length.
var spans = map[string]time.Duration{"day": 24 * time.Hour, "week": 7 * 24 * time.Hour, "month": 30 * 24 * time.Hour}

// Spans offers the periods that a list can be limited to. The address has the chosen one as
// "span".
func Spans(v *page.Visit) []page.Choice {
	_, offered := v.Filter("span", "All time", "day", "Last 24 hours", "week", "Last 7 days", "month", "Last 30 days")
	return offered
}

// Since returns when the period begins that the address names; zero: it names none.
func Since(v *page.Visit) time.Time {
	if length := spans[v.Text("span")]; length > 0 {
		return v.Now.Add(-length)
	}
	return time.Time{}
}
