package check_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/check"
	"github.com/pims-sync/pims-sync/internal/pims"
)

// A browser lands on a page and asks twice whether the session is accepted.
// Where that is refused, it tells what the page shows.
type browser struct{ found pims.BrowserSession }

func (b browser) Login(ctx context.Context, form pims.LoginForm) (pims.BrowserSession, error) {
	for range 2 {
		if err := form.Accepted(ctx, b.found); err == nil {
			return b.found, nil
		}
	}
	pims.FailedFormSeer(ctx)(pims.FailedForm{Page: "neo.example/practice/48213/login", Parts: []pims.PagePart{{Kind: "text", Name: "mailbox"}}})
	return b.found, pims.ErrAuthRejected
}

func TestALoginIsNotedWithoutAnyValue(t *testing.T) { // R40
	t.Parallel()
	now := noon
	b := &check.Browser{
		Browser: browser{pims.BrowserSession{
			URL:     "https://neo.example/practice/48213/home?token=s3cret",
			Cookies: []pims.Cookie{{Name: "sid", Value: "s3cret"}, {Name: "lang", Value: "en"}},
		}},
		Now: func() time.Time {
			now = now.Add(time.Second)
			return now
		},
	}
	require.Zero(t, b.Last(), "there was none")

	asked := 0
	_, err := b.Login(t.Context(), pims.LoginForm{
		URL:    "https://neo.example/login?next=s3cret",
		Fields: []pims.LoginField{{Name: pims.FieldUsername, Value: "s3cret"}, {Name: pims.FieldPracticeID}, {Name: pims.FieldPassword, Value: "s3cret"}},
		Accepted: func(context.Context, pims.BrowserSession) error {
			asked++
			if asked == 1 {
				return pims.ErrSessionExpired
			}
			return nil
		},
	})
	require.NoError(t, err)
	require.Equal(t, check.Login{
		Page: "neo.example/login", Ended: "neo.example/practice/{id}/home", Took: 3 * time.Second,
		Fields: []string{pims.FieldUsername, pims.FieldPassword}, Cookies: []string{"lang", "sid"},
		Asks: []check.Ask{
			{After: time.Second, Page: "neo.example/practice/{id}/home", Outcome: pims.Kind(pims.ErrSessionExpired)},
			{After: 2 * time.Second, Page: "neo.example/practice/{id}/home", Outcome: pims.Kind(nil)},
		},
	}, b.Last())
	require.NotContains(t, fmt.Sprintf("%+v", b.Last()), "s3cret")

	_, err = b.Login(t.Context(), pims.LoginForm{Accepted: func(context.Context, pims.BrowserSession) error { return pims.ErrSessionExpired }})
	require.ErrorIs(t, err, pims.ErrAuthRejected)
	require.Equal(t, &pims.FailedForm{Page: "neo.example/practice/{id}/login", Parts: []pims.PagePart{{Kind: "text", Name: "mailbox"}}}, b.Last().Failed)
	require.Equal(t, "neo.example/practice/{id}/login", b.Last().Ended, "where it failed")
	require.Equal(t, []string{"lang", "sid"}, b.Last().Cookies)
	last := b.Last()
	require.True(t, last.Waits(), "the page has a field, and no session was accepted")
}
