// Package practice tells a practice how its syncs are: in plain words, without medical data,
// behind a link that needs no sign-in and can be revoked (R61).
//
// It decides the words; it knows no HTTP and no database.
package practice

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Link opens the page of one clinic. Of its token only the hash is stored.
type Link struct {
	ID         uuid.UUID
	ClinicID   uuid.UUID
	Name       string // whom it is for
	Hash       string // SHA-256 of the token, in hex
	Active     bool   // false: revoked
	CreatedBy  string // an actor
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: never; else to the minute
}

// ErrNoLink means that there is no such link, or that it was revoked: a stranger cannot tell
// which.
var ErrNoLink error = syncs.Fail(syncs.CodeNotFound, "there is no such link, or it was revoked")

// Store keeps links. A method that does not find its link returns ErrNoLink.
type Store interface {
	// Links lists the links of a clinic, the oldest first.
	Links(ctx context.Context, clinicID uuid.UUID) ([]Link, error)

	// ByHash reads the link of a token's hash, revoked or not. It crosses clinics (R41).
	ByHash(ctx context.Context, hash string) (Link, error)

	// ClinicOf returns the clinic of a link. It crosses clinics (R41).
	ClinicOf(ctx context.Context, id uuid.UUID) (uuid.UUID, error)

	Add(ctx context.Context, link Link) (Link, error)
	Revoke(ctx context.Context, clinicID, id uuid.UUID) (Link, error)

	// Touch stores that a link was used, at most once in a while.
	Touch(ctx context.Context, link Link, at time.Time) error

	// Outcomes lists the syncs of a clinic that have ended since a moment, the oldest first,
	// without dry runs.
	Outcomes(ctx context.Context, clinicID uuid.UUID, since time.Time) ([]Outcome, error)
}

// Options configure a Service.
type Options struct {
	Log   access.Log
	Store Store

	// Condition returns what is known of a clinic. The error is clinic.ErrNotFound where
	// there is none. It may be nil where no page is shown.
	Condition func(ctx context.Context, clinicID uuid.UUID) (scheduler.Condition, error)

	Now func() time.Time // nil: time.Now
}

// A Service makes, revokes and follows links. It is safe for concurrent use.
type Service struct{ o Options }

// New returns a service.
func New(o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Service{o}
}

// Links lists the links of a clinic, revoked ones too.
func (s *Service) Links(ctx context.Context, clinicID uuid.UUID) ([]Link, error) {
	return s.o.Store.Links(ctx, clinicID)
}

// ClinicOf returns the clinic of a link.
func (s *Service) ClinicOf(ctx context.Context, id uuid.UUID) (uuid.UUID, error) {
	return s.o.Store.ClinicOf(ctx, id)
}

// Create makes a link to a clinic's page, and returns its token, which is shown once. A
// wrong name is CodeInvalidRequest with its field.
func (s *Service) Create(ctx context.Context, by access.By, clinicID uuid.UUID, name string) (row Link, token string, err error) {
	if name != "" {
		if name, err = clinic.CheckName(name); err != nil {
			return row, "", syncs.Invalid("name", "name %v", err)
		}
	}
	token = rand.Text()
	draft := Link{ID: uuid.New(), ClinicID: clinicID, Name: name, Hash: hash(token), Active: true, CreatedBy: by.Actor(), CreatedAt: s.o.Now()}
	err = s.o.Log.Act(ctx, by.Event(access.StatusLinkCreate, clinicID, access.RecordOf("status_link", draft.ID)),
		func(ctx context.Context, e *access.Event) (err error) {
			row, err = s.o.Store.Add(ctx, draft)
			e.After = access.Values{"name": row.Name}
			return err
		})
	return row, token, err
}

// Revoke makes a link of a clinic lead nowhere, at once. A revoked link stays revoked.
func (s *Service) Revoke(ctx context.Context, by access.By, clinicID, id uuid.UUID) (row Link, err error) {
	err = s.o.Log.Act(ctx, by.Event(access.StatusLinkRevoke, clinicID, access.RecordOf("status_link", id)),
		func(ctx context.Context, e *access.Event) (err error) {
			row, err = s.o.Store.Revoke(ctx, clinicID, id)
			e.After = access.Values{"name": row.Name, "active": false}
			return err
		})
	return row, err
}

// hash returns what is stored of a token.
func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Follow returns what the page behind a token says. The error is ErrNoLink for an unknown
// or revoked one.
func (s *Service) Follow(ctx context.Context, token string) (Report, error) {
	link, err := s.o.Store.ByHash(ctx, hash(token))
	if err == nil && !link.Active {
		err = ErrNoLink
	}
	if err != nil {
		return Report{}, err
	}
	if err := s.o.Store.Touch(ctx, link, s.o.Now()); err != nil {
		return Report{}, err
	}
	return s.Report(ctx, link.ClinicID)
}

// Report returns what the page of a clinic says now. The error is clinic.ErrNotFound where
// there is none.
func (s *Service) Report(ctx context.Context, clinicID uuid.UUID) (Report, error) {
	condition, err := s.o.Condition(ctx, clinicID)
	if err != nil {
		return Report{}, err
	}
	now := s.o.Now()
	outcomes, err := s.o.Store.Outcomes(ctx, clinicID, now.AddDate(0, 0, -Days))
	if err != nil {
		return Report{}, err
	}
	return Describe(&condition, outcomes, now), nil
}

// Root is the beginning of the address of every practice's page.
const Root = "/status/"

// Address returns the address of the page behind a token, at a server that people find at
// base (without a slash at its end).
func Address(base, token string) string { return base + Root + token }
