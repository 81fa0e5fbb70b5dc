package neosim

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// A recoder writes an answer in a charset. It is given UTF-8, in pieces.
type recoder struct {
	http.ResponseWriter
	encode func(buf []byte, r rune) []byte
	part   []byte // of a character that the next piece continues
}

// writer declares the charset and writes in it.
func (c Charset) writer(w http.ResponseWriter) http.ResponseWriter {
	if c == UTF8 {
		return w
	}
	w.Header().Set("Content-Type", "application/json; charset="+string(c))
	if c == Latin1 {
		return &recoder{ResponseWriter: w, encode: latin1}
	}
	_, _ = w.Write([]byte("\xff\xfe"))
	return &recoder{ResponseWriter: w, encode: func(buf []byte, r rune) []byte {
		for _, unit := range utf16.AppendRune(nil, r) {
			buf = binary.LittleEndian.AppendUint16(buf, unit)
		}
		return buf
	}}
}

// latin1 escapes what the charset lacks: outside of its texts, JSON is ASCII. The
// controls above it mean letters to browsers.
func latin1(buf []byte, r rune) []byte {
	if r < 0x80 || 0xa0 <= r && r <= 0xff {
		return append(buf, byte(r))
	}
	for _, unit := range utf16.AppendRune(nil, r) {
		buf = fmt.Appendf(buf, `\u%04x`, unit)
	}
	return buf
}

// Write implements http.ResponseWriter.
func (w *recoder) Write(p []byte) (int, error) {
	text, buf := slices.Concat(w.part, p), make([]byte, 0, 2*len(p))
	for utf8.FullRune(text) {
		r, size := utf8.DecodeRune(text)
		buf, text = w.encode(buf, r), text[size:]
	}
	w.part = slices.Clone(text)
	_, err := w.ResponseWriter.Write(buf)
	return len(p), err
}
