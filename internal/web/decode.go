package web

import (
	"bytes"
	"cmp"
	"encoding"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// BodyLimit is the size of the largest accepted body.
const BodyLimit = 64 << 10

// ReadBody reads the body of a request into a struct, strictly (R38): one JSON object with
// the struct's fields, each at most once and in exactly that spelling. No body counts as an
// empty object, but not for a Replacement; null counts as an absent field.
func ReadBody(r *http.Request, into any) error {
	for _, encoding := range r.Header.Values("Content-Encoding") {
		if !strings.EqualFold(encoding, "identity") {
			return Invalid("Content-Encoding", "the body must not be compressed; leave the header Content-Encoding out")
		}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, BodyLimit+1))
	switch {
	case err != nil:
		return Invalid("body", "the body could not be read to its end")
	case len(body) > BodyLimit:
		return syncs.Fail(CodeBodyTooLarge, "the body is larger than %d KiB", BodyLimit>>10)
	case len(bytes.TrimSpace(body)) == 0 && isReplacement(into):
		return Invalid("body", "the body is missing; send all that is to be kept, or {} to remove everything")
	case len(bytes.TrimSpace(body)) == 0:
		return checkRequired(into)
	}
	if err := checkContentType(r.Header.Values("Content-Type")); err != nil {
		return err
	}
	return decode(body, into)
}

// A Replacement is a body that takes the place of all that is stored. It must be sent, even
// if it may be {}: a call that forgets its body must not remove everything.
type Replacement interface{ Replaces() }

func isReplacement(body any) bool {
	_, ok := body.(Replacement)
	return ok
}

// checkContentType accepts JSON in UTF-8, and a body without a type, which is then read as
// JSON.
func checkContentType(values []string) error {
	if len(values) == 0 {
		return nil
	}
	media, params, err := mime.ParseMediaType(values[0])
	charset, given := params["charset"]
	if len(values) > 1 || err != nil || media != "application/json" || given && !strings.EqualFold(charset, "utf-8") {
		return Invalid("Content-Type", "the body must be JSON in UTF-8; send the header Content-Type: application/json")
	}
	return nil
}

// decode reads a body that is not empty.
func decode(body []byte, into any) error {
	if jsontext.Value(body).Kind() != jsontext.KindBeginObject {
		return Invalid("body", "the body must be one JSON object")
	}
	err := json.Unmarshal(body, into, json.RejectUnknownMembers(true))
	if err == nil {
		return cmp.Or(checkRequired(into), checkLengths(into), checkNUL(body, into))
	}
	var (
		semantic  *json.SemanticError
		syntactic *jsontext.SyntacticError
	)
	switch {
	case errors.Is(err, json.ErrUnknownName) && errors.As(err, &semantic):
		return unknownField(placeOf(semantic.JSONPointer, into))
	case errors.As(err, &semantic):
		p := placeOf(semantic.JSONPointer, into)
		return Invalid(p.name, "%s must be %s", p.inWords(), kindOf(semantic.GoType))
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntactic):
		p := placeOf(syntactic.JSONPointer, into)
		return Invalid(p.name, "%s is given more than once", p.inWords())
	default:
		return Invalid("body", "the body is not well-formed JSON in UTF-8")
	}
}

// checkNUL refuses a body with a NUL in a text or a name, which the database does not keep.
func checkNUL(body []byte, into any) error {
	if !bytes.Contains(body, []byte(`\u0000`)) {
		return nil
	}
	for d := jsontext.NewDecoder(bytes.NewReader(body)); ; {
		token, err := d.ReadToken()
		if err != nil {
			return nil //nolint:nilerr // the end: the body is well-formed
		}
		if token.Kind() == jsontext.KindString && strings.ContainsRune(token.String(), 0) {
			p := placeOf(d.StackPointer(), into)
			return Invalid(p.name, "%s holds a character that is no text (NUL)", p.inWords())
		}
	}
}

// checkLengths refuses a body with a text of more characters than the maxLength of its
// field, which the description has, too.
func checkLengths(into any) error {
	value := reflect.ValueOf(into).Elem()
	for _, field := range reflect.VisibleFields(value.Type()) {
		most, err := strconv.Atoi(field.Tag.Get("maxLength"))
		if err != nil {
			continue
		}
		text := reflect.Indirect(value.FieldByIndex(field.Index))
		if text.IsValid() && utf8.RuneCountInString(text.String()) > most {
			name := nameOf(field)
			return Invalid(name, "%s is longer than %d characters", name, most)
		}
	}
	return nil
}

// checkRequired refuses a body without a field that it must have: one whose tag has neither
// omitempty nor omitzero. A zero value counts as missing.
func checkRequired(into any) error {
	value := reflect.ValueOf(into).Elem()
	for _, field := range reflect.VisibleFields(value.Type()) {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" || strings.Contains(options, "omit") {
			continue
		}
		if value.FieldByIndex(field.Index).IsZero() {
			return Invalid(name, "%s is missing", name)
		}
	}
	return nil
}

// unknownField lists the fields that there are, and the one that was probably meant.
func unknownField(p place) error {
	names := fieldsOf(p.object)
	if i := slices.IndexFunc(names, func(known string) bool { return strings.EqualFold(known, p.token) }); i >= 0 {
		return Invalid(p.name, "there is no field of this name here; it is written %s", names[i])
	}
	if len(names) == 0 {
		return Invalid(p.name, "there is no field of this name here; the body must be empty")
	}
	return Invalid(p.name, "there is no field of this name here; there are %s", strings.Join(names, ", "))
}

// A place is where in a body something is wrong.
type place struct {
	name   string       // of the field, such as filters.rooms, or "body"
	token  string       // the last part of the name, as the caller wrote it
	object reflect.Type // the struct that has the field
	within bool         // it is something in the field: an item of a list, or what has a name of the caller's
}

// placeOf returns the place that a pointer leads to. It names fields, and nothing in lists
// and in objects whose names the caller chooses (R40).
func placeOf(pointer jsontext.Pointer, into any) place {
	inner := reflect.TypeOf(into).Elem()
	p := place{name: "body", object: inner}
	for token := range pointer.Tokens() {
		if !hasFields(inner) {
			p.within = true
			break
		}
		name := fieldName(token)
		if p.token != "" {
			name = p.name + "." + name
		}
		p.name, p.token, p.object = name, token, inner
		inner = typeOfField(inner, token)
	}
	return p
}

func (p place) inWords() string {
	if p.within {
		return "a part of " + p.name
	}
	return p.name
}

// hasFields reports whether a value of a type is an object of our fields in JSON.
func hasFields(t reflect.Type) bool {
	return t != nil && t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// typeOfField returns the type of a field of a struct, or of what it points to; nil: there
// is no such field.
func typeOfField(object reflect.Type, name string) reflect.Type {
	for _, field := range reflect.VisibleFields(object) {
		if nameOf(field) == name {
			if field.Type.Kind() == reflect.Pointer {
				return field.Type.Elem()
			}
			return field.Type
		}
	}
	return nil
}

// nameOf returns the name of a field in JSON.
func nameOf(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}

// Fields lists the JSON names of the fields that a pointer to a struct has.
func Fields(into any) []string { return fieldsOf(reflect.TypeOf(into).Elem()) }

func fieldsOf(object reflect.Type) []string {
	var names []string
	for _, field := range reflect.VisibleFields(object) {
		names = append(names, nameOf(field))
	}
	return names
}

// kindOf describes in words what a field accepts.
func kindOf(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[Day]():
		return "a day of the form YYYY-MM-DD"
	case t == reflect.TypeFor[Instant]():
		return "a moment such as 2026-01-17T12:00:00Z"
	case t == reflect.TypeFor[ID]():
		return "an id such as 0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
	case t.Kind() == reflect.String:
		return "a text"
	case t.Kind() == reflect.Slice:
		return "a list"
	case t.Kind() == reflect.Map, t.Kind() == reflect.Struct:
		return "an object"
	case t.Kind() == reflect.Int:
		return "a whole number"
	case t.Kind() == reflect.Float64:
		return "a number"
	case t.Kind() == reflect.Bool:
		return "true or false"
	default:
		return "of another kind"
	}
}
