package neosim

import (
	"hash/fnv"
	"maps"
	"slices"
)

// The wall-clock layouts of the wire; none has an offset.
const (
	spaceLayout  = "2006-01-02 15:04:05"
	isoLayout    = "2006-01-02T15:04:05"
	dottedLayout = "02.01.2006 15:04:05"
)

// field is one member of a JSON object, in the order in which it is written.
type field struct {
	name  string
	value any
}

// The wire's kinds of values, beside string, int, float64, bool, nil and whatever encoding/json writes.
type (
	identifier string   // by Options.IDs; blank is null
	flag       bool     // by Options.Bools
	optional   string   // blank is null, "" or absent, in turn by row
	object     []field  // a nested object
	list       []object // an array of objects
)

// wire writes JSON by the habits of the practice's Neo. It is an encoder of its own and shares no type with any client.
type wire struct {
	shape Shape
	ids   IDStyle
	bools BoolStyle
	times TimeStyle
	notes NoteStyle
	names NameStyle

	oddParts      bool
	measuredTexts bool
}

func (o Options) wire() wire {
	return wire{
		shape: o.Shape, ids: o.IDs, bools: o.Bools, times: o.Times, notes: o.Notes, names: o.Names,
		oddParts: o.OddParts, measuredTexts: o.MeasuredTexts,
	}
}

// turn is the row's way of writing what is blank: null, "" or not at all.
type turn int

const (
	turnNull turn = iota
	turnEmpty
	turnAbsent
	turns
)

func hashed(id string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return h.Sum32()
}

// appointment appends a calendar row in the shape of the practice.
func (w wire) appointment(buf []byte, a *Appointment) []byte {
	if a.Verbatim != nil {
		return append(buf, a.Verbatim...)
	}
	hash := hashed(a.ID)
	row := w.snake(a)
	if w.shape == Camel {
		row = w.camel(a, hash)
	}
	return w.object(buf, w.named(override(row, a.Raw)), turn(hash%uint32(turns)))
}

// snake is variant A of NEO.md §Calendar.
func (w wire) snake(a *Appointment) object {
	event, appointment := a.EventID, a.ID
	if event == "" {
		event = offsetID(a.ID, eventOffset)
	}
	if event == "" {
		event = "ev-" + a.ID
	}
	if a.Block || a.Roster {
		event, appointment = a.ID, ""
	}
	return object{
		{"id", identifier(event)},
		{"appointment_id", identifier(appointment)},
		{"consultation_id", identifier(a.ConsultationID)},
		{"start", w.time(a.Start, spaceLayout)},
		{"end", w.time(a.End, spaceLayout)},
		{"patient_id", identifier(a.PatientID)},
		{"patient_name", optional(a.Patient)},
		{"client_id", identifier(a.ClientID)},
		{"first_name", optional(a.FirstName)},
		{"last_name", optional(a.LastName)},
		{"email", optional(a.Email)},
		{"phone_number", optional(a.Phone)},
		{"provider", optional(a.Provider)},
		{"resourceId", identifier(a.Resource)},
		{"title", a.caption()},
		{"type_description", optional(a.Type)},
		{"reason", optional(a.Reason)},
		{"current_status", optional(a.Status)},
		{"status_label", optional(a.StatusLabel)},
		{"is_block", flag(a.Block)},
		{"is_roster", flag(a.Roster)},
	}
}

// camel is variant B: one name for the client, and blocks and rosters told by their class or by what they lack.
func (w wire) camel(a *Appointment, hash uint32) object {
	row := object{
		{"id", identifier(a.ID)},
		{"title", a.caption()},
		{"start", w.time(a.Start, isoLayout)},
		{"end", w.time(a.End, isoLayout)},
		{"resourceId", identifier(a.Resource)},
	}
	switch {
	case a.Roster:
		return append(row, field{"className", "roster"})
	case a.Block && hash%2 == 0:
		return append(row, field{"className", "block"})
	case a.Block:
		return append(row, field{"patientName", nil}, field{"status", nil})
	}
	client, status := a.clientName(), a.Status
	if hash%2 == 0 {
		client = a.clientLastFirst()
	}
	if status == "" {
		status = a.StatusLabel
	}
	return append(row,
		field{"className", "fc-appointment"},
		field{"patientName", optional(a.Patient)},
		field{"clientName", optional(client)},
		field{"clientPhone", optional(a.Phone)},
		field{"providerName", optional(a.Provider)},
		field{"appointmentType", optional(a.Type)},
		field{"status", optional(status)},
	)
}

// searched is an entry of the consultation search.
func (w wire) searched(c *Consultation) object {
	if c.Listed != nil {
		return w.summary(c, *c.Listed)
	}
	return w.summary(c, c.AppointmentID)
}

// summary is what the search and the view have in common.
func (w wire) summary(c *Consultation, appointmentID string) object {
	return object{
		{"id", identifier(c.ID)},
		{"appointmentId", identifier(appointmentID)},
		{"patientName", optional(c.Patient)},
		{"clientName", optional(c.Client)},
		{"providerId", identifier(c.ProviderID)},
		{"providerName", optional(c.Provider)},
		{"consultedAt", w.time(c.At, isoLayout)},
		{"status", optional(c.Status)},
		{"clinicalNotes", optional(w.note(c.Notes))},
		{"vitals", w.vitals(c.Vitals)},
		{"diagnoses", w.diagnoses(c)},
	}
}

// viewed is one consultation with everything.
func (w wire) viewed(c *Consultation) object {
	return append(w.summary(c, c.AppointmentID),
		field{"patientId", identifier(c.PatientID)},
		field{"clientId", identifier(c.ClientID)},
		field{"reason", w.odd(optional(c.Reason))},
		field{"dischargeInstructions", optional(c.Discharge)},
	)
}

// pageData is the newer shape, without vitals and diagnoses.
func (w wire) pageData(c *Consultation) object {
	lines := make(list, 0, len(c.Lines))
	for _, l := range c.Lines {
		lines = append(lines, object{
			{"id", identifier(l.ID)}, {"productService", l.Name}, {"quantity", l.Quantity}, {"isDeclined", flag(l.Declined)},
		})
	}
	return object{
		{"consultation", object{
			{"id", identifier(c.ID)},
			{"reason", optional(c.Reason)},
			{"notes", optional(w.note(c.MoreNotes))},
			{"dischargeSummary", optional(c.Discharge)},
			{"date", w.time(c.At, isoLayout)},
			{"status", optional(c.Status)},
		}},
		{"patient", object{
			{"id", identifier(c.PatientID)},
			{"name", optional(c.Patient)},
			{"species", optional(c.Species)},
			{"breed", optional(c.Breed)},
		}},
		{"client", object{{"id", identifier(c.ClientID)}, {"name", optional(c.Client)}}},
		{"consultationNotes", object{{"notes", optional(w.note(c.Notes))}}},
		{"consultationLines", lines},
	}
}

// override replaces, removes and adds fields; what is new stands at the end, by name.
func override(row object, raw map[string]any) object {
	if len(raw) == 0 {
		return row
	}
	kept := make(object, 0, len(row)+len(raw))
	for _, f := range row {
		if value, ok := raw[f.name]; ok {
			f.value = value
		}
		kept = append(kept, f)
	}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		if !slices.ContainsFunc(row, func(f field) bool { return f.name == name }) {
			kept = append(kept, field{name, raw[name]})
		}
	}
	return slices.DeleteFunc(kept, func(f field) bool { return f.value == Omit })
}
