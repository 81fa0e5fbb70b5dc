package notify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxNamed is how many clinics a message names for each trouble.
const maxNamed = 10

// A Message is what people read, as plain text.
type Message struct{ Subject, Body string }

// A group are the clinics with the same trouble.
type group struct {
	state, code string
	clinics     []Standing
}

func groups(standings []Standing) (all []group) {
	for _, s := range standings {
		i := slices.IndexFunc(all, func(g group) bool { return g.state == s.State && g.code == s.Code })
		if i < 0 {
			i, all = len(all), append(all, group{state: s.State, code: s.Code})
		}
		all[i].clinics = append(all[i].clinics, s)
	}
	slices.SortStableFunc(all, func(a, b group) int { return cmp.Compare(len(b.clinics), len(a.clinics)) })
	return all
}

// Write puts news into words, with times in a zone. Each paragraph says what to do, and links
// to the page about it. link is the address of the console; empty: there are no links.
func Write(n News, loc *time.Location, link string) Message {
	var b strings.Builder
	for _, g := range groups(n.Began) {
		fmt.Fprintf(&b, "TROUBLE: %s%s at %s, since %s.\n%s\nWhat to do: %s\n",
			troubles[g.state], inBrackets(g.code), counted(len(g.clinics)), since(g.clinics, loc), names(g.clinics), step(g.state, g.code, g.clinics))
		closeParagraph(&b, page(link, g.state, g.clinics))
	}
	for _, g := range groups(n.Ended) {
		fmt.Fprintf(&b, "OVER: %s%s at %s, which began %s.\n%s\n",
			troubles[g.state], inBrackets(g.code), counted(len(g.clinics)), since(g.clinics, loc), names(g.clinics))
		closeParagraph(&b, overPage(link, g.clinics))
	}
	writeEvents(&b, n.Other, loc, link)
	return Message{subject(n), strings.TrimSpace(b.String()) + "\n"}
}

// closeParagraph ends a paragraph with the page about it; empty: there is none.
func closeParagraph(b *strings.Builder, page string) {
	if page != "" {
		b.WriteString(page + "\n")
	}
	b.WriteString("\n")
}

// subject says in one line what a message is about.
func subject(n News) string {
	switch {
	case len(n.Began) == 1:
		return "PIMS Sync: " + oneLine(n.Began[0].Name) + ": " + troubles[n.Began[0].State]
	case len(n.Began) > 1:
		return fmt.Sprintf("PIMS Sync: trouble at %d clinics", len(n.Began))
	case len(n.Ended) == 1:
		return "PIMS Sync: " + oneLine(n.Ended[0].Name) + " is well again"
	case len(n.Ended) > 1:
		return fmt.Sprintf("PIMS Sync: %d clinics are well again", len(n.Ended))
	case len(n.Other) == 1:
		return "PIMS Sync: " + oneLine(cmp.Or(n.Other[0].Clinic, theInstallation)) + ": " + aboutOf(n.Other[0].Type).subject
	default:
		return fmt.Sprintf("PIMS Sync: %d events", len(n.Other))
	}
}

func inBrackets(code string) string {
	if code == "" {
		return ""
	}
	return " (" + code + ")"
}

func counted(clinics int) string {
	if clinics == 1 {
		return "1 clinic"
	}
	return fmt.Sprintf("%d clinics", clinics)
}

// since returns when the first of the clinics got into its state.
func since(clinics []Standing, loc *time.Location) string {
	first := slices.MinFunc(clinics, func(a, b Standing) int { return a.Since.Compare(b.Since) })
	return first.Since.In(loc).Format("2006-01-02 15:04 MST")
}

func names(clinics []Standing) string {
	var all []string
	for _, s := range clinics {
		all = append(all, oneLine(s.Name))
	}
	slices.Sort(all)
	if len(all) > maxNamed {
		return strings.Join(all[:maxNamed], ", ") + fmt.Sprintf(" and %d more", len(all)-maxNamed)
	}
	return strings.Join(all, ", ")
}

const theInstallation = "the installation"

// writeEvents writes one paragraph for all events that say the same.
func writeEvents(b *strings.Builder, events []Event, loc *time.Location, link string) {
	type key struct{ kind, what string }
	var order []key
	same := make(map[key][]Event)
	for _, e := range events {
		k := key{e.Type, e.What}
		if len(same[k]) == 0 {
			order = append(order, k)
		}
		same[k] = append(same[k], e)
	}
	for _, k := range order {
		all, w := same[k], aboutOf(k.kind)
		fmt.Fprintf(b, "%s: %s", w.heading, oneLine(k.what))
		if len(all) == 1 && all[0].Detail != "" {
			fmt.Fprintf(b, " (%s)", all[0].Detail)
		}
		var clinics []Standing
		for _, e := range all {
			clinics = append(clinics, Standing{Name: cmp.Or(e.Clinic, theInstallation), Since: e.At})
		}
		do, page := stepOf(link, all)
		fmt.Fprintf(b, ", at %s, %s.\n%s\nWhat to do: %s\n", counted(len(all)), since(clinics, loc), names(clinics), do)
		closeParagraph(b, page)
	}
}

// oneLine returns a name without line breaks, and without the characters that are markup to
// Slack.
func oneLine(name string) string {
	return strings.NewReplacer("<", "", ">", "", "&", "and", "\n", " ", "\r", " ").Replace(name)
}
