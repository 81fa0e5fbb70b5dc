package clinicstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres/internal/values"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

const (
	// mostLookups is how many keys one statement looks up.
	mostLookups = 1000

	lookupTimeout = 10 * time.Second
)

// keyLookups are the keys that callers present at the same time. One statement at a time
// looks up all that came while the one before ran, so that many wrong keys cost few
// transactions and keep nobody waiting for longer than two statements.
type keyLookups struct {
	mu      sync.Mutex
	waiting []*keyLookup
	running bool
}

// A keyLookup is one presented key.
type keyLookup struct {
	prefix, hash string
	keys         []clinic.APIKey
	err          error
	done         chan struct{} // closed when keys or err is set
}

// KeysOf implements clinic.KeyStore.
func (s *Keys) KeysOf(ctx context.Context, prefix, hash string) ([]clinic.APIKey, error) {
	l := &keyLookup{prefix: prefix, hash: hash, done: make(chan struct{})}
	s.lookups.mu.Lock()
	s.lookups.waiting = append(s.lookups.waiting, l)
	start := !s.lookups.running
	s.lookups.running = true
	s.lookups.mu.Unlock()
	if start {
		panics.Go(s.lookUp, s.lookups.abandon)
	}
	select {
	case <-l.done:
		return l.keys, l.err
	case <-ctx.Done():
		return nil, s.db.Translate(ctx, "look the API key up", ctx.Err())
	}
}

// lookUp looks keys up until none waits.
func (s *Keys) lookUp() {
	for {
		batch := s.lookups.take()
		if len(batch) == 0 {
			return
		}
		s.lookUpBatch(batch)
	}
}

func (s *Keys) lookUpBatch(batch []*keyLookup) {
	err := errors.New("the lookup broke off") // unless it is replaced
	found := map[string][]clinic.APIKey{}
	defer func() {
		for _, l := range batch {
			l.keys, l.err = found[l.prefix+l.hash], err
			close(l.done)
		}
	}()
	hashes := make([]string, len(batch))
	for i, l := range batch {
		hashes[i] = l.hash
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	err = s.db.AskSystem(ctx, "look the API key up", func(q *dbsqlc.Queries) error {
		rows, err := q.KeysByHash(ctx, hashes)
		for _, key := range values.Convert(rows, keyOfRow) {
			id := key.Prefix + strings.ToLower(key.Hash)
			found[id] = append(found[id], key)
		}
		return err
	})
	if ctx.Err() != nil {
		err = fmt.Errorf("look the API key up: %w: it does not respond within %s", syncs.ErrDatabase, lookupTimeout)
	}
}

// take returns what waits, and notes that nobody looks up where nothing does.
func (k *keyLookups) take() []*keyLookup {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := min(len(k.waiting), mostLookups)
	batch := k.waiting[:n:n]
	k.waiting = k.waiting[n:]
	k.running = n > 0
	return batch
}

// abandon ends what waits after a panic (R58).
func (k *keyLookups) abandon(e *panics.Error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, l := range k.waiting {
		l.err = e
		close(l.done)
	}
	k.waiting, k.running = nil, false
}
