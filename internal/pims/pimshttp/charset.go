package pimshttp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// R7: an answer is decoded by its byte order mark, else by the charset of its Content-Type,
// else as UTF-8. Labels mean what browsers take them for
// (https://encoding.spec.whatwg.org), so iso-8859-1 means windows-1252. Bytes that are
// invalid in the charset are an error; nothing becomes U+FFFD.
var errNoText = errors.New("no text in its charset")

// A charset says how an answer's bytes are decoded.
type charset struct {
	name    string
	mark    int               // length of the byte order mark
	valid   func([]byte) bool // of bytes that are UTF-8 as they are; nil: they are decoded
	decoder *encoding.Decoder // else
	units   binary.ByteOrder  // of UTF-16; else nil
}

var marks = []struct{ mark, name string }{
	{"\xef\xbb\xbf", "utf-8"}, {"\xfe\xff", "utf-16be"}, {"\xff\xfe", "utf-16le"},
}

// charsetOf finds the charset of an answer that begins with head.
func charsetOf(header http.Header, head []byte) (charset, error) {
	for _, m := range marks {
		if bytes.HasPrefix(head, []byte(m.mark)) {
			c, err := charsetNamed(m.name)
			c.mark = len(m.mark)
			return c, err
		}
	}
	_, parameters, _ := mime.ParseMediaType(header.Get("Content-Type"))
	label := strings.ToLower(strings.Trim(parameters["charset"], ` "'`))
	if label == "utf-16" && len(head) > 0 && head[0] == 0 { // JSON and HTML begin with ASCII
		label = "utf-16be"
	}
	return charsetNamed(label)
}

func charsetNamed(label string) (charset, error) {
	switch label {
	case "", "utf-8", "utf8":
		return charset{name: "utf-8", valid: (&utf8Check{}).valid}, nil
	case "us-ascii", "ascii":
		return charset{name: "us-ascii", valid: isASCII}, nil
	case "utf-16be":
		return charset{label, 0, nil, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewDecoder(), binary.BigEndian}, nil
	case "utf-16", "utf-16le":
		return charset{label, 0, nil, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder(), binary.LittleEndian}, nil
	}
	found, err := htmlindex.Get(label)
	if err != nil || found == encoding.Replacement {
		return charset{}, fmt.Errorf("the answer declares a charset that we do not know: %w", pims.ErrSchemaDrift)
	}
	return charset{name: label, decoder: found.NewDecoder()}, nil
}

// lenient decodes a page, which is only inspected.
func (c charset) lenient(source io.Reader) io.Reader {
	if c.units == nil {
		return source // what we look for in it is ASCII
	}
	return c.decoder.Reader(source)
}

// strict decodes to UTF-8. Invalid bytes end it with errNoText.
func (c charset) strict(source io.Reader) io.Reader {
	if c.valid != nil {
		return &checked{source, c.valid}
	}
	return transform.NewReader(source, &strictly{c.decoder, c.units})
}

// checked is a reader that checks its bytes and does not change them.
type checked struct {
	io.Reader
	valid func([]byte) bool
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if !c.valid(p[:n]) {
		return 0, errNoText
	}
	return n, err
}

func isASCII(p []byte) bool {
	for _, b := range p {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// utf8Check checks UTF-8 that arrives in pieces. An incomplete character at the end belongs
// to an answer that was cut off, which is another error.
type utf8Check struct {
	part []byte // of a character that the next piece continues
}

func (c *utf8Check) valid(p []byte) bool {
	for len(c.part) > 0 && len(p) > 0 {
		c.part, p = append(c.part, p[0]), p[1:]
		if utf8.FullRune(c.part) {
			if !utf8.Valid(c.part) {
				return false
			}
			c.part = c.part[:0]
		}
	}
	whole := len(p)
	for i := max(0, len(p)-utf8.UTFMax+1); i < len(p); i++ {
		if utf8.RuneStart(p[i]) && !utf8.FullRune(p[i:]) {
			whole = i
			break
		}
	}
	c.part = append(c.part, p[whole:]...)
	return utf8.Valid(p[:whole])
}

// strictly is a decoder that fails where it would insert U+FFFD.
type strictly struct {
	transform.Transformer
	units binary.ByteOrder
}

func (s *strictly) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	nDst, nSrc, err = s.Transformer.Transform(dst, src, atEOF)
	if s.units == nil && bytes.ContainsRune(dst[:nDst], utf8.RuneError) || s.units != nil && !pairs(src[:nSrc], s.units) {
		return 0, 0, errNoText
	}
	return nDst, nSrc, err
}

// pairs reports whether every surrogate has its other half. The decoded text cannot show
// this, because UTF-16 may contain U+FFFD itself. An incomplete unit at the end belongs to
// an answer that was cut off.
func pairs(p []byte, order binary.ByteOrder) bool {
	for len(p) >= 2 {
		unit := rune(order.Uint16(p))
		p = p[2:]
		if !utf16.IsSurrogate(unit) {
			continue
		}
		if len(p) < 2 || utf16.DecodeRune(unit, rune(order.Uint16(p))) == utf8.RuneError {
			return false
		}
		p = p[2:]
	}
	return true
}
