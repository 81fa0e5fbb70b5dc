// Package apitest checks an API's answers against its own description. An answer is an
// error if the description does not have its status, header, content type or field, or if
// it lacks what the description promises. The package is for tests only.
//
// It knows none of our operations: it reads everything from the given OpenAPI 3.1 document.
// santhosh-tekuri/jsonschema checks the schemas, because OpenAPI 3.1 is JSON Schema
// 2020-12.
package apitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A Contract is a parsed description of an API. Its checks of answers are safe for
// concurrent use.
type Contract struct {
	whole      any // the document
	compiler   *jsonschema.Compiler
	operations []operation
	problem    *jsonschema.Schema // what is answered where there is no operation
}

// An operation is one method of one path.
type operation struct {
	method    string
	segments  []string // of the path; one in braces stands for any text
	query     []string // the parameters' names
	request   *jsonschema.Schema
	responses map[int]response
}

// A response is the description of an operation's answer with one status.
type response struct {
	description string
	headers     map[string]bool // canonical name to: is it always there?
	content     map[string]*jsonschema.Schema
}

// general are the headers that every answer may have, whatever the operation. They belong
// to HTTP, or tell a browser what it may do.
var general = []string{
	"Cache-Control", "Connection", "Content-Encoding", "Content-Length", "Content-Security-Policy", "Content-Type", "Date",
	"Referrer-Policy", "Transfer-Encoding", "Vary", "X-Content-Type-Options", "X-Frame-Options", "X-Request-Id",
}

// signposts lead to the description and are not part of it.
var signposts = map[string]string{"/": "application/json", "/docs": "text/html", "/openapi.json": "application/openapi+json"}

// Check returns how an answer to a request differs from the description; nil means that it
// does not. body is the whole response body. sent is the request's body. It is checked,
// too, where the answer is a success: what the API accepts, the description must allow.
func (c *Contract) Check(r *http.Request, sent []byte, got *http.Response, body []byte) error {
	if err := c.check(r, sent, got, body); err != nil {
		return fmt.Errorf("%s %s answers %d, which its description does not allow: %w", r.Method, r.URL.Path, got.StatusCode, err)
	}
	return nil
}

func (c *Contract) check(r *http.Request, sent []byte, got *http.Response, body []byte) error {
	kind, _, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("the content type %q is unreadable: %w", got.Header.Get("Content-Type"), err)
	}
	if want, ok := signposts[r.URL.Path]; ok && got.StatusCode == http.StatusOK {
		if kind != want {
			return fmt.Errorf("the content type is %s, not %s", kind, want)
		}
		return nil
	}
	op := c.find(r)
	if op == nil {
		return c.checkNowhere(r, got, kind, body)
	}
	answer, ok := op.responses[got.StatusCode]
	if !ok {
		return errors.New("there is no such status")
	}
	if err := checkHeaders(got.Header, answer.headers); err != nil {
		return err
	}
	schema, ok := answer.content[kind]
	if !ok {
		return fmt.Errorf("there is no such content type: %s", kind)
	}
	if r.Method != http.MethodHead {
		if err := checkBody(schema, kind, body); err != nil {
			return fmt.Errorf("%w; the body is %s", err, abridged(body))
		}
		if err := checkCode(answer.description, got.StatusCode, kind, body); err != nil {
			return err
		}
	}
	if got.StatusCode < http.StatusMultipleChoices {
		return op.checkRequest(r, sent)
	}
	return nil
}

// CheckExample returns how an example of a response differs from the description of its
// operation, which is named by its method and its path as the description writes it.
func (c *Contract) CheckExample(method, path string, status int, body []byte) error {
	for i := range c.operations {
		if op := &c.operations[i]; op.method == method && slices.Equal(op.segments, strings.Split(path, "/")) {
			return op.checkExample(status, body)
		}
	}
	return fmt.Errorf("there is no operation %s %s", method, path)
}

func (op *operation) checkExample(status int, body []byte) error {
	const kind = "application/json"
	described, ok := op.responses[status]
	if !ok || described.content[kind] == nil {
		return fmt.Errorf("there is no response %d of JSON", status)
	}
	if err := checkBody(described.content[kind], kind, body); err != nil {
		return err
	}
	return checkCode(described.description, status, kind, body)
}

// find returns the operation that a request asks for; nil means that there is none.
func (c *Contract) find(r *http.Request) *operation {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet // who may GET may HEAD
	}
	for i := range c.operations {
		if op := &c.operations[i]; op.method == method && op.is(r.URL) {
			return op
		}
	}
	return nil
}

func (op *operation) is(address *url.URL) bool {
	return slices.EqualFunc(op.segments, strings.Split(address.EscapedPath(), "/"), func(pattern, segment string) bool {
		return pattern == segment || strings.HasPrefix(pattern, "{") && segment != ""
	})
}

// checkNowhere checks the answer to a request without an operation: an error of the usual
// form.
func (c *Contract) checkNowhere(r *http.Request, got *http.Response, kind string, body []byte) error {
	headers := map[string]bool{}
	switch got.StatusCode {
	case http.StatusNotFound:
	case http.StatusBadRequest:
		if signposts[r.URL.Path] == "" || r.URL.RawQuery == "" {
			return errors.New("there is no such operation")
		}
	case http.StatusMethodNotAllowed:
		headers["Allow"] = true
	default:
		return errors.New("there is no such operation")
	}
	if err := checkHeaders(got.Header, headers); err != nil {
		return err
	}
	if kind != "application/json" {
		return fmt.Errorf("the content type of an error is %s", kind)
	}
	if r.Method == http.MethodHead {
		return nil
	}
	return checkBody(c.problem, kind, body)
}

func checkHeaders(got http.Header, known map[string]bool) error {
	for name := range got {
		if _, ok := known[name]; !ok && !slices.Contains(general, name) {
			return fmt.Errorf("there is no such header: %s", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if known[name] && got.Get(name) == "" {
			return fmt.Errorf("it lacks the header %s", name)
		}
	}
	return nil
}

// checkBody checks a body by its schema. Of a stream of events, each event's data is
// one value of the schema.
func checkBody(schema *jsonschema.Schema, kind string, body []byte) error {
	switch {
	case kind == "text/event-stream":
		return checkEvents(schema, body)
	case strings.HasPrefix(kind, "text/"):
		return schema.Validate(string(body))
	default:
		return checkJSON(schema, body)
	}
}

func checkJSON(schema *jsonschema.Schema, text []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("it is no JSON: %w", err)
	}
	return schema.Validate(value)
}

// checkEvents checks the data of all complete events. The last one may be cut off, because
// a client that follows a sync may disconnect.
func checkEvents(schema *jsonschema.Schema, stream []byte) error {
	for event := range strings.SplitSeq(string(stream), "\n\n") {
		for line := range strings.Lines(event) {
			data, ok := strings.CutPrefix(line, "data: ")
			if !ok || !json.Valid([]byte(data)) {
				continue
			}
			if err := checkJSON(schema, []byte(data)); err != nil {
				return fmt.Errorf("an event's data: %w", err)
			}
		}
	}
	return nil
}

// checkCode returns an error for a code that is not documented for the status.
func checkCode(description string, status int, kind string, body []byte) error {
	if status < http.StatusBadRequest || !strings.HasSuffix(kind, "json") {
		return nil
	}
	var problem struct {
		Code string `json:"code"`
	}
	if err := json.Unmarshal(body, &problem); err != nil {
		return fmt.Errorf("its code cannot be read: %w", err)
	}
	if problem.Code != "" && !strings.Contains(description, "`"+problem.Code+"`") {
		return fmt.Errorf("there is no such code: %s", problem.Code)
	}
	return nil
}

func (op *operation) checkRequest(r *http.Request, sent []byte) error {
	for name := range r.URL.Query() {
		if !slices.Contains(op.query, name) {
			return fmt.Errorf("the request has a parameter %s, which is not described and should have been refused", name)
		}
	}
	if len(bytes.TrimSpace(sent)) == 0 || op.request == nil {
		return nil
	}
	if err := checkJSON(op.request, sent); err != nil {
		return fmt.Errorf("the request's body should have been refused: %w", err)
	}
	return nil
}

// abridged returns the beginning of a body, for an error.
func abridged(body []byte) string {
	const limit = 2000
	if len(body) > limit {
		return strconv.Quote(string(body[:limit])) + " …"
	}
	return strconv.Quote(string(body))
}

// Transport sends requests with next and checks each answer. An answer that the description
// does not allow becomes an error of RoundTrip, or, for a stream of events, of the reading.
func (c *Contract) Transport(next http.RoundTripper) http.RoundTripper { return transport{c, next} }

type transport struct {
	contract *Contract
	next     http.RoundTripper
}

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := bodyOf(r)
	if err != nil {
		return nil, err
	}
	got, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	check := func(body []byte) error { return t.contract.Check(r, sent, got, body) }
	if strings.HasPrefix(got.Header.Get("Content-Type"), "text/event-stream") {
		got.Body = &checkedStream{ReadCloser: got.Body, check: check}
		return got, nil
	}
	body, err := io.ReadAll(got.Body)
	_ = got.Body.Close()
	if err == nil {
		err = check(body)
	}
	if err != nil {
		return nil, err
	}
	got.Body = io.NopCloser(bytes.NewReader(body))
	return got, nil
}

// bodyOf reads a request's body and leaves it as it was.
func bodyOf(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	sent, err := io.ReadAll(r.Body)
	_ = r.Body.Close()
	r.Body = io.NopCloser(bytes.NewReader(sent))
	return sent, err
}

// A checkedStream checks a stream of events when it has been read.
type checkedStream struct {
	io.ReadCloser
	check func([]byte) error
	seen  bytes.Buffer
}

func (s *checkedStream) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	s.seen.Write(p[:n])
	if n > 0 || err != nil {
		if wrong := s.check(s.seen.Bytes()); wrong != nil {
			return n, wrong
		}
	}
	return n, err
}
