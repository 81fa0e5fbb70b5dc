package panics_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/panics"
)

const secret = "Pip Thistle"

type patient struct{ Name string }

func (p patient) Error() string { return p.Name }

// RuntimeError makes a patient look like an error of the Go runtime.
func (p patient) RuntimeError() {}

func TestAPanicIsDescribedWithoutItsValue(t *testing.T) {
	t.Parallel()
	var none map[string]int
	var nobody *patient
	var anything any = secret
	short := make([]int, 3)
	for name, test := range map[string]struct {
		do   func()
		want string
	}{
		"a text":                 {func() { panic("patient " + secret) }, "string"},
		"an error":               {func() { panic(errors.New("patient " + secret)) }, "*errors.errorString"},
		"a value":                {func() { panic(&secretValue) }, "*panics_test.patient"},
		"a false runtime error":  {func() { panic(patient{secret}) }, "panics_test.patient"},
		"nil":                    {func() { panic(nil) }, "panic called with nil argument"},
		"an index":               {func() { short[len(secret)] = 1 }, "runtime error: index out of range [11] with length 3"},
		"a slice":                {func() { _ = secret[:len(short)*5] }, "runtime error: slice bounds out of range [:15] with length 11"},
		"nothing behind it":      {func() { nobody.Name = "" }, "runtime error: invalid memory address or nil pointer dereference"},
		"a nil map":              {func() { none[secret] = 1 }, "assignment to entry in nil map"},
		"a type":                 {func() { _ = anything.(int) }, "interface conversion: interface {} is string, not int"},
		"an error that wraps it": {func() { panic(fmt.Errorf("%s: %w", secret, context.Canceled)) }, "*fmt.wrapError"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := panics.Catch(func() error { test.do(); return nil })
			require.Error(t, err)
			e := panics.In(fmt.Errorf("reading: %w", err))
			require.NotNil(t, e)
			require.Equal(t, test.want, e.What)
			for _, text := range []string{e.Error(), e.What, e.Stack, fmt.Sprint(e.Attrs()...), fmt.Sprintf("%+v %#v", e, e)} {
				require.NotContains(t, text, secret)
			}
			require.Regexp(t, `panics_test\.TestAPanicIsDescribedWithoutItsValue\.func\d+ `, e.Stack)
			require.NotContains(t, e.Stack, "panics.Recovered", "the stack begins where it happened")
		})
	}
}

var secretValue = patient{secret}

func TestWithoutAPanicNothingIsCaught(t *testing.T) {
	t.Parallel()
	failure := errors.New("a failure")
	require.NoError(t, panics.Catch(func() error { return nil }))
	require.ErrorIs(t, panics.Catch(func() error { return failure }), failure)
	require.Nil(t, panics.In(failure))
	require.Nil(t, panics.In(nil))
	require.Nil(t, panics.Recovered(nil))
}

func TestEveryWayToStartAGoroutineRecovers(t *testing.T) {
	t.Parallel()
	fail := func() { panic(secret) }
	var group sync.WaitGroup
	ended, end := context.WithCancel(t.Context())
	for name, start := range map[string]func(func(), func(*panics.Error)){
		"Go":        panics.Go,
		"GoIn":      func(f func(), caught func(*panics.Error)) { panics.GoIn(&group, f, caught) },
		"AfterFunc": func(f func(), caught func(*panics.Error)) { panics.AfterFunc(time.Nanosecond, f, caught) },
		"AfterEnd":  func(f func(), caught func(*panics.Error)) { panics.AfterEnd(ended, f, caught); end() },
		"Guarded":   func(f func(), caught func(*panics.Error)) { panics.Guarded(func(int) { f() }, caught)(1) },
	} {
		caught := make(chan *panics.Error, 1)
		start(fail, func(e *panics.Error) { caught <- e })
		require.Equal(t, "string", (<-caught).What, name)
	}
	group.Wait()
}

func TestAGroupReturnsThePanicBeforeAnyError(t *testing.T) {
	t.Parallel()
	failure := errors.New("a failure")
	group, ctx := panics.NewGroupWith(t.Context(), 2)
	group.Do(func() error { return failure })
	group.Do(func() error {
		<-ctx.Done()
		panic(secret)
	})
	err := group.Wait()
	require.NotNil(t, panics.In(err))
	require.NotErrorIs(t, err, failure)
}

func TestAPanicEndsTheContextOfItsGroup(t *testing.T) {
	t.Parallel()
	group, ctx := panics.NewGroupWith(t.Context(), 2)
	group.Do(func() error { panic(secret) })
	group.Do(func() error {
		<-ctx.Done()
		return ctx.Err()
	})
	require.NotNil(t, panics.In(group.Wait()))
}

func TestAGroupWithoutAContextLetsTheOthersGoOn(t *testing.T) {
	t.Parallel()
	group := panics.NewGroup(1)
	ran := false
	group.Do(func() error { panic(secret) })
	group.Do(func() error { ran = true; return nil })
	require.NotNil(t, panics.In(group.Wait()))
	require.True(t, ran)
}
