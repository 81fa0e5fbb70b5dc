// Package secret holds the texts that nobody may read by accident: passwords, keys, tokens,
// connection strings (R40). A Text shows itself as [secret] in whatever prints it, logs it or
// encodes it; only Reveal returns it.
package secret

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
)

// Shown is what is seen in the place of a secret.
const Shown = "[secret]"

// A Text is a secret text. The zero Text is empty. Texts are not compared with ==; use Equal.
//
// The text stands behind a pointer, so that fmt, which calls no method of an unexported
// field, prints an address and not the text.
type Text struct {
	_    [0]func() // not comparable
	text *string
}

// New returns a secret.
func New(text string) Text {
	if text == "" {
		return Text{}
	}
	return Text{text: &text}
}

// Reveal returns the text itself, for the one call that needs it.
func (s Text) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Empty reports whether there is no text.
func (s Text) Empty() bool { return s.text == nil }

// Equal compares two secrets in a time that tells nothing about them.
func (s Text) Equal(other Text) bool {
	a, b := sha256.Sum256([]byte(s.Reveal())), sha256.Sum256([]byte(other.Reveal()))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// Or returns the secret, or else another one where it is empty.
func (s Text) Or(other Text) Text {
	if s.Empty() {
		return other
	}
	return s
}

// shown tells whether there is a secret, and nothing of it.
func (s Text) shown() string {
	if s.Empty() {
		return ""
	}
	return Shown
}

// String implements fmt.Stringer.
func (s Text) String() string { return s.shown() }

// Format implements fmt.Formatter: every verb and flag shows the same.
func (s Text) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.shown())) }

// LogValue implements slog.LogValuer.
func (s Text) LogValue() slog.Value { return slog.StringValue(s.shown()) }

// MarshalText implements encoding.TextMarshaler, for JSON, its keys, and XML.
func (s Text) MarshalText() ([]byte, error) { return []byte(s.shown()), nil }

// UnmarshalText implements encoding.TextUnmarshaler, for flags and variables.
func (s *Text) UnmarshalText(text []byte) error {
	*s = New(string(text))
	return nil
}

// MarshalBinary refuses to write a secret, for gob and its like.
func (s Text) MarshalBinary() ([]byte, error) {
	return nil, errors.New("a secret is not written; Reveal it where that is meant")
}
