package neosim

import (
	"iter"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// A generated id says where its appointment lies, so that nothing need be kept: the day's number, three digits of the
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
	moved       int        // how many days after a day of the calendar Options.Day has its numbers
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
	if !o.Day.IsZero() {
		p.moved = daysSince1970(civilDay(o.Day)) - daysSince1970(civilDay(p.now().In(p.location)))
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
	return rand.New(rand.NewPCG(p.seed*1_000_003+kind, key))
}

// The kinds of random sources.
const (
	forStaff = iota + 1
	forHouseholds
	forDays
	forVisits
	forRecords
)

func daysSince1970(day time.Time) int { return int(day.Unix() / 86400) }

// number returns which day of the practice a date is; what the day holds follows from it.
func (p *practice) number(day time.Time) int { return daysSince1970(day) + p.moved }

// date is the date of a day of the practice.
func (p *practice) date(number int) time.Time { return numbered(number - p.moved) }

func numbered(day int) time.Time { return time.Unix(int64(day)*86400, 0).UTC() }

func (p *practice) idOf(day, place int) string {
	return strconv.Itoa((day*practicesApart+int(p.seed%practicesApart))*placesPerDay + place)
}

// day is what a day of the practice holds, as it stands at a certain moment: a roster row for each vet on duty, then
// blocks, then visits.
type day struct {
	number               int
	date, stand          time.Time
	weekday              time.Weekday
	onDuty, blocks, size int // rosters, blocks, visits
}

// on plans a day. No day is without visits, and none lies outside the calendar that is kept around today.
func (p *practice) on(number int, stand time.Time) (day, bool) {
	today := p.number(civilDay(stand))
	if number < today-p.back || number > today+p.ahead {
		return day{}, false
	}
	d := day{
		number: number, date: p.date(number), weekday: numbered(number).Weekday(), stand: stand,
		onDuty: len(p.vets) - 1, blocks: 2,
	}
	switch d.weekday {
	case time.Sunday:
		d.onDuty, d.blocks, d.size = 1, 0, max(3, p.perDay/5)
	case time.Saturday:
		d.size = max(4, p.perDay/2)
	default:
		slack := max(1, p.perDay/9)
		d.size = max(4, p.perDay-slack+p.random(forDays, uint64(number)).IntN(2*slack+1))
	}
	return d, true
}

func (d day) rows() int { return d.onDuty + d.blocks + d.size }

// locate tells day and place of an id of this practice.
func (p *practice) locate(id string) (d day, place int, ok bool) {
	n, err := strconv.Atoi(id)
	if err != nil || n < 0 {
		return day{}, 0, false
	}
	number, place := n/placesPerDay/practicesApart, n%placesPerDay
	d, ok = p.on(number, p.stand())
	return d, place, ok && p.idOf(number, place) == id && place < d.rows()
}

// days gives the days on which something may begin that overlaps [from, to): the one before too, for stays over night.
func (p *practice) days(from, to time.Time) iter.Seq[day] {
	return func(yield func(day) bool) {
		stand := p.stand()
		for number := p.number(civilDay(from)) - 1; p.date(number).Before(to); number++ {
			if d, ok := p.on(number, stand); ok && !yield(d) {
				return
			}
		}
	}
}

// between gives the appointments that overlap [from, to), day by day; none for no practice.
func (p *practice) between(from, to time.Time) iter.Seq[*Appointment] {
	return func(yield func(*Appointment) bool) {
		if p == nil {
			return
		}
		for d := range p.days(from, to) {
			for place := range d.rows() {
				if a := p.at(d, place); a.overlaps(from, to) && !yield(a) {
					return
				}
			}
		}
	}
}

// recordsBetween gives the medical records of the visits of those days; none for no practice.
func (p *practice) recordsBetween(from, to time.Time) iter.Seq[*Consultation] {
	return func(yield func(*Consultation) bool) {
		if p == nil {
			return
		}
		for d := range p.days(from, to) {
			for n := range d.size {
				if v := p.visit(d, n); v.recorded && !yield(p.record(d, v)) {
					return
				}
			}
		}
	}
}

func (p *practice) appointment(id string) *Appointment {
	d, place, ok := p.locate(id)
	if !ok {
		return nil
	}
	return p.at(d, place)
}

// appointmentOf is the id of the appointment to which a generated consultation id belongs.
func (p *practice) appointmentOf(consultationID string) string {
	return offsetID(consultationID, -consultationOffset)
}

// offsetID is the id that lies so far from another; "" where there is none.
func offsetID(id string, by int) string {
	n, err := strconv.Atoi(id)
	if err != nil || n+by < 0 {
		return ""
	}
	return strconv.Itoa(n + by)
}

// at makes the row in that place of the day.
func (p *practice) at(d day, place int) *Appointment {
	switch n := place - d.onDuty; {
	case n < 0:
		return p.roster(d, place)
	case n < d.blocks:
		return p.block(d, n)
	default:
		a := p.visit(d, n-d.blocks).appointment
		return a.normal()
	}
}

func (p *practice) roster(d day, n int) *Appointment {
	vet := p.vets[n]
	return Appointment{
		ID: p.idOf(d.number, n), Roster: true, Title: vet.Name, Provider: vet.Name, Resource: vet.ID,
		Start: d.date.Add(8 * time.Hour), End: d.date.Add(18 * time.Hour),
	}.normal()
}

// block is lunch, or a meeting that the schedule calls by another name each day.
func (p *practice) block(d day, n int) *Appointment {
	a := Appointment{ID: p.idOf(d.number, d.onDuty+n), Block: true, Resource: room(n)}
	if n == 0 {
		a.Title, a.Start = "Lunch", d.date.Add(12*time.Hour+30*time.Minute)
	} else {
		a.Title, a.Start = pick(p.random(forDays, uint64(d.number)), blockTitles), d.date.Add(17*time.Hour+30*time.Minute)
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

// former is a provider of long ago, of whom only the id is left.
func (p *practice) former() Provider {
	return Provider{ID: strconv.Itoa(int(p.seed%practicesApart)*100 + 10)}
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
