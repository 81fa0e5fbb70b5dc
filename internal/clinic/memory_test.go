package clinic_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/seal"
)

// memory is every store of the package in memory, with the contracts of the
// interfaces. Rows of one clinic only, which is all that a Connector looks at.
type memory struct {
	mu         sync.Mutex
	clinic     *clinic.Clinic
	credential *clinic.StoredCredential
	session    *clinic.StoredSession
	keys       []clinic.APIKey

	err        error // what every method answers, if set
	suspendErr error
	dropErr    error
}

func (m *memory) Clinic(_ context.Context, id uuid.UUID) (clinic.Clinic, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return clinic.Clinic{}, m.err
	}
	if m.clinic == nil || m.clinic.ID != id {
		return clinic.Clinic{}, clinic.ErrNotFound
	}
	return *m.clinic, nil
}

func (m *memory) Credential(_ context.Context, clinicID uuid.UUID) (clinic.StoredCredential, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.credential == nil || m.credential.ClinicID != clinicID {
		return clinic.StoredCredential{}, clinic.ErrCredentialsMissing
	}
	return *m.credential, nil
}

func (m *memory) SuspendCredential(ctx context.Context, clinicID, credentialID uuid.UUID, reason string, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.suspendErr != nil {
		return m.suspendErr
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	c := m.credential
	if c == nil || c.ClinicID != clinicID || c.ID != credentialID || c.Suspended() {
		return nil
	}
	c.SuspendedAt, c.SuspendedReason = at, reason
	m.session = nil
	return nil
}

func (m *memory) NoteTest(_ context.Context, clinicID, credentialID uuid.UUID, outcome string, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.credential; c != nil && c.ClinicID == clinicID && c.ID == credentialID {
		c.TestedAt, c.TestOutcome = at, outcome
	}
	return m.err
}

func (m *memory) Session(_ context.Context, clinicID uuid.UUID) (clinic.StoredSession, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.session == nil || m.session.ClinicID != clinicID {
		return clinic.StoredSession{}, clinic.ErrNoSession
	}
	return *m.session, nil
}

func (m *memory) SaveSession(_ context.Context, s clinic.StoredSession) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return m.err
	}
	if c := m.credential; c == nil || c.ID != s.CredentialID || c.Suspended() {
		return nil
	}
	if m.session != nil && m.session.LoggedInAt.After(s.LoggedInAt) {
		return nil
	}
	m.session = &s
	return nil
}

func (m *memory) UpdateSession(_ context.Context, s clinic.StoredSession) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keeps(s) {
		m.session.Sealed, m.session.UsedAt = s.Sealed, s.UsedAt
	}
	return nil
}

func (m *memory) DropSession(_ context.Context, s clinic.StoredSession) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dropErr != nil {
		return m.dropErr
	}
	if m.keeps(s) {
		m.session = nil
	}
	return nil
}

func (m *memory) keeps(s clinic.StoredSession) bool {
	return m.session != nil && m.session.CredentialID == s.CredentialID && m.session.LoggedInAt.Equal(s.LoggedInAt)
}

func (m *memory) KeysOf(_ context.Context, prefix, hash string) ([]clinic.APIKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return nil, m.err
	}
	var rows []clinic.APIKey
	for _, k := range m.keys {
		if k.Prefix == prefix && strings.EqualFold(k.Hash, hash) {
			rows = append(rows, k)
		}
	}
	return rows, nil
}

func (m *memory) TouchKey(_ context.Context, id uuid.UUID, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.keys {
		if m.keys[i].ID == id && m.keys[i].LastUsedAt.Before(at) {
			m.keys[i].LastUsedAt = at
		}
	}
	return nil
}

// keptSession is what the store holds now.
func (m *memory) keptSession() *clinic.StoredSession {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.session
}

func (m *memory) suspended() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.credential.Suspended()
}

// change alters what the store holds.
func (m *memory) change(how func(*memory)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	how(m)
}

// ring is a keyring of a new key.
func ring(t testing.TB) *seal.Keyring {
	t.Helper()
	r, err := seal.ParseKeyring(seal.NewKey())
	require.NoError(t, err)
	return r
}
