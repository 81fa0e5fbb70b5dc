package pims_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

var declared = pims.Declaration{
	Name: "mulberry", Title: "Mulberry",
	Fields: []pims.Field{
		{Name: "baseUrl", Required: true, Default: "https://eu.mulberry.example", Check: pims.CheckOrigin},
		{Name: "clientId", Required: true},
		{Name: "clientSecret", Secret: true, Required: true},
		{Name: "branch"},
	},
}

func TestASessionIsWorthTryingWhileItLives(t *testing.T) { // R36
	t.Parallel()
	noon := time.Date(2026, time.January, 17, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		state pims.State
		idle  time.Duration
		worth bool
	}{
		{pims.State{}, 1000 * time.Hour, true},
		{pims.State{Idle: 20 * time.Minute}, 20 * time.Minute, true},
		{pims.State{Idle: 20 * time.Minute}, 20*time.Minute + 1, false},
		{pims.State{Until: noon}, time.Hour, true},
		{pims.State{Until: noon.Add(-1)}, 0, false},
		{pims.State{Until: noon, Idle: time.Minute}, time.Hour, false},
	} {
		require.Equal(t, c.worth, c.state.Worth(noon, noon.Add(-c.idle)), "%v", c)
	}
}

func TestADeclarationFillsDefaultsChecksFieldsAndHidesSecrets(t *testing.T) { // R53, R37
	t.Parallel()
	given := pims.Credentials{"clientId": "harbor", "clientSecret": "s3cret"}
	complete := declared.Complete(given)
	require.Equal(t, pims.Credentials{"clientId": "harbor", "clientSecret": "s3cret", "baseUrl": "https://eu.mulberry.example"}, complete)
	require.Len(t, given, 2, "it is the caller's")
	require.NoError(t, declared.Check(complete))
	require.Equal(t, map[string]string{"clientId": "harbor", "baseUrl": "https://eu.mulberry.example"}, declared.Public(complete))
	require.Equal(t, pims.Credentials{"baseUrl": ""}, pims.Declaration{Fields: declared.Fields[:1]}.Complete(pims.Credentials{"baseUrl": ""}), "given and blank is not absent")
	require.Equal(t, pims.Credentials{"baseUrl": "https://eu.mulberry.example"}, declared.Complete(nil))

	for field, spoil := range map[string]func(pims.Credentials){
		"baseUrl":      func(c pims.Credentials) { c["baseUrl"] = "ftp://s3cret" },
		"clientId":     func(c pims.Credentials) { c["clientId"] = " " },
		"clientSecret": func(c pims.Credentials) { delete(c, "clientSecret") },
	} {
		c := declared.Complete(given)
		spoil(c)
		var wrong *pims.FieldError
		require.ErrorAs(t, declared.Check(c), &wrong)
		require.Equal(t, field, wrong.Field)
		require.NotContains(t, wrong.Error(), "s3cret")
	}

	complete["apiKey"] = "s3cret"
	require.NoError(t, declared.Check(complete), "another version may have stored it")
	require.EqualError(t, declared.CheckNames(complete), "apiKey is no field of Mulberry; there are baseUrl, clientId, clientSecret, branch")
	require.NotContains(t, declared.Public(complete), "apiKey")
}
