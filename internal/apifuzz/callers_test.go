package apifuzz

import (
	"crypto/rand"
	"crypto/sha256"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/postgres/fleetstore"
	"github.com/pims-sync/pims-sync/internal/postgres/peoplestore"
)

// nobody is the name of a caller whose key or session is none.
const nobody = "nobody"

// A caller is a key or a person's session, and the word that it must never see; empty: it
// may see both.
type caller struct {
	name, key, session, never string
}

// addCallers makes a key of each kind. Of the first tenant there is one for each scope.
func (w *world) addCallers(store *app.Store) {
	w.t.Helper()
	add := func(of, other *tenant, scopes ...clinic.Scope) {
		row, key := clinic.IssueKey(of.id, of.word, scopes, time.Time{}, time.Now())
		_, err := store.Keys().AddKey(w.t.Context(), row)
		require.NoError(w.t, err)
		w.callers = append(w.callers, caller{name: of.word + " " + string(scopes[0]), key: key, never: other.word})
	}
	first, second := w.tenants[0], w.tenants[1]
	for _, scope := range clinic.Scopes() {
		add(first, second, scope)
	}
	add(second, first, clinic.ScopeAll)
	for _, scope := range access.FleetScopes() {
		for _, limited := range []bool{true, false} {
			draft, never := access.FleetKey{Name: "fleet", Scope: scope, Limited: limited}, ""
			if limited {
				draft.Clinics, never = []uuid.UUID{first.id}, second.word
			}
			row, key := access.IssueFleetKey(draft, time.Now())
			_, err := fleetstore.New(store.DB).AddFleetKey(w.t.Context(), row)
			require.NoError(w.t, err)
			w.callers = append(w.callers, caller{name: string(scope), key: key, never: never})
		}
	}
	for _, key := range []string{"", "wrong", clinic.GenerateKey(), clinic.GenerateKeyOf(clinic.KeyOfFleet)} {
		w.callers = append(w.callers, caller{name: nobody, key: key, never: first.word})
	}
	w.callers = append(w.callers, caller{name: nobody, session: "wrong", never: first.word})
	w.addPeople(store)
}

// addPeople signs people in, as the console does (R43): one of each role who may see all,
// and one who is limited to the first tenant.
func (w *world) addPeople(store *app.Store) {
	w.t.Helper()
	signedIn := peoplestore.New(store.DB)
	for _, role := range access.Roles() {
		for _, limited := range []bool{true, false} {
			id, now := uuid.New(), time.Now()
			p, never := people.Person{ID: id, Email: id.String() + "@example.com", Role: role, Limited: limited, CreatedAt: now, UpdatedAt: now}, ""
			if limited {
				p.Clinics, never = []uuid.UUID{w.tenants[0].id}, w.tenants[1].word
			}
			require.NoError(w.t, signedIn.AddPerson(w.t.Context(), p))
			token := rand.Text()
			hash := sha256.Sum256([]byte(token))
			session := people.Session{Person: p, Method: people.ByPassword, Began: now, Seen: now, Expires: now.Add(people.SessionLife)}
			require.NoError(w.t, signedIn.AddSession(w.t.Context(), hash[:], session, func(*people.Person) error { return nil }))
			w.callers = append(w.callers, caller{name: string(role), session: token, never: never})
		}
	}
}

// credentials returns the headers with which a caller says who it is.
func (w *world) credentials(by caller) (header [][2]string) {
	if by.key != "" {
		header = append(header, [2]string{"X-API-Key", by.key})
	}
	if by.session != "" {
		_, port, _ := strings.Cut(strings.TrimPrefix(w.url, "http://"), ":")
		header = append(header, [2]string{"Cookie", "pims_sync_" + port + "=" + by.session},
			[2]string{"Origin", w.url}, [2]string{"X-CSRF-Token", people.CSRFToken(by.session)})
	}
	return header
}
