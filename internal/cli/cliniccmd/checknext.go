package cliniccmd

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pims-sync/pims-sync/internal/check"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// nextOf says what to do after an examination that ended with an error; "" where the remarks of the
// report say it. {clinic} stands for the clinic's id.
func nextOf(code syncs.Code, err error, login *check.Login, r *check.Report, answers []check.Answer) string {
	field, isField := errors.AsType[*pims.FieldError](err)
	switch {
	case code == syncs.CodeSchemaDrift && len(r.Unread) > 0:
		return ""
	case code == syncs.CodeSchemaDrift:
		return fmt.Sprintf("%s in a form that is not known; send this report (`pims-sync clinic check --clinic {clinic} --fields --json`)", strings.Join(unknownAnswers(r, answers), ", and "))
	case isField && credentialFlags[field.Field] != "":
		return fmt.Sprintf("%s: store it with `pims-sync credentials set --clinic {clinic} … %s VALUE`", field, credentialFlags[field.Field])
	case errors.Is(err, pims.ErrCertificate):
		return "the certificate of the PIMS's host is not accepted, and nothing was sent to it: `pims-sync doctor` says what is wrong with it; compare the host in `pims-sync credentials show --clinic {clinic}`, and this machine's clock"
	case errors.Is(err, pims.ErrRedirects):
		return "the pages of the PIMS redirect in a circle: open the base URL in `pims-sync credentials show --clinic {clinic}` in a browser; if the login page appears there, send this report (--json)"
	case errors.Is(err, pims.ErrServer):
		return "the server of the PIMS has an error of its own: open the PIMS in a browser; if it works there, send this report (--json), else try again later"
	case code == syncs.CodePIMSError && login.Waits():
		return fmt.Sprintf("after the login the browser stays at %s, which waits for a choice: its fields and buttons are listed above; log in by hand and look whether the page comes each time: if it does, ask the practice for a user without it, and send this report (--json)", login.Ended)
	}
	return nextOfCode[code]
}

// unknownAnswers names the requests whose answers were not understood.
func unknownAnswers(r *check.Report, answers []check.Answer) (named []string) {
	of := func(step string) string {
		for _, answer := range slices.Backward(answers) {
			if answer.Step == step {
				return fmt.Sprintf("the %s came (GET %s)", step, answer.Path)
			}
		}
		return "the " + step + " came"
	}
	for _, s := range r.Steps {
		if errors.Is(s.Err, pims.ErrSchemaDrift) {
			named = append(named, of(s.Name))
		}
	}
	if len(named) == 0 {
		named = append(named, of("login"))
	}
	return named
}

// nextOfCode says what to do where only the code is known.
var nextOfCode = map[syncs.Code]string{
	syncs.CodeLoginFormChanged:   "the login page has a form that is not known: its fields and buttons are listed above; open it by hand to see whether it is the login page of this PIMS (the base URL stands in `pims-sync credentials show --clinic {clinic}`), and send this report (--json)",
	syncs.CodeAuthRejected:       "the PIMS refused the user name or password, and the credentials are suspended; store the right ones with `pims-sync credentials set --clinic {clinic}`",
	syncs.CodeAuthChallenge:      "the PIMS asks for something that only a person can do; log in by hand once, or ask for a user without it",
	syncs.CodePIMSError:          "the PIMS refuses this request; compare the base URL in `pims-sync credentials show --clinic {clinic}` with the address that a browser shows after a login by hand; if it is right, send this report (--json)",
	syncs.CodeCredentialsInvalid: "the error names what is missing or not allowed: store the field with `pims-sync credentials set --clinic {clinic}`, or, if the host belongs to the PIMS, add it to PIMS_ALLOWED_HOSTS",
	syncs.CodeAuthExpired:        "the login page was left, but the PIMS accepts no request of its session; compare the base URL in `pims-sync credentials show --clinic {clinic}` with the address that a browser shows after a login by hand; if it is right, send this report (--json)",
	syncs.CodePIMSRateLimited:    "the PIMS wants fewer requests; wait, and set PIMS_RATE_LIMIT lower",
	syncs.CodeTimeout:            "the PIMS was too slow; try again, or set SYNC_TIMEOUT_MS higher",
	syncs.CodeBrowserUnavailable: "`pims-sync doctor` says what is wrong with the browser",
	syncs.CodeUnreachable:        "check the base URL with `pims-sync credentials show --clinic {clinic}`, and that this machine may reach the host",
}
