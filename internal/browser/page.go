package browser

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/pims-sync/pims-sync/internal/pims"
)

//go:embed page.js
var pageScript string

// A form is a pims.LoginForm without its values: the CSS selectors, for page.js.
type form struct {
	Fields     [][]string `json:"fields"`
	Submit     []string   `json:"submit"`
	Refusals   []string   `json:"refusals"`
	Challenges []string   `json:"challenges"`
}

func newForm(f pims.LoginForm) form {
	seen := form{
		Fields:     make([][]string, len(f.Fields)),
		Submit:     orEmpty(f.Submit),
		Refusals:   orEmpty(f.Refusals),
		Challenges: orEmpty(f.Challenges),
	}
	for i, field := range f.Fields {
		seen.Fields[i] = orEmpty(field.Selectors)
	}
	return seen
}

// orEmpty returns [] where JSON would write null.
func orEmpty(selectors []string) []string { return append([]string{}, selectors...) }

// A sight is what a page shows of a form at one moment.
type sight struct {
	URL       string   `json:"url"`
	Ready     string   `json:"ready"` // "loading", "interactive" or "complete"
	Fields    []bool   `json:"fields"`
	Submit    bool     `json:"submit"`
	Enabled   bool     `json:"enabled"`
	Challenge bool     `json:"challenge"`
	Entry     bool     `json:"entry"`    // something can be entered, in the form or elsewhere
	Refusals  []string `json:"refusals"` // may hold a user's name: never to be told (R40)
	Action    string   `json:"action"`   // where the form is sent to; empty: it is in no form
}

// errNavigating: the page was replaced during the call. Call again.
var errNavigating = errors.New("the page is navigating")

// A tab reads and controls one page.
type tab struct {
	context   context.Context      // chromedp's
	isolation cdp.BrowserContextID // whose cookies it has
	frame     cdp.FrameID          // the main one; stays the same through all navigation
	form      form
}

// An expectation is what must still hold of a page when something is typed or submitted.
type expectation struct {
	Origin string `json:"origin"` // the page's
	Action string `json:"action"` // as in sight
}

// look returns what the page shows of the form.
func (t *tab) look() (sight, error) { return call[sight](t, "look", noField, nothing) }

// nothing are the arguments of an operation that has none.
var nothing arguments

// forget makes look and text ignore what the document says already.
func (t *tab) forget() error {
	_, err := call[json.RawMessage](t, "forget", noField, nothing)
	return err
}

// read returns the value of a field and its type.
func (t *tab) read(field int) (value, kind string, err error) {
	content, err := call[struct{ Value, Type string }](t, "read", field, nothing)
	return content.Value, content.Type, err
}

// text returns the text that appeared since forget was called. It may contain names (R40).
func (t *tab) text() (string, error) { return call[string](t, "text", noField, nothing) }

// write types a value into a field as an input method does. No other field can receive it,
// wherever a page or a frame in it moves the focus, and no page of another origin. write
// also presses a key that types nothing, for scripts that only listen for keys.
func (t *tab) write(field int, a arguments) error {
	written, err := call[bool](t, "write", field, a)
	if err != nil || !written {
		return err
	}
	return t.pressKey(input.DispatchKeyEventParams{Key: "Shift", Code: "ShiftLeft", WindowsVirtualKeyCode: 16})
}

// submit presses the form's button, unless a field no longer holds its value, was replaced,
// or the form is sent elsewhere. If a frame took the focus in between, it gets the Enter key,
// and the button is clicked.
func (t *tab) submit(a arguments) (held bool, err error) {
	pressed, err := call[struct{ Held, Key bool }](t, "press", noField, a)
	if err != nil || !pressed.Key {
		return pressed.Held, err
	}
	if err := t.pressKey(input.DispatchKeyEventParams{Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 13, Text: "\r"}); err != nil {
		return true, err
	}
	_, err = call[json.RawMessage](t, "click", noField, nothing)
	return true, err
}

// An unfilled field keeps the browser from submitting the form.
type unfilled struct {
	Found   bool
	Missing bool   // it must be filled in, and is not; otherwise it does not take what it holds
	Name    string // the page's
}

// unfilled returns the first such field of the form whose button was pressed.
func (t *tab) unfilled() (unfilled, error) { return call[unfilled](t, "unfilled", noField, nothing) }

func (t *tab) pressKey(key input.DispatchKeyEventParams) error {
	key.Type = input.DispatchKeyEventTypeKeyDown
	if _, err := chromedp.Call(t.context, input.DispatchKeyEvent, key); err != nil {
		return protocolError(err)
	}
	key.Type, key.Text = input.DispatchKeyEventTypeKeyUp, ""
	_, err := chromedp.Call(t.context, input.DispatchKeyEvent, key)
	return protocolError(err)
}

// noField is the index for operations of page.js that concern no single field.
const noField = -1

// arguments are those of an operation of page.js.
type arguments struct {
	values   []string // of the fields
	expected expectation
}

// call runs an operation of page.js. It returns errNavigating where the page was replaced
// meanwhile.
func call[T any](t *tab, operation string, field int, a arguments) (T, error) {
	var result T
	arguments, err := callArguments(operation, t.form, field, a.values, a.expected)
	if err != nil {
		return result, err
	}
	world, err := chromedp.Call(t.context, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{
		FrameID:   t.frame,
		WorldName: "login", // the same one for as long as the document stays
	})
	if err != nil {
		return result, protocolError(err)
	}
	answer, err := chromedp.Call(t.context, runtime.CallFunctionOn, runtime.CallFunctionOnParams{
		FunctionDeclaration: pageScript,
		ExecutionContextID:  world.ExecutionContextID,
		Arguments:           arguments,
		ReturnByValue:       new(true),
		Silent:              new(true),
		UserGesture:         new(true),
	})
	if err != nil {
		return result, protocolError(err)
	}
	if answer.ExceptionDetails != nil {
		return result, fmt.Errorf("%w: one of the selectors for it is not valid CSS", pims.ErrLoginFormChanged)
	}
	if answer.Result == nil { // the page's process ended with the call
		return result, errNavigating
	}
	if len(answer.Result.Value) == 0 {
		return result, nil
	}
	if err := json.Unmarshal(answer.Result.Value, &result); err != nil {
		return result, errors.New("the browser answers in a form that is not recognised")
	}
	return result, nil
}

func callArguments(values ...any) ([]*runtime.CallArgument, error) {
	arguments := make([]*runtime.CallArgument, len(values))
	for i, value := range values {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		arguments[i] = &runtime.CallArgument{Value: text}
	}
	return arguments, nil
}

// protocolError distinguishes a page that was replaced from a browser that is gone.
func protocolError(err error) error {
	if _, refused := errors.AsType[*cdproto.Error](err); refused {
		return errNavigating
	}
	return err
}
