// Package chart draws small charts as SVG that a page carries inline: no script, no inline
// style, so that a strict Content-Security-Policy holds. Colours come from the page's
// stylesheet by class. Each chart has a text that says what it shows, for those who do not
// see it.
package chart

import (
	"fmt"
	"html/template"
	"strings"
)

// A Part is a value with its name.
type Part struct {
	Name  string  // shown to those who point at it: "Failing: 3"
	Value float64 // not negative
	Tone  string  // good, warn, bad, info or idle
}

// Stack draws parts as one bar from left to right, each as wide as its share. A part that
// is not zero is at least half a percent wide.
func Stack(label string, parts []Part) template.HTML {
	const width, least = 1000.0, 5.0
	total := 0.0
	for _, p := range parts {
		total += p.Value
	}
	var b strings.Builder
	open(&b, "stack", label, width, 10)
	if total > 0 {
		widths, scale := make([]float64, len(parts)), 0.0
		for i, p := range parts {
			if p.Value > 0 {
				widths[i] = max(least, width*p.Value/total)
			}
			scale += widths[i]
		}
		x := 0.0
		for i, p := range parts {
			if w := widths[i] * width / scale; w > 0 {
				rect(&b, p, x, 0, w, 10)
				x += w
			}
		}
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) //nolint:gosec // every text is escaped
}

// Bars draws one upright bar for each part, the highest as high as the chart. All of them
// zero draws a line of stubs.
func Bars(label string, parts []Part) template.HTML {
	const step, gap, height = 12.0, 2.0, 60.0
	highest := 0.0
	for _, p := range parts {
		highest = max(highest, p.Value)
	}
	var b strings.Builder
	open(&b, "bars", label, step*float64(max(1, len(parts))), height)
	for i, p := range parts {
		h := 1.0 // a stub: nothing on that day is known, too
		if p.Value > 0 {
			h = max(2, height*p.Value/highest)
		}
		rect(&b, p, step*float64(i)+gap/2, height-h, step-gap, h)
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) //nolint:gosec // every text is escaped
}

// A Series is one part of every column of a chart.
type Series struct {
	Tone   string // good, warn, bad, info or idle
	Values []float64
}

// Columns draws one upright column for each value of the series, the first series at the
// bottom and the highest column as high as the chart. Each series is one path, so that a
// page may have many charts of many days.
func Columns(label string, series ...Series) template.HTML {
	const step, width, height, least = 12.0, 10.0, 96.0, 1.0
	var sums []float64
	for _, x := range series {
		sums = append(sums, make([]float64, max(0, len(x.Values)-len(sums)))...)
		for i, n := range x.Values {
			sums[i] += n
		}
	}
	highest := 0.0
	for _, n := range sums {
		highest = max(highest, n)
	}
	var b strings.Builder
	open(&b, "upright", label, step*float64(max(1, len(sums)))-step+width, height)
	tops := make([]float64, len(sums))
	for _, x := range series {
		fmt.Fprintf(&b, `<path class="tone-%s" d="`, template.HTMLEscapeString(x.Tone))
		for i, n := range x.Values {
			if n <= 0 {
				continue
			}
			h := min(max(least, height*n/highest), height-tops[i])
			fmt.Fprintf(&b, "M%g %.1fh%gv-%.1fh-%gz", step*float64(i), height-tops[i], width, h, width)
			tops[i] += h
		}
		b.WriteString(`"/>`)
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) //nolint:gosec // every text is escaped
}

// Strip draws one cell for each part, from left to right. A cell is as high as its value, from
// 0 to 1; zero is a stub.
func Strip(label string, parts []Part) template.HTML {
	const step, gap, height, stub = 12.0, 2.0, 32.0, 2.0
	var b strings.Builder
	open(&b, "strip", label, step*float64(max(1, len(parts)))-gap, height)
	for i, p := range parts {
		h := max(stub, height*p.Value)
		rect(&b, p, step*float64(i), height-h, step-gap, h)
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) //nolint:gosec // every text is escaped
}

func open(b *strings.Builder, class, label string, width, height float64) {
	fmt.Fprintf(b, `<svg class="chart %s" role="img" aria-label="%s" viewBox="0 0 %g %g" preserveAspectRatio="none">`,
		class, template.HTMLEscapeString(label), width, height)
}

func rect(b *strings.Builder, p Part, x, y, w, h float64) {
	fmt.Fprintf(b, `<rect class="tone-%s" x="%.2f" y="%.2f" width="%.2f" height="%.2f"><title>%s</title></rect>`,
		template.HTMLEscapeString(p.Tone), x, y, w, h, template.HTMLEscapeString(p.Name))
}
