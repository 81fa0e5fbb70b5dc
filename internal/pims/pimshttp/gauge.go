package pimshttp

import (
	"context"
	"fmt"
	"io"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// MaxRowBytes is the longest row of an answer, and the longest text, number or run of
// blanks, in bytes of UTF-8 (R57). A row is an element of the outermost list: of the
// answer, or of a member of the answer's object.
const MaxRowBytes = 1 << 20

const (
	maxDepth    = 64       // of lists and objects in one another
	largeBytes  = 64 << 10 // from here on, a row or text needs a place
	largeAtOnce = 4        // places of the process
)

// places bounds the memory of all clients' decoders. A normal answer has no row that needs
// a place.
var places = make(chan struct{}, largeAtOnce)

// A gauge passes JSON on and measures it. It fails with pims.ErrOverLimit before a decoder would
// have to hold more than a row, and with the context's error where a large row gets no
// place in time. It checks no syntax: invalid JSON fails in the decoder.
type gauge struct {
	source io.Reader
	ctx    context.Context //nolint:containedctx // of the one try that it reads for
	placed bool

	pos      int64 // of the next byte
	value    int64 // where the present text, number or run of blanks begins
	row      int64 // where the present row begins
	depth    int
	rows     int // the depth of the rows' list; 0: not known yet
	inText   bool
	escaping bool
}

// Read implements io.Reader.
func (g *gauge) Read(p []byte) (int, error) {
	n, err := g.source.Read(p)
	if measured := g.measure(p[:n]); measured != nil {
		return 0, measured
	}
	return n, err
}

// release returns the place.
func (g *gauge) release() {
	if g.placed {
		g.placed = false
		<-places
	}
}

func (g *gauge) measure(p []byte) error {
	start := g.pos
	for i, c := range p {
		if g.inText {
			switch {
			case g.escaping:
				g.escaping = false
			case c == '\\':
				g.escaping = true
			case c == '"':
				g.inText = false
			}
			continue
		}
		if c == '"' {
			g.inText = true
			continue
		}
		if c > ',' && c < '[' && c != ':' {
			continue // digits and the like
		}
		switch c {
		case ',', ':', '[', ']', '{', '}':
			g.pos = start + int64(i)
			if err := g.mark(c); err != nil {
				return err
			}
		}
	}
	g.pos = start + int64(len(p))
	return g.check()
}

// mark handles a structural character at pos.
func (g *gauge) mark(c byte) error {
	if err := g.check(); err != nil {
		return err
	}
	next := g.pos + 1
	g.value = next
	switch c {
	case '[', '{':
		if g.rows == 0 {
			g.rows = 2
			if c == '[' {
				g.rows = 1
			}
		}
		g.depth++
		if g.depth > maxDepth {
			return fmt.Errorf("the answer is nested deeper than %d levels: %w", maxDepth, pims.ErrOverLimit)
		}
		if g.depth == g.rows {
			g.row = next
		}
	case ']', '}':
		g.depth--
	case ',':
		if g.depth == g.rows {
			g.row = next
		}
	}
	return nil
}

// check compares the present value and row with the limits.
func (g *gauge) check() error {
	length := g.pos - g.value
	if g.rows > 0 && g.depth >= g.rows {
		length = max(length, g.pos-g.row)
	}
	switch {
	case length > MaxRowBytes:
		return fmt.Errorf("a row or text of the answer is longer than %d bytes: %w", MaxRowBytes, pims.ErrOverLimit)
	case length <= largeBytes || g.placed:
		return nil
	}
	select {
	case places <- struct{}{}:
		g.placed = true
		return nil
	case <-g.ctx.Done():
		return g.ctx.Err()
	}
}
