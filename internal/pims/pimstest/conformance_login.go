package pimstest

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func runCredentials(t *testing.T, h Harness) {
	t.Run("complete ones are accepted", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		require.NoError(t, b.Provider().Check(b.Account().Credentials))
	})
	for field, spoil := range map[string]func(*pims.Credentials){
		"baseUrl":  func(c *pims.Credentials) { c.BaseURL = "zznonsense" },
		"username": func(c *pims.Credentials) { c.Username = "" },
		"password": func(c *pims.Credentials) { c.Password = " " },
	} {
		t.Run(sentence("a useless", field, "is named, without its value"), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, h, berlin)
			credentials := b.Account().Credentials
			spoil(&credentials)
			err := b.Provider().Check(credentials)
			var wrong *pims.FieldError
			require.ErrorAs(t, err, &wrong)
			require.Equal(t, field, wrong.Field)
			require.NotContains(t, err.Error(), "zznonsense")
			b.requireDiscreet(err)

			account := b.Account()
			account.Credentials = credentials
			_, err = b.Provider().Login(t.Context(), account)
			require.ErrorAs(t, err, &wrong, "R37: refused before any login")
		})
	}
	t.Run("a host that nobody allowed is refused", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		account := b.Account()
		account.BaseURL = "https://pims.example.org"
		_, err := b.Provider().Login(t.Context(), account)
		b.requireKind(err, pims.ErrHostNotAllowed)
	})
}

// RunLogin is the part of Run that is about logging in, for harnesses whose
// browser is a real one.
func RunLogin(t *testing.T, h Harness) {
	t.Helper()
	t.Run("the right password opens a live session", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		require.NoError(t, b.login().Prove(t.Context()))
	})
	t.Run("a wrong password is rejected as such", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		account := b.Account()
		account.Password += "-Zzwrong"
		state, err := b.Provider().Login(t.Context(), account)
		b.requireKind(err, pims.ErrAuthRejected)
		require.Empty(t, state)
	})
	t.Run("a captcha is a challenge, not a wrong password", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		b.SetLogin(LoginChallenges)
		_, err := b.Provider().Login(t.Context(), b.Account())
		b.requireKind(err, pims.ErrAuthChallenge)
		require.NotErrorIs(t, err, pims.ErrAuthRejected)
	})
	t.Run("an unknown form is not a wrong password", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		b.SetLogin(LoginChanged)
		_, err := b.Provider().Login(t.Context(), b.Account())
		b.requireKind(err, pims.ErrLoginFormChanged)
		require.NotErrorIs(t, err, pims.ErrAuthRejected)
	})
	t.Run("a session that cannot be proved is no login", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		b.Fail(OpProve, FaultHTML)
		state, err := b.Provider().Login(t.Context(), b.Account())
		require.Error(t, err)
		require.NotErrorIs(t, err, pims.ErrAuthRejected)
		require.Empty(t, state)
		b.requireDiscreet(err)
	})
	t.Run("a cancelled login says so", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := b.Provider().Login(ctx, b.Account())
		b.requireKind(err, context.Canceled)
	})
	t.Run("a login tells nobody its state", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		state, err := b.Provider().Login(t.Context(), b.Account())
		require.NoError(t, err)
		require.NotContains(t, string(state), b.Account().Password, "the state needs no password")
		require.NotContains(t, fmt.Sprint(state.LogValue()), string(state), "R40")
	})
}
