// Package drift notices that a PIMS changed the form of what it returns (R51).
//
// A profile says which fields came in one kind of answer, how often they were filled, and in
// which form; it holds no value (R40). What a clinic's syncs have shown so far is a
// baseline, in which older answers count less. Judge compares a new profile with it. All of
// that is arithmetic: the package knows no database and no provider.
package drift

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"
)

// A Profile describes the answers of one kind that one sync got. The numbers are fractions
// in a baseline, where older answers count less.
type Profile struct {
	Answers float64
	Forms   map[string]float64 // "list", "object", "object with a list under data": answers
	Rows    float64            // of the lists; 1 for an object
	Fields  map[string]*Field  // by their names, with those of their parents: "patient.id"
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
	maxFields = 200
	maxShapes = 20
	maxDepth  = 3 // of objects in a row
	maxShape  = 40
)

// fieldName is what the name of a field looks like. A key of another form may be a value.
var fieldName = regexp.MustCompile(`^[A-Za-z_][A-Za-z_]{0,40}$`)

// lists are the names under which an answer may hold its rows.
var lists = map[string]bool{"data": true, "appointments": true, "events": true, "items": true, "results": true, "consultations": true}

func newProfile() *Profile {
	return &Profile{Forms: make(map[string]float64), Fields: make(map[string]*Field)}
}

// Read adds one answer, of which it looks at the first 256 KiB. What is no JSON has the
// form "no JSON".
func (p *Profile) Read(body []byte) {
	p.Answers++
	r := reading{p, json.NewDecoder(bytes.NewReader(body))}
	r.UseNumber()
	form, err := r.answer()
	if err != nil && (len(body) < maxBytes || form == "") {
		form = "no JSON"
	}
	p.Forms[form]++
}

type reading struct {
	*Profile
	*json.Decoder
}

// answer reads a whole answer and returns its form.
func (r *reading) answer() (form string, err error) {
	token, err := r.Token()
	if err != nil {
		return "", err
	}
	switch token {
	case json.Delim('['):
		return "list", r.list()
	case json.Delim('{'):
		return r.envelope()
	default:
		return "no list and no object", nil
	}
}

// list reads the rows of a list up to its end.
func (r *reading) list() error {
	for r.More() {
		token, err := r.Token()
		if err != nil {
			return err
		}
		if token == json.Delim('{') {
			r.Rows++
			err = r.object("", 0)
		} else {
			err = r.rest(token)
		}
		if err != nil {
			return err
		}
	}
	_, err := r.Token()
	return err
}

// envelope reads an object that holds the rows, or is the one row.
func (r *reading) envelope() (form string, err error) {
	form = "object"
	seen := make(map[string]bool)
	r.Rows++
	for r.More() {
		name, err := r.name()
		if err != nil {
			return form, err
		}
		token, err := r.Token()
		if err != nil {
			return form, err
		}
		if token == json.Delim('[') && lists[name] {
			form = "object with a list under " + name
			r.Rows-- // it is no row
			err = r.list()
			r.Rows++
		} else {
			err = r.member(name, token, 0, seen)
		}
		if err != nil {
			return form, err
		}
	}
	if form != "object" {
		r.Rows--
	}
	_, err = r.Token()
	return form, err
}

// name reads the name of a member. What does not look like one is "{other}".
func (r *reading) name() (string, error) {
	token, err := r.Token()
	name, _ := token.(string)
	if !fieldName.MatchString(name) {
		name = "{other}"
	}
	return name, err
}

// object reads the members of an object up to its end.
func (r *reading) object(parents string, depth int) error {
	seen := make(map[string]bool)
	for r.More() {
		name, err := r.name()
		if err != nil {
			return err
		}
		token, err := r.Token()
		if err != nil {
			return err
		}
		if err := r.member(parents+name, token, depth, seen); err != nil {
			return err
		}
	}
	_, err := r.Token()
	return err
}

// member notes one field and reads the rest of its value.
func (r *reading) member(name string, token json.Token, depth int, seen map[string]bool) error {
	f := r.Fields[name]
	if f == nil && len(r.Fields) < maxFields {
		f = &Field{Kinds: make(map[string]float64), Shapes: make(map[string]float64)}
		r.Fields[name] = f
	}
	switch {
	case f == nil:
		return r.rest(token)
	case seen[name] && !strings.HasSuffix(name, "{other}"):
		f.Twice++
	case !seen[name]:
		f.Came++
	}
	seen[name] = true
	empty := false
	if d, ok := token.(json.Delim); ok {
		empty = !r.More()
		if d == '{' && depth < maxDepth {
			f.note("object", !empty)
			return r.object(name+".", depth+1)
		}
	}
	f.noteToken(token, !empty)
	return r.rest(token)
}

func (f *Field) noteToken(token json.Token, filled bool) {
	switch v := token.(type) {
	case json.Delim:
		f.note(map[json.Delim]string{'[': "list", '{': "object"}[v], filled)
	case string:
		f.note("text", strings.TrimSpace(v) != "")
		f.shape(v)
	case json.Number:
		f.note("number", true)
		f.shape(v.String())
	case bool:
		f.note("flag", true)
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
	form := ShapeOf(text)
	if _, known := f.Shapes[form]; form != "" && (known || len(f.Shapes) < maxShapes) {
		f.Shapes[form]++
	}
}

// ShapeOf returns the form of a short scalar that holds a digit, such as an id or a time:
// digits as 9, letters as a, runs once; "" for any other. It holds nothing of the value.
func ShapeOf(text string) string {
	if len(text) > maxShape || !strings.ContainsAny(text, "0123456789") {
		return ""
	}
	var b strings.Builder
	last := rune(0)
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9':
			c = '9'
		case c >= 0x80 || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			c = 'a'
		}
		if c != last {
			b.WriteRune(c)
		}
		last = c
	}
	return b.String()
}

// rest reads what is left of a value whose first token was read.
func (r *reading) rest(token json.Token) error {
	d, ok := token.(json.Delim)
	if !ok || d == ']' || d == '}' {
		return nil
	}
	for depth := 1; depth > 0; {
		token, err := r.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
	}
	return nil
}

// add adds another profile, whose numbers count weight times.
func (p *Profile) add(o *Profile, weight float64) {
	p.Answers += o.Answers * weight
	p.Rows += o.Rows * weight
	addAll(p.Forms, o.Forms, weight)
	for name, from := range o.Fields {
		f := p.Fields[name]
		if f == nil {
			f = &Field{Kinds: make(map[string]float64), Shapes: make(map[string]float64)}
			p.Fields[name] = f
		}
		f.Came += from.Came * weight
		f.Filled += from.Filled * weight
		f.Twice += from.Twice * weight
		addAll(f.Kinds, from.Kinds, weight)
		addAll(f.Shapes, from.Shapes, weight)
	}
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
