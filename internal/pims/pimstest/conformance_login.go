package pimstest

import (
	"context"
	"fmt"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func runCredentials(t *testing.T, h Harness) {
	t.Run("complete ones are accepted", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		declared := b.Provider().Declaration()
		require.NoError(t, declared.Check(b.Account().Credentials))
		require.NoError(t, declared.CheckNames(b.Account().Credentials))
	})
	t.Run("the declaration can be shown and stored", func(t *testing.T) { // R53
		t.Parallel()
		declared := newBench(t, h, berlin).Provider().Declaration()
		require.NotEmpty(t, declared.Title)
		require.Regexp(t, `^[a-z][a-z0-9_]*$`, declared.Name)
		secrets, names := 0, map[string]bool{}
		for _, f := range declared.Fields {
			require.Regexp(t, `^[a-z][A-Za-z0-9]*$`, f.Name)
			require.False(t, names[f.Name], "%s is declared twice", f.Name)
			names[f.Name] = true
			require.NotEmpty(t, f.Label, f.Name)
			if f.Secret {
				secrets++
				require.Empty(t, f.Default, "a secret has no default")
			}
			if f.Default != "" && f.Check != nil {
				require.Empty(t, f.Check(f.Default), f.Name)
			}
		}
		require.Positive(t, secrets)
	})
	for kind, spoilt := range map[string]struct {
		concerns func(pims.Field) bool
		value    string
	}{
		"an empty":   {func(f pims.Field) bool { return f.Required }, ""},
		"a blank":    {func(f pims.Field) bool { return f.Required }, " "},
		"a useless":  {func(f pims.Field) bool { return f.Name == pims.FieldBaseURL }, "zznonsense"},
		"a spelling": {func(f pims.Field) bool { return f.Name == pims.FieldBaseURL }, "https://zzuser:zznonsense@pims.example.org"},
	} {
		t.Run(sentence(kind, "field is named, without its value"), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, h, berlin)
			for _, f := range b.Provider().Declaration().Fields {
				if !spoilt.concerns(f) {
					continue
				}
				account := b.Account()
				account.Credentials = maps.Clone(account.Credentials)
				account.Credentials[f.Name] = spoilt.value
				_, err := b.Provider().Login(t.Context(), account)
				var wrong *pims.FieldError
				require.ErrorAs(t, err, &wrong, "R37: refused before any login")
				require.Equal(t, f.Name, wrong.Field)
				require.NotContains(t, err.Error(), "zznonsense")
				b.requireDiscreet(err)
				require.Equal(t, wrong, b.Provider().Declaration().Check(account.Credentials))
			}
		})
	}
	t.Run("a host that nobody allowed is refused", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, h, berlin)
		if _, ok := b.Provider().Declaration().Field(pims.FieldBaseURL); !ok {
			return // every host is the provider's own
		}
		account := b.Account()
		account.Credentials = maps.Clone(account.Credentials)
		account.Credentials[pims.FieldBaseURL] = "https://pims.example.org"
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
		account.Credentials = maps.Clone(account.Credentials)
		for _, f := range b.Provider().Declaration().Fields {
			if f.Secret {
				account.Credentials[f.Name] += "-Zzwrong"
			}
		}
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
		for _, f := range b.Provider().Declaration().Fields {
			if value := b.Account().Credentials[f.Name]; f.Secret && value != "" {
				require.NotContains(t, string(state.Data), value, "the state needs no password")
			}
		}
		require.NotContains(t, fmt.Sprint(state.LogValue())+fmt.Sprintf("%v %+v %#v %s", state, state, state, state), string(state.Data), "R40")
	})
}
