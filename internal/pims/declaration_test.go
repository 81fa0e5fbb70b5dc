package pims_test

import (
	"testing"

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
