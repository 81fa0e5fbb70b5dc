// Package check examines a clinic's PIMS at the first contact: how the login went, what
// each kind of request returned, and what a first sync would do.
//
// Its report holds nothing personal (R40): counts, times, names of fields, and words of the
// practice that occur in no name. It writes nothing.
package check

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pims-sync/pims-sync/internal/drift"
)

// An Answer is what the PIMS returned to one kind of request, without any value.
type Answer struct {
	Path    string // of the URL; an id is shown as {id}
	Status  int    // HTTP's
	Content string // the media type
	Answers int    // how many of this kind came
	Form    string // "list", "object", "object with a list under data", "no JSON", "empty"
	Rows    int    // of the lists; 1 for an object
	Fields  []Field
}

// A Field is one member of the rows of an Answer.
type Field struct {
	Name   string   // with its parents: patient.id
	Came   int      // rows that have it
	Filled int      // rows in which it is neither null nor blank
	Kinds  []string // "text", "number", "flag", "list", "object", "null"
	Shapes []string // of texts with a digit, as in "9-9-9 9:9:9" (drift.ShapeOf); none where there are many
}

// Answers collects what the PIMS returns. It is safe for concurrent use.
type Answers struct {
	mu  sync.Mutex
	all []*collected
}

type collected struct {
	Answer
	fields map[string]*Field
}

// maxBody bounds what is kept of one answer until it is read; the rest is not examined.
const maxBody = 4 << 20

// Wrap returns a transport that examines every answer; see pims.Environment.Wrap.
func (a *Answers) Wrap(next http.RoundTripper) http.RoundTripper { return &tap{a, next} }

type tap struct {
	answers *Answers
	next    http.RoundTripper
}

func (t *tap) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(r)
	if err == nil {
		path := idInPath.ReplaceAllString(r.URL.Path, "/{id}")
		content, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";")
		response.Body = &listening{ReadCloser: response.Body, done: func(body []byte) {
			t.answers.note(path, response.StatusCode, content, body)
		}}
	}
	return response, err
}

// idInPath is a part of a path with a digit: an id.
var idInPath = regexp.MustCompile(`/[^/]*[0-9][^/]*`)

// A listening body keeps its beginning until it is closed.
type listening struct {
	io.ReadCloser
	kept bytes.Buffer
	once sync.Once
	done func([]byte)
}

func (l *listening) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	l.kept.Write(p[:min(n, maxBody-l.kept.Len())])
	return n, err
}

func (l *listening) Close() error {
	l.once.Do(func() { l.done(l.kept.Bytes()) })
	return l.ReadCloser.Close()
}

// List returns what came, in the order of the first answers.
func (a *Answers) List() []Answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]Answer, len(a.all))
	for i, c := range a.all {
		list[i] = c.Answer
		for _, f := range c.fields {
			told := *f
			slices.Sort(told.Kinds)
			slices.Sort(told.Shapes)
			if len(told.Shapes) > maxShapes {
				told.Shapes = nil
			}
			list[i].Fields = append(list[i].Fields, told)
		}
		slices.SortFunc(list[i].Fields, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	}
	return list
}

func (a *Answers) note(path string, status int, content string, body []byte) {
	form, rows := rowsOf(body)
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.IndexFunc(a.all, func(c *collected) bool {
		return c.Path == path && c.Status == status && c.Content == content && c.Form == form
	})
	if i < 0 {
		i = len(a.all)
		a.all = append(a.all, &collected{Answer{Path: path, Status: status, Content: content, Form: form}, map[string]*Field{}})
	}
	c := a.all[i]
	c.Answers++
	c.Rows += len(rows)
	for _, row := range rows {
		c.row("", row, 0)
	}
}

// rowsOf returns the form of an answer, and its records: the objects of its list, or itself.
func rowsOf(body []byte) (form string, rows []map[string]any) {
	var document any
	switch err := json.Unmarshal(body, &document); {
	case len(bytes.TrimSpace(body)) == 0:
		return "empty", nil
	case err != nil:
		return "no JSON", nil
	}
	switch d := document.(type) {
	case []any:
		return "list", objects(d)
	case map[string]any:
		for _, name := range []string{"data", "appointments", "events", "items", "results"} {
			if list, ok := d[name].([]any); ok {
				return "object with a list under " + name, objects(list)
			}
		}
		return "object", []map[string]any{d}
	default:
		return "no list and no object", nil
	}
}

func objects(list []any) (rows []map[string]any) {
	for _, item := range list {
		if row, ok := item.(map[string]any); ok {
			rows = append(rows, row)
		}
	}
	return rows
}

const (
	maxFields = 200 // of one kind of answer
	maxDepth  = 2
	maxShapes = 3 // of one field
)

// fieldName is what the name of a field looks like. A key of another form may be a value.
var fieldName = regexp.MustCompile(`^[A-Za-z_][A-Za-z_]{0,40}$`)

func (c *collected) row(parents string, row map[string]any, depth int) {
	for name, value := range row {
		if !fieldName.MatchString(name) {
			name = "{other}"
		}
		name = parents + name
		f := c.fields[name]
		if f == nil {
			if len(c.fields) == maxFields {
				continue
			}
			f = &Field{Name: name}
			c.fields[name] = f
		}
		kind, filled := kindOf(value)
		f.Came++
		if filled {
			f.Filled++
		}
		if !slices.Contains(f.Kinds, kind) {
			f.Kinds = append(f.Kinds, kind)
		}
		text, _ := value.(string)
		if shape := drift.ShapeOf(text); shape != "" && len(f.Shapes) <= maxShapes && !slices.Contains(f.Shapes, shape) {
			f.Shapes = append(f.Shapes, shape)
		}
		if inner, ok := value.(map[string]any); ok && depth < maxDepth {
			c.row(name+".", inner, depth+1)
		}
	}
}

func kindOf(value any) (kind string, filled bool) {
	switch v := value.(type) {
	case nil:
		return "null", false
	case string:
		return "text", strings.TrimSpace(v) != ""
	case float64:
		return "number", true
	case bool:
		return "flag", true
	case []any:
		return "list", len(v) > 0
	case map[string]any:
		return "object", len(v) > 0
	default:
		return "object", false
	}
}
