package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// enough is how many rows must lack a thing before it counts as never read.
const enough = 10

// An Unread is a thing that no row of the calendar has in a field that is read, although there are
// enough rows. Cases without it are worth nothing, so the examination fails.
type Unread struct {
	Thing string
	about [][]string // words of a field's name, of each list one, that may hold it
}

var (
	ofPatient  = []string{"patient", "patients", "animal", "pet"}
	unreadName = Unread{"the patient's name", [][]string{ofPatient, {"name", "label", "title", "full", "petname"}}}
	unreadID   = Unread{"the patient's id", [][]string{ofPatient, {"id", "key", "uuid", "uid", "guid", "code", "number", "no", "ref"}}}
	unreadWord = Unread{"the status", [][]string{{"status", "state", "stage"}}}
	unreadType = Unread{"the type", [][]string{{"type", "kind", "category", "service", "procedure"}}}
)

// unread returns the error for a calendar of which the most important things were never read.
func (e *examination) unread() error {
	c := &e.report.Calendar
	shown := c.shown()
	switch {
	case shown == 0 && c.Unmarked >= enough:
		e.report.Unread = []Unread{unreadName, unreadID, unreadWord}
		shown = c.Unmarked
	case shown < enough:
		return nil
	default:
		for _, thing := range []struct {
			unread Unread
			came   int
		}{{unreadName, c.WithName}, {unreadID, c.WithPatient}, {unreadWord, c.WithWord}, {unreadType, c.WithType}} {
			if thing.came == 0 {
				e.report.Unread = append(e.report.Unread, thing.unread)
			}
		}
	}
	if len(e.report.Unread) == 0 {
		return nil
	}
	return fmt.Errorf("%s: in none of %d rows: %w", strings.Join(things(e.report.Unread), ", "), shown, pims.ErrSchemaDrift)
}

func things(unread []Unread) (names []string) {
	for _, u := range unread {
		names = append(names, u.Thing)
	}
	return names
}

func (c *Calendar) shown() (n int) {
	for _, of := range c.ByHour {
		n += of
	}
	return n
}

// judge remarks on what is strange in a calendar.
func (e *examination) judge() {
	c := &e.report.Calendar
	night, shown := 0, c.shown()
	for hour, n := range c.ByHour {
		if hour < 6 || hour >= 22 {
			night += n
		}
	}
	if night > 0 && night*10 >= shown {
		e.remark("%d of %d appointments begin between 22:00 and 06:00 in %s: if the practice is closed then, the time zone is wrong; set it with `pims-sync clinic set {clinic} --timezone Area/City`",
			night, shown, c.Days.Location)
	}
	if c.Appointments == 0 && len(e.report.Unread) == 0 {
		e.remark("the calendar is empty from %s to %s: check whether the user may see it, and whether it is the right practice", c.Days.Start, c.Days.End)
	}
	if c.Unidentified > 0 {
		e.remark("%d rows have no id: nothing can be reconciled until they have; send this report", c.Unidentified)
	}
	if c.Unusable > 0 {
		e.remark("%d appointments lack a date or contradict themselves, and are skipped", c.Unusable)
	}
	if c.WithPatient > 0 && c.WithPatient*2 < shown {
		e.remark("only %d of %d appointments name a patient's id: notes are shown only where the ids agree", c.WithPatient, shown)
	}
	e.judgeTexts(shown)
	if f := e.report.First; f.Creates == 0 && f.Filtered > 0 {
		e.remark("the filters of this clinic keep out all %d appointments from today on, so that a first sync creates no case: if that is not meant, `pims-sync clinic set {clinic} --forget WORD` removes a filter", f.Filtered)
	}
}

// judgeTexts remarks on what hardly any appointment has.
func (e *examination) judgeTexts(shown int) {
	if shown < enough {
		return
	}
	c := &e.report.Calendar
	for _, thing := range []struct {
		name string
		came int
		none bool // it is told, too, where none has it
	}{{"a patient's name", c.WithName, false}, {"a client's name", c.WithClient, true}, {"a status", c.WithWord, false}, {"a type", c.WithType, false}} {
		if thing.came*10 < shown && (thing.came > 0 || thing.none) {
			few := fmt.Sprintf("only %d", thing.came)
			if thing.came == 0 {
				few = "none"
			}
			e.remark("%s of %d appointments have %s: compare some of them with the PIMS; if it shows more there, send this report (`pims-sync clinic check --clinic {clinic} --fields --json`)", few, shown, thing.name)
		}
	}
}

// Hints says, of what was never read, in which fields it may stand.
func (r *Report) Hints(answers []Answer) (hints []string) {
	if len(r.Unread) == 0 {
		return nil
	}
	var fields []string
	for _, answer := range answers {
		if answer.Step != "calendar" {
			continue
		}
		for _, f := range answer.Fields {
			isValue := slices.Contains(f.Kinds, "text") || slices.Contains(f.Kinds, "number")
			if isValue && f.Filled > 0 && !strings.Contains(f.Name, other) {
				fields = append(fields, f.Name)
			}
		}
	}
	for _, u := range r.Unread {
		if may := u.mayStandIn(fields); len(may) > 0 {
			hints = append(hints, fmt.Sprintf("%s is in no field that is read; it may stand in %s", u.Thing, strings.Join(may, ", ")))
		} else {
			hints = append(hints, u.Thing+" is in no field that is read, and no field that came has a name like it")
		}
	}
	return append(hints, fmt.Sprintf("a sync would make cases without that, so none should run; no setting mends it: send this report (`pims-sync clinic check --clinic {clinic} --fields --json`); these fields came with values: %s", strings.Join(fields, ", ")))
}

// mayStandIn returns the fields whose names speak of the thing.
func (u *Unread) mayStandIn(fields []string) (may []string) {
	for _, field := range fields {
		words := pims.PartsOfName(field)
		speaks := !slices.ContainsFunc(u.about, func(of []string) bool {
			return !slices.ContainsFunc(words, func(word string) bool { return slices.Contains(of, word) })
		})
		if speaks {
			may = append(may, field)
		}
	}
	return may
}
