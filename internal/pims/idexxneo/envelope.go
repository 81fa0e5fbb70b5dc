package idexxneo

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// failed is the error for an answer with status 200 that reports a failure (R5). It names
// the member that reports it, never its value (R40).
func failed(member string) error {
	return fmt.Errorf("the answer says that it failed, by its member %q: %w", member, pims.ErrRemote)
}

// The words with which an answer tells whether it failed, in lower case.
var (
	denials   = []string{"", "0", "false", "no", "none", "null", "off"}
	negations = []string{"no", "not", "none", "0", "without"}
	failures  = []string{"error", "errors", "exception", "fail", "failed", "failure"}
	fillers   = []string{"a", "an", "any", "or", "been"} // between a negation and what it denies
	causes    = []string{"internal", "server", "validation", "request", "system", "application", "unknown", "unexpected", "fatal"}
	faults    = []string{"error", "errors", "exception"}
	refusals  = append([]string{
		"unauthenticated", "unauthorized", "unauthorised", "forbidden", "denied", "expired", "unavailable", "invalid", "mismatch", "timeout", "fatal", "nok", "ko",
	}, failures...)
	refusing = []string{ // phrases of several words
		"log in", "login required", "please login", "logged out", "sign in", "signed out", "not authorized", "not authorised", "not allowed", "not permitted",
		"no permission", "went wrong", "too many requests", "timed out",
	}
	unsuccessful = []string{"n", "f", "nok", "ko", "nope", "nein", "non", "nee", "denied"}
)

// The members with which an answer tells whether it failed, in the form of pims.PlainWord.
var (
	saysSucceeded = pims.WordSet("success succeeded successful issuccess issuccessful ok authenticated isauthenticated authorized isauthorized loggedin isloggedin")
	saysFailed    = pims.WordSet("error errors haserror haserrors iserror errormessage errormsg errorcode errortext errordescription " +
		"errordetail errordetails errorlist err exception exceptions failed failure fault faultcode faultstring")
	saysCode  = pims.WordSet("code statuscode httpstatus httpcode")
	saysWhy   = pims.WordSet("message messages msg detail statustext statusmessage result state response")
	saysWhere = pims.WordSet("redirect redirecturl redirectto")
)

// What an object holds beside the members of an envelope.
type holding int

const (
	holdsNothing holding = iota
	holdsRows            // a list with rows, or a record under a name
	holdsRecord          // it is the record itself
)

// envelope reads the outermost object of an answer. Wherever they are in the object, it
// checks the members with which an answer reports a failure (R5):
//   - success, ok, and authenticated fail where they are false, zero, blank or empty, or a word
//     for one of these;
//   - error, errors, exception, hasError, failed and fault fail where they are anything else
//     than that. A list or an object does where anything in it does;
//   - status fails where it is a number from 400, or begins or ends with a word such as
//     "error"; a record's where it can be no word of a clinic. It also fails where it is
//     false and not a record's, and where it is an object that tells of a failure;
//   - code fails where it is a number from 400. A record may have a code of its own;
//   - message, detail, result, state, status and code fail where a text in them has a
//     word for a refusal, and redirect where it leads to a login, if nothing else came.
//
// A null says nothing. Names and words are compared in lower case. Every other member goes
// to member, as in object. holds reports, after the last member, what came. envelope
// returns the value of status. A member in an unknown form is an error only where the
// answer does not report a failure.
func (r *reader) envelope(holds func() holding, member func(name []byte) error) (status jsontext.Value, err error) {
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
	if member := e.tells(holds()); member != "" {
		return nil, failed(member)
	}
	return e.status, e.unknown
}

type envelope struct {
	*reader
	failed        string // the member that says so
	code, message bool   // one of them would say so
	status        jsontext.Value
	unknown       error // of the first member in a form that is not known
}

// tells returns the member that reports a failure; "" where none does.
func (e *envelope) tells(held holding) string {
	switch {
	case e.failed != "":
		return e.failed
	case statusFails(scalar(e.status), held), held != holdsRecord && e.status.Kind() == 'f': // to a record, false is a null
		return "status"
	case held == holdsNothing && refuses(scalar(e.status)), held != holdsRecord && e.insideStatus(held):
		return "status"
	case held != holdsRecord && e.code:
		return "code"
	case held == holdsNothing && e.message:
		return "message"
	default:
		return ""
	}
}

// insideStatus reports whether a status that is an object tells of a failure.
func (e *envelope) insideStatus(held holding) bool {
	if e.status.Kind() != '{' {
		return false
	}
	inner := newReader(jsontext.NewDecoder(bytes.NewReader(e.status), tolerant()...))
	_, err := inner.envelope(func() holding { return held }, func([]byte) error { return inner.skip() })
	return errors.Is(err, pims.ErrRemote)
}

func (e *envelope) member(name []byte, depth int, member func(name []byte) error) (err error) {
	switch word := pims.PlainWord(string(name)); {
	case saysSucceeded[word]:
		said, err := e.said()
		if !said.null && (!said.yes || slices.Contains(failures, said.word) || slices.Contains(unsuccessful, said.word) || negative(said.word)) {
			e.failed = word
		}
		return err
	case saysFailed[word]:
		said, err := e.said()
		if said.yes {
			e.failed = word
		}
		return err
	case saysCode[word]:
		text, err := e.text()
		e.code, e.message = e.code || isFailureCode(text), e.message || refuses(text)
		return err
	case saysWhy[word]:
		refused, err := e.refused()
		e.message = e.message || refused
		return err
	case saysWhere[word]:
		text, err := e.text()
		e.message = e.message || strings.Contains(pims.PlainWord(text), "login") || strings.Contains(pims.PlainWord(text), "signin")
		return err
	case word == "status":
		raw, err := e.decoder.ReadValue()
		e.status = raw.Clone()
		return err
	}
	if e.unknown != nil {
		return e.skip()
	}
	err = member(name)
	if !errors.Is(err, pims.ErrSchemaDrift) || errors.Is(err, pims.ErrOverLimit) {
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

// refused reads a value and reports whether a text in it refuses, or an object in it says that
// it failed.
func (r *reader) refused() (found bool, err error) {
	inner := func() error {
		one, err := r.refused()
		found = found || one
		return err
	}
	switch r.decoder.PeekKind() {
	case '[':
		err = r.array(inner)
	case '{':
		_, err = r.envelope(func() holding { return holdsNothing }, func([]byte) error { return inner() })
		if errors.Is(err, pims.ErrRemote) {
			return true, nil
		}
	default:
		var text string
		text, err = r.text()
		found = refuses(text)
	}
	return found, err
}

func negative(word string) bool {
	number, err := strconv.ParseFloat(word, 64)
	return err == nil && number < 0
}

func denies(word string) bool {
	number, err := strconv.ParseFloat(word, 64)
	return slices.Contains(denials, word) || err == nil && number == 0
}

// statusFails reports whether a status says that the request failed ("error",
// "validation_failed", "Internal Server Error", "500 Server Error"). A clinic has words of
// its own for its records ("Payment failed", "Failed to attend", "entered in error"), so of
// a record's status every word must be one of a failure, or it begins with "error".
func statusFails(status string, held holding) bool {
	words := wordsOf(status)
	if len(words) == 0 {
		return false
	}
	last := len(words) - 1
	switch {
	case isFailureCode(words[0]):
		return held != holdsRecord || last == 0 || len(words[0]) == len("500")
	case held != holdsRecord:
		return blames(words, 0, failures) || blames(words, last, failures)
	default:
		own := slices.ContainsFunc(words[:last], func(word string) bool { return !slices.Contains(causes, word) })
		return blames(words, 0, faults) || !own && blames(words, last, failures)
	}
}

// refuses reports whether a message says that the request was refused or failed.
func refuses(message string) bool {
	words := wordsOf(message)
	for at := range words {
		if blames(words, at, refusals) {
			return true
		}
	}
	text := " " + strings.Join(words, " ") + " "
	return slices.ContainsFunc(refusing, func(phrase string) bool { return strings.Contains(text, " "+phrase+" ") })
}

// blames reports whether a word is one of these, and is not denied beside it, as in "no
// error", "without any errors" and "errors: 0". A negation of something else denies
// nothing: "Error: not found".
func blames(words []string, at int, of []string) bool {
	if !slices.Contains(of, words[at]) {
		return false
	}
	before := at - 1
	for before >= 0 && slices.Contains(slices.Concat(fillers, causes, of), words[before]) {
		before--
	}
	denied := before >= 0 && slices.Contains(negations, words[before])
	return !denied && !(at == len(words)-2 && slices.Contains(negations, words[at+1]))
}

// isFailureCode reports whether a text is a number from 400.
func isFailureCode(text string) bool {
	code, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(text), ".0"))
	return err == nil && code >= 400
}

func wordsOf(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
