package cliniccmd

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/check"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
)

// told returns the document and the text of an examination.
func told(t *testing.T, login *check.Login, r *check.Report, answers []check.Answer, err error) (document checkJSON, text string) {
	t.Helper()
	document = checkOf(clinic.Clinic{ID: uuid.MustParse("018f2d3a-0000-7000-8000-000000000001")}, *login, r, answers, err)
	var out strings.Builder
	tellCheck(&out, &document, true)
	require.NotContains(t, out.String(), "{clinic}")
	require.NotContains(t, out.String(), "\x1b", "a terminal would obey it")
	return document, out.String()
}

func TestNothingOfAPageReachesTheTerminalAsItIs(t *testing.T) {
	t.Parallel()
	evil := "a\x1b[2Jb"
	_, text := told(t, &check.Login{
		Page: "neo.example/login", Ended: "neo.example/" + evil, Cookies: []string{evil, "sid"}, Asks: []check.Ask{{Page: evil}},
		Failed: &pims.FailedForm{Page: "neo.example/login", Parts: []pims.PagePart{{Kind: evil, Name: "user name", ID: evil, Label: evil, Source: evil, Required: true}}},
	}, &check.Report{}, []check.Answer{{Path: evil, Content: evil, Form: "object", Answers: 15, Rows: 15, Fields: []check.Field{{Name: "a", Shapes: []string{evil}}}}}, pims.ErrLoginFormChanged)
	require.Contains(t, text, `name="user name" id="a\x1b[2Jb"`)
	require.Contains(t, text, ", required\n")
	require.Contains(t, text, `cookies "a\x1b[2Jb", sid`)
	require.Contains(t, text, "object, 15 answers")
}

func TestACheckSaysWhatToDo(t *testing.T) {
	t.Parallel()
	waits := check.Login{
		Page: "neo.example/login", Ended: "neo.example/terminal", Asks: []check.Ask{{Outcome: "remote_error"}},
		Failed: &pims.FailedForm{Page: "neo.example/terminal", Parts: []pims.PagePart{{Kind: "select", Name: "t"}}},
	}
	answers := []check.Answer{{Step: "lookup", Path: "/lookup"}, {Step: "search", Path: "/search"}}
	lost := check.Report{Steps: []check.Step{{Name: "calendar"}, {Name: "lookup", Err: pims.ErrSchemaDrift}, {Name: "search"}}}
	for _, test := range []struct {
		name  string
		login check.Login
		r     check.Report
		err   error
		next  string
	}{
		{"a certificate", check.Login{}, check.Report{}, pims.ErrCertificate, "`pims-sync doctor` says what is wrong with it"},
		{"a circle", check.Login{}, check.Report{}, pims.ErrRedirects, "redirect in a circle"},
		{"a server's error", check.Login{}, check.Report{}, fmt.Errorf("HTTP 500: %w", pims.ErrServer), "an error of its own"},
		{"another refusal", check.Login{}, check.Report{}, pims.ErrRemote, "compare the base URL"},
		{"a page that waits", waits, check.Report{}, pims.ErrRemote, "the browser stays at neo.example/terminal, which waits for a choice"},
		{"a lookup", check.Login{}, lost, errors.Join(nil, pims.ErrSchemaDrift), "the lookup came (GET /lookup) in a form that is not known"},
		{"a field", check.Login{}, check.Report{}, &pims.FieldError{Field: pims.FieldPracticeID, Reason: "is asked for"}, "--company-id VALUE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			document, text := told(t, &test.login, &test.r, answers, test.err)
			require.Len(t, document.Remarks, 1)
			require.Contains(t, document.Remarks[0], test.next)
			require.NotContains(t, text, "Next:")
		})
	}
	_, text := told(t, &check.Login{Page: "neo.example/login", Failed: &pims.FailedForm{Page: "neo.example/login"}}, &check.Report{}, nil, pims.ErrServer)
	require.Contains(t, text, "it failed at neo.example/login, which shows nothing to fill in or press\n")
	_, text = told(t, &check.Login{}, &check.Report{
		Calendar: check.Calendar{Appointments: 3}, Withheld: 2, First: check.First{Creates: 3, ByType: map[pims.Type]int{pims.TypeOther: 1, pims.TypeUnknown: 2}},
	}, nil, nil)
	require.NotContains(t, text, "a first inbound", "the calendar was not read")
	require.Contains(t, text, "unknown: 2 further words that may name somebody, not listed")
	document, _ := told(t, &check.Login{}, &check.Report{First: check.First{ByType: map[pims.Type]int{pims.TypeOther: 1, pims.TypeUnknown: 2}}}, nil, nil)
	require.Equal(t, checkFirst{0, map[string]int{"other": 3}, 2, 0}, document.First)
}
