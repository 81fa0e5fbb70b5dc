package neosim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

// otitis is a consultation with everything.
var otitis = neosim.Consultation{
	ID: "501", AppointmentID: "101", PatientID: "61", Patient: "Luna", Species: "Canine", Breed: "Beagle",
	ClientID: "41", Client: "Ada O'Brien", ProviderID: "11", Provider: "Dr. Birchwood", At: noon, Status: "completed",
	Reason: "Itching", Notes: "S: itches\nA: Otitis", MoreNotes: "P: drops", Discharge: "Twice daily.",
	Vitals:    neosim.Vitals{Temperature: "38,5", TemperatureUnit: "C", Pulse: 90, Weight: 12.5, WeightUnit: "kg"},
	Diagnoses: []string{"Otitis externa"}, DiagnosesAsObjects: true,
	Lines: []neosim.Line{{ID: "9", Name: "Ear drops", Quantity: 1.5}},
}

const otitisEntry = `"id":501,"appointmentId":101,"patientName":"Luna","clientName":"Ada O'Brien","providerId":11,
	"providerName":"Dr. Birchwood","consultedAt":"2026-01-21T12:00:00","status":"completed","clinicalNotes":"S: itches\nA: Otitis",
	"vitals":{"temperature":"38,5","temperatureUnit":"C","pulse":90,"respiration":null,"weight":12.5,"weightUnit":"kg"},
	"diagnoses":[{"name":"Otitis externa"}]`

func searchPath(from, to time.Time, page int, order string) string {
	return "/consultations/search?" + url.Values{
		"page": {fmt.Sprint(page)}, "date_start": {from.Format("02.01.2006 15:04:05")}, "date_end": {to.Format("02.01.2006 15:04:05")},
		"order[]": {order},
	}.Encode()
}

type found struct {
	Data []struct {
		ID          json.Number
		ConsultedAt string
	}
	Total, Page, PerPage int
}

func TestAConsultationComesInBothShapes(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	sim.SetAppointments(luna)
	sim.AddConsultation(otitis)

	_, text := b.get(searchPath(noon, noon, 1, "consultedAt:desc"))
	require.JSONEq(t, `{"data":[{`+otitisEntry+`}],"total":1,"page":1,"perPage":20}`, text)

	_, text = b.get("/consultations/view/501")
	require.JSONEq(t, `{`+otitisEntry+`,"patientId":61,"clientId":41,"reason":"Itching","dischargeInstructions":"Twice daily."}`, text)

	_, text = b.get("/consultations/501/page-data")
	require.JSONEq(t, `{
		"consultation":{"id":501,"reason":"Itching","notes":"P: drops","dischargeSummary":"Twice daily.","date":"2026-01-21T12:00:00","status":"completed"},
		"patient":{"id":61,"name":"Luna","species":"Canine","breed":"Beagle"},
		"client":{"id":41,"name":"Ada O'Brien"},
		"consultationNotes":{"notes":"S: itches\nA: Otitis"},
		"consultationLines":[{"id":9,"productService":"Ear drops","quantity":1.5,"isDeclined":false}]}`, text)
}

func TestDiagnosesAreStringsOrObjectsOrNone(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	sim.SetAppointments()
	plain := otitis
	plain.DiagnosesAsObjects = false
	none := neosim.Consultation{ID: "502", At: noon}
	for _, c := range []neosim.Consultation{plain, none} {
		sim.AddConsultation(c)
	}
	_, text := b.get("/consultations/view/501")
	require.Equal(t, []any{"Otitis externa"}, decode[map[string]any](t, text)["diagnoses"])
	_, text = b.get("/consultations/view/502")
	require.Equal(t, []any{}, decode[map[string]any](t, text)["diagnoses"])
	require.Nil(t, decode[map[string]any](t, text)["vitals"])
}

func TestTheSearchGivesTwentyAPageInEitherOrder(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	sim.SetAppointments()
	for n := range 45 {
		sim.AddConsultation(neosim.Consultation{ID: fmt.Sprint(1000 + n), At: noon.Add(time.Duration(n) * time.Minute)})
	}
	sim.AddConsultation(neosim.Consultation{ID: "1", At: noon.Add(-time.Second)})
	sim.AddConsultation(neosim.Consultation{ID: "2", At: noon.Add(time.Hour)})
	for order, first := range map[string]int{"consultedAt:desc": 1044, "consultedAt:asc": 1000} {
		var ids []string
		for page, size := range map[int]int{1: 20, 2: 20, 3: 5, 4: 0} {
			_, text := b.get(searchPath(noon, noon.Add(time.Hour-time.Second), page, order))
			got := decode[found](t, text)
			require.Len(t, got.Data, size)
			require.Equal(t, [3]int{45, page, 20}, [3]int{got.Total, got.Page, got.PerPage})
			for _, entry := range got.Data {
				ids = append(ids, entry.ID.String())
			}
			if page == 1 {
				require.Equal(t, fmt.Sprint(first), got.Data[0].ID.String())
			}
		}
		require.Len(t, ids, 45)
	}
}

func TestASearchWithoutAWindowIsRefused(t *testing.T) {
	t.Parallel()
	_, b := loggedIn(t, neosim.Options{})
	for _, path := range []string{
		"/consultations/search",
		"/consultations/search?page=1&date_start=2026-01-21+00:00:00&date_end=2026-01-22+00:00:00",
		searchPath(noon, noon, 0, ""),
	} {
		status, _ := b.get(path)
		require.Equal(t, http.StatusUnprocessableEntity, status, path)
	}
}

func TestAShapeMayBeMissing(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	sim.SetAppointments()
	sim.AddConsultation(otitis)
	unreadable := otitis
	unreadable.ID, unreadable.Unreadable = "502", true
	sim.AddConsultation(unreadable)
	for views, want := range map[neosim.Views][2]int{
		neosim.ViewsBoth: {200, 200}, neosim.ViewsOld: {200, 404}, neosim.ViewsPageData: {404, 200}, neosim.ViewsNone: {404, 404},
	} {
		sim.Configure(func(o *neosim.Options) { o.Views = views })
		old, _ := b.get("/consultations/view/501")
		newer, _ := b.get("/consultations/501/page-data")
		require.Equal(t, want, [2]int{old, newer})
	}
	sim.Configure(func(o *neosim.Options) { o.Views = neosim.ViewsBoth })
	for _, path := range []string{"/consultations/view/502", "/consultations/502/page-data", "/consultations/view/503", "/consultations/503/page-data"} {
		status, _ := b.get(path)
		require.Equal(t, http.StatusNotFound, status, path)
	}
	_, text := b.get(searchPath(noon, noon, 1, "consultedAt:desc"))
	require.Equal(t, 2, decode[found](t, text).Total, "the search lists what cannot be read")
}

func TestRawFieldsOfAConsultation(t *testing.T) {
	t.Parallel()
	sim, b := loggedIn(t, neosim.Options{})
	sim.SetAppointments()
	odd := otitis
	odd.Raw = map[string]any{"clinicalNotes": 7, "id": neosim.Omit}
	odd.RawPage = map[string]any{"consultationNotes": nil}
	sim.AddConsultation(odd)
	_, text := b.get("/consultations/view/501")
	view := decode[map[string]any](t, text)
	require.Equal(t, 7.0, view["clinicalNotes"])
	require.NotContains(t, view, "id")
	_, text = b.get("/consultations/501/page-data")
	require.Contains(t, text, `"consultationNotes":null`)
}
