// Package drift notices that a PIMS changed the form of what it returns (R51).
//
// A profile says which fields came in one kind of answer, how often they were filled, and in
// which form; it holds no value (R40). What a clinic's syncs have shown so far is a
// baseline, in which older answers count less. Judge compares a new profile with it. All of
// that is arithmetic: the package knows no database and no provider.
package drift

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A Profile describes the answers of one kind that one sync got. The numbers are fractions
// in a baseline, where older answers count less.
type Profile struct {
	Answers float64
	Forms   map[string]float64 // "list", "object", "object with a list under data": answers
	Rows    float64            // of the lists; 1 for an object
	Fields  map[string]*Field  // by their names, with those of their parents: "patient.id"

	limit int // of fields, see full
}

// A Field is one member of the rows of an answer.
type Field struct {
	Came   float64            // rows that have it
	Filled float64            // rows in which it is neither null nor blank nor empty
	Twice  float64            // rows that have it more than once
	Kinds  map[string]float64 // "text", "number", "flag", "list", "object": filled ones
	Shapes map[string]float64 // of scalars with a digit: digits as 9, letters as a, runs once: "9-9-9 9:9:9"
}

const (
	maxBytes  = 256 << 10 // of one answer that are looked at
	maxShapes = 20
	maxDepth  = 3 // of objects in a row
	maxShape  = 40
)

// isFieldName tells whether a key looks like the name of a field: up to 41 letters and "_".
// A key of another form may be a value.
func isFieldName(key string) bool {
	for i := range len(key) {
		if c := key[i]; !isLetter(c) && c != '_' {
			return false
		}
	}
	return key != "" && len(key) <= 41
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// lists are the names under which an answer may hold its rows.
var lists = map[string]bool{"data": true, "appointments": true, "events": true, "items": true, "results": true, "consultations": true}

func newProfile() *Profile {
	return &Profile{Forms: make(map[string]float64), Fields: make(map[string]*Field)}
}

// Read adds one answer, of which it looks at the first 256 KiB. What is no JSON has the
// form "no JSON". Of very many fields, those with known names are kept first; see bound.
func (p *Profile) Read(body []byte, known func(path, name string) bool) {
	p.Answers++
	r := reading{Profile: p, known: known, seen: make(map[string]int), Decoder: jsontext.NewDecoder(bytes.NewBuffer(body),
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
	form, err := r.answer()
	if err != nil && (len(body) < maxBytes || form == "") {
		form = "no JSON"
	}
	p.Forms[form]++
}

// A reading reads one answer.
type reading struct {
	*Profile
	*jsontext.Decoder
	known   func(path, name string) bool
	objects int            // read so far
	seen    map[string]int // in which of them a field came last
}

// answer reads a whole answer and returns its form.
func (r *reading) answer() (form string, err error) {
	switch r.PeekKind() {
	case '[':
		return "list", r.list()
	case '{':
		return r.envelope()
	default:
		return "no list and no object", r.SkipValue()
	}
}

// list reads a list of rows.
func (r *reading) list() error {
	return r.each(func() error {
		if r.PeekKind() != '{' {
			return r.SkipValue()
		}
		r.Rows++
		return r.object("", 0)
	})
}

// envelope reads an object that holds the rows, or is the one row.
func (r *reading) envelope() (form string, err error) {
	form = "object"
	r.Rows++
	err = r.members(func(name string, object int) error {
		if r.PeekKind() == '[' && lists[name] {
			form = "object with a list under " + name
			r.Rows-- // it is no row
			err := r.list()
			r.Rows++
			return err
		}
		return r.member(name, object, 0)
	})
	if form != "object" {
		r.Rows--
	}
	return form, err
}

// object reads an object whose fields have the names of its parents before theirs.
func (r *reading) object(parents string, depth int) error {
	return r.members(func(name string, object int) error { return r.member(parents+name, object, depth) })
}

// each reads a list, of which element reads each element.
func (r *reading) each(element func() error) error {
	_, err := r.ReadToken()
	for err == nil && r.PeekKind() != ']' {
		err = element()
	}
	if err != nil {
		return err
	}
	_, err = r.ReadToken()
	return err
}

// members reads an object, of which member reads the value of each member. A name that does
// not look like one is "{other}".
func (r *reading) members(member func(name string, object int) error) error {
	_, err := r.ReadToken()
	r.objects++
	object := r.objects
	for err == nil && r.PeekKind() != '}' {
		var token jsontext.Token
		if token, err = r.ReadToken(); err != nil {
			break
		}
		name := token.String()
		if !isFieldName(name) {
			name = other
		}
		err = member(name, object)
	}
	if err != nil {
		return err
	}
	_, err = r.ReadToken()
	return err
}

// member notes one field of an object and reads its value.
func (r *reading) member(name string, object, depth int) error {
	kind := r.PeekKind()
	var scalar jsontext.Token
	if kind != '{' && kind != '[' {
		var err error
		if scalar, err = r.ReadToken(); err != nil {
			return err
		}
	}
	f := r.came(name, object)
	switch kind {
	case '{':
		return r.inner(name, f, depth)
	case '[':
		empty := true
		err := r.each(func() error { empty = false; return r.SkipValue() })
		f.note("list", !empty)
		return err
	default:
		f.noteScalar(scalar)
		return nil
	}
}

// came counts a field of an object, and returns it.
func (r *reading) came(name string, object int) *Field {
	f := r.Fields[name]
	if f == nil {
		if r.full() {
			r.bound(r.known)
			maps.DeleteFunc(r.seen, func(seen string, _ int) bool { return r.Fields[seen] == nil })
		}
		f = &Field{Kinds: make(map[string]float64), Shapes: make(map[string]float64)}
		r.Fields[name] = f
	}
	switch {
	case r.seen[name] != object:
		f.Came++
	case !strings.HasSuffix(name, other):
		f.Twice++
	}
	r.seen[name] = object
	return f
}

// inner notes an object within a row. Below maxDepth its fields are not looked at.
func (r *reading) inner(name string, f *Field, depth int) error {
	empty := true
	err := r.members(func(inner string, object int) error {
		empty = false
		if depth == maxDepth {
			return r.SkipValue()
		}
		return r.member(name+"."+inner, object, depth+1)
	})
	f.note("object", !empty)
	return err
}

func (f *Field) noteScalar(token jsontext.Token) {
	switch token.Kind() {
	case '"':
		text := token.String()
		f.note("text", strings.TrimSpace(text) != "")
		f.shape(text)
	case '0':
		f.note("number", true)
		f.shape(token.String())
	case 't', 'f':
		f.note("flag", true)
	default: // null is not filled
	}
}

func (f *Field) note(kind string, filled bool) {
	if filled {
		f.Filled++
		f.Kinds[kind]++
	}
}

// shape notes the form of a scalar.
func (f *Field) shape(text string) {
	var buffer [maxShape]byte
	form := appendShape(buffer[:0], text)
	if _, known := f.Shapes[string(form)]; len(form) > 0 && (known || len(f.Shapes) < maxShapes) {
		f.Shapes[string(form)]++
	}
}

// ShapeOf returns the form of a short scalar that holds a digit, such as an id or a time:
// digits as 9, letters as a, runs once; "" for any other. It holds nothing of the value.
func ShapeOf(text string) string { return string(appendShape(nil, text)) }

func appendShape(form []byte, text string) []byte {
	if len(text) > maxShape {
		return form
	}
	digits := false
	for i := range len(text) {
		c := text[i]
		switch {
		case c >= '0' && c <= '9':
			c, digits = '9', true
		case c >= 0x80 || isLetter(c): // each byte of a letter that is not ASCII
			c = 'a'
		}
		if len(form) == 0 || form[len(form)-1] != c {
			form = append(form, c)
		}
	}
	if !digits {
		return nil
	}
	return form
}

// add adds another profile, whose numbers count weight times.
func (p *Profile) add(o *Profile, weight float64) {
	p.Answers += o.Answers * weight
	p.Rows += o.Rows * weight
	addAll(p.Forms, o.Forms, weight)
	for name, from := range o.Fields {
		addField(p.Fields, name, from, weight)
	}
}

// addField adds a field to that of a name.
func addField(to map[string]*Field, name string, from *Field, weight float64) {
	f := to[name]
	if f == nil {
		f = &Field{Kinds: make(map[string]float64), Shapes: make(map[string]float64)}
		to[name] = f
	}
	f.Came += from.Came * weight
	f.Filled += from.Filled * weight
	f.Twice += from.Twice * weight
	addAll(f.Kinds, from.Kinds, weight)
	addAll(f.Shapes, from.Shapes, weight)
}

func addAll(to, from map[string]float64, weight float64) {
	for name, n := range from {
		to[name] += n * weight
	}
}

// listen returns a body whose beginning is given to done when it is closed. A body that was
// cut off is not: it shows no form.
func listen(body io.ReadCloser, done func([]byte)) io.ReadCloser {
	return &listening{ReadCloser: body, done: done}
}

type listening struct {
	io.ReadCloser
	kept  []byte
	ended bool
	done  func([]byte)
}

func (l *listening) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	l.kept = append(l.kept, p[:min(n, maxBytes-len(l.kept))]...)
	l.ended = l.ended || errors.Is(err, io.EOF)
	return n, err
}

func (l *listening) Close() error {
	if l.done != nil && (l.ended || len(l.kept) == maxBytes) {
		l.done(l.kept)
	}
	l.done, l.kept = nil, nil
	return l.ReadCloser.Close()
}
