package recordings

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

// A Body is what came of an answer. It is packed where it is large.
type Body struct {
	size   int
	plain  []byte
	packed []byte // gzip; nil: plain
}

// largeBody is from how many bytes a body is packed.
const largeBody = 256 << 10

// NewBody returns a body of some bytes.
func NewBody(content []byte) Body {
	var c collector
	c.add(content)
	return c.body()
}

// Size returns how many bytes came.
func (b Body) Size() int { return b.size }

// IsZero reports whether nothing came.
func (b Body) IsZero() bool { return b.size == 0 }

// Open returns a reader of the bytes as they came.
func (b Body) Open() io.Reader {
	if b.packed == nil {
		return bytes.NewReader(b.plain)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(b.packed))
	if err != nil {
		return bytes.NewReader(nil)
	}
	return unpacked
}

// Bytes returns the bytes as they came.
func (b Body) Bytes() ([]byte, error) {
	content, err := io.ReadAll(b.Open())
	if err != nil {
		return nil, fmt.Errorf("unpacking an answer: %w", err)
	}
	return content, nil
}

// bodyJSON is a body as text where it is one, else gzip in base64.
type bodyJSON struct {
	Text *string `json:"text,omitempty"`
	Gzip []byte  `json:"gzip,omitempty"`
	Size int     `json:"size,omitempty"` // of what gzip holds
}

// MarshalJSON implements json.Marshaler.
func (b Body) MarshalJSON() ([]byte, error) {
	wire := bodyJSON{Size: b.size, Gzip: b.packed}
	switch {
	case b.packed != nil:
	case utf8.Valid(b.plain):
		text := string(b.plain)
		wire = bodyJSON{Text: &text}
	default:
		wire.Gzip = pack(b.plain)
	}
	return json.Marshal(wire)
}

// UnmarshalJSON implements json.Unmarshaler.
func (b *Body) UnmarshalJSON(document []byte) error {
	var wire bodyJSON
	if err := json.Unmarshal(document, &wire); err != nil {
		return err
	}
	if wire.Text != nil {
		*b = Body{size: len(*wire.Text), plain: []byte(*wire.Text)}
		return nil
	}
	*b = Body{size: wire.Size, packed: wire.Gzip}
	return nil
}

func pack(content []byte) []byte {
	c := collector{}
	c.toGzip()
	c.add(content)
	return c.body().packed
}

// A collector takes up an answer as it comes, and packs one that is large.
type collector struct {
	size   int
	held   bytes.Buffer
	packer *gzip.Writer // nil: nothing is packed yet
}

func (c *collector) add(content []byte) {
	c.size += len(content)
	if c.packer == nil && c.size > largeBody {
		plain := bytes.Clone(c.held.Bytes())
		c.toGzip()
		_, _ = c.packer.Write(plain) // into memory
	}
	if c.packer != nil {
		_, _ = c.packer.Write(content)
		return
	}
	c.held.Write(content)
}

func (c *collector) toGzip() {
	c.held.Reset()
	c.packer, _ = gzip.NewWriterLevel(&c.held, gzip.BestSpeed) // the level is valid
}

// weight returns how many bytes the collector holds.
func (c *collector) weight() int { return c.held.Len() }

func (c *collector) body() Body {
	if c.packer == nil {
		return Body{size: c.size, plain: c.held.Bytes()}
	}
	_ = c.packer.Close() // into memory
	return Body{size: c.size, packed: c.held.Bytes()}
}
