package ownership_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/ownership"
	"github.com/pims-sync/pims-sync/internal/pims"
)

func entry(id, appointmentID string, status pims.ConsultationStatus, minute int) pims.ConsultationEntry {
	return pims.ConsultationEntry{ID: id, AppointmentID: appointmentID, Status: status, At: time.Date(2026, 3, 2, 8, minute, 0, 0, time.UTC)}
}

func TestTheConsultationOfACaseIsFoundByIDs(t *testing.T) { // R9
	t.Parallel()
	l := ownership.NewListing([]pims.ConsultationEntry{
		entry("51", "", pims.ConsultationCompleted, 0),
		entry("52", "2", pims.ConsultationInProgress, 50),
		entry("53", "2", pims.ConsultationCompleted, 20),
		entry("54", "2", pims.ConsultationCompleted, 15),
		entry("55", "2", pims.ConsultationCancelled, 55),
	})
	for name, tc := range map[string]struct {
		c    cases.Candidate
		want string
	}{
		"the calendar names it":                         {cases.Candidate{PIMSID: "2", ConsultationID: "51"}, "51"},
		"the calendar names one that is not listed":     {cases.Candidate{PIMSID: "2", ConsultationID: "99"}, "99"},
		"the search lists it: most finished, then last": {cases.Candidate{PIMSID: "2"}, "53"},
		"the search overrules an id stored earlier":     {cases.Candidate{PIMSID: "2", ConsultationID: "51", Earlier: true}, "53"},
		"an id stored earlier":                          {cases.Candidate{PIMSID: "1", ConsultationID: "51", Earlier: true}, "51"},
		"an id stored earlier, now of another visit":    {cases.Candidate{PIMSID: "1", ConsultationID: "52", Earlier: true}, ""},
		"nobody names one":                              {cases.Candidate{PIMSID: "1"}, ""},
	} {
		got, ok := l.Entry(&tc.c)
		require.Equal(t, tc.want, got.ID, name)
		require.Equal(t, tc.want != "", ok, name)
	}
}

// caseOf is a case of visit 1, of Otto.
func caseOf() *cases.Case {
	return &cases.Case{PIMSID: "1", Appointment: cases.Appointment{PatientID: "otto", ClientID: "ada"}}
}

func TestWhatProvesAndWhatRefusesAConsultation(t *testing.T) { // R7, R9
	t.Parallel()
	pip, otto := cases.Whose{PatientID: "pip", ClientID: "bo"}, cases.Whose{PatientID: "otto", ClientID: "ada"}
	holder := func(visit string, w cases.Whose) cases.Holder { return cases.Holder{PIMSID: visit, Whose: w} }
	for name, tc := range map[string]struct {
		read    pims.Consultation
		listed  string // the visit that the search lists it for
		holders []cases.Holder
		proved  bool
		shared  []string // the other visits of a SharedError
		err     error
	}{
		"it names nobody":                          {},
		"it names the visit":                       {read: pims.Consultation{AppointmentID: "1"}, proved: true},
		"it names another visit of the patient":    {read: pims.Consultation{AppointmentID: "3"}, proved: true},
		"it names a visit that nobody knows":       {read: pims.Consultation{AppointmentID: "4"}},
		"it names another patient's visit":         {read: pims.Consultation{AppointmentID: "2"}, err: ownership.ErrAnotherVisit},
		"it names the patient":                     {read: pims.Consultation{PatientID: "otto"}, proved: true},
		"it names the client":                      {read: pims.Consultation{ClientID: "ada"}},
		"the search lists it":                      {listed: "1", proved: true},
		"another patient's case has it":            {holders: []cases.Holder{holder("1", otto), holder("2", pip), holder("2", pip)}, shared: []string{"2"}},
		"another case of the patient has it":       {holders: []cases.Holder{holder("1", otto), holder("3", otto)}},
		"another's case, and it names the patient": {read: pims.Consultation{PatientID: "otto"}, holders: []cases.Holder{holder("2", pip)}, proved: true},
		"another's case, and its client is not it": {read: pims.Consultation{ClientID: "ada"}, holders: []cases.Holder{holder("2", pip)}},
	} {
		l := ownership.NewListing([]pims.ConsultationEntry{entry("51", tc.listed, pims.ConsultationCompleted, 0)})
		l.SetVisit("1", otto)
		l.SetVisit("2", pip)
		l.SetVisit("3", otto)
		l.AddHolders("51", tc.holders...)
		tc.read.ID = "51"
		require.Equal(t, tc.proved, l.Proved(&tc.read, caseOf()), name)
		err := l.Refusal(&tc.read, caseOf())
		if tc.shared == nil {
			require.Equal(t, tc.err, err, name)
			require.Zero(t, l.Withheld(), name)
			continue
		}
		var shared *ownership.SharedError
		require.ErrorAs(t, err, &shared, name)
		require.Equal(t, tc.shared, shared.Visits, name)
		require.Equal(t, 1, l.Withheld(), name)
	}
}

func TestAVisitIsAskedForOnce(t *testing.T) {
	t.Parallel()
	l := ownership.NewListing(nil)
	l.SetVisit("1", cases.Whose{})
	require.Equal(t, []string{"2", "3"}, l.Unknown([]string{"1", "2", "", "3", "2"}))
	require.Empty(t, l.Unknown([]string{"1", "2", "3"}))
}
