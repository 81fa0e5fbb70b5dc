package idexxneo

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

// failed is the error for an answer with status 200 that reports a failure (R5). It names
// the member that reports it, never its value (R40).
func failed(member string) error {
	return fmt.Errorf("the answer says that it failed, by its member %q: %w", member, pims.ErrRemote)
}

// The words of an answer's members, in lower case.
var (
	denials  = []string{"", "0", "false", "no", "none", "null", "off"}
	failures = []string{"error", "fail", "failed", "failure"}
)

// envelope reads the outermost object of an answer. Wherever they are in the object, it
// checks the members with which an answer reports a failure (R5):
//   - success fails where it is false, zero, blank or empty, or a word for one of these;
//   - error and errors fail where they are anything else than that;
//   - status fails where it is "error", "fail", "failed", "failure" or false, or a code
//     from 400 to 599. The status of a record is not checked: isRecord reports, after the
//     last member, whether the object is a record. A nil isRecord means that it is not.
//
// A null says nothing. Names and words are compared in lower case. Every other member goes
// to member, as in object. envelope returns the value of status. A member in an unknown
// form is an error only where the answer does not report a failure.
func (r *reader) envelope(isRecord func() bool, member func(name []byte) error) (status jsontext.Value, err error) {
	e := envelope{reader: r}
	if err := r.open('{', "an object is missing"); err != nil {
		return nil, err
	}
	depth := r.decoder.StackDepth()
	for r.decoder.PeekKind() != '}' {
		name, err := r.decoder.ReadValue()
		if err != nil {
			return nil, err
		}
		if err := e.member(unquoted(name), depth, member); err != nil {
			return nil, err
		}
	}
	if _, err := r.decoder.ReadToken(); err != nil {
		return nil, err
	}
	if e.failed == "" && statusFails(scalar(e.status)) && (isRecord == nil || !isRecord()) {
		e.failed = "status"
	}
	if e.failed != "" {
		return nil, failed(e.failed)
	}
	return e.status, e.unknown
}

type envelope struct {
	*reader
	failed  string // the member that says so
	status  jsontext.Value
	unknown error // of the first member in a form that is not known
}

func (e *envelope) member(name []byte, depth int, member func(name []byte) error) error {
	switch word := strings.ToLower(string(name)); word {
	case "success":
		said, err := e.said()
		if !said.null && (!said.yes || slices.Contains(failures, said.word)) {
			e.failed = word
		}
		return err
	case "error", "errors":
		said, err := e.said()
		if said.yes {
			e.failed = word
		}
		return err
	case "status":
		raw, err := e.decoder.ReadValue()
		e.status = raw.Clone()
		return err
	}
	if e.unknown != nil {
		return e.skip()
	}
	err := member(name)
	if !errors.Is(err, pims.ErrSchemaDrift) || errors.Is(err, pimshttp.ErrOverLimit) {
		return err
	}
	e.unknown = err
	return e.leave(depth)
}

// leave reads the rest of the values that are open below a depth.
func (r *reader) leave(depth int) error {
	for r.decoder.StackDepth() > depth {
		if _, err := r.decoder.ReadToken(); err != nil {
			return err
		}
	}
	return nil
}

// said is the meaning of a value as yes or no.
type said struct {
	yes, null bool
	word      string // of a scalar, in lower case
}

// said reads a value. A list or an object means yes where anything in it does.
func (r *reader) said() (said, error) {
	var whole said
	inner := func() error {
		one, err := r.said()
		whole.yes = whole.yes || one.yes
		return err
	}
	var err error
	switch r.decoder.PeekKind() {
	case '[':
		err = r.array(inner)
	case '{':
		err = r.object(func([]byte) error { return inner() })
	case 'n':
		whole.null, err = true, r.skip()
	default:
		var text string
		text, err = r.text()
		whole.word = strings.ToLower(strings.TrimSpace(text))
		whole.yes = !denies(whole.word)
	}
	return whole, err
}

func denies(word string) bool {
	number, err := strconv.ParseFloat(word, 64)
	return slices.Contains(denials, word) || err == nil && number == 0
}

func statusFails(status string) bool {
	word := strings.ToLower(strings.TrimSpace(status))
	code, err := strconv.Atoi(word)
	return slices.Contains(failures, word) || word == "false" || err == nil && code >= 400 && code < 600
}
