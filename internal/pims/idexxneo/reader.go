package idexxneo

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/memory"
)

// drift is the error for an answer in a form that we do not know. It names the form, never
// the content (R40).
func drift(what string) error { return fmt.Errorf("%s: %w", what, pims.ErrSchemaDrift) }

// A reader reads Neo's JSON tolerantly: every scalar may be a string, a number or a
// boolean. It reads the bytes as they arrive and keeps none of them in memory.
type reader struct {
	decoder *jsontext.Decoder
	words   map[string]string // texts that come again and again
	held    *memory.Share     // of what is kept
}

// tolerant returns the options with which all of Neo's JSON is read.
func tolerant() []jsontext.Options {
	return []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
}

// How many words a reader keeps at most, and how long they may be.
const (
	maxWords   = 4096
	maxWordLen = 128
)

func newReader(decoder *jsontext.Decoder) *reader {
	return &reader{decoder: decoder, words: make(map[string]string), held: new(memory.Share)}
}

// array calls element before each of an array's elements, which it must read.
func (r *reader) array(element func() error) error {
	if err := r.open('[', "a list is missing"); err != nil {
		return err
	}
	for r.decoder.PeekKind() != ']' {
		if err := element(); err != nil {
			return err
		}
	}
	_, err := r.decoder.ReadToken()
	return err
}

// object calls member with the name of each of an object's members, whose value member must
// read. The name is valid until then.
func (r *reader) object(member func(name []byte) error) error {
	if err := r.open('{', "an object is missing"); err != nil {
		return err
	}
	for r.decoder.PeekKind() != '}' {
		name, err := r.decoder.ReadValue()
		if err != nil {
			return err
		}
		if err := member(unquoted(name)); err != nil {
			return err
		}
	}
	_, err := r.decoder.ReadToken()
	return err
}

// open reads the token that begins an array or an object.
func (r *reader) open(kind jsontext.Kind, otherwise string) error {
	token, err := r.decoder.ReadToken()
	if err != nil {
		return err
	}
	if token.Kind() != kind {
		return drift(otherwise)
	}
	return nil
}

func (r *reader) skip() error { return r.decoder.SkipValue() }

// text reads a scalar as text. Null, arrays and objects give "".
func (r *reader) text() (string, error) {
	raw, err := r.decoder.ReadValue()
	if err != nil {
		return "", err
	}
	return scalar(raw), nil
}

// word reads a text that is likely to occur again, and keeps it only once.
func (r *reader) word() (string, error) {
	raw, err := r.decoder.ReadValue()
	if err != nil {
		return "", err
	}
	if word, ok := r.words[string(raw)]; ok {
		return word, nil
	}
	word := scalar(raw)
	if len(r.words) < maxWords && len(raw) <= maxWordLen {
		r.words[string(raw)] = word
	}
	return word, nil
}

// identifier reads an id. It comes as a string or as a whole number and is the same id
// either way. Anything else gives "". An id never goes through a float.
func (r *reader) identifier() (string, error) {
	id, err := r.whole()
	return identified(id), err
}

// identified returns an id, or "" where it is zero or a word for nothing (R6), or lost a
// character (R7).
func identified(id string) string {
	if strings.Trim(id, "-0") == "" || slices.Contains(nobody, strings.ToLower(id)) || pims.Damaged(id) {
		return ""
	}
	return id
}

// nobody are the words that stand for nothing where a program writes it as a text.
var nobody = []string{"null", "nil", "none", "undefined", "nan"}

// whole reads a whole number, or a text, as text; "" where the value is neither.
func (r *reader) whole() (string, error) {
	raw, err := r.decoder.ReadValue()
	if err != nil {
		return "", err
	}
	switch raw.Kind() {
	case '"':
		return strings.TrimSpace(scalar(raw)), nil
	case '0':
		whole, fraction, _ := strings.Cut(string(raw), ".")
		if strings.Trim(fraction, "0") != "" || strings.ContainsAny(whole, "eE") {
			return "", nil
		}
		return whole, nil
	default:
		return "", nil
	}
}

// flag reads a boolean in any of its forms. given is false where there is none.
func (r *reader) flag() (set, given bool, err error) {
	text, err := r.word()
	if err != nil {
		return false, false, err
	}
	switch strings.ToLower(text) {
	case "true", "1":
		return true, true, nil
	default:
		return false, text != "", nil
	}
}

// list reads an array of scalars, or a single one.
func (r *reader) list() ([]string, error) {
	if r.decoder.PeekKind() != '[' {
		text, err := r.word()
		if err != nil || text == "" {
			return nil, err
		}
		return []string{text}, nil
	}
	var texts []string
	err := r.array(func() error {
		text, err := r.word()
		texts = append(texts, text)
		return err
	})
	return texts, err
}

// unquoted returns the content of a JSON string, usually a part of raw.
func unquoted(raw jsontext.Value) []byte {
	content := raw[1 : len(raw)-1]
	if bytes.IndexByte(content, '\\') < 0 {
		return content
	}
	text, _ := jsontext.AppendUnquote(nil, raw) // lone surrogates become U+FFFD
	return text
}

// scalar returns a scalar's text, cleaned (R7) and copied out of the buffer.
func scalar(raw jsontext.Value) string {
	switch raw.Kind() {
	case '"':
		return pims.Clean(string(unquoted(raw)))
	case '0', 't', 'f':
		return string(raw)
	default:
		return ""
	}
}
