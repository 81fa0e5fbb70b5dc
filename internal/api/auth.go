package api

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/web"
)

// keyHeader is the header of the API key (W1).
const keyHeader = "X-Api-Key"

// How many failed authentications of one address get a 401.
const (
	failureBurst    = 10              // at once
	failureInterval = 6 * time.Second // then one in this time
)

// authenticate finds the caller of a call. Wrong keys of one address get only so many
// responses. A right key is always accepted, so that a caller who shares the address with a
// misconfigured one, for example behind a proxy, is not locked out. A right key makes only so
// many requests.
func (s *server) authenticate(c *web.Call) (access.Caller, error) {
	now := s.o.Now()
	caller, err := s.caller(c, now)
	switch {
	case errors.Is(err, clinic.ErrUnauthorized):
		if refused := s.limits.refuse(LimitFailures, s.limits.failures.Take(web.Network(c.Remote), now), tooManyFailures); refused != nil {
			return access.Caller{}, refused
		}
	case err == nil:
		err = s.limits.refuse(LimitRequests, s.limits.requests.Take(caller.ID, now), tooManyRequests)
	}
	return caller, err
}

// caller finds who makes a call: by the key, or without one by the session.
func (s *server) caller(c *web.Call, now time.Time) (access.Caller, error) {
	values := c.Header.Values(keyHeader)
	switch {
	case len(values) == 0 && s.o.Session != nil:
		return s.o.Session(c.Request)
	case len(values) != 1: // two keys are none
		return access.Caller{}, clinic.ErrUnauthorized
	case access.IsFleetKey(values[0]):
		return access.AuthenticateFleetKey(c.Context(), values[0], s.o.FleetKeys, now)
	}
	key, err := clinic.Authenticate(c.Context(), values[0], s.o.Keys, now)
	if err != nil {
		return access.Caller{}, err
	}
	return access.OfClinicKey(key), nil
}

// findClinic returns an error where there is no such clinic.
func (s *server) findClinic(ctx context.Context, clinicID uuid.UUID) error {
	_, err := s.o.Clinics.Clinic(ctx, clinicID)
	return err
}
