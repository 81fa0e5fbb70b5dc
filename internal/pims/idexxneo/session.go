package idexxneo

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

// session is a logged-in state of one practice.
type session struct {
	client   *pimshttp.Client
	cookies  *pimshttp.Cookies
	base     string
	location *time.Location // of the PIMS's wall clock
	now      func() time.Time
	until    time.Time // the session is not tried after that
}

var (
	_ pims.Session           = (*session)(nil)
	_ pims.AppointmentFinder = (*session)(nil)
)

// State implements pims.Session.
func (s *session) State() (pims.State, error) {
	data, err := encodeState(savedState{Base: s.base, Browser: s.cookies.Session()})
	if err != nil {
		return pims.State{}, err
	}
	return pims.State{Data: data, Until: s.until, Idle: sessionIdle}, nil
}

// Prove implements pims.Session. Only a live session receives the practice's providers.
// NEO.md §A cheap proof of a live session.
func (s *session) Prove(ctx context.Context) error {
	request := pimshttp.Request{
		Operation: pims.OpProve,
		Path:      "/users/providers",
		Query:     url.Values{"includeInactive": {"true"}},
	}
	err := s.client.GetJSON(ctx, request, func(d *jsontext.Decoder) error {
		return newReader(d).providers()
	})
	if err != nil {
		return fmt.Errorf("prove the session: %w", err)
	}
	return nil
}

// providers accepts a list with at least one row that has an id. Rows that are not
// recognised neither confirm nor contradict it: a practice also lists former staff, and
// their rows may be empty. NEO.md §A cheap proof of a live session.
func (r *reader) providers() error {
	if r.decoder.PeekKind() == '{' {
		if _, err := r.envelope(func() holding { return holdsNothing }, func([]byte) error { return r.skip() }); err != nil {
			return err
		}
		return drift("an object instead of the providers")
	}
	recognised := 0
	err := r.array(func() error {
		id, err := r.provider()
		if id != "" {
			recognised++
		}
		return err
	})
	if err == nil && recognised == 0 {
		err = drift("no provider has an id")
	}
	return err
}

// provider reads a row and returns its id; "" where the row is not a provider.
func (r *reader) provider() (id string, err error) {
	if r.decoder.PeekKind() != '{' {
		return "", r.skip()
	}
	err = r.object(func(name []byte) (err error) {
		if string(name) != "id" {
			return r.skip()
		}
		id, err = r.identifier()
		return err
	})
	return id, err
}
