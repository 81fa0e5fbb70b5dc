package pimshttp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// ErrTooLarge says that an answer is longer than the Client accepts: ask for less.
// It is a pims.ErrSchemaDrift for callers that cannot.
var ErrTooLarge = fmt.Errorf("the answer is longer than we accept: %w", pims.ErrSchemaDrift)

const (
	maxPageBytes = 64 << 10 // of an HTML page, which is only looked at
	sniffBytes   = 512      // to tell HTML from JSON
)

// A body reads an answer up to a limit, and remembers why it ended before its
// end.
type body struct {
	buffered *bufio.Reader
	source   io.Reader
	left     int64 // bytes that may still come
	failure  error // the first error that was not io.EOF
}

func newBody(source io.Reader, limit int64) *body {
	b := &body{source: source, left: limit}
	b.buffered = bufio.NewReaderSize(sourceOf{b}, 4<<10)
	return b
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) { return b.buffered.Read(p) }

// isPage tells whether the body is markup instead of JSON, and skips the byte
// order mark that some servers put before either.
func (b *body) isPage() bool {
	head, _ := b.buffered.Peek(sniffBytes)
	if bytes.HasPrefix(head, byteOrderMark) {
		_, _ = b.buffered.Discard(len(byteOrderMark))
		head = head[len(byteOrderMark):]
	}
	return bytes.HasPrefix(bytes.TrimSpace(head), []byte("<"))
}

var byteOrderMark = []byte("\uFEFF")

// sourceOf is the body below its buffer.
type sourceOf struct{ *body }

// Read reads one byte more than is allowed, to tell an answer that is exactly as
// long as the limit from one that is longer.
func (s sourceOf) Read(p []byte) (int, error) {
	if s.failure != nil {
		return 0, s.failure
	}
	if int64(len(p)) > s.left+1 {
		p = p[:s.left+1]
	}
	n, err := s.source.Read(p)
	if int64(n) > s.left {
		n, err = int(s.left), ErrTooLarge
	}
	s.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		s.failure = err
	}
	return n, err
}
