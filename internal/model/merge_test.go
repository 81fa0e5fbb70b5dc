package model_test

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

//nolint:paralleltest // rapid has one set of flags
func TestNoSequenceBreaksTheMerge(t *testing.T) { // R7, R8, R10, R12, R16
	check(t, *decisions, func(t *rapid.T, seen tally) {
		l := &life{T: t, seen: seen}
		t.Repeat(map[string]func(*rapid.T){
			"the PIMS shows the visit":          l.live(l.show),
			"the PIMS shows the visit later":    l.live(l.show),
			"a consultation is read":            l.live(l.read),
			"a person changes the status":       l.live(l.decide),
			"a reconciliation deletes the case": l.live(l.delete),
			"a foreign statement deletes it":    l.live(l.deleteByHand),
		})
	})
}

// A life is what happens to one case.
type life struct {
	*rapid.T
	seen tally
	is   *cases.Case       // nil: there is none yet
	last *pims.Appointment // what the PIMS showed last
}

func (l *life) live(action func()) func(*rapid.T) {
	return func(t *rapid.T) {
		l.T = t
		action()
		l.seen["steps"]++
	}
}

// types are the PIMS's words for kinds of visits, and what the provider says that they mean
// (R54). "Examples" is a word that it does not know.
var types = map[string]pims.Type{"Exam": pims.TypeCheckup, "Emergency Surgery": pims.TypeSurgery, "urgent exam": pims.TypeOther}

func (l *life) text(what string) string {
	return rapid.SampledFrom([]string{"a", "", " ", "b", "Zoë 🐕", "\t\n"}).Draw(l.T, what)
}

func (l *life) visit() pims.Appointment {
	w := rapid.SampledFrom(words).Draw(l.T, "status")
	kind := rapid.SampledFrom([]string{"Exam", "", " ", "Emergency Surgery", "urgent exam", "Examples"}).Draw(l.T, "type")
	return pims.Appointment{
		ID: "4711", Start: firstDay.Add(time.Duration(rapid.IntRange(0, 2).Draw(l.T, "start")) * time.Hour),
		StartText: l.text("start text"), EndText: l.text("end text"), ConsultationID: l.text("consultation"),
		NoConsultation: rapid.Bool().Draw(l.T, "says that there is none"),
		PatientID:      l.text("patient id"), PatientName: l.text("patient"), ClientID: l.text("client id"), ClientName: l.text("client"),
		ClientPhone: l.text("phone"), ClientEmail: l.text("email"), Veterinarian: l.text("vet"), Room: l.text("room"),
		Title: l.text("title"), Reason: l.text("reason"),
		Type: types[kind], TypeText: kind,
		Status: w.status, StatusText: rapid.SampledFrom([]string{w.word, "", " "}).Draw(l.T, "status text"),
	}
}

// show merges a visit into the case and demands what the rules say of it.
func (l *life) show() {
	visit := l.visit()
	if l.last != nil && rapid.Bool().Draw(l.T, "as before") {
		visit = *l.last
	}
	shown := visit
	var was cases.Case
	if l.is != nil {
		was = *l.is
	}
	is, action := cases.MergeAppointment(l.is, &visit, nil)
	require.Equal(l, shown, visit, "it is pure")
	if l.is != nil {
		require.Equal(l, was, *l.is, "it is pure")
	}
	l.requireTexts(&was, &visit, &is)
	l.requireStatus(&was, &visit, &is)
	require.Equal(l, visit.Start, is.ScheduledDate, "R10: the date is the PIMS's")
	require.Nil(l, is.Deletion, "R16")
	require.Equal(l, "4711", is.PIMSID)
	require.Equal(l, []any{was.ID, was.CreatedAt, was.UpdatedAt, was.Version},
		[]any{is.ID, is.CreatedAt, is.UpdatedAt, is.Version}, "a visit says nothing of these")
	require.Equal(l, unproved(&was, was.SoftDeleted(), &visit), is.Appointment.Unproved, "R7: without a patient id")
	if mustHide(&was, was.SoftDeleted(), &visit) {
		require.Nil(l, is.Consultation, "R7")
		require.True(l, is.Hidden)
		l.seen["consultations hidden"]++
	} else {
		require.Equal(l, was.Consultation, is.Consultation, "R7")
		require.False(l, is.Hidden)
	}

	switch {
	case l.is == nil:
		require.Equal(l, syncs.ActionCreated, action)
	case was.SoftDeleted():
		require.Equal(l, syncs.ActionRestored, action)
	case action == "":
		require.Equal(l, was, is, "R12: nothing changes, and something did")
	default:
		require.Equal(l, syncs.ActionUpdated, action)
		require.NotEqual(l, was, is, "R12: something changes, and nothing did")
	}
	l.seen["visits merged: "+cmp.Or(string(action), "unchanged")]++
	again, action := cases.MergeAppointment(&is, &visit, nil)
	require.Empty(l, action, "R12: the same visit changes nothing the second time")
	require.Equal(l, is, again)
	is.Hidden = false // it is written
	l.is, l.last = &is, &visit
}

// own is what of a case may live on beside a visit: nothing of another appointment
// that had the id, and nothing of another patient or client (R7).
func own(was cases.Case, visit *pims.Appointment) cases.Case {
	patient, now := was.Appointment.PatientID, strings.TrimSpace(visit.PatientID)
	whose := patient
	if was.Consultation != nil {
		whose = cmp.Or(was.Consultation.PatientID, patient)
	}
	client := isAnother(was.Appointment.ClientID, strings.TrimSpace(visit.ClientID))
	another := becomes(&was, visit)
	doubted := unproved(&was, was.SoftDeleted(), visit) && !was.Appointment.Unproved
	switch {
	case was.SoftDeleted() && another:
		was.PatientName, was.ClientName, was.PhoneNumber, was.Appointment = "", "", "", cases.Appointment{}
	case was.SoftDeleted() && (whose == "" || whose != now):
		was.Appointment = cases.Appointment{}
	case another:
		was.PatientName, was.Appointment.ConsultationID, was.Appointment.Title = "", "", ""
		if !isAnother(patient, now) {
			was.Appointment.ClientID = ""
		}
	}
	if client {
		was.ClientName, was.PhoneNumber, was.Appointment.ClientEmail = "", "", ""
	}
	if doubted {
		was.Appointment.Title = ""
	}
	if visit.NoConsultation {
		was.Appointment.ConsultationID = ""
	}
	return was
}

// requireTexts demands that each text is what the PIMS last said that was not
// blank (R7), and that the type follows its word (R8).
func (l *life) requireTexts(whole *cases.Case, visit *pims.Appointment, is *cases.Case) {
	mine := own(*whole, visit)
	was := &mine
	for _, text := range []struct{ name, said, before, after string }{
		{"patient", visit.PatientName, was.PatientName, is.PatientName},
		{"client", visit.ClientName, was.ClientName, is.ClientName},
		{"phone", visit.ClientPhone, was.PhoneNumber, is.PhoneNumber},
		{"consultation", visit.ConsultationID, was.Appointment.ConsultationID, is.Appointment.ConsultationID},
		{"status word", visit.StatusText, was.Appointment.Status, is.Appointment.Status},
		{"type word", visit.TypeText, was.Appointment.Type, is.Appointment.Type},
		{"start", visit.StartText, was.Appointment.Start, is.Appointment.Start},
		{"end", visit.EndText, was.Appointment.End, is.Appointment.End},
		{"patient id", visit.PatientID, was.Appointment.PatientID, is.Appointment.PatientID},
		{"client id", visit.ClientID, was.Appointment.ClientID, is.Appointment.ClientID},
		{"email", visit.ClientEmail, was.Appointment.ClientEmail, is.Appointment.ClientEmail},
		{"vet", visit.Veterinarian, was.Appointment.Veterinarian, is.Appointment.Veterinarian},
		{"room", visit.Room, was.Appointment.Room, is.Appointment.Room},
		{"title", visit.Title, was.Appointment.Title, is.Appointment.Title},
		{"reason", visit.Reason, was.Appointment.Reason, is.Appointment.Reason},
	} {
		want := text.said
		if strings.TrimSpace(want) == "" {
			want = text.before
		}
		require.Equal(l, want, text.after, "R7: %s", text.name)
	}
	want := string(visit.Type)
	switch {
	case want == "" && pims.Blank(visit.TypeText) && l.is != nil:
		want = was.CaseType
	case want == "":
		want = cases.Other
	}
	require.Equal(l, want, is.CaseType, "R8")
	meaning := visit.Status
	if meaning == "" && pims.Blank(visit.StatusText) {
		meaning = was.Appointment.Meaning
	}
	require.Equal(l, meaning, is.Appointment.Meaning, "R54")
}

// requireStatus demands that a status is the PIMS's only where it is still what
// sync last wrote (R10), and what it was before a soft delete (R16).
func (l *life) requireStatus(was *cases.Case, visit *pims.Appointment, is *cases.Case) {
	says := map[pims.Status]string{
		pims.StatusScheduled: "draft", pims.StatusInProgress: "draft", pims.StatusCompleted: "pending",
		pims.StatusCancelled: "reviewed", pims.StatusNoShow: "reviewed",
	}[visit.Status] // empty: not known (R7)
	status, syncStatus := was.Status, was.SyncStatus
	persons := l.is != nil && status != syncStatus
	before := was.Deletion
	switch {
	case l.is == nil && says == "":
		says = "draft"
	case persons && before == nil:
	case persons: // after the delete
		require.Equal(l, status, is.Status, "R16: a person decided after the delete")
		if before.SyncStatusBefore != "" {
			require.NotEqual(l, status, is.SyncStatus, "R10: and it still is a person's")
		}
		return
	case before != nil && before.StatusBefore != "":
		status, syncStatus = before.StatusBefore, before.SyncStatusBefore
	}
	switch {
	case says == "":
	case syncStatus == "" && l.is != nil: // made by hand
		syncStatus = says
	case status == syncStatus:
		status, syncStatus = says, says
	}
	require.Equal(l, status, is.Status, "R10")
	require.Equal(l, syncStatus, is.SyncStatus, "R10")
}

// read takes what a consultation says and demands R7 of it.
func (l *life) read() {
	if l.is == nil {
		return
	}
	id := func(what string) string { return rapid.SampledFrom([]string{"a", "b", ""}).Draw(l.T, what) }
	read := pims.Consultation{
		ID: rapid.SampledFrom([]string{"a", "b"}).Draw(l.T, "consultation"), PatientID: id("patient"),
		Status: rapid.SampledFrom([]pims.ConsultationStatus{"in_progress", "completed"}).Draw(l.T, "status"),
		SOAP:   pims.SOAP{Plan: l.text("plan")}, Notes: l.text("notes"), Discharge: l.text("discharge"),
	}
	read.RawNotes = read.SOAP.Plan + read.Notes
	l.is.Shown = map[string]cases.Whose{id("shown before"): {PatientID: id("for whom"), ClientID: id("whose client"), PatientName: id("called")}}
	read.ClientID = id("client")
	at := firstDay.Add(time.Duration(rapid.IntRange(0, 9).Draw(l.T, "at")) * time.Minute)
	was, unread := l.is.Consultation, *l.is
	is, changed, err := cases.Take(*l.is, read, at)
	require.Equal(l, unread, *l.is, "it is pure")
	named := cases.Whose{PatientID: read.PatientID, ClientID: read.ClientID}
	if was != nil && was.ID == read.ID {
		named = cases.Whose{PatientID: cmp.Or(read.PatientID, was.PatientID), ClientID: cmp.Or(read.ClientID, was.ClientID)}
	}
	before, shown := l.is.Shown[read.ID]
	if l.is.Appointment.Unproved || isOthers(named, l.is.Whose()) || shown && named.PatientID == "" && isOthers(before, l.is.Whose()) {
		require.Error(l, err, "R7: another patient's")
		require.Equal(l, was != nil && was.ID == read.ID, changed, "R7: what is stored of it is hidden")
		require.Equal(l, changed, is.Hidden)
		if is.Hidden = false; changed {
			unread.Consultation = nil
		}
		require.Equal(l, unread, is)
		l.is = &is
		l.seen["consultations refused"]++
		return
	}
	require.NoError(l, err)
	want := read
	if read.SOAP.Blank() {
		want.SOAP = pims.SOAP{}
	}
	same := was != nil && was.ID == read.ID && !isOthers(cases.Whose{PatientID: was.PatientID, ClientID: was.ClientID}, named)
	if same {
		want.PatientID, want.ClientID = cmp.Or(read.PatientID, was.PatientID), cmp.Or(read.ClientID, was.ClientID)
	}
	if same && strings.TrimSpace(read.RawNotes) == "" {
		want.SOAP, want.Notes, want.RawNotes = was.SOAP, was.Notes, was.RawNotes
	}
	require.Equal(l, !same || want.Status != was.Status || want.SOAP != was.SOAP || want.Notes != was.Notes ||
		want.RawNotes != was.RawNotes || want.Discharge != was.Discharge || isAnother(want.ClientID, was.ClientID), changed, "R12")
	if changed {
		require.Equal(l, want, is.Consultation.Consultation, "R7: the newer replaces the older whole, but none of the same erases notes")
		require.Equal(l, at, is.Consultation.FetchedAt)
	} else {
		require.Equal(l, unread, is, "R12: the time of the read, and a patient that becomes known, are no change")
	}
	again, changed, err := cases.Take(is, read, at.Add(time.Hour))
	require.NoError(l, err)
	require.False(l, changed)
	require.Equal(l, is, again)
	l.is = &is
	l.seen["consultations merged"]++
}

// decide is a person's, who may also have made the case: then sync has never seen
// its status.
func (l *life) decide() {
	status := rapid.SampledFrom([]string{"approved", "draft", "pending", "reviewed"}).Draw(l.T, "status")
	if l.is == nil {
		l.is = &cases.Case{ID: uuid.New(), PIMSID: "4711", CaseType: cases.Other}
	}
	l.is.Status = status
}

func (l *life) delete() {
	if l.is == nil || l.is.SoftDeleted() {
		return
	}
	gone := cases.Deleted(*l.is, cases.ReasonRemoved, uuid.New(), firstDay)
	require.Equal(l, []string{"reviewed", "reviewed"}, []string{gone.Status, gone.SyncStatus}, "R10, R24: whatever it was")
	l.is = &gone
}

// deleteByHand is the specification's own statement, which keeps nothing of before
// (W10).
func (l *life) deleteByHand() {
	if l.is == nil || l.is.SoftDeleted() {
		return
	}
	gone := *l.is
	gone.Status, gone.Deletion = "reviewed", &cases.Deletion{SoftDeleted: true, Reason: cases.ReasonRemoved}
	l.is = &gone
}
