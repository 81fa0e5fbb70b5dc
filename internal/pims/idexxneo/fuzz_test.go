package idexxneo

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// read gives a body to a reader, as an answer comes: in pieces.
func read(body string, with func(*reader) error) error {
	decoder := jsontext.NewDecoder(onlyReader{strings.NewReader(body)}, tolerant()...)
	err := with(newReader(decoder))
	if err == nil {
		if _, err = decoder.ReadToken(); errors.Is(err, io.EOF) {
			err = nil
		} else if err == nil {
			err = drift("something follows")
		}
	}
	return err
}

type onlyReader struct{ io.Reader }

// requireKnownError demands one of the errors that the client knows what to do
// with: not JSON, ended too early, or not in a form we know.
func requireKnownError(t *testing.T, err error) {
	t.Helper()
	if _, syntax := errors.AsType[*jsontext.SyntacticError](err); syntax {
		return
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pims.ErrSchemaDrift) {
		return
	}
	require.Fail(t, "an error of no kind", "%v", err)
}

// respell writes the same JSON with other spacing; "" where it is none.
func respell(body string) string {
	value := jsontext.Value(body)
	if err := value.Indent(tolerant()...); err != nil {
		return ""
	}
	return string(value)
}

func seed(f *testing.F, folders ...string) {
	f.Helper()
	for _, folder := range folders {
		for _, body := range fixtures(f, folder) {
			f.Add(body)
		}
	}
}

func requireClean(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		require.True(t, utf8.ValidString(text), "%q", text)
		require.NotContains(t, text, "\x00")
	}
}

func FuzzCalendar(f *testing.F) {
	seed(f, "calendar", "calendar-refused")
	window := january(f, 17, 17)
	location := berlin(f)
	decode := func(body string) (pims.Snapshot, error) {
		s := newSlice(spanOf(window), location)
		if err := read(body, func(r *reader) error { return r.calendar(s.add) }); err != nil {
			return pims.Snapshot{}, err
		}
		return merge([]*slice{s})
	}
	f.Fuzz(func(t *testing.T, body string) {
		snapshot, err := decode(body)
		if err != nil {
			requireKnownError(t, err)
			return
		}
		ids := make(map[string]bool)
		for _, a := range snapshot.Appointments {
			require.False(t, ids[a.ID], "ids are distinct (R6)")
			ids[a.ID] = true
			require.NotEmpty(t, a.ID)
			require.True(t, a.Start.Before(window.Until()))
			require.True(t, a.End.IsZero() || a.End.After(a.Start))
			requireClean(t, a.ID, a.ConsultationID, a.PatientName, a.ClientName, a.ClientPhone, a.Title, a.Reason, a.TypeText, a.StatusText, a.Room)
		}
		for _, u := range snapshot.Unusable {
			require.False(t, ids[u.ID])
			ids[u.ID] = true
		}
		require.Equal(t, len(ids), snapshot.Found())

		again, err := decode(respell(body))
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(snapshot, again), "the spelling does not matter")
	})
}

func FuzzLookup(f *testing.F) {
	seed(f, "lookup", "lookup-refused", "calendar")
	s := &session{location: berlin(f)}
	f.Fuzz(func(t *testing.T, body string) {
		var found event
		err := read(body, func(r *reader) (err error) {
			found, err = r.lookup()
			return err
		})
		if err != nil {
			requireKnownError(t, err)
			return
		}
		a, err := s.looked("7001", &found)
		var record *pims.RecordError
		switch {
		case err == nil:
			require.Equal(t, "7001", a.ID)
			require.False(t, a.Start.IsZero())
		case errors.As(err, &record):
			require.Equal(t, "7001", record.ID)
		default:
			require.ErrorIs(t, err, pims.ErrSchemaDrift)
		}
	})
}

func FuzzSearch(f *testing.F) {
	seed(f, "search", "search-refused")
	location := berlin(f)
	decode := func(body string) (p searchPage, err error) {
		err = read(body, func(r *reader) (err error) {
			p, err = r.searchPage(location)
			return err
		})
		return p, err
	}
	f.Fuzz(func(t *testing.T, body string) {
		p, err := decode(body)
		if err != nil {
			requireKnownError(t, err)
			return
		}
		require.GreaterOrEqual(t, p.total, 0)
		require.LessOrEqual(t, p.total, maxEntries)
		require.GreaterOrEqual(t, p.pages(), 1)
		require.LessOrEqual(t, p.pages(), maxEntries)
		for _, e := range p.entries {
			require.NotEmpty(t, e.ID)
			require.Len(t, e.Fingerprint, 32)
			requireClean(t, e.ID, e.AppointmentID, e.StatusText)
		}
		again, err := decode(respell(body))
		require.NoError(t, err)
		require.Equal(t, p, again, "the spelling does not matter, fingerprints included")
	})
}

// FuzzConsultation reads both shapes: view and page-data.
func FuzzConsultation(f *testing.F) {
	seed(f, "consultation", "consultation-refused")
	location := berlin(f)
	decode := func(body string) (c record, err error) {
		err = read(body, func(r *reader) (err error) {
			c, err = r.record()
			return err
		})
		return c, err
	}
	f.Fuzz(func(t *testing.T, body string) {
		read, err := decode(body)
		if err != nil {
			requireKnownError(t, err)
			return
		}
		c := read.consultation(location)
		requireClean(t, c.ID, c.AppointmentID, c.AtText, c.Reason, c.RawNotes, c.Notes, c.Discharge)
		requireClean(t, c.SOAP.Subjective, c.SOAP.Objective, c.SOAP.Assessment, c.SOAP.Plan)
		requireClean(t, c.Diagnoses...)
		if c.Vitals != nil {
			requirePossible(t, c.Vitals)
		}
		again, err := decode(respell(body))
		require.NoError(t, err)
		if c.Vitals == nil || c.Vitals.Raw == nil { // a raw text may be JSON as it was spelt
			require.Empty(t, cmp.Diff(c, again.consultation(location)), "the spelling does not matter")
		}
	})
}

func requirePossible(t *testing.T, v *pims.Vitals) {
	t.Helper()
	for _, n := range []*float64{v.Temperature, v.Weight, v.Pulse, v.Respiration} {
		if n != nil {
			require.GreaterOrEqual(t, *n, 0.0)
			require.LessOrEqual(t, *n, 2_300_000.0)
		}
	}
	require.Contains(t, []string{"", "F", "C"}, v.TemperatureUnit)
	require.Contains(t, []string{"", "lb", "oz", "kg", "g"}, v.WeightUnit)
	for _, text := range v.Raw {
		require.False(t, pims.Blank(text))
		requireClean(t, text)
	}
}

func FuzzProof(f *testing.F) {
	for _, body := range []string{
		`[{"id":11,"name":"Dr. Ada Fern","email":"ada@example.com","active":true}]`, `[]`, `{}`, `null`, `[{}]`, `[{"id":"1","name":"x"},1]`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		err := read(body, (*reader).providers)
		if err != nil {
			requireKnownError(t, err)
			return
		}
		require.Contains(t, body, "{", "only objects prove anything (R5)")
	})
}

func FuzzState(f *testing.F) {
	good, err := encodeState(savedState{
		Base:    "https://us.idexxneo.com",
		Browser: pims.BrowserSession{URL: "https://us.idexxneo.com/dashboard", Cookies: []pims.Cookie{{Name: "a", Value: "b"}}},
	})
	require.NoError(f, err)
	for _, state := range []string{string(good), "", "{}", "null", `{"version":2}`, `{"version":1}`, `{"version":1,"base":"ftp://x"}`} {
		f.Add(state)
	}
	provider := New(pims.Environment{})
	account := pims.Account{Location: time.UTC}
	f.Fuzz(func(t *testing.T, state string) {
		session, err := provider.Open(account, pims.State{Data: []byte(state)})
		if err != nil {
			require.Equal(t, pims.Session(nil), session)
			return
		}
		saved, err := session.State()
		require.NoError(t, err)
		reopened, err := provider.Open(account, saved)
		require.NoError(t, err)
		again, err := reopened.State()
		require.NoError(t, err)
		require.Equal(t, saved, again)
	})
}
