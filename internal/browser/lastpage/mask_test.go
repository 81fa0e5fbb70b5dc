package lastpage

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNothingTypedAndNothingOfAPersonIsTold(t *testing.T) { // R40
	t.Parallel()
	mask := masks([]string{"dr.quill@example.com", " c0rrect (horse) ", "417", ""})
	for text, told := range map[string]string{
		"":                                   "",
		"User name":                          "User name",
		"Not DR.QUILL@example.com? Log out":  "Not ••••? Log out",
		"Continue as dr.quill":               "Continue as ••••",
		"Continue as ada@example.org (Ada)":  "Continue as •••• (Ada)",
		"c0rrect (horse) is wrong":           "•••• is wrong",
		"/users/dr.quill%40example.com/417/": "/users/••••/••••/",
		"practice 417, branch 4178":          "practice ••••, branch 9999",
		"user-4711":                          "user-9999",
		"user\x1b[2Jname \u202eabc":          "user\ufffd[9Jname \ufffdabc",
	} {
		require.Equal(t, told, mask(text), text)
	}
	require.Equal(t, "Log in", masks(nil)("Log in"))
	require.Zero(t, cleaned(sight{URL: "chrome-error://chromewebdata/", Parts: []part{{Kind: "button"}}, Left: 1}, nil, false), "the browser's own page")
}

func TestAPagesTextsAreToldOnlyBeforeTheLogin(t *testing.T) { // R40
	t.Parallel()
	seen := sight{URL: "https://neo.example/u/quill77/login?token=s3cret#s3cret", Left: 2, Parts: []part{
		{Kind: "text", Name: "mailbox", ID: "field-12", Label: "E-mail of quill77", Shadow: true}, {Kind: "iframe", Source: "https://sso.example/quill77?u=quill77", Hidden: true}, {Kind: "iframe", Source: ":"},
	}}
	before := cleaned(seen, []string{"quill77"}, false)
	require.Equal(t, "neo.example/u/••••/login", before.Page)
	require.Equal(t, 2, before.Left)
	require.Equal(t, "E-mail of ••••", before.Parts[0].Label)
	require.Equal(t, "field-99", before.Parts[0].ID)
	require.Equal(t, "sso.example", before.Parts[1].Source)
	require.True(t, before.Parts[1].Hidden)
	require.Empty(t, before.Parts[2].Source)
	after := cleaned(seen, []string{"quill77"}, true)
	require.Empty(t, after.Parts[0].Label)
	require.Equal(t, "mailbox", after.Parts[0].Name)
}
