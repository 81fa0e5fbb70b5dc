package neosim

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// object appends the members; blank optional ones by the row's turn.
func (w wire) object(buf []byte, fields object, blank turn) []byte {
	buf = append(buf, '{')
	for i, first := 0, true; i < len(fields); i++ {
		f := fields[i]
		if text, ok := f.value.(optional); ok && text == "" && blank == turnAbsent {
			continue
		}
		if !first {
			buf = append(buf, ',')
		}
		first = false
		buf = append(quoted(buf, f.name), ':')
		buf = w.value(buf, f.value, blank)
	}
	return append(buf, '}')
}

// value appends one JSON value.
func (w wire) value(buf []byte, value any, blank turn) []byte {
	switch v := value.(type) {
	case nil:
		return append(buf, "null"...)
	case string:
		return quoted(buf, v)
	case optional:
		if v == "" && blank == turnNull {
			return append(buf, "null"...)
		}
		return quoted(buf, string(v))
	case identifier:
		return w.identifier(buf, string(v))
	case flag:
		return w.flag(buf, bool(v))
	case json.RawMessage: // byte by byte, also where it is no JSON
		return append(buf, v...)
	case object:
		return w.object(buf, v, blank)
	case list:
		return w.list(buf, v, blank)
	default:
		return append(buf, marshal(v)...)
	}
}

func (w wire) list(buf []byte, rows list, blank turn) []byte {
	buf = append(buf, '[')
	for i, row := range rows {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = w.object(buf, row, blank)
	}
	return append(buf, ']')
}

func (w wire) identifier(buf []byte, id string) []byte {
	switch {
	case id == "":
		return append(buf, "null"...)
	case w.ids == NumberIDs && isNumber(id):
		return append(buf, id...)
	default:
		return quoted(buf, id)
	}
}

// isNumber reports whether the identifier survives being written as a JSON number.
func isNumber(id string) bool {
	n, err := strconv.ParseUint(id, 10, 53)
	return err == nil && strconv.FormatUint(n, 10) == id
}

func (w wire) flag(buf []byte, set bool) []byte {
	switch w.bools {
	case NumberBools:
		return append(buf, digit(set))
	case StringBools:
		return append(buf, '"', digit(set), '"')
	default:
		return strconv.AppendBool(buf, set)
	}
}

func digit(set bool) byte {
	if set {
		return '1'
	}
	return '0'
}

// marshal writes what only tests put into Raw; a value that cannot be written is a mistake of the test.
func marshal(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic("neosim: a value of Raw cannot be written: " + err.Error())
	}
	return text
}

const hexDigits = "0123456789abcdef"

// quoted appends a JSON string; everything but quotes, backslashes and control characters goes as it is, in UTF-8.
func quoted(buf []byte, text string) []byte {
	buf = append(buf, '"')
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '"' || c == '\\':
			buf = append(buf, '\\', c)
		case c == '\n':
			buf = append(buf, '\\', 'n')
		case c < 0x20:
			buf = append(buf, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
		case c < utf8.RuneSelf:
			buf = append(buf, c)
		default:
			r, size := utf8.DecodeRuneInString(text[i:])
			buf = utf8.AppendRune(buf, r) // an invalid byte becomes U+FFFD
			i += size
			continue
		}
		i++
	}
	return append(buf, '"')
}

// json is the object as text, without any habits.
func (o object) json() string { return string(wire{}.object(nil, o, turnNull)) }
