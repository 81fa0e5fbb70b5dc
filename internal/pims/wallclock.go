package pims

import (
	"strings"
	"time"
)

// WallLayout is the one form in which wall-clock text is kept (R12).
const WallLayout = "2006-01-02T15:04:05"

// wallLayouts are the spellings of a wall-clock time. A fraction of a second may
// follow the seconds.
var wallLayouts = []string{"2006-01-02 15:04:05", WallLayout, "2006-01-02 15:04", "2006-01-02T15:04"}

// ParseWall reads wall-clock text in any of its spellings as time in UTC, which is not
// its zone; see Instant. Text with an offset is refused: it tells an instant, and is
// for the provider to understand.
func ParseWall(text string) (time.Time, bool) {
	text = strings.TrimSpace(text)
	for _, layout := range wallLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// WallText is wall-clock text in the form in which it is kept and compared: the same
// moment in another spelling is no change (R12). Other text stays as it is.
func WallText(text string) string {
	if len(text) == len(WallLayout) && text[10] == 'T' { // as it mostly is
		return text
	}
	t, ok := ParseWall(text)
	if !ok {
		return text
	}
	return t.Format(WallLayout)
}
