//go:build !race

package archtest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryGoroutineOfOursRecovers(t *testing.T) {
	t.Parallel()
	g, err := load(t.Context(), root)
	require.NoError(t, err)
	found, err := importRule.unrecovered(g)
	require.NoError(t, err)
	for _, complaint := range found {
		t.Error(complaint)
	}
}

func TestAGuardedFileThatNoLongerNeedsItIsNotKept(t *testing.T) {
	t.Parallel()
	for name, functions := range guardedCallbacks {
		found, err := starts(root+"/"+name, nil)
		require.NoError(t, err)
		for _, function := range functions {
			require.Regexp(t, `: `+function+` hands`, found, name)
		}
	}
}

func TestEachWayToStartAGoroutineIsReported(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ code, want string }{
		"a go statement":             {`go f()`, "a go statement"},
		"a wait group":               {`var g sync.WaitGroup; g.Go(f)`, "a call of Go"},
		"a field's group":            {`x.running.Go(func() {})`, "a call of Go"},
		"an errgroup":                {`group.Go(func() error { return nil })`, "a call of Go"},
		"time.AfterFunc":             {`time.AfterFunc(1, func() {})`, "a call of AfterFunc"},
		"context.AfterFunc":          {`context.AfterFunc(ctx, f)`, "a call of AfterFunc"},
		"within a function":          {`func() { defer func() { go f() }() }()`, "a go statement"},
		"an event listener":          {`chromedp.Listen(ctx, x.observe)`, "chromedp.Listen hands a function over"},
		"a dialer's control":         {`_ = net.Dialer{Control: f}`, "Control hands a function over"},
		"a transport's dialer":       {`t.DialContext = dial(x)`, "DialContext hands a function over"},
		"a connection's first steps": {`config.AfterConnect = func() {}`, "AfterConnect hands a function over"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := writeModule(t, map[string]string{"a.go": "package a\n\nfunc a() {\n\t" + test.code + "\n}\n"})
			found, err := starts(dir+"/a.go", nil)
			require.NoError(t, err)
			require.Len(t, found, 1)
			require.Contains(t, found[0], "4: "+test.want)
		})
	}
}

func TestWhatRecoversIsNotReported(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		`panics.Go(f, caught)`, `panics.GoIn(&g, f, caught)`, `group.Do(f)`, `panics.AfterFunc(1, f, caught)`,
		`context.AfterFunc(ctx, cancel)`, `config.Listen(ctx, "tcp", "x")`, `_ = x{Control: true}`, `x.Go = 1`,
	} {
		dir := writeModule(t, map[string]string{"a.go": "package a\n\nfunc a() { " + code + " }\n"})
		found, err := starts(dir+"/a.go", nil)
		require.NoError(t, err)
		require.Empty(t, found, code)
	}
}
