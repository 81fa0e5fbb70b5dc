// Package panics turns a panic into an error, so that it ends only the piece of work that
// it belongs to (R58). Every goroutine of the program is started here, and so is every
// callback that runs in its own goroutine; a test of internal/archtest refuses others.
//
// Go itself ends the process where no program can recover: an exhausted stack or heap,
// concurrent writes to a map, a deadlock.
package panics

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"time"
)

// An Error is a recovered panic. It never holds the value of the panic, which may be a
// person's data (R40).
type Error struct {
	// What is the type of the value. For an error of the Go runtime it is the text: those
	// texts contain types, indexes and lengths, and no content.
	What string

	// Stack is where the panic happened, innermost first: a line "function file:line" for
	// each call, without arguments.
	Stack string
}

func (e *Error) Error() string { return "a panic ended it: " + e.What }

// Attrs returns the attributes of a log line about the panic.
func (e *Error) Attrs() []any { return []any{"panic", e.What, "stack", e.Stack} }

// Recovered returns the value of recover as an Error; nil for nil. Call it in the deferred
// function that called recover, while the stack still exists.
func Recovered(value any) *Error {
	if value == nil {
		return nil
	}
	return &Error{What: describe(value), Stack: stack()}
}

// In returns the panic in an error's chain, or nil.
func In(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return nil
}

// Catch calls f and returns its error. It returns a panic of f as an *Error.
func Catch(f func() error) (err error) {
	defer func() {
		if e := Recovered(recover()); e != nil {
			err = e
		}
	}()
	return f()
}

// Go calls f in a new goroutine. A panic of f is passed to caught there. caught must not
// panic.
func Go(f func(), caught func(*Error)) {
	go run(f, caught)
}

// Start calls f in a new goroutine. The returned function waits for the end of f and
// returns its error; a panic of f is returned as an *Error.
func Start(f func() error) (wait func() error) {
	done := make(chan struct{})
	var err error
	go func() {
		defer close(done)
		err = Catch(f)
	}()
	return func() error {
		<-done
		return err
	}
}

// GoIn is Go for a goroutine that the group waits for.
func GoIn(group *sync.WaitGroup, f func(), caught func(*Error)) {
	group.Go(func() { run(f, caught) })
}

// AfterFunc is time.AfterFunc, and handles a panic like Go.
func AfterFunc(d time.Duration, f func(), caught func(*Error)) *time.Timer {
	return time.AfterFunc(d, func() { run(f, caught) })
}

// AfterEnd is context.AfterFunc, and handles a panic like Go.
func AfterEnd(ctx context.Context, f func(), caught func(*Error)) (stop func() bool) {
	return context.AfterFunc(ctx, func() { run(f, caught) })
}

// Guarded wraps f for calls from goroutines of other packages. A panic of f is passed to
// caught and goes no further.
func Guarded[T any](f func(T), caught func(*Error)) func(T) {
	return func(argument T) { run(func() { f(argument) }, caught) }
}

type ownerKey struct{}

// WithOwner returns the context of a piece of work whose goroutines may outlive the call
// that starts them. end is called with a panic in one of them, and must not panic.
func WithOwner(ctx context.Context, end func(*Error)) context.Context {
	return context.WithValue(ctx, ownerKey{}, end)
}

// Owner returns the function given to WithOwner, or one that does nothing where there is
// none.
func Owner(ctx context.Context) func(*Error) {
	if end, ok := ctx.Value(ownerKey{}).(func(*Error)); ok {
		return end
	}
	return func(*Error) {}
}

func run(f func(), caught func(*Error)) {
	defer func() {
		if e := Recovered(recover()); e != nil {
			caught(e)
		}
	}()
	f()
}

// describe returns the type of a panic's value, or the text of a runtime error.
func describe(value any) string {
	text := fmt.Sprintf("%T", value)
	failure, ok := value.(runtime.Error)
	if !ok {
		return text
	}
	t := reflect.TypeOf(value)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.PkgPath() != "runtime" && t.PkgPath() != "internal/runtime/maps" {
		return text // only looks like one
	}
	return failure.Error()
}

const maxFrames = 64

// stack returns the stack below the panic.
func stack() string {
	var callers [maxFrames]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers[:])])
	var lines []string
	for {
		frame, more := frames.Next()
		switch {
		case frame.Function == "runtime.gopanic":
			lines = nil // what came before is the recovery
		case frame.Function != "":
			lines = append(lines, fmt.Sprintf("%s %s:%d", frame.Function, frame.File, frame.Line))
		}
		if !more {
			return strings.Join(lines, "\n")
		}
	}
}
