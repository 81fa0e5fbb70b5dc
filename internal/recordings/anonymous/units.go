package anonymous

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"mime"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// A unit is one character of an answer, and the bytes that it came in. What cannot be
// decoded is a unit without a rune, and stays as it is.
type unit struct {
	r   rune // none: no character
	raw []byte
}

const none = -1

// A coding is how an answer's characters are written.
type coding struct {
	split func([]byte) []unit
	put   func(buf []byte, r rune) []byte
}

var (
	utf8Coding   = coding{splitUTF8, utf8.AppendRune}
	latinCoding  = coding{splitLatin, func(buf []byte, r rune) []byte { return append(buf, byte(r)) }}
	littleCoding = coding{splitUTF16(binary.LittleEndian), putUTF16(binary.LittleEndian)}
	bigCoding    = coding{splitUTF16(binary.BigEndian), putUTF16(binary.BigEndian)}
)

// errCharset means that an answer is in a charset that an export does not know, so it could
// not tell what is personal.
var errCharset = errors.New("an answer is in a charset that an export cannot read")

// codingOf returns the coding of an answer, as a client finds it: by its byte order mark,
// else by its Content-Type, else UTF-8 (R7).
func codingOf(contentType string, content []byte) (coding, error) {
	switch {
	case bytes.HasPrefix(content, []byte("\xff\xfe")):
		return littleCoding, nil
	case bytes.HasPrefix(content, []byte("\xfe\xff")):
		return bigCoding, nil
	}
	_, parameters, _ := mime.ParseMediaType(contentType)
	switch label := strings.ToLower(strings.Trim(parameters["charset"], ` "'`)); {
	case label == "", label == "utf-8", label == "utf8", label == "us-ascii":
		return utf8Coding, nil
	case label == "utf-16be", label == "utf-16" && len(content) > 0 && content[0] == 0:
		return bigCoding, nil
	case strings.HasPrefix(label, "utf-16"):
		return littleCoding, nil
	case strings.HasPrefix(label, "iso-8859"), strings.HasPrefix(label, "windows-125"), label == "latin1":
		return latinCoding, nil
	default:
		return coding{}, fmt.Errorf("%w: %s", errCharset, label)
	}
}

func splitUTF8(content []byte) []unit {
	units := make([]unit, 0, len(content))
	for len(content) > 0 {
		r, n := utf8.DecodeRune(content)
		if r == utf8.RuneError && n == 1 {
			r = none
		}
		units = append(units, unit{r, content[:n:n]})
		content = content[n:]
	}
	return units
}

// splitLatin takes each byte for a character. Those that are letters in Latin-1 are letters
// in the other charsets of one byte, too.
func splitLatin(content []byte) []unit {
	units := make([]unit, len(content))
	for i := range content {
		units[i] = unit{rune(content[i]), content[i : i+1 : i+1]}
	}
	return units
}

func splitUTF16(order binary.ByteOrder) func([]byte) []unit {
	return func(content []byte) []unit {
		var units []unit
		for len(content) >= 2 {
			n, r := 2, rune(order.Uint16(content))
			if utf16.IsSurrogate(r) && len(content) >= 4 {
				if pair := utf16.DecodeRune(r, rune(order.Uint16(content[2:]))); pair != utf8.RuneError {
					n, r = 4, pair
				}
			}
			if utf16.IsSurrogate(r) {
				r = pims.Lost
			}
			units = append(units, unit{r, content[:n:n]})
			content = content[n:]
		}
		if len(content) > 0 {
			units = append(units, unit{none, content})
		}
		return units
	}
}

func putUTF16(order binary.AppendByteOrder) func([]byte, rune) []byte {
	return func(buf []byte, r rune) []byte {
		for _, half := range utf16.Encode([]rune{r}) {
			buf = order.AppendUint16(buf, half)
		}
		return buf
	}
}
