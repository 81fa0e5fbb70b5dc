package idexxneo

import (
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func TestTheSessionIsProvedBeforeAndAfter(t *testing.T) { // R5
	t.Parallel()
	var mu sync.Mutex
	var order []string
	note := func(what string, answer http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			order = append(order, what)
			mu.Unlock()
			answer(w, r)
		}
	}
	proof := says(`[{"id":"11","name":"Dr. Ada Fern"}]`)
	s := dial(t, wire{"/users/providers": note("proof", proof), calendarPath: note("calendar", says(`[]`))})
	_, err := s.Appointments(t.Context(), january(t, 17, 17))
	require.NoError(t, err)
	require.Equal(t, []string{"proof", "calendar", "proof"}, order)
}

func TestASessionThatIsDeadAfterTheFetchSpoilsIt(t *testing.T) { // R5
	t.Parallel()
	proofs := 0
	proof := func(w http.ResponseWriter, r *http.Request) {
		proofs++
		if proofs > 1 {
			http.Redirect(w, r, "/login", http.StatusFound)
			return
		}
		says(`[{"id":11,"name":"Dr. Ada Fern"}]`)(w, r)
	}
	s := dial(t, wire{"/users/providers": proof, calendarPath: says(`[]`)})
	_, err := s.Appointments(t.Context(), january(t, 17, 17))
	require.ErrorIs(t, err, pims.ErrSessionExpired)
}

func TestOnlyAListOfProvidersIsAProof(t *testing.T) { // R5
	t.Parallel()
	for _, body := range []string{
		`null`, `{}`, `[]`, `true`, `"ok"`, `[1]`, `["1"]`, `[null]`, `[{}]`, `[[]]`, `[[{"id":1}]]`, `[{"name":"Dr. Ada Fern"}]`,
		`{"data":[{"id":1,"name":"Dr. Ada Fern"}]}`, `{"id":1,"name":"Dr. Ada Fern"}`, `[{"id":null,"name":"x"}]`, `[{"id":"","name":"x"}]`,
		`[{"id":{},"name":"x"}]`, `[{"id":true,"name":"x"},null,{"id":" "}]`, `[{"provider":{"id":1}}]`,
	} {
		s := dial(t, wire{"/users/providers": says(body)})
		require.ErrorIs(t, s.Prove(t.Context()), pims.ErrSchemaDrift, body)
	}
}

func TestOneProviderThatIsRecognisedIsAProof(t *testing.T) { // R5
	t.Parallel()
	for _, former := range []string{
		`null`, `{}`, `[]`, `1`, `"x"`, `true`, `{"id":3,"name":""}`, `{"id":3,"name":null}`, `{"id":3}`, `{"name":"Dr. Oak Reed"}`,
		`{"id":null,"name":null}`, `{"id":{},"name":[]}`, `{"id":3,"name":{"first":"Oak"}}`, `[{"id":[]}]`,
	} {
		for _, body := range []string{
			`[{"id":1,"name":"Dr. Ada Fern"},` + former + `]`, `[` + former + `,{"id":"1","name":"Dr. Ada Fern"}]`, `[` + former + `,{"id":1}]`,
		} {
			s := dial(t, wire{"/users/providers": says(body)})
			require.NoError(t, s.Prove(t.Context()), body)
		}
	}
}
