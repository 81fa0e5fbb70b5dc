package neosim

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// state is how far a visit has come, apart from the word that Neo uses for it.
type state int

const (
	booked state = iota
	confirmed
	arrived
	underway
	done
	cancelled
	missed
)

// visit is one appointment of the generated practice, and what the calendar does not show of it.
type visit struct {
	appointment Appointment
	state       state
	recorded    bool // there is a consultation
}

// visit makes the n-th appointment of the day.
func (p *practice) visit(d day, n int) visit {
	place := d.onDuty + d.blocks + n
	id := p.idOf(d.number, place)
	r := p.random(forVisits, uint64(d.number)*placesPerDay+uint64(place))
	home := p.household(r.IntN(20*p.perDay+100), r.IntN(2))
	vet := p.vets[r.IntN(d.onDuty)]
	a := Appointment{
		ID:        id,
		EventID:   offsetID(id, eventOffset),
		PatientID: home.patientID, Patient: home.patient, Species: home.species, Breed: home.breed,
		ClientID: home.clientID, FirstName: home.first, LastName: home.last, Email: home.email, Phone: home.phone,
		Provider: vet.Name, Resource: room(r.IntN(3)),
	}
	d.schedule(&a, r, n)
	if oneIn(r, 14) {
		a.Provider, a.Resource = "", ""
	}
	a.Reason = reason(r, a.Type)
	v := visit{state: d.state(&a, r, n)}
	v.recorded = recorded(v.state, r.IntN(100))
	if linked := !oneIn(r, 10); v.recorded && linked {
		a.ConsultationID = offsetID(id, consultationOffset)
	}
	word(&a, r, v.state)
	v.appointment = a
	return v
}

// schedule sets type and times: spread over the opening hours, emergencies on Sundays at any hour, now and then a stay
// over night or a visit that ends after midnight.
func (d day) schedule(a *Appointment, r *rand.Rand, n int) {
	minute := 8*60 + n*10*60/d.size/5*5
	a.Type = pick(r, typeWords)
	length := 15 * (1 + r.IntN(3))
	switch last := n == d.size-1; {
	case d.weekday == time.Sunday:
		minute = sundayMinutes[n%len(sundayMinutes)] + 5*r.IntN(6)
		a.Type = pick(r, urgentWords)
	case last && d.number%3 == 0: // hospitalised until the next morning
		a.Type, minute, length = "Surgery", 17*60+30, 15*60
	case last && d.number%3 == 1: // the last one of the night
		a.Type, minute, length = "Emergency", 23*60+30, 45
	}
	a.Start = d.date.Add(time.Duration(minute) * time.Minute)
	a.End = a.Start.Add(time.Duration(length) * time.Minute)
}

// sundayMinutes are when emergencies come in; the first lies where the clocks change.
var sundayMinutes = []int{2*60 + 10, 9 * 60, 13*60 + 40, 19 * 60, 21 * 60}

// reason is why the client comes: mostly a word or two, sometimes nothing, sometimes a story.
func reason(r *rand.Rand, kind string) string {
	switch r.IntN(12) {
	case 0, 1:
		return ""
	case 2:
		return strings.Join([]string{pick(r, reasons), pick(r, reasons), longReason}, "\n")
	case 3:
		return kind + " – " + pick(r, reasons)
	default:
		return pick(r, reasons)
	}
}

// The visit whose record is still open on each of the last openDays days: somebody began it and never closed it.
const (
	openVisit = 1
	openDays  = 6
)

// state returns how far the visit has come at the moment at which the practice stands. Its fate is drawn once, so that a
// visit goes through its states as the days pass.
func (d day) state(a *Appointment, r *rand.Rand, n int) state {
	stand := d.stand
	age := daysSince1970(civilDay(stand)) - daysSince1970(d.date)
	fate := r.IntN(100)
	early := r.IntN(2) == 0 // a cancellation known days ahead, a confirmation given early
	if n == openVisit {
		fate = 99
	}
	switch {
	case fate < 7 && (early || !a.Start.After(stand)):
		return cancelled
	case a.Start.After(stand.Add(30*time.Minute)) && early:
		return confirmed
	case a.Start.After(stand.Add(30 * time.Minute)):
		return booked
	case a.Start.After(stand):
		return arrived
	case a.End.After(stand):
		return underway
	case n == openVisit && age <= openDays:
		return underway
	case fate < 13:
		return missed
	case fate < 17:
		return confirmed // nobody told Neo how it ended
	default:
		return done
	}
}

// recorded reports whether a visit in that state has a medical record; luck is a number below 100.
func recorded(s state, luck int) bool {
	switch s {
	case done:
		return luck >= 4
	case underway:
		return true
	case cancelled:
		return luck < 10
	default:
		return false
	}
}

// statusWords are what Neo calls the states, every one of NEO.md §Calendar; the first is the most common.
var statusWords = map[state][]string{
	booked:    {"Scheduled"},
	confirmed: {"Confirmed"},
	arrived:   {"Checked In"},
	underway:  {"In Progress"},
	done:      {"Completed", "Finalized", "Discharged", "Ready to Pay"},
	cancelled: {"Cancelled", "Canceled"},
	missed:    {"No Show"},
}

// word writes the state into the row as Neo does: in any case, with space, hyphen or underscore; now and then the label
// is stale, or stands alone.
func word(a *Appointment, r *rand.Rand, s state) {
	words := statusWords[s]
	plain := words[0]
	if oneIn(r, 2) {
		plain = pick(r, words)
	}
	a.Status, a.StatusLabel = spelled(r, plain), plain
	switch r.IntN(15) {
	case 0:
		a.StatusLabel = "Scheduled"
	case 1:
		a.Status = ""
	}
}

func spelled(r *rand.Rand, word string) string {
	switch r.IntN(7) {
	case 0:
		return strings.ToUpper(strings.ReplaceAll(word, " ", "_"))
	case 1:
		return strings.ToLower(strings.ReplaceAll(word, " ", "-"))
	case 2:
		return strings.ToLower(strings.ReplaceAll(word, " ", "_"))
	case 3:
		return strings.ToLower(word)
	default:
		return word
	}
}

// is reports whether the row's status word, in whatever spelling, says that state.
func (a *Appointment) is(s state) bool {
	word := a.Status
	if word == "" {
		word = a.StatusLabel
	}
	spaced := strings.NewReplacer("_", " ", "-", " ").Replace(word)
	return slices.ContainsFunc(statusWords[s], func(known string) bool { return strings.EqualFold(known, spaced) })
}
