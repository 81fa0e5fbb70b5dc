package casesync_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
)

// visit is an ordinary appointment of half an hour. Its texts begin with Zz, so
// that they are found where they must not be.
func (p *practice) visit(id, start string, changes ...func(*pims.Appointment)) pims.Appointment {
	p.Helper()
	a := pims.Appointment{
		ID: id, PatientID: "p" + id, PatientName: "Zzmochi", ClientID: "c" + id, ClientName: "Zzada Quill",
		ClientPhone: "(555) 0100", ClientEmail: "zzada@clinic.example", Title: "Zzmochi limps", Reason: "Zzlimping",
		Type: pims.TypeCheckup, TypeText: "Exam", Status: pims.StatusScheduled, StatusText: "Scheduled",
	}
	p.begins(start)(&a)
	for _, change := range changes {
		change(&a)
	}
	return a
}

// begins puts an appointment to a wall-clock time.
func (p *practice) begins(start string) func(*pims.Appointment) {
	p.Helper()
	at := p.instant(start)
	return func(a *pims.Appointment) {
		a.Start, a.StartText = at, start+":00"
		a.End = at.Add(30 * time.Minute)
		a.EndText = a.End.In(p.location).Format(minute) + ":00"
	}
}

// ends makes an appointment last longer.
func (p *practice) ends(end string) func(*pims.Appointment) {
	p.Helper()
	at := p.instant(end)
	return func(a *pims.Appointment) { a.End, a.EndText = at, end+":00" }
}

func is(status pims.Status, word string) func(*pims.Appointment) {
	return func(a *pims.Appointment) { a.Status, a.StatusText = status, word }
}

var (
	isCancelled = is(pims.StatusCancelled, "Cancelled")
	isCompleted = is(pims.StatusCompleted, "Completed")
	isScheduled = is(pims.StatusScheduled, "Scheduled")
)

// enter puts appointments into the PIMS, in place of those with the same ids.
func (p *practice) enter(appointments ...pims.Appointment) {
	p.Helper()
	for _, a := range appointments {
		if i := p.find(a.ID); i >= 0 {
			p.calendar[i] = a
		} else {
			p.calendar = append(p.calendar, a)
		}
	}
	p.fake.SetAppointments(p.calendar...)
}

// change changes appointments of the PIMS.
func (p *practice) change(id string, changes ...func(*pims.Appointment)) {
	p.Helper()
	i := p.find(id)
	require.GreaterOrEqual(p, i, 0, id)
	for _, change := range changes {
		change(&p.calendar[i])
	}
	p.fake.SetAppointments(p.calendar...)
}

// remove deletes appointments from the PIMS without a trace.
func (p *practice) remove(ids ...string) {
	p.Helper()
	p.calendar = slices.DeleteFunc(p.calendar, func(a pims.Appointment) bool { return slices.Contains(ids, a.ID) })
	p.fake.SetAppointments(p.calendar...)
}

func (p *practice) find(id string) int {
	return slices.IndexFunc(p.calendar, func(a pims.Appointment) bool { return a.ID == id })
}

// fill enters n appointments, on the days in turn, a quarter of an hour apart.
// Their ids are first, first+1, …
func (p *practice) fill(first, n int, days ...string) {
	p.Helper()
	appointments := make([]pims.Appointment, n)
	for i := range n {
		nth := i / len(days)
		start := fmt.Sprintf("%s %02d:%02d", days[i%len(days)], nth/4, nth%4*15)
		appointments[i] = p.visit(fmt.Sprint(first+i), start)
	}
	p.enter(appointments...)
}

// held is a finished consultation with notes.
func (p *practice) held(id, appointmentID, at string, changes ...func(*pims.Consultation)) pims.Consultation {
	p.Helper()
	c := pims.Consultation{
		ID: id, AppointmentID: appointmentID, At: p.instant(at), AtText: at + ":00",
		Status: pims.ConsultationCompleted, StatusText: "Finalized", Reason: "Zzlimping",
		RawNotes: "S: Zzlimps", SOAP: pims.SOAP{Subjective: "Zzlimps"}, Diagnoses: []string{"Zzsprain"}, Discharge: "Zzrest",
	}
	for _, change := range changes {
		change(&c)
	}
	return c
}

// blank takes all notes out of a consultation.
func blank(c *pims.Consultation) { c.RawNotes, c.SOAP, c.Notes = "", pims.SOAP{}, "" }

// unfinished is a consultation that is still being written.
func unfinished(c *pims.Consultation) {
	c.Status, c.StatusText = pims.ConsultationInProgress, "Open"
}

// record puts consultations into the PIMS, in place of those with the same ids.
func (p *practice) record(consultations ...pims.Consultation) {
	p.Helper()
	for _, c := range consultations {
		i := slices.IndexFunc(p.records, func(r pims.Consultation) bool { return r.ID == c.ID })
		if i >= 0 {
			p.records[i] = c
		} else {
			p.records = append(p.records, c)
		}
	}
	p.fake.SetConsultations(p.records...)
}

// duringFetch lets something happen while the calendar is read for the next time.
func (p *practice) duringFetch(do func()) {
	p.duringFetchOf(1, do)
}

// duringFetchOf lets something happen while the calendar is read for the nth time
// from now.
func (p *practice) duringFetchOf(nth int, do func()) {
	fetches := 0
	p.fake.OnCall(func(_ context.Context, call pimstest.Call) error {
		if call.Op == pimstest.OpAppointments {
			if fetches++; fetches == nth {
				do()
			}
		}
		return nil
	})
}
