package neosim

import (
	"iter"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// A generated id says where its appointment lies, so that nothing need be kept: the day since 1970, three digits of the
// practice, five digits of the place in the day. Consultations and calendar events have the same with an offset.
const (
	placesPerDay       = 100_000
	practicesApart     = 1_000
	consultationOffset = 50_000_000_000_000
	eventOffset        = 30_000_000_000_000
)

// practice makes a realistic practice out of a seed, one appointment at a time: the same seed and day give the same
// people, times and reasons, and with the same today the same statuses. It keeps nothing and is safe for concurrent use.
type practice struct {
	seed        uint64
	perDay      int
	back, ahead int
	now         func() time.Time
	location    *time.Location
	standsAt    time.Duration
	vets        []Provider // the last has left the practice
}

func newPractice(o Options) *practice {
	p := &practice{
		seed: o.Seed, perDay: o.PerDay, back: o.DaysBack, ahead: o.DaysAhead,
		now: o.Now, location: o.Location, standsAt: o.StandsAt,
	}
	if o.StandsAt < 0 {
		n := wall(o.Now().In(o.Location))
		p.standsAt = n.Sub(civilDay(n))
	}
	p.vets = p.staff()
	return p
}

// stand is the wall-clock moment as of which statuses are told: today, at the time of day at which the practice stands.
func (p *practice) stand() time.Time {
	return civilDay(p.now().In(p.location)).Add(p.standsAt)
}

// random is the source for one thing of the practice, told apart by key and kind.
func (p *practice) random(kind, key uint64) *rand.Rand {
	return rand.New(rand.NewPCG(p.seed*1_000_003+kind, key)) //nolint:gosec // invented data, no secret
}

// The kinds of random sources.
const (
	forStaff = iota + 1
	forHouseholds
	forDays
	forVisits
	forRecords
)

func dayNumber(day time.Time) int { return int(day.Unix() / 86400) }

func dayOf(number int) time.Time { return time.Unix(int64(number)*86400, 0).UTC() }

func (p *practice) idOf(day, place int) string {
	return strconv.Itoa((day*practicesApart+int(p.seed%practicesApart))*placesPerDay + place)
}

// locate tells day and place of an id of this practice.
func (p *practice) locate(id string) (day, place int, ok bool) {
	n, err := strconv.Atoi(id)
	if err != nil || n < 0 || strconv.Itoa(n) != id {
		return 0, 0, false
	}
	day, place = n/placesPerDay/practicesApart, n%placesPerDay
	if p.idOf(day, place) != id || !p.open(day) || place >= p.rows(day) {
		return 0, 0, false
	}
	return day, place, true
}

// open tells whether the day lies within the calendar that the practice keeps around today.
func (p *practice) open(day int) bool {
	today := dayNumber(civilDay(p.stand()))
	return day >= today-p.back && day <= today+p.ahead
}

// between gives the appointments that overlap [from, to), day by day.
func (p *practice) between(from, to time.Time) iter.Seq[*Appointment] {
	return func(yield func(*Appointment) bool) {
		if p == nil {
			return
		}
		// A day earlier, because a stay may last over night.
		for day := dayNumber(civilDay(from)) - 1; dayOf(day).Before(to); day++ {
			if !p.open(day) {
				continue
			}
			for place := range p.rows(day) {
				a := p.at(day, place)
				if a.overlaps(from, to) && !yield(a) {
					return
				}
			}
		}
	}
}

func (p *practice) appointment(id string) *Appointment {
	day, place, ok := p.locate(id)
	if !ok {
		return nil
	}
	return p.at(day, place)
}

// appointmentOf is the id of the appointment to which a generated consultation id belongs.
func (p *practice) appointmentOf(consultationID string) string {
	n, err := strconv.Atoi(consultationID)
	if err != nil || n < consultationOffset {
		return ""
	}
	return strconv.Itoa(n - consultationOffset)
}

func offsetID(id string, by int) string {
	n, err := strconv.Atoi(id)
	if err != nil {
		return ""
	}
	return strconv.Itoa(n + by)
}

// onDuty is the number of vets who work that day, each with a roster row.
func (p *practice) onDuty(day int) int {
	if dayOf(day).Weekday() == time.Sunday {
		return 1
	}
	return len(p.vets) - 1
}

// blocks is the number of blocks of the day: lunch, and a meeting that the schedule calls by another name each day.
func (p *practice) blocks(day int) int {
	if dayOf(day).Weekday() == time.Sunday {
		return 0
	}
	return 2
}

// visits is the number of real appointments of the day; no day is without.
func (p *practice) visits(day int) int {
	r := p.random(forDays, uint64(day))
	n := p.perDay
	switch dayOf(day).Weekday() {
	case time.Sunday:
		return max(3, n/5)
	case time.Saturday:
		return max(4, n/2)
	default:
		slack := max(1, n/9)
		return max(4, n-slack+r.IntN(2*slack+1))
	}
}

func (p *practice) rows(day int) int { return p.onDuty(day) + p.blocks(day) + p.visits(day) }

// at makes the row in that place of the day: rosters first, then blocks, then visits in the order of the day.
func (p *practice) at(day, place int) *Appointment {
	rosters, blocks := p.onDuty(day), p.blocks(day)
	switch {
	case place < rosters:
		return p.roster(day, place)
	case place < rosters+blocks:
		return p.block(day, place, place-rosters)
	default:
		return p.visit(day, place-rosters-blocks).appointment.normal()
	}
}

func (p *practice) roster(day, place int) *Appointment {
	vet := p.vets[place]
	a := Appointment{
		ID: p.idOf(day, place), Roster: true, Title: vet.Name, Provider: vet.Name, Resource: vet.ID,
		Start: dayOf(day).Add(8 * time.Hour), End: dayOf(day).Add(18 * time.Hour),
	}
	return a.normal()
}

func (p *practice) block(day, place, n int) *Appointment {
	a := Appointment{ID: p.idOf(day, place), Block: true, Resource: room(n)}
	if n == 0 {
		a.Title, a.Start, a.End = "Lunch", dayOf(day).Add(12*time.Hour+30*time.Minute), dayOf(day).Add(13*time.Hour+30*time.Minute)
	} else {
		a.Title, a.Start = pick(p.random(forDays, uint64(day)), blockTitles), dayOf(day).Add(17*time.Hour+30*time.Minute)
	}
	return a.normal()
}

func room(n int) string { return strconv.Itoa(101 + n%3) }

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// oneIn is true once in n times.
func oneIn(r *rand.Rand, n int) bool { return r.IntN(n) == 0 }

// staff invents the vets of the practice.
func (p *practice) staff() []Provider {
	r := p.random(forStaff, 0)
	vets := make([]Provider, 4+p.seed%3)
	for i := range vets {
		first, last := pick(r, firstNames), pick(r, plainLastNames)
		vets[i] = Provider{
			ID:     strconv.Itoa(int(p.seed%practicesApart)*100 + 11 + i),
			Name:   "Dr. " + first + " " + last,
			Email:  "vet" + strconv.Itoa(i+1) + "@example.com",
			Active: i < len(vets)-1,
		}
	}
	return vets
}

// household is a client of the practice with one of its animals.
type household struct {
	clientID, first, last, email, phone string
	patientID, patient, species, breed  string
}

// household invents the n-th client. The number of clients grows with the size of the practice, so that a busy day
// does not see the same animal twice, while the names of animals repeat.
func (p *practice) household(n, animal int) household {
	r := p.random(forHouseholds, uint64(n))
	h := household{
		clientID: strconv.Itoa(40_000 + n),
		first:    pick(r, firstNames),
		last:     pick(r, lastNames),
		phone:    phoneNumber(r),
	}
	h.email = "client" + strconv.Itoa(n) + "@example.com"
	for i := range animal + 1 {
		kind := pick(r, kinds)
		h.patientID = strconv.Itoa((60_000 + n*2) + i)
		h.species, h.breed, h.patient = kind.species, pick(r, kind.breeds), petName(r)
	}
	switch r.IntN(12) {
	case 0:
		h.phone = ""
	case 1:
		h.email = ""
	case 2:
		h.breed = ""
	case 3:
		h.patient = " " + h.patient + "  "
	case 4:
		h.first = ""
	}
	return h
}

func petName(r *rand.Rand) string {
	name := pick(r, petNames)
	if oneIn(r, 4) {
		name = pick(r, petTitles) + " " + name
	}
	if oneIn(r, 9) {
		name = pick(r, awkwardPetNames)
	}
	return name
}

// phoneNumber is one of the ranges that are kept free for fiction.
func phoneNumber(r *rand.Rand) string {
	n := 100 + r.IntN(100)
	digits := strconv.Itoa(n)
	switch r.IntN(6) {
	case 0:
		return "(555) 555-0" + digits
	case 1:
		return "555-0" + digits
	case 2:
		return "+1 555 555 0" + digits
	case 3:
		return "+44 20 7946 0" + digits
	case 4:
		return "555.555.0" + digits + " ext. " + strconv.Itoa(r.IntN(90)+10)
	default:
		return strings.Repeat("5", 6) + "0" + digits
	}
}
