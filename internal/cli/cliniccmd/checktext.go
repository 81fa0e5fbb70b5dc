package cliniccmd

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pims-sync/pims-sync/internal/render"
)

// tellCheck prints the report.
func tellCheck(w io.Writer, d *checkJSON, withFields bool) {
	if d.Login.Page != "" {
		fmt.Fprintf(w, "login: %.1f s, form at %s, for the fields %s\n", seconds(d.Login.TookMS), d.Login.Page, strings.Join(d.Login.Fields, ", "))
		for _, ask := range d.Login.Asks {
			fmt.Fprintf(w, "  after %.1f s at %s: %s\n", seconds(ask.AfterMS), printable(ask.Page), ask.Outcome)
		}
		tellPage(w, d.Login.Failed)
		fmt.Fprintf(w, "  ended at %s, cookies %s\n", render.OrDash(printable(d.Login.Ended)), render.OrDash(joined(d.Login.Cookies)))
	}
	for _, s := range d.Steps {
		fmt.Fprintf(w, "%s: %s, %.1f s%s\n", s.Name, s.Outcome, seconds(s.TookMS), after(", ", s.Said))
	}
	tellCalendar(w, d)
	for _, word := range d.Words {
		fmt.Fprintf(w, "unknown %s: %q, %s\n", word.Kind, word.Word, render.Counted(word.Appointments, "appointment"))
	}
	if d.Withheld > 0 {
		fmt.Fprintf(w, "unknown: %s that may name somebody, not listed\n", render.Counted(d.Withheld, "further word"))
	}
	for _, reply := range d.Answers {
		fmt.Fprintf(w, "answer: %s %d %s, %s, %s\n", printable(reply.Path), reply.Status, printable(reply.Content), reply.Form, counted(&reply))
		for _, f := range reply.Fields {
			if withFields || d.Error != nil {
				fmt.Fprintf(w, "  %s: in %d, filled in %d, %s%s\n", f.Name, f.Came, f.Filled, strings.Join(f.Kinds, " or "), after(" like ", printable(strings.Join(f.Shapes, " or "))))
			}
		}
	}
	for _, remark := range d.Remarks {
		fmt.Fprintf(w, "look at this: %s\n", remark)
	}
	if d.Error == nil {
		fmt.Fprintf(w, "Next: pims-sync sync full --clinic %s --dry-run\n", d.ClinicID)
	}
}

// tellPage prints what the page shows on which a login failed.
func tellPage(w io.Writer, page *checkPage) {
	if page == nil || page.Page == "" {
		return
	}
	shown := "nothing to fill in or press"
	if n := len(page.Parts) + page.Left; n > 0 {
		shown = render.Counted(n, "part") + ":"
	}
	fmt.Fprintf(w, "  it failed at %s, which shows %s\n", printable(page.Page), shown)
	for i := range page.Parts {
		p := &page.Parts[i]
		fmt.Fprint(w, "    ", printable(p.Kind), after(" name=", quoted(p.Name)), after(" id=", quoted(p.ID)), after(" from ", printable(p.Source)), after(" ", quoted(p.Label)))
		for _, trait := range []struct {
			has  bool
			word string
		}{{p.Required, "required"}, {p.Hidden, "hidden"}, {p.Disabled, "disabled"}, {p.Shadow, "in a shadow tree"}} {
			if trait.has {
				fmt.Fprint(w, ", ", trait.word)
			}
		}
		fmt.Fprintln(w)
	}
}

// tellCalendar prints what the calendar held and what a first inbound would make of it.
func tellCalendar(w io.Writer, d *checkJSON) {
	c := d.Calendar
	if c == nil || c.Appointments == 0 {
		return
	}
	fmt.Fprintf(w, "calendar: %d with a patient's id, %d with a patient's name, %d with a type, %d with a status (%d known), %d unusable, %d without an id, %d twice\n",
		c.WithPatient, c.WithName, c.WithType, c.WithWord, c.WithStatus, c.Unusable, c.Unidentified, c.Duplicates)
	var hours []string
	for hour, n := range c.ByHour {
		if n > 0 {
			hours = append(hours, fmt.Sprintf("%02d:00 %d", hour, n))
		}
	}
	fmt.Fprintf(w, "  by hour in %s: %s\n", d.Timezone, strings.Join(hours, ", "))
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(d.First.ByType)) {
		kinds = append(kinds, fmt.Sprintf("%s %d", kind, d.First.ByType[kind]))
	}
	if d.First.Unknown > 0 {
		kinds = append(kinds, fmt.Sprintf("of them %d of an unknown type, which becomes other", d.First.Unknown))
	}
	fmt.Fprintf(w, "a first inbound: creates %s%s, filters out %d\n", render.Counted(d.First.Creates, "case"), after(": ", strings.Join(kinds, ", ")), d.First.Filtered)
}

// counted says how many rows came, or how many answers where each is one object.
func counted(reply *checkReply) string {
	if reply.Form == "object" || reply.Rows == 0 {
		return render.Counted(reply.Answers, "answer")
	}
	return render.Counted(reply.Rows, "row")
}

// printable returns a text of the PIMS in a form that a terminal shows and does not obey.
func printable(text string) string {
	if shown := strconv.Quote(text); shown != `"`+text+`"` {
		return shown
	}
	return text
}

// quoted returns a text in quotes, and nothing for an empty text.
func quoted(text string) string {
	if text == "" {
		return ""
	}
	return strconv.Quote(text)
}

// joined joins texts of the PIMS, each printable.
func joined(texts []string) string {
	shown := make([]string, len(texts))
	for i, text := range texts {
		shown[i] = printable(text)
	}
	return strings.Join(shown, ", ")
}

func seconds(ms int64) float64 { return float64(ms) / 1000 }

// after returns a text behind a separator, or nothing for an empty text.
func after(separator, text string) string {
	if text == "" {
		return ""
	}
	return separator + text
}
