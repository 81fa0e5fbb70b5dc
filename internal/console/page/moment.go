package page

import (
	"html/template"
	"time"
)

// A Moment is a time beside the zone of the clinic it belongs to. Pages show it in that zone
// (R1); the script adds the viewer's.
type Moment struct {
	At   time.Time      // zero: unknown, or never
	Zone *time.Location // nil: UTC
	now  time.Time
}

// Moment returns a time of a clinic in a zone; nil is UTC.
func (v *Visit) Moment(at time.Time, zone *time.Location) Moment { return Moment{at, zone, v.Now} }

// Known reports whether there is a time.
func (m Moment) Known() bool { return !m.At.IsZero() }

// Ago shows how long ago the moment was, or in how long it comes.
func (m Moment) Ago() template.HTML { return m.element(Ago(m.At, m.now), " data-ago") }

// Full shows the moment with its weekday and zone: "Sun 29 Nov 2026, 14:03 CET".
func (m Moment) Full() template.HTML { return m.element(m.full(), "") }

// Plain shows the moment with its weekday: "Sun 29 Nov, 14:03".
func (m Moment) Plain() template.HTML { return m.element(m.local().Format("Mon 2 Jan, 15:04"), "") }

// Clock shows the time of the day.
func (m Moment) Clock() template.HTML { return m.element(m.local().Format("15:04"), "") }

// Short shows the moment as briefly as its distance allows: "14:03" within twenty hours,
// "Mon 14:03" within six days, "29 Nov", and "29 Nov 2024" beyond half a year.
func (m Moment) Short() template.HTML {
	layout := "2 Jan 2006"
	switch d := m.At.Sub(m.now).Abs(); {
	case d < 20*time.Hour:
		layout = "15:04"
	case d < 6*24*time.Hour:
		layout = "Mon 15:04"
	case d < 183*24*time.Hour:
		layout = "2 Jan"
	}
	return m.element(m.local().Format(layout), "")
}

// local returns the moment in its zone.
func (m Moment) local() time.Time {
	if m.Zone == nil {
		return m.At.UTC()
	}
	return m.At.In(m.Zone)
}

func (m Moment) full() string { return m.local().Format("Mon 2 Jan 2006, 15:04 MST") }

// element returns the <time> of a moment, with its full form for those who point at it.
func (m Moment) element(text, attribute string) template.HTML {
	if m.At.IsZero() {
		return `<span class="none">never</span>`
	}
	return template.HTML(`<time datetime="` + m.At.UTC().Format(time.RFC3339) + `" title="` + //nolint:gosec // escaped
		template.HTMLEscapeString(m.full()) + `"` + attribute + `>` + template.HTMLEscapeString(text) + `</time>`)
}
