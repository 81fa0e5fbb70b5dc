package browser

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
)

// A breaking handler panics at one message.
type breaking struct {
	slog.Handler
	at string
}

func (b breaking) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == b.at {
		panic("password")
	}
	return b.Handler.Handle(ctx, r)
}

func (b breaking) WithAttrs(attrs []slog.Attr) slog.Handler {
	return breaking{b.Handler.WithAttrs(attrs), b.at}
}

func TestAPanicWhereABrowserIsKeptIsABrowserThatIsGone(t *testing.T) { // R58
	t.Parallel()
	s := newSite(t, nil)
	w := newWitness(t.TempDir())
	c := New(Options{TempDir: w.folder, Logger: slog.New(breaking{w, "browser started"})})
	requireFailure(t, c, s.form(), pims.ErrBrowserUnavailable)
	c.Close()
	w.requireNone(t)
	require.Empty(t, entries(t, w.folder))
}

func TestAPanicOfTheGuardEndsTheVisit(t *testing.T) { // R58
	t.Parallel()
	c, _ := newChromium(t, Options{})
	p, err := c.acquire(t.Context())
	require.NoError(t, err)
	defer c.release(p)
	tab, closeTab := chromedp.NewContext(p.tabs)
	defer closeTab()
	require.NoError(t, chromedp.Do(tab))

	g := newGuard(cdp.FrameID(chromedp.FromContext(tab).Target.TargetID), pims.HostPolicy{Known: []string{"127.0.0.1"}}, nil) // nothing to ask about a failure, so that one panics
	caught := make(chan *panics.Error, 10)
	var helpers sync.WaitGroup
	require.NoError(t, g.start(tab, &helpers, func(e *panics.Error) { caught <- e }))
	helpers.Go(func() { _, _ = chromedp.Call(tab, page.Navigate, page.NavigateParams{URL: "https://127.0.0.1/"}) })
	require.Equal(t, "runtime error: invalid memory address or nil pointer dereference", (<-caught).What)
	closeTab()
	helpers.Wait()
}
