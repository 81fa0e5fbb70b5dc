package cases

import (
	"fmt"
	"strings"
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// MergeAppointment returns the case as it is after the PIMS showed this appointment (R7,
// R10, R16). It is pure. A nil old is a case that is not stored yet. words are the clinic's
// settings; nil means none (R50). The action is ActionCreated, ActionRestored,
// ActionUpdated, or empty where nothing changes (R12).
func MergeAppointment(old *Case, a *pims.Appointment, words *settings.Reader) (Case, syncs.Action) {
	filtered := words.Filtered(a)
	a = words.Apply(a)
	if old == nil {
		created := newCase(undamaged(a, &Case{}))
		created.Filtered = filtered
		return created, syncs.ActionCreated
	}
	merged := carriedOver(old, a)
	a = undamaged(a, &merged)
	restored := merged.SoftDeleted()
	if restored {
		undelete(&merged)
	}

	merged.PatientName = orOld(a.PatientName, merged.PatientName)
	merged.ClientName = orOld(a.ClientName, merged.ClientName)
	merged.PhoneNumber = orOld(a.ClientPhone, merged.PhoneNumber)
	merged.ScheduledDate = a.Start
	if caseType, said := mapType(a); said {
		merged.CaseType = caseType
	}
	merged.Filtered = filtered
	merged.Appointment = mergeDetails(merged.Appointment, a)
	if stored := merged.Owner(); stored != nil && !stillOwn(stored, old, &merged, a) {
		merged = merged.WithoutNotes()
	}
	if status, ok := MapStatus(a.Status); ok {
		setStatus(&merged, status)
	}

	switch {
	case restored:
		return merged, syncs.ActionRestored
	case equal(old, &merged):
		return *old, ""
	default:
		return merged, syncs.ActionUpdated
	}
}

func newCase(a *pims.Appointment) Case {
	status, ok := MapStatus(a.Status)
	if !ok {
		status = Draft // R7
	}
	caseType, _ := mapType(a)
	return Case{
		PIMSID:        a.ID,
		PatientName:   orOld(a.PatientName, ""),
		ClientName:    orOld(a.ClientName, ""),
		PhoneNumber:   orOld(a.ClientPhone, ""),
		ScheduledDate: a.Start,
		Status:        status,
		SyncStatus:    status,
		CaseType:      caseType,
		Appointment:   mergeDetails(Appointment{}, a),
	}
}

// setStatus applies R10: a sync changes the status only where it is still the value that a
// sync last wrote. It records a person's status and does not take it over as its own.
func setStatus(c *Case, status string) {
	switch c.SyncStatus {
	case "":
		c.SyncStatus = status
	case c.Status:
		c.Status, c.SyncStatus = status, status
	}
}

// undelete reverts a soft delete (R16). A status that a person changed after the delete
// stays the person's. It does not count as written by a sync, even where it equals the
// value that a sync wrote before the delete (R10). Where the delete stored no earlier state
// (the specification's own statement does not), there is nothing to put back, and R10
// applies to the present values.
func undelete(c *Case) {
	before := c.Deletion
	c.Deletion = nil
	if before.StatusBefore == "" {
		return
	}
	switch c.Status {
	case c.SyncStatus:
		c.Status, c.SyncStatus = before.StatusBefore, before.SyncStatusBefore
	case before.SyncStatusBefore: // SyncStatus stays what the delete wrote: the status is the person's (R10)
	default:
		c.SyncStatus = before.SyncStatusBefore
	}
}

// mergeDetails never lets a blank erase a known value (R7). A null consultation id means
// that there is no consultation; an absent id means nothing. The meaning of the status
// follows its word (R54): a word that the provider does not know has none. Times are stored
// in one format (R12).
func mergeDetails(old Appointment, a *pims.Appointment) Appointment {
	consultationID, earlier := orOld(a.ConsultationID, ""), false
	if consultationID == "" && !a.NoConsultation {
		consultationID, earlier = old.ConsultationID, old.ConsultationID != ""
	}
	meaning := a.Status
	if meaning == pims.StatusUnknown && pims.Blank(a.StatusText) {
		meaning = old.Meaning
	}
	return Appointment{
		ConsultationID: consultationID,
		Earlier:        earlier,
		Status:         orOld(a.StatusText, old.Status),
		Meaning:        meaning,
		Type:           orOld(a.TypeText, old.Type),
		Start:          orOld(pims.WallText(a.StartText), old.Start),
		End:            mergeEnd(&old, a),
		PatientID:      orOld(a.PatientID, old.PatientID),
		Unproved:       old.Unproved,
		ClientID:       orOld(a.ClientID, old.ClientID),
		ClientEmail:    orOld(a.ClientEmail, old.ClientEmail),
		Veterinarian:   orOld(a.Veterinarian, old.Veterinarian),
		Room:           orOld(a.Room, old.Room),
		Title:          orOld(a.Title, old.Title),
		Reason:         orOld(a.Reason, old.Reason),
	}
}

// mergeEnd returns when the visit ends. What is no time in a form that we know replaces no
// time that is known, unless the visit has another start (R7, R12).
func mergeEnd(old *Appointment, a *pims.Appointment) string {
	_, readable := pims.ParseWall(a.EndText)
	_, known := pims.ParseWall(old.End)
	if !readable && known && pims.WallText(a.StartText) == old.Start {
		return old.End
	}
	return orOld(pims.WallText(a.EndText), old.End)
}

// orOld returns a text, or the old one where it is blank (R7).
func orOld(text, old string) string {
	if pims.Blank(text) {
		return old
	}
	return text
}

// equal compares the fields that an appointment can change.
func equal(a, b *Case) bool {
	return (a.Owner() == nil) == (b.Owner() == nil) && a.PatientName == b.PatientName && a.ClientName == b.ClientName && a.PhoneNumber == b.PhoneNumber &&
		a.ScheduledDate.Equal(b.ScheduledDate) && a.Status == b.Status && a.SyncStatus == b.SyncStatus &&
		a.CaseType == b.CaseType && a.Appointment == b.Appointment && a.Filtered == b.Filtered
}

// Diff lists the fields in which two states of a case differ, for people to read (R26): the
// fields of the API, and the fields of metadata under their names there. A nil before is a
// case that does not exist yet.
func Diff(before *Case, after *Case) []syncs.FieldChange {
	if before == nil {
		before = &Case{}
	}
	fields := []syncs.FieldChange{
		field("patientName", before.PatientName, after.PatientName),
		field("clientName", before.ClientName, after.ClientName),
		field("phoneNumber", before.PhoneNumber, after.PhoneNumber),
		field("scheduledDate", instant(before.ScheduledDate), instant(after.ScheduledDate)),
		field("status", before.Status, after.Status),
		field("caseType", before.CaseType, after.CaseType),
		field("appointment.status", before.Appointment.Status, after.Appointment.Status),
		meaning(&before.Appointment, &after.Appointment),
		field("appointment.consultationId", before.Appointment.ConsultationID, after.Appointment.ConsultationID),
		field("appointment.type", before.Appointment.Type, after.Appointment.Type),
		field("appointment.end", before.Appointment.End, after.Appointment.End),
		field("appointment.patientId", before.Appointment.PatientID, after.Appointment.PatientID),
		field("appointment.clientId", before.Appointment.ClientID, after.Appointment.ClientID),
		field("appointment.clientEmail", before.Appointment.ClientEmail, after.Appointment.ClientEmail),
		field("appointment.veterinarian", before.Appointment.Veterinarian, after.Appointment.Veterinarian),
		field("appointment.room", before.Appointment.Room, after.Appointment.Room),
		field("appointment.title", before.Appointment.Title, after.Appointment.Title),
		field("appointment.reason", before.Appointment.Reason, after.Appointment.Reason),
		field("reconciliation.reason", reason(before), reason(after)),
		field("sync.filtered", filteredBy(before), filteredBy(after)),
	}
	fields = append(fields, diffConsultations(before, after)...)
	changed := fields[:0]
	for _, f := range fields {
		if f.Before != f.After {
			changed = append(changed, f)
		}
	}
	return changed
}

// told returns the fields of the case's consultation that were read from the PIMS.
func (c *Case) told() *Consultation {
	switch {
	case c.Consultation != nil:
		return c.Consultation
	case c.Consulted != nil:
		return &Consultation{Consultation: pims.Consultation{ID: c.Consulted.ConsultationID, PatientID: c.Consulted.PatientID, ClientID: c.Consulted.ClientID}}
	default:
		return &Consultation{}
	}
}

func diffConsultations(caseBefore, caseAfter *Case) []syncs.FieldChange {
	before, after := caseBefore.told(), caseAfter.told()
	if w := (Write{Before: caseBefore, After: *caseAfter}); caseAfter.Consultation == nil && !w.Hides() {
		after = before // not read, so not changed
	}
	return []syncs.FieldChange{
		field("consultation.id", before.ID, after.ID),
		field("consultation.patientId", before.PatientID, after.PatientID),
		field("consultation.clientId", before.ClientID, after.ClientID),
		field("consultation.statusText", before.StatusText, after.StatusText),
		field("consultation.soapNotes.subjective", before.SOAP.Subjective, after.SOAP.Subjective),
		field("consultation.soapNotes.objective", before.SOAP.Objective, after.SOAP.Objective),
		field("consultation.soapNotes.assessment", before.SOAP.Assessment, after.SOAP.Assessment),
		field("consultation.soapNotes.plan", before.SOAP.Plan, after.SOAP.Plan),
		field("consultation.notes", before.Notes, after.Notes),
		field("consultation.vitals", describe(before.Vitals), describe(after.Vitals)),
		field("consultation.diagnoses", strings.Join(before.Diagnoses, "; "), strings.Join(after.Diagnoses, "; ")),
		field("consultation.dischargeInstructions", before.Discharge, after.Discharge),
	}
}

// describe returns a patient's measurements in one line: "temperature 101.5 F, pulse 80".
func describe(v *pims.Vitals) string {
	if v == nil {
		return ""
	}
	var parts []string
	add := func(name string, n *float64, unit string) {
		if n != nil {
			parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %v %s", name, *n, unit)))
		} else if raw, ok := v.Raw[name]; ok {
			parts = append(parts, fmt.Sprintf("%s %q", name, raw))
		}
	}
	add("temperature", v.Temperature, v.TemperatureUnit)
	add("pulse", v.Pulse, "")
	add("respiration", v.Respiration, "")
	add("weight", v.Weight, v.WeightUnit)
	return strings.Join(parts, ", ")
}

// meaning is a change only where the word is the same: otherwise the word tells it.
func meaning(before, after *Appointment) syncs.FieldChange {
	told := string(before.Meaning)
	if before.Status == after.Status {
		told = string(after.Meaning)
	}
	return field("appointment.normalisedStatus", string(before.Meaning), told)
}

// filteredBy describes the filter that a case's appointment meets; empty: none.
func filteredBy(c *Case) string {
	if c.Filtered == (settings.Cause{}) {
		return ""
	}
	return c.Filtered.Told()
}

func reason(c *Case) string {
	if !c.SoftDeleted() {
		return ""
	}
	return c.Deletion.Reason
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func field(name, before, after string) syncs.FieldChange {
	return syncs.FieldChange{Field: name, Before: before, After: after}
}
