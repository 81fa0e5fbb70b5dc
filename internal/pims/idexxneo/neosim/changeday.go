package neosim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Changes are the appointments that [Sim.ChangeDay] touched, by id.
type Changes struct {
	Finished  string `json:"finished"`
	Moved     string `json:"moved"`
	Cancelled string `json:"cancelled"`
	Deleted   string `json:"deleted"`
}

// ChangeDay does what happens in a practice: it finishes one visit, moves one, cancels one and deletes one. A full sync
// over the default windows (seven days back, seven ahead) then sees exactly these four differences, at any hour and on
// any weekday: finished is a visit of a past day whose record had begun and was still open; moved (by two hours) and
// cancelled are visits of coming days; deleted is one of a past day. The choice depends on nothing but the calendar.
// Where one of the four cannot be found, nothing is changed.
//
// Between the two syncs the clock goes on. With Options.StandsAt set to AsNow nothing else becomes visible by that; at
// the default noon a visit that begins meanwhile may bring a finished record with it.
func (s *Sim) ChangeDay() (Changes, error) {
	changes, err := s.chooseChanges()
	if err != nil {
		return Changes{}, err
	}
	moved, _ := s.Appointment(changes.Moved)
	_, errFinish := s.FinishVisit(changes.Finished)
	for _, err := range []error{
		errFinish,
		s.Move(changes.Moved, moved.Start.Add(2*time.Hour)),
		s.Cancel(changes.Cancelled),
		s.Delete(changes.Deleted),
	} {
		if err != nil {
			return Changes{}, err
		}
	}
	return changes, nil
}

func (s *Sim) chooseChanges() (Changes, error) {
	today := s.Today()
	past := s.visits(today.AddDate(0, 0, -6), today)
	slices.Reverse(past) // the latest first
	ahead := s.visits(today.AddDate(0, 0, 1), today.AddDate(0, 0, 7))

	var changes Changes
	var missing []string
	take := func(what string, rows []Appointment, fits func(*Appointment) bool) string {
		for i := range rows {
			if id := rows[i].ID; id != changes.Finished && id != changes.Moved && fits(&rows[i]) {
				return id
			}
		}
		missing = append(missing, what)
		return ""
	}
	changes.Finished = take("an open visit to finish", past, s.hasOpenRecord)
	changes.Moved = take("a coming visit to move", ahead, (*Appointment).isPlanned)
	changes.Cancelled = take("a coming visit to cancel", ahead, (*Appointment).isPlanned)
	changes.Deleted = take("a past visit to delete", past, func(a *Appointment) bool { return a.is(done) })
	if len(missing) > 0 {
		return Changes{}, fmt.Errorf("neosim: the days around %s do not hold %s", today.Format(time.DateOnly), strings.Join(missing, ", "))
	}
	return changes, nil
}

// visits are the visible appointments that lie wholly in [from, to).
func (s *Sim) visits(from, to time.Time) []Appointment {
	return slices.DeleteFunc(s.Appointments(from, to), func(a Appointment) bool {
		return a.Block || a.Roster || a.Hidden || a.Start.Before(from) || a.End.After(to)
	})
}

func (a *Appointment) isPlanned() bool { return a.is(booked) || a.is(confirmed) }

// hasOpenRecord reports whether the visit is under way with a note that has begun.
func (s *Sim) hasOpenRecord(a *Appointment) bool {
	c, ok := s.ConsultationOf(a.ID)
	return ok && a.is(underway) && c.Status == "in_progress" && strings.TrimSpace(c.Notes) != ""
}
