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
	base     string
	location *time.Location // of the PIMS's wall clock
	now      func() time.Time
}

var (
	_ pims.Session           = (*session)(nil)
	_ pims.AppointmentFinder = (*session)(nil)
)

// State implements pims.Session.
func (s *session) State() (pims.State, error) {
	return encodeState(savedState{Base: s.base, Browser: s.client.Browser()})
}

// Prove implements pims.Session: only a live session gets the practice's
// providers. IDEXX_NEO.md §A cheap proof of a live session.
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

// providers accepts a list of at least one provider, each with an id and a name.
// Anything else proves nothing.
func (r *reader) providers() error {
	found := 0
	err := r.array(func() error {
		var id, name string
		err := r.object(func(field []byte) (err error) {
			switch string(field) {
			case "id":
				id, err = r.identifier()
			case "name":
				name, err = r.text()
			default:
				err = r.skip()
			}
			return err
		})
		if err == nil && (id == "" || name == "") {
			err = drift("a provider without id or name")
		}
		found++
		return err
	})
	if err == nil && found == 0 {
		err = drift("no providers")
	}
	return err
}
