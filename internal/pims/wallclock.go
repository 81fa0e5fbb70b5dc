package pims

import (
	"strings"
	"time"
)

// WallLayout is the one format in which local times are stored (R12).
const WallLayout = "2006-01-02T15:04:05"

// wallLayouts are the formats of a local time that we read. A fraction of a second may
// follow the seconds, and does not count: times are stored in seconds (R12).
var wallLayouts = []string{"2006-01-02 15:04:05", WallLayout, "2006-01-02 15:04", "2006-01-02T15:04"}

// ParseWall reads a local time in any of its formats. The result is in UTC, which is not
// its zone; see Instant. A text with an offset is refused: it names an instant, which the
// provider must handle.
func ParseWall(text string) (time.Time, bool) {
	text = strings.TrimSpace(text)
	for _, layout := range wallLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Truncate(time.Second), true
		}
	}
	return time.Time{}, false
}

// WallText returns a local time in the format in which it is stored and compared, so that
// the same time in another format is no change (R12). Other text stays as it is.
func WallText(text string) string {
	if len(text) == len(WallLayout) && text[10] == 'T' && text[13] == ':' && text[16] == ':' { // as it mostly is
		return text
	}
	t, ok := ParseWall(text)
	if !ok {
		return text
	}
	return t.Format(WallLayout)
}
