package cron

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxLength is longer than any expression without repetition. It bounds errors, which
// repeat the expression, for the log.
const maxLength = 500

// A field describes the values that one of the five fields may have.
type field struct {
	name  string
	min   int
	max   int
	last  int      // where "*" ends: max, but Sunday is counted once
	names []string // for the numbers from min on
}

// The five fields, in the order of an expression.
var fields = [5]field{
	{name: "minute", max: 59, last: 59},
	{name: "hour", max: 23, last: 23},
	{name: "day of month", min: 1, max: 31, last: 31},
	{
		name: "month", min: 1, max: 12, last: 12,
		names: []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"},
	},
	{
		name: "day of week", max: saturday + 1, last: saturday,
		names: []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"},
	},
}

const (
	sunday   = 0 // and 7
	saturday = 6
)

// Parse reads a cron expression: minute (0–59), hour (0–23), day of month (1–31), month
// (1–12, JAN–DEC) and day of week (0–7 or SUN–SAT; 0 and 7 are Sunday), with white space
// between them. Names are read in any case. R34.
//
// Each field is "*" or a list with commas of numbers, ranges ("9-17", "MON-FRI", "FRI-SUN")
// and steps ("*/15", "8-18/2"; "5/15" is "5-59/15"). If both day fields are restricted, a
// day that matches one of them is enough. A field with a "*" in it ("*/2") does not count
// as restricted; then both must match.
//
// The error names the field, what is wrong there and, where that is obvious, what to write
// instead. An expression that can never fire ("0 0 31 2 *") is an error, too.
func Parse(expression string) (Expression, error) {
	if len(expression) > maxLength {
		return Expression{}, fmt.Errorf("the cron expression is longer than %d characters", maxLength)
	}
	texts := strings.Fields(expression)
	if len(texts) != len(fields) {
		return Expression{}, fmt.Errorf("cron %q has %d fields; it needs five: minute, hour, day of month, month, day of week", expression, len(texts))
	}
	var values [len(fields)]values
	for i, f := range fields {
		var err error
		if values[i], err = f.parse(texts[i]); err != nil {
			return Expression{}, fmt.Errorf("cron %q: %s: %w", expression, f.name, err)
		}
	}
	minute, hour, monthDay, month, weekday := values[0], values[1], values[2], values[3], values[4]
	c := Expression{
		minutes: minute.set, hours: hour.set, monthDays: monthDay.set, months: month.set,
		weekdays:    foldSunday(weekday.set),
		minuteFixed: !minute.moves,
		hourFixed:   !hour.moves,
		eitherDay:   !monthDay.star && !weekday.star,
	}
	if !c.eitherDay && !someMonthHas(c.months, c.monthDays) {
		return Expression{}, fmt.Errorf("cron %q never fires: none of its months has one of its days", expression)
	}
	return c, nil
}

// values are the numbers that a field's text names.
type values struct {
	set   set
	moves bool // a "*", a step or a range is among them (R34)
	star  bool // a "*" is
}

// parse reads a field: terms with commas between them.
func (f field) parse(text string) (values, error) {
	var all values
	for term := range strings.SplitSeq(text, ",") {
		v, err := f.parseTerm(term)
		if err != nil {
			return values{}, err
		}
		all = values{all.set | v.set, all.moves || v.moves, all.star || v.star}
	}
	return all, nil
}

// parseTerm reads "*", "5", "5-10", and each with a step: "*/5".
func (f field) parseTerm(term string) (values, error) {
	if term == "" {
		return values{}, errors.New("a value is missing beside a comma")
	}
	bounds, stepText, stepped := strings.Cut(term, "/")
	from, to, ranged := strings.Cut(bounds, "-")
	v := values{star: bounds == "*"}
	v.moves = v.star || ranged || stepped

	lo, hi, err := f.min, f.last, error(nil)
	switch {
	case v.star:
	case ranged:
		lo, hi, err = f.parseRange(from, to)
	default:
		lo, err = f.number(from)
		if !stepped {
			hi = lo
		}
	}
	if err != nil {
		return values{}, err
	}
	step := 1
	if stepped {
		if step, err = f.parseStep(stepText); err != nil {
			return values{}, err
		}
	}
	v.set = span(lo, hi, step)
	return v, nil
}

// parseRange reads the ends of "9-17". A week may end with Sunday as 7, as 0 or by its
// name.
func (f field) parseRange(from, to string) (lo, hi int, err error) {
	if lo, err = f.number(from); err != nil {
		return 0, 0, err
	}
	if hi, err = f.number(to); err != nil {
		return 0, 0, err
	}
	if f.last < f.max { // this field has two Sundays
		switch {
		case hi == sunday && lo != sunday:
			hi = f.max
		case lo == f.max && hi != f.max:
			lo = sunday
		}
	}
	if lo > hi {
		return 0, 0, fmt.Errorf("the range %s-%s runs backwards; write %[1]s-%[3]d,%[4]d-%[2]s", from, to, f.max, f.min)
	}
	return lo, hi, nil
}

// parseStep reads the text after the "/". It refuses a step longer than the field: "*/90"
// in the minutes would mean every hour, which is never intended.
func (f field) parseStep(text string) (int, error) {
	step, err := strconv.ParseUint(text, 10, 8)
	if longest := f.last - f.min; err != nil || step < 1 || int(step) > longest {
		return 0, fmt.Errorf("the step %q is not a number from 1 to %d", text, longest)
	}
	return int(step), nil
}

// number reads a number or a name.
func (f field) number(text string) (int, error) {
	for i, name := range f.names {
		if strings.EqualFold(text, name) {
			return f.min + i, nil
		}
	}
	n, err := strconv.ParseUint(text, 10, 8)
	switch {
	case errors.Is(err, strconv.ErrRange) || err == nil && (int(n) < f.min || int(n) > f.max):
		return 0, fmt.Errorf("%s is not between %d and %d", text, f.min, f.max)
	case err != nil && f.names != nil:
		return 0, fmt.Errorf("%q is neither a number nor one of %s", text, strings.Join(f.names, ", "))
	case err != nil:
		return 0, fmt.Errorf("%q is not a number", text)
	}
	return int(n), nil
}

// foldSunday replaces 7 for Sunday by 0.
func foldSunday(weekdays set) set {
	if weekdays.has(saturday + 1) {
		weekdays |= 1 << sunday
	}
	return weekdays & span(sunday, saturday, 1)
}

// someMonthHas reports whether one of the months is ever long enough for one of the
// days. (Each of these days falls on every day of the week in some year.)
func someMonthHas(months, days set) bool {
	first, _ := days.from(1)
	for _, month := range months.numbers() {
		if first <= longest(month) {
			return true
		}
	}
	return false
}

// longest returns the largest number of days that a month can have.
func longest(month int) int {
	switch month {
	case 2:
		return 29
	case 4, 6, 9, 11:
		return 30
	default:
		return 31
	}
}
