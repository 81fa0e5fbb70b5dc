package idexxneo

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/notes"
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

// Consultation implements pims.Session. It requests the older view first, and the newer
// page where the view does not know the id. NEO.md §Consultations.
func (s *session) Consultation(ctx context.Context, id string) (pims.Consultation, error) {
	if id == "" || id == "." || id == ".." { // part of no path, so of no consultation
		return pims.Consultation{}, fmt.Errorf("fetch consultation %q: %w", id, pims.ErrNotFound)
	}
	read, err := s.record(ctx, "/consultations/view/"+url.PathEscape(id))
	if errors.Is(err, pims.ErrNotFound) {
		read, err = s.record(ctx, "/consultations/"+url.PathEscape(id)+"/page-data")
	}
	if err != nil {
		return pims.Consultation{}, fmt.Errorf("fetch consultation %s: %w", id, err)
	}
	if read.id.torn || read.id.id != id {
		return pims.Consultation{}, fmt.Errorf("fetch consultation %s: %w", id, drift("the answer is not the consultation that was asked for"))
	}
	switch {
	case read.patientID.torn:
		return pims.Consultation{}, fmt.Errorf("fetch consultation %s: %w", id, torn(id, "patient"))
	case read.clientID.torn:
		return pims.Consultation{}, fmt.Errorf("fetch consultation %s: %w", id, torn(id, "client"))
	case read.appointmentID.torn:
		return pims.Consultation{}, fmt.Errorf("fetch consultation %s: %w", id, torn(id, "appointment"))
	}
	return read.consultation(s.location), nil
}

func (s *session) record(ctx context.Context, path string) (record, error) {
	request := pimshttp.Request{Operation: pims.OpConsultation, Path: path, Optional: true, MaxBytes: pimshttp.MaxRowBytes}
	var read record
	err := s.client.GetJSON(ctx, request, func(d *jsontext.Decoder) (err error) {
		read, err = newReader(d).record()
		return err
	})
	return read, err
}

// record is a consultation in either form, as it was received.
type record struct {
	id, appointmentID reference
	patientID         reference
	clientID          reference
	at                string // consultedAt, or date in the newer shape
	status, reason    string
	discharge         string
	clinicalNotes     string       // clinicalNotes, or consultationNotes.notes in the newer shape
	otherNotes        string       // notes in the newer shape
	vitals            *pims.Vitals // nil: the shape has none
	diagnoses         []string     // nil: the shape has none
	unusable          []string     // the fields in a form that cannot be read
	inner             *record      // the consultation, where this is what stands around it
}

// record reads a consultation: bare, under data, or as the part of the newer page that
// holds it.
func (r *reader) record() (record, error) {
	var c record
	held := func() holding {
		switch {
		case c.inner != nil:
			return holdsRows
		case c.id.id != "":
			return holdsRecord
		default:
			return holdsNothing
		}
	}
	status, err := r.envelope(held, func(name []byte) error { return r.recordField(&c, name) })
	if err != nil {
		return c, err
	}
	c.status = c.text("status", status)
	if c.inner == nil {
		return c, nil
	}
	inner := *c.inner
	if !pims.Blank(c.clinicalNotes) {
		inner.clinicalNotes = c.clinicalNotes
	}
	for _, field := range c.unusable {
		if field == "clinicalNotes" { // the one field that is read outside
			inner.unusable = append(inner.unusable, field)
		}
	}
	inner.patientID.join(c.patientID)
	inner.clientID.join(c.clientID)
	inner.appointmentID.join(c.appointmentID)
	return inner, nil
}

func (r *reader) recordField(c *record, name []byte) (err error) {
	switch string(name) {
	case "data", "consultation":
		if r.decoder.PeekKind() != '{' {
			return r.skip()
		}
		inner, err := r.record()
		c.inner = &inner
		return err
	case "id", "consultation_id", "consultationId":
		err = r.reference(&c.id)
	case "appointment_id", "appointmentId":
		err = r.reference(&c.appointmentID)
	case "appointment":
		err = r.referenceIn(&c.appointmentID)
	case "patient_id", "patientId", "PatientID":
		err = r.reference(&c.patientID)
	case "patient":
		err = r.referenceIn(&c.patientID, "patient_id", "patientId")
	case "client_id", "clientId":
		err = r.reference(&c.clientID)
	case "client":
		err = r.referenceIn(&c.clientID, "client_id", "clientId")
	case "consultedAt", "date":
		c.at, err = r.part(c, "consultedAt")
	case "reason":
		c.reason, err = r.part(c, "reason")
	case "dischargeInstructions", "dischargeSummary":
		c.discharge, err = r.part(c, "discharge")
	case "clinicalNotes":
		c.clinicalNotes, err = r.part(c, "clinicalNotes")
	case "notes":
		c.otherNotes, err = r.part(c, "notes")
	case "consultationNotes":
		err = r.consultationNotes(c)
	case "vitals":
		c.vitals, err = r.vitals()
	case "diagnoses":
		err = r.diagnoses(c)
	default:
		err = r.skip()
	}
	return err
}

// consultationNotes reads the object with the clinical note in the newer form.
func (r *reader) consultationNotes(c *record) (err error) {
	if r.decoder.PeekKind() != '{' {
		c.clinicalNotes, err = r.part(c, "clinicalNotes")
		return err
	}
	return r.object(func(name []byte) (err error) {
		if string(name) != "notes" {
			return r.skip()
		}
		c.clinicalNotes, err = r.part(c, "clinicalNotes")
		return err
	})
}

// part reads the text of an optional field. A value that is not a text is skipped and
// counted.
func (r *reader) part(c *record, field string) (string, error) {
	raw, err := r.decoder.ReadValue()
	if err != nil {
		return "", err
	}
	return c.text(field, raw), nil
}

func (c *record) text(field string, raw jsontext.Value) string {
	text, ok := prose(raw)
	if !ok {
		c.unusable = append(c.unusable, field)
	}
	return text
}

// prose returns the text of a string or number. ok is false where the value is neither of
// them and not one of the ways to write null: isEmpty.
func prose(raw jsontext.Value) (text string, ok bool) {
	switch {
	case isEmpty(raw):
		return "", true
	case raw.Kind() == '"', raw.Kind() == '0':
		return scalar(raw), true
	default:
		return "", false
	}
}

// diagnoses reads texts, or objects with a name. A single one may come without a list. One
// without a name is skipped and counted. A list without any name gives nil, because it says
// nothing.
func (r *reader) diagnoses(c *record) error {
	list := []string{}
	unusable := 0
	add := func(name string, ok bool) {
		if ok {
			list = append(list, name)
			return
		}
		c.unusable = append(c.unusable, "diagnoses")
		unusable++
	}
	var err error
	switch r.decoder.PeekKind() {
	case '[':
		err = r.array(func() error {
			name, _, err := r.diagnosis()
			add(name, !pims.Blank(name))
			return err
		})
	default:
		var name string
		var ok bool
		name, ok, err = r.diagnosis()
		if !ok || !pims.Blank(name) {
			add(name, ok)
		}
	}
	c.diagnoses = list
	if len(list) == 0 && unusable > 0 {
		c.diagnoses = nil
	}
	return err
}

// diagnosis reads the name of a diagnosis. ok is false where it has no known form.
func (r *reader) diagnosis() (name string, ok bool, err error) {
	if r.decoder.PeekKind() != '{' {
		return r.name()
	}
	ok = true
	err = r.object(func(field []byte) (err error) {
		if string(field) != "name" {
			ok = name != "" // what has other fields and no name is none
			return r.skip()
		}
		name, ok, err = r.name()
		return err
	})
	return name, ok, err
}

func (r *reader) name() (name string, ok bool, err error) {
	raw, err := r.decoder.ReadValue()
	if err != nil {
		return "", false, err
	}
	name, ok = prose(raw)
	return notes.OneLine(name), ok, nil
}

// consultation translates the record.
func (c *record) consultation(location *time.Location) pims.Consultation {
	texts := c.notes()
	soap, rest := notes.SOAP(texts...)
	return pims.Consultation{
		ID:            c.id.id,
		AppointmentID: c.appointmentID.id,
		PatientID:     c.patientID.id,
		ClientID:      c.clientID.id,
		At:            consultedAt(c.at, location),
		AtText:        pims.WallText(c.at),
		Status:        consultationStatus(c.status),
		StatusText:    c.status,
		Reason:        c.reason,
		RawNotes:      strings.Join(texts, "\n\n"),
		SOAP:          soap,
		Notes:         rest,
		Vitals:        c.vitals,
		Diagnoses:     c.diagnoses,
		Discharge:     notes.Plain(c.discharge),
		Unusable:      c.parts(),
	}
}

// parts returns the unusable fields in our terms.
func (c *record) parts() []pims.Part {
	var parts []pims.Part
	for _, field := range c.unusable {
		parts = append(parts, partOf[field])
	}
	return parts
}

var partOf = map[string]pims.Part{
	"consultedAt":   pims.PartTime,
	"status":        pims.PartStatus,
	"reason":        pims.PartReason,
	"clinicalNotes": pims.PartNotes,
	"notes":         pims.PartNotes,
	"diagnoses":     pims.PartDiagnoses,
	"discharge":     pims.PartDischarge,
}

// notes returns the clinical note and the other note, where they differ.
func (c *record) notes() []string {
	var notes []string
	if !pims.Blank(c.clinicalNotes) {
		notes = append(notes, c.clinicalNotes)
	}
	if !pims.Blank(c.otherNotes) && strings.TrimSpace(c.otherNotes) != strings.TrimSpace(c.clinicalNotes) {
		notes = append(notes, c.otherNotes)
	}
	return notes
}
