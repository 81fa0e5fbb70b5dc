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

	"github.com/pims-sync/pims-sync/internal/pims"
)

// An Answer is what the PIMS returned to one kind of request, without any value.
type Answer struct {
	Step    string // during which it came first: that of a Step, or "login"
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
	Name   string   // with its parents: patient.id; {other} stands for all whose names may be somebody's
	Came   int      // rows that have it; of {other}, members
	Filled int      // rows in which it is neither null nor blank
	Kinds  []string // "text", "number", "flag", "list", "object", "null"
	Shapes []string // of texts with a digit, as in "9-9-9 9:9:9" (drift.ShapeOf); none where there are many
}

// Answers collects what the PIMS returns. It is safe for concurrent use.
type Answers struct {
	Known pims.Wire // the words of the provider's answers; names of other fields are told with care, see isTold

	mu    sync.Mutex
	all   []*collected
	words words
}

type collected struct {
	Answer
	row   node
	nodes int
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
		kind := Answer{Step: stepOf(r.Context()), Path: idInPath.ReplaceAllString(r.URL.Path, "/{id}"), Status: response.StatusCode, Content: mediaType(response)}
		response.Body = &listening{ReadCloser: response.Body, done: func(body []byte) { t.answers.note(&kind, body) }}
	}
	return response, err
}

// mediaType returns the media type of an answer, or "{other}" for what is none.
func mediaType(response *http.Response) string {
	content, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";")
	if content = strings.TrimSpace(content); content != "" && !isMediaType.MatchString(content) {
		return "{other}"
	}
	return content
}

var isMediaType = regexp.MustCompile(`^[a-z]{1,20}/[a-z.+-]{1,40}$`)

// idInPath is a part of a path that may name something: one with a digit, or with anything but
// the letters and signs of which the parts of an address are made.
var idInPath = regexp.MustCompile(`/[^/]*[^/A-Za-z_.-][^/]*`)

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
	known := a.Known.FieldWords()
	for i, c := range a.all {
		list[i] = c.Answer
		list[i].Fields = c.row.told(func(name string, came, objects int) bool { return isTold(name, came, objects, known, &a.words) })
	}
	return list
}

func (a *Answers) note(kind *Answer, body []byte) {
	form, rows := rowsOf(body)
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.IndexFunc(a.all, func(c *collected) bool {
		return c.Path == kind.Path && c.Status == kind.Status && c.Content == kind.Content && c.Form == form
	})
	if i < 0 {
		i = len(a.all)
		a.all = append(a.all, &collected{Answer: *kind})
		a.all[i].Form = form
	}
	c := a.all[i]
	c.Answers++
	c.Rows += len(rows)
	for _, row := range rows {
		c.row.note(row, &c.nodes, 0, &a.words)
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
