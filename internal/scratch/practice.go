package scratch

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
)

// A Practice is one clinic in memory, with its credentials and its session. It is every
// store that a clinic.Connector needs.
type Practice struct {
	mu         sync.Mutex
	clinic     clinic.Clinic
	credential clinic.StoredCredential
	session    *clinic.StoredSession
}

// NewPractice returns a clinic without credentials.
func NewPractice(owner clinic.Clinic) *Practice { return &Practice{clinic: owner} }

// Owner returns the clinic.
func (p *Practice) Owner() clinic.Clinic { return p.clinic }

// SetCredential stores a credential, which is not suspended.
func (p *Practice) SetCredential(c clinic.StoredCredential) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.credential = c
}

// Clinic implements clinic.Store.
func (p *Practice) Clinic(context.Context, uuid.UUID) (clinic.Clinic, error) { return p.clinic, nil }

// Credential implements clinic.CredentialStore.
func (p *Practice) Credential(context.Context, uuid.UUID) (clinic.StoredCredential, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.credential, nil
}

// SuspendCredential implements clinic.CredentialStore.
func (p *Practice) SuspendCredential(_ context.Context, _, _ uuid.UUID, reason string, at time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.credential.SuspendedAt, p.credential.SuspendedReason, p.session = at, reason, nil
	return nil
}

// NoteTest implements clinic.CredentialStore.
func (*Practice) NoteTest(context.Context, uuid.UUID, uuid.UUID, string, time.Time) error { return nil }

// Session implements clinic.SessionStore.
func (p *Practice) Session(context.Context, uuid.UUID) (clinic.StoredSession, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.session == nil {
		return clinic.StoredSession{}, clinic.ErrNoSession
	}
	return *p.session, nil
}

// SaveSession implements clinic.SessionStore.
func (p *Practice) SaveSession(_ context.Context, s clinic.StoredSession) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.session = &s
	return nil
}

// UpdateSession implements clinic.SessionStore.
func (p *Practice) UpdateSession(ctx context.Context, s clinic.StoredSession) error {
	return p.SaveSession(ctx, s)
}

// DropSession implements clinic.SessionStore.
func (p *Practice) DropSession(context.Context, clinic.StoredSession) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.session = nil
	return nil
}
