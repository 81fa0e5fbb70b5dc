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
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

// Consultation implements pims.Session: the older view is asked first, and the
// newer page where the view does not know the id. IDEXX_NEO.md §Consultations.
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
	if read.id != id {
		return pims.Consultation{}, fmt.Errorf("fetch consultation %s: %w", id, drift("the answer is not the consultation that was asked for"))
	}
	if read.malformed != "" {
		return pims.Consultation{}, &pims.RecordError{
			ID: id, Field: read.malformed, Reason: "is in a form that is not recognised",
			Start: consultedAt(read.at, s.location),
		}
	}
	return read.consultation(s.location), nil
}

func (s *session) record(ctx context.Context, path string) (record, error) {
	request := pimshttp.Request{Operation: pims.OpConsultation, Path: path, Optional: true}
	var read record
	err := s.client.GetJSON(ctx, request, func(d *jsontext.Decoder) (err error) {
		read, err = newReader(d).record()
		return err
	})
	return read, err
}

// record is a consultation in either shape, as it came.
type record struct {
	id, appointmentID string
	at                string // consultedAt, or date in the newer shape
	status, reason    string
	discharge         string
	clinicalNotes     string       // clinicalNotes, or consultationNotes.notes in the newer shape
	otherNotes        string       // notes in the newer shape
	vitals            *pims.Vitals // nil: the shape has none
	diagnoses         []string     // nil: the shape has none
	malformed         string       // the field that is in no form we know
	inner             *record      // the consultation, where this is what stands around it
}

// record reads a consultation: bare, under data, or as the part of the newer page
// that is the consultation.
func (r *reader) record() (record, error) {
	var c record
	status, err := r.envelope(func() bool { return c.id != "" }, func(name []byte) error { return r.recordField(&c, name) })
	if err != nil {
		return c, err
	}
	c.status = status
	if c.inner == nil {
		return c, nil
	}
	inner := *c.inner
	if !pims.Blank(c.clinicalNotes) {
		inner.clinicalNotes = c.clinicalNotes
	}
	if inner.malformed == "" {
		inner.malformed = c.malformed
	}
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
	case "id":
		c.id, err = r.identifier()
	case "appointmentId":
		c.appointmentID, err = r.identifier()
	case "consultedAt", "date":
		c.at, err = r.text()
	case "reason":
		c.reason, err = r.text()
	case "dischargeInstructions", "dischargeSummary":
		c.discharge, err = r.prose(c, "discharge")
	case "clinicalNotes":
		c.clinicalNotes, err = r.prose(c, "notes")
	case "notes":
		c.otherNotes, err = r.prose(c, "notes")
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

// consultationNotes reads the newer shape's object with the clinical note.
func (r *reader) consultationNotes(c *record) (err error) {
	if r.decoder.PeekKind() != '{' {
		c.clinicalNotes, err = r.prose(c, "notes")
		return err
	}
	return r.object(func(name []byte) (err error) {
		if string(name) != "notes" {
			return r.skip()
		}
		c.clinicalNotes, err = r.prose(c, "notes")
		return err
	})
}

// prose reads a text that must not be lost: where it is none, the record is
// malformed. An empty array or object is how some write null.
func (r *reader) prose(c *record, field string) (string, error) {
	raw, err := r.decoder.ReadValue()
	if err != nil {
		return "", err
	}
	if !isScalar(raw) && !isEmpty(raw) {
		c.malformed = field
	}
	return scalar(raw), nil
}

// diagnoses reads texts, or objects with a name.
func (r *reader) diagnoses(c *record) error {
	c.diagnoses = []string{}
	if r.decoder.PeekKind() != '[' {
		text, err := r.prose(c, "diagnoses")
		if !pims.Blank(text) {
			c.diagnoses = append(c.diagnoses, text)
		}
		return err
	}
	return r.array(func() error {
		name, err := r.diagnosis(c)
		if !pims.Blank(name) {
			c.diagnoses = append(c.diagnoses, name)
		}
		return err
	})
}

func (r *reader) diagnosis(c *record) (name string, err error) {
	if r.decoder.PeekKind() != '{' {
		return r.prose(c, "diagnoses")
	}
	err = r.object(func(field []byte) (err error) {
		if string(field) != "name" {
			return r.skip()
		}
		name, err = r.prose(c, "diagnoses")
		return err
	})
	if err == nil && name == "" {
		c.malformed = "diagnoses"
	}
	return name, err
}

// consultation translates the record.
func (c *record) consultation(location *time.Location) pims.Consultation {
	notes := c.notes()
	soap, rest := soapNotes(notes...)
	return pims.Consultation{
		ID:            c.id,
		AppointmentID: c.appointmentID,
		At:            consultedAt(c.at, location),
		AtText:        c.at,
		Status:        consultationStatus(c.status),
		StatusText:    c.status,
		Reason:        c.reason,
		RawNotes:      strings.Join(notes, "\n\n"),
		SOAP:          soap,
		Notes:         rest,
		Vitals:        c.vitals,
		Diagnoses:     c.diagnoses,
		Discharge:     plainText(c.discharge),
	}
}

// notes are the clinical note and the other one, where they differ.
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
