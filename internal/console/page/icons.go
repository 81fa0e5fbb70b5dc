package page

import (
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"sync"
)

// icons are drawn on a grid of 16 by 16 with strokes of the text's colour.
var icons = map[string]string{
	// states: each has another outline, so that it can be told without colour
	"check":    `<circle cx="8" cy="8" r="6.2"/><path d="m5.3 8.2 1.9 1.9 3.6-4"/>`,
	"clock":    `<circle cx="8" cy="8" r="6.2"/><path d="M8 4.6V8l2.2 1.6"/>`,
	"triangle": `<path d="M8 2.2 14.4 13.4H1.6Z"/><path d="M8 6.6v3.1M8 11.5v.1"/>`,
	"lock":     `<rect x="3" y="7" width="10" height="6.8" rx="1.2"/><path d="M5.2 7V5a2.8 2.8 0 0 1 5.6 0v2"/>`,
	"hand":     `<path d="M8 1.8 14.2 8 8 14.2 1.8 8Z"/><path d="M8 5.2v3.2M8 10.6v.1"/>`,
	"ring":     `<circle cx="8" cy="8" r="6.2" stroke-dasharray="2.6 2.3"/>`,
	"dash":     `<circle cx="8" cy="8" r="6.2"/><path d="M5.2 8h5.6"/>`,
	"key":      `<circle cx="5.4" cy="10.6" r="3"/><path d="m7.6 8.4 5.6-5.6M11 5l1.9 1.9"/>`,
	"cross":    `<circle cx="8" cy="8" r="6.2"/><path d="m5.9 5.9 4.2 4.2m0-4.2-4.2 4.2"/>`,
	"dots":     `<circle cx="8" cy="8" r="6.2"/><path d="M5.2 8h.1M8 8h.1M10.8 8h.1"/>`,

	// navigation and buttons
	"grid":     `<rect x="2" y="2" width="5" height="5" rx="1"/><rect x="9" y="2" width="5" height="5" rx="1"/><rect x="2" y="9" width="5" height="5" rx="1"/><rect x="9" y="9" width="5" height="5" rx="1"/>`,
	"bell":     `<path d="M3.5 11.5h9c-1-1-1.3-2-1.3-4.300a3.200 3.200 0 0 0-6.400 0c0 2.300-.3 3.300-1.300 4.300ZM6.700 13.700h2.600"/>`,
	"play":     `<path d="M4.5 2.800v10.400L13 8Z"/>`,
	"file":     `<path d="M4 1.800h5l3.200 3.200v9.200H4ZM9 1.800V5h3.200M6 8.500h4M6 11h4"/>`,
	"trend":    `<path d="M2 13.500h12M2.500 10.500l3.500-3.800 2.700 2.400 4.800-5.600"/>`,
	"gear":     `<circle cx="8" cy="8" r="2.200"/><path d="M8 1.800v2M8 12.200v2M1.800 8h2M12.200 8h2M3.600 3.600 5 5M11 11l1.400 1.400M12.400 3.600 11 5M5 11l-1.400 1.400"/>`,
	"people":   `<circle cx="6" cy="5.400" r="2.600"/><path d="M1.500 13.500c.3-3 2-4.500 4.500-4.500s4.200 1.500 4.500 4.500M10.600 3.200a2.500 2.500 0 0 1 0 4.600M12 9.500c1.500.6 2.300 2 2.500 4"/>`,
	"search":   `<circle cx="7" cy="7" r="4.600"/><path d="m10.500 10.500 3.500 3.500"/>`,
	"download": `<path d="M8 2v8M4.800 7 8 10.200 11.200 7M2.500 13.500h11"/>`,
	"up":       `<path d="m4.500 9.800 3.500-3.600 3.500 3.600"/>`,
	"down":     `<path d="m4.500 6.200 3.500 3.600 3.500-3.600"/>`,
	"left":     `<path d="M9.800 4.500 6.200 8l3.600 3.500"/>`,
	"right":    `<path d="M6.200 4.500 9.800 8l-3.600 3.500"/>`,
	"menu":     `<path d="M2 4.500h12M2 8h12M2 11.500h12"/>`,
	"sun":      `<circle cx="8" cy="8" r="2.800"/><path d="M8 1.500v1.600M8 12.900v1.600M1.500 8h1.600M12.900 8h1.600M3.400 3.400l1.100 1.100M11.500 11.500l1.100 1.100M12.600 3.400l-1.100 1.100M4.500 11.500l-1.100 1.100"/>`,
	"moon":     `<path d="M13.200 9.600A5.700 5.700 0 0 1 6.400 2.800a5.700 5.700 0 1 0 6.800 6.800Z"/>`,
	"half":     `<circle cx="8" cy="8" r="5.800"/><path d="M8 2.200v11.600a5.800 5.800 0 0 0 0-11.600Z" fill="currentColor"/>`,
	"out":      `<path d="M6.500 2.500h-4v11h4M6 8h8M11 5l3 3-3 3"/>`,
	"list":     `<path d="M2.500 4h.1M5.500 4h8M2.500 8h.1M5.500 8h8M2.500 12h.1M5.500 12h8"/>`,
	"pulse":    `<path d="M1.500 8.500h3l2-5 3 9 2-4h3"/>`,
	"hook":     `<circle cx="4" cy="11.500" r="2.300"/><circle cx="12" cy="11.500" r="2.300"/><circle cx="8" cy="4.200" r="2.300"/><path d="M6.300 11.500h3.400M5.100 9.500l1.900-3.300M9 6.200l1.900 3.300"/>`,
	"mail":     `<rect x="1.800" y="3.300" width="12.400" height="9.400" rx="1.200"/><path d="m2.300 4.300 5.700 4.500 5.700-4.500"/>`,
	"more":     `<path d="M3.500 8h.1M8 8h.1M12.500 8h.1" stroke-width="2.200"/>`,
	"plus":     `<path d="M8 3v10M3 8h10"/>`,
	"mark":     `<path d="M13.600 6.500A5.800 5.800 0 0 0 3.200 4.800M2.400 9.500a5.800 5.800 0 0 0 10.400 1.700"/><path d="M3.200 1.900v3h3M12.800 14.100v-3h-3"/>`,
}

// Icon returns an icon, which says nothing to those who do not see it: words stand beside.
// It refers to the drawing in the page's sheet, so that a long table stays small.
func Icon(name string) (template.HTML, error) {
	if icons[name] == "" {
		return "", fmt.Errorf("there is no icon %q", name)
	}
	return template.HTML(`<svg class="icon" aria-hidden="true"><use href="#i-` + name + `"/></svg>`), nil //nolint:gosec // our own
}

// iconSheet returns the drawings of all icons, once for each page.
var iconSheet = sync.OnceValue(func() template.HTML {
	var b strings.Builder
	b.WriteString(`<svg class="sheet" aria-hidden="true">`)
	for _, name := range slices.Sorted(maps.Keys(icons)) {
		b.WriteString(`<symbol id="i-` + name + `" viewBox="0 0 16 16">` + icons[name] + `</symbol>`)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // our own
})
