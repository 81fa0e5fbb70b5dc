// Package logtest keeps what a test's subject logs, for the test to read.
package logtest

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"
)

// A Book is a writer that keeps every line of a log. Its zero value is empty. It is safe
// for concurrent use.
type Book struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write appends to the log.
func (b *Book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String is the log so far.
func (b *Book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Reset forgets the log so far.
func (b *Book) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text.Reset()
}

// Lines are the log's entries; each is one JSON object (W20).
func (b *Book) Lines(t require.TestingT) []map[string]any {
	var entries []map[string]any
	for line := range strings.Lines(b.String()) {
		var entry map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &entry), line)
		entries = append(entries, entry)
	}
	return entries
}

// Panics are the entries about panics (R58).
func (b *Book) Panics(t require.TestingT) []map[string]any {
	var panics []map[string]any
	for _, entry := range b.Lines(t) {
		if entry["panic"] != nil {
			panics = append(panics, entry)
		}
	}
	return panics
}
