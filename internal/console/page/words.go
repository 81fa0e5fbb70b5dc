package page

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Badge is a state: a word and a shape, and a tone that colours both. The tone alone says
// nothing.
type Badge struct {
	Word string
	Icon string // the name of a shape, see icons
	Tone string // good, warn, bad, info or idle; quiet where it needs nobody's eye
}

// Good returns the badge of what is well, of a word and the name of its shape.
func Good(word, icon string) Badge { return Badge{word, icon, "good"} }

// Warn returns the badge of what somebody should look at.
func Warn(word, icon string) Badge { return Badge{word, icon, "warn"} }

// Bad returns the badge of what does not work.
func Bad(word, icon string) Badge { return Badge{word, icon, "bad"} }

// Info returns the badge of what is under way.
func Info(word, icon string) Badge { return Badge{word, icon, "info"} }

// Idle returns the badge of what is off, or over.
func Idle(word, icon string) Badge { return Badge{word, icon, "idle"} }

// Quiet returns the badge of what needs nobody's eye.
func Quiet(word, icon string) Badge { return Badge{word, icon, "quiet"} }

// Ago returns how long ago a moment was, in one unit: "now", "4 min", "3 h", "12 d". The
// script of the pages writes the same.
func Ago(t, now time.Time) string {
	d := now.Sub(t)
	future := d < 0
	d = d.Abs()
	var text string
	switch {
	case d < time.Minute:
		return "now"
	case d < time.Hour:
		text = fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		text = fmt.Sprintf("%d h", int(d.Hours()))
	default:
		text = fmt.Sprintf("%d d", int(d.Hours()/24))
	}
	if future {
		return "in " + text
	}
	return text + " ago"
}

// Length formats how long something took; nothing is empty.
func Length(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d < time.Second:
		return Number(int(d.Milliseconds())) + " ms"
	case d < time.Minute:
		return strings.TrimSuffix(d.Round(100*time.Millisecond).String(), "s") + " s"
	default:
		d = d.Round(time.Second)
		return Number(int(d.Minutes())) + " min " + Number(int(d.Seconds())%60) + " s"
	}
}

// Sentence begins a text with a capital letter and ends it with a point.
func Sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(text[size:], ".") + "."
}

// Capital begins a text with a capital letter.
func Capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// Number formats a count with separators: 2,000.
func Number(n int) string {
	digits := fmt.Sprint(n)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// Counted formats a number of things: "1 clinic", "2,000 clinics".
func Counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return Number(n) + " " + thing + "s"
}
