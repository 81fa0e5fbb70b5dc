package cron

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// mostTimes is how many times of day a description lists one by one.
const mostTimes = 12

// Describe describes in plain words when an Expression fires: "daily at 06:00", "Mondays to
// Fridays at 08:00, 14:00 and 20:00", "every 15 minutes".
func (e Expression) Describe() string {
	if e == (Expression{}) {
		return "never"
	}
	var parts []string
	times, listed := e.describeTimes()
	if days := e.describeDays(); days != "" {
		parts = append(parts, days)
	} else if listed {
		parts = append(parts, "daily")
	}
	parts = append(parts, times)
	if e.months.len() < 12 {
		parts = append(parts, "in", list(e.months, func(n int) string { return time.Month(n).String() }))
	}
	return strings.Join(parts, " ")
}

// describeTimes names the times of day, and reports whether it lists them one by one.
func (e Expression) describeTimes() (text string, listed bool) {
	if e.minutes.len()*e.hours.len() <= mostTimes {
		var times []string
		for _, hour := range e.hours.numbers() {
			for _, minute := range e.minutes.numbers() {
				times = append(times, fmt.Sprintf("%02d:%02d", hour, minute))
			}
		}
		return "at " + join(times), true
	}
	minutes, regular := describeMinutes(e.minutes)
	if e.hours.len() < 24 {
		return minutes + " from " + describeHours(e.hours), false
	}
	if !regular {
		minutes += " of every hour"
	}
	return minutes, false
}

// describeMinutes names the minutes of an hour, and reports whether they are evenly spaced
// from hour to hour.
func describeMinutes(minutes set) (text string, regular bool) {
	if step := 60 / minutes.len(); minutes == span(0, 59, step) {
		switch step {
		case 1:
			return "every minute", true
		case 60:
			return "every hour", true
		default:
			return fmt.Sprintf("every %d minutes", step), true
		}
	}
	return plural("at minute", minutes) + " " + list(minutes, strconv.Itoa), false
}

// describeHours names hours as times: "08:00 to 11:59 and 14:00 to 17:59".
func describeHours(hours set) string {
	var times []string
	for _, run := range hours.runs() {
		times = append(times, fmt.Sprintf("%02d:00 to %02d:59", run[0], run[1]))
	}
	return join(times)
}

// describeDays names the days; the text is empty if all days match.
func (e Expression) describeDays() string {
	allOfMonth, allOfWeek := e.monthDays.len() == 31, e.weekdays.len() == 7
	ofMonth := plural("day", e.monthDays) + " " + list(e.monthDays, strconv.Itoa) + " of the month"
	ofWeek := list(mondayFirst(e.weekdays), func(n int) string { return time.Weekday(n%7).String() + "s" })
	switch {
	case allOfMonth && allOfWeek, e.eitherDay && (allOfMonth || allOfWeek):
		return ""
	case e.eitherDay:
		return ofMonth + " as well as " + ofWeek
	case allOfMonth:
		return ofWeek
	case allOfWeek:
		return ofMonth
	default:
		return ofWeek + " that are " + ofMonth
	}
}

// mondayFirst replaces 0 for Sunday by 7.
func mondayFirst(weekdays set) set {
	if weekdays.has(sunday) {
		weekdays |= 1 << (saturday + 1)
	}
	return weekdays &^ (1 << sunday)
}

// list names the numbers of a set; three or more in a row are "a to b".
func list(s set, name func(int) string) string {
	var names []string
	for _, run := range s.runs() {
		switch lo, hi := run[0], run[1]; hi - lo {
		case 0:
			names = append(names, name(lo))
		case 1:
			names = append(names, name(lo), name(hi))
		default:
			names = append(names, name(lo)+" to "+name(hi))
		}
	}
	return join(names)
}

// join returns "a, b and c".
func join(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// plural adds an s to a noun if a set has several numbers.
func plural(noun string, s set) string {
	if s.len() > 1 {
		return noun + "s"
	}
	return noun
}
