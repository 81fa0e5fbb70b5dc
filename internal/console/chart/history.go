package chart

import (
	"html/template"
	"strings"
)

// A Twin is a thing with two values: one is drawn upwards in a tone, the other downwards.
type Twin struct {
	Name     string
	Up, Down float64 // not negative
	Tone     string  // of Up
}

// Twins draws a bar up and a bar down for each twin. Each direction has a scale of its own.
func Twins(label string, twins []Twin) template.HTML {
	const step, gap, up, down = 12.0, 2.0, 48.0, 24.0
	const fewest = 30 // bars have room: a few are not drawn wider
	mostUp, mostDown := 0.0, 0.0
	for _, t := range twins {
		mostUp, mostDown = max(mostUp, t.Up), max(mostDown, t.Down)
	}
	var b strings.Builder
	open(&b, "twins", label, step*float64(max(fewest, len(twins))), up+down+2)
	for i, t := range twins {
		x := step*float64(i) + gap/2
		rect(&b, Part{Name: t.Name, Tone: t.Tone}, x, up-scaled(t.Up, mostUp, up), step-gap, scaled(t.Up, mostUp, up))
		if t.Down > 0 {
			rect(&b, Part{Name: t.Name, Tone: "quiet"}, x, up+2, step-gap, scaled(t.Down, mostDown, down))
		}
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) //nolint:gosec // every text is escaped
}

// scaled returns the length of a bar, at least so long that it is seen.
func scaled(value, most, length float64) float64 {
	if most == 0 {
		return 1.5
	}
	return max(1.5, length*value/most)
}
