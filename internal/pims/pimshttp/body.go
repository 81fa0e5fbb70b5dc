package pimshttp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// ErrTooLarge means that an answer is longer than the Client accepts, so the caller should ask for
// less. It is a pims.ErrSchemaDrift for callers that cannot.
var ErrTooLarge = fmt.Errorf("the answer is longer than we accept: %w", pims.ErrSchemaDrift)

const (
	maxPageBytes = 64 << 10 // of an HTML page, which is only looked at
	sniffBytes   = 512      // to tell HTML from JSON
)

// A body reads an answer up to a limit, as UTF-8, and keeps the reason where it stops
// early.
type body struct {
	buffered *bufio.Reader // of the bytes as they came
	charset  charset
	unknown  error // the first error of what is in it
	text     gauge
	source   io.Reader
	left     int64 // bytes that may still come
	failure  error // the first error that was not io.EOF
}

// newBody reads a response until the context ends. The caller must release it.
func newBody(ctx context.Context, response *http.Response, limit int64) *body {
	b := &body{source: response.Body, left: limit}
	b.buffered = bufio.NewReaderSize(sourceOf{b}, 4<<10)
	head, _ := b.buffered.Peek(sniffBytes)
	b.charset, b.unknown = charsetOf(response.Header, head)
	_, _ = b.buffered.Discard(b.charset.mark)
	if b.unknown == nil {
		b.text = gauge{source: b.charset.strict(b.buffered), ctx: ctx}
	}
	return b
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.unknown != nil {
		return 0, b.unknown
	}
	n, err := b.text.Read(p)
	switch {
	case errors.Is(err, errNoText):
		b.unknown = fmt.Errorf("the answer's bytes are no valid %s: %w", b.charset.name, pims.ErrSchemaDrift)
		return 0, b.unknown
	case errors.Is(err, pims.ErrOverLimit):
		b.unknown = err
	case err != nil && !errors.Is(err, io.EOF) && b.failure == nil:
		b.failure = err
	}
	return n, err
}

// isPage reports whether the body is markup instead of JSON.
func (b *body) isPage() bool {
	head, _ := b.buffered.Peek(sniffBytes - len("\uFEFF"))
	text, _ := io.ReadAll(b.charset.lenient(bytes.NewReader(head)))
	return bytes.HasPrefix(bytes.TrimSpace(text), []byte("<"))
}

// page reads the beginning of markup.
func (b *body) page() ([]byte, error) {
	return io.ReadAll(io.LimitReader(b.charset.lenient(b.buffered), maxPageBytes))
}

// sourceOf is the body below its buffer.
type sourceOf struct{ *body }

// Read reads one byte more than the limit, to distinguish an answer of exactly that length
// from a longer one.
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
