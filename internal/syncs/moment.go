package syncs

import "time"

// Moment writes a moment as all that leaves the program has it: RFC 3339 in UTC, with
// milliseconds (docs/interface.md §Endpoints).
func Moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
