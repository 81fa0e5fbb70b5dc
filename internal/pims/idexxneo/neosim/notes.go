package neosim

import (
	"html"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// consultation makes the medical record of a generated visit; nil where the visit has none.
func (p *practice) consultation(appointmentID string) *Consultation {
	d, place, ok := p.locate(appointmentID)
	n := place - d.onDuty - d.blocks
	if !ok || n < 0 {
		return nil
	}
	v := p.visit(d, n)
	if !v.recorded {
		return nil
	}
	return p.record(d, v)
}

// record writes up the visit.
func (p *practice) record(d day, v visit) *Consultation {
	a := &v.appointment
	number, _ := strconv.ParseUint(a.ID, 10, 64)
	r := p.random(forRecords, number)
	vet := p.vets[r.IntN(d.onDuty)]
	c := &Consultation{
		ID: offsetID(a.ID, consultationOffset), AppointmentID: a.ID,
		PatientID: a.PatientID, Patient: a.Patient, Species: a.Species, Breed: a.Breed,
		ClientID: a.ClientID, Client: a.clientName(), ProviderID: vet.ID, Provider: vet.Name,
		At: a.Start.Add(time.Duration(r.IntN(10)) * time.Minute), Status: "completed", Reason: a.Reason,
	}
	switch v.state {
	case underway:
		c.Status, c.Notes = "in_progress", "S: "+pick(r, complaints)
	case cancelled:
		c.Status = "cancelled"
	default:
		complete(c, r)
	}
	return c
}

// complete fills in what stands in the record once the visit is over.
func complete(c *Consultation, r *rand.Rand) {
	c.Status = "completed"
	assessment := pick(r, assessments)
	c.Notes = noteStyles[r.IntN(len(noteStyles))](soap{pick(r, complaints), pick(r, findings), assessment, pick(r, plans)}, r)
	c.Vitals = vitals(r, c.Species)
	if r.IntN(5) > 0 {
		c.Diagnoses = []string{assessment}
		c.DiagnosesAsObjects = oneIn(r, 3)
	}
	if oneIn(r, 6) {
		c.Diagnoses = append(c.Diagnoses, pick(r, assessments))
	}
	if r.IntN(5) > 1 {
		c.Discharge = pick(r, discharges)
	}
	if oneIn(r, 8) {
		c.MoreNotes = "P: " + pick(r, addenda)
	}
	for i := range r.IntN(4) {
		c.Lines = append(c.Lines, Line{
			ID: c.ID + strconv.Itoa(i), Name: pick(r, products), Quantity: float64(1+r.IntN(4)) / 2, Declined: oneIn(r, 5),
		})
	}
}

// vitals of the species, as numbers or strings, with a decimal comma or without, in either unit.
func vitals(r *rand.Rand, species string) Vitals {
	celsius, kilograms := 38+r.Float64()*1.4, 4+r.Float64()*4
	if species == "Canine" {
		kilograms = 3 + r.Float64()*35
	}
	v := Vitals{
		Temperature: round(celsius), TemperatureUnit: "C", Pulse: float64(70 + r.IntN(90)), Respiration: float64(14 + r.IntN(24)),
		Weight: round(kilograms), WeightUnit: "kg",
	}
	if oneIn(r, 2) {
		v.Temperature, v.TemperatureUnit = round(celsius*9/5+32), "F"
		v.Weight, v.WeightUnit = round(kilograms*2.2046), "lb"
	}
	switch r.IntN(8) {
	case 0: // strings, with a decimal comma
		v.Temperature, v.Weight = comma(v.Temperature), comma(v.Weight)
	case 1: // strings
		v.Pulse, v.Respiration = "120", "24"
	case 2: // a patient that would not hold still
		v.Temperature, v.TemperatureUnit = nil, ""
	case 3: // what people write into the field
		v.Respiration = "panting"
	case 4:
		v = Vitals{Weight: v.Weight, WeightUnit: v.WeightUnit}
	}
	return v
}

func round(x float64) float64 { return float64(int(x*10+0.5)) / 10 }

func comma(value any) string {
	return strings.Replace(strconv.FormatFloat(value.(float64), 'f', 1, 64), ".", ",", 1) //nolint:forcetypeassert // set above
}

// soap is what a vet has to say, before it is written down in one of many ways.
type soap struct{ s, o, a, p string }

// noteStyles are the ways in which clinical notes are written (NEO.md §Consultations).
var noteStyles = []func(soap, *rand.Rand) string{
	func(n soap, _ *rand.Rand) string { // one line
		return "S: " + n.s + ". O: " + n.o + ". A: " + n.a + ". P: " + n.p
	},
	func(n soap, _ *rand.Rand) string { // letters, one line each
		return "S: " + n.s + "\nO: " + n.o + "\nA: " + n.a + "\nP: " + n.p
	},
	func(n soap, _ *rand.Rand) string { // full words over several lines
		return "Subjective:\n" + n.s + "\n\nObjective:\n" + n.o + "\n\nAssessment:\n" + n.a + "\n\nPlan:\n" + n.p + "\n"
	},
	func(n soap, _ *rand.Rand) string { // any case
		return "SUBJECTIVE: " + n.s + "\nobjective: " + n.o + "\nAssessment: " + n.a + "\npLAN: " + n.p
	},
	func(n soap, _ *rand.Rand) string { // HTML paragraphs
		return "<p><b>S:</b> " + html.EscapeString(n.s) + "</p><p><b>O:</b>&nbsp;" + html.EscapeString(n.o) +
			"</p><p>A: " + html.EscapeString(n.a) + "</p><p>P: " + html.EscapeString(n.p) + "</p>"
	},
	func(n soap, _ *rand.Rand) string { // HTML breaks and lists, named and numbered entities
		return `<div class="note">Subjective: ` + html.EscapeString(n.s) + " &ndash; see history<br/>Objective: T 38,5&nbsp;&deg;C; " +
			html.EscapeString(n.o) + "<br>Assessment: <ul><li>" + html.EscapeString(n.a) + "</li></ul>Plan: " +
			html.EscapeString(n.p) + "&#8230;</div>"
	},
	func(n soap, _ *rand.Rand) string { // sections missing
		return "S: " + n.s + "\r\nP: " + n.p
	},
	func(n soap, r *rand.Rand) string { // a section repeated
		return "S: " + n.s + "\nO: " + n.o + "\nA: " + n.a + "\nP: " + n.p + "\nS: Addendum: " + pick(r, addenda)
	},
	func(n soap, _ *rand.Rand) string { // no section at all
		return n.s + ". " + n.a + ". " + n.p + "."
	},
	func(n soap, r *rand.Rand) string { // something before the first section
		return "Phone consult 10:15, " + pick(r, addenda) + "\nS: " + n.s + "\nO: " + n.o + "\nA: " + n.a + "\nP: " + n.p
	},
}

// finishedNote is what a vet writes who closes a visit that was still open.
func finishedNote(r *rand.Rand, begun string) string {
	if begun == "" {
		begun = "S: " + pick(r, complaints)
	}
	return begun + "\nO: " + pick(r, findings) + "\nA: " + pick(r, assessments) + "\nP: " + pick(r, plans)
}
