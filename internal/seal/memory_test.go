package seal_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/seal"
)

// memory is a KeyCheckStore in memory.
type memory struct {
	mu     sync.Mutex
	checks []seal.KeyCheck
	err    error // what every method returns, if set
}

func (m *memory) KeyChecks(context.Context) ([]seal.KeyCheck, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]seal.KeyCheck(nil), m.checks...), m.err
}

func (m *memory) AddKeyCheck(_ context.Context, check seal.KeyCheck) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.checks {
		if c.KeyID == check.KeyID {
			return nil
		}
	}
	m.checks = append(m.checks, check)
	return nil
}

// ring is a keyring of the keys, or of a new one.
func ring(t testing.TB, keys ...string) *seal.Keyring {
	t.Helper()
	if len(keys) == 0 {
		keys = []string{seal.NewKey()}
	}
	r, err := seal.ParseKeyring(strings.Join(keys, ","))
	require.NoError(t, err)
	return r
}
