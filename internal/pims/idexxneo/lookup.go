package idexxneo

import (
	"context"
	"net/url"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

// FindAppointment implements pims.AppointmentFinder. NEO.md §One appointment. Only a 404 is
// pims.ErrNotFound. An answer without an appointment, or with another one, is an answer
// that we do not know (R22).
func (s *session) FindAppointment(ctx context.Context, id string) (pims.Appointment, error) {
	request := pimshttp.Request{
		Operation: pims.OpAppointment,
		Path:      "/appointments/getAppointment",
		Query:     url.Values{"id": {id}},
		Optional:  true,
		MaxBytes:  pimshttp.MaxRowBytes,
	}
	var found event
	err := s.client.GetJSON(ctx, request, func(d *jsontext.Decoder) (err error) {
		found, err = newReader(d).lookup()
		return err
	})
	if err != nil {
		return pims.Appointment{}, err
	}
	return s.looked(id, &found)
}

// lookup reads one row, bare or under its own name. An "appointment" without a start gives
// no more than the id.
func (r *reader) lookup() (event, error) {
	var e event
	var inner *event
	held := func() holding {
		switch {
		case inner != nil:
			return holdsRows
		case e.identity() != "":
			return holdsRecord
		default:
			return holdsNothing
		}
	}
	status, err := r.envelope(held, func(name []byte) error {
		if string(name) != "appointment" && string(name) != "data" {
			return r.eventField(&e, name)
		}
		var row event
		if err := r.event(&row); err != nil {
			return err
		}
		if string(name) == "appointment" && pims.Blank(row.start) {
			e.appointmentID.given(row.identity(), false)
		} else {
			inner = &row
		}
		return nil
	})
	if inner != nil {
		inner.appointmentID.join(e.appointmentID)
		inner.consultationID.join(e.consultationID)
		inner.patientID.join(e.patientID)
		inner.clientID.join(e.clientID)
		if err == nil && statusFails(inner.statusText(), holdsRecord) {
			err = failed("status")
		}
		return *inner, err
	}
	if pims.Blank(e.label) {
		e.label = scalar(status)
	}
	return e, err
}

func (s *session) looked(id string, e *event) (pims.Appointment, error) {
	if e.identity() != id {
		return pims.Appointment{}, drift("the answer is not the appointment that was asked for")
	}
	if !e.isVisit() {
		return pims.Appointment{}, drift("the answer is no visit")
	}
	if e.torn() != "" {
		return pims.Appointment{}, drift(torn(id, e.torn()).Error())
	}
	start, ok := pims.ParseWall(e.start)
	if !ok {
		return pims.Appointment{}, &pims.RecordError{ID: id, Field: "start", Reason: "is missing or no time of the form YYYY-MM-DD HH:MM:SS"}
	}
	end, _ := pims.ParseWall(e.end)
	return e.appointment(start, laterThan(start, end), s.location), nil
}
