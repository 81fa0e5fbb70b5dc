package browser

import (
	"regexp"
	"strings"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// classify decides what a refusal's text means: ErrAuthRejected only where it says
// in so many words that user or password are wrong, because that suspends the
// credentials; ErrAuthChallenge where a person has to act; nil where it says neither.
// The text itself goes no further: it may hold the user's name (R40).
func classify(text string) error {
	text = strings.Join(strings.Fields(strings.ToLower(text)), " ")
	text = strings.ReplaceAll(text, "’", "'")
	text = threats.ReplaceAllString(text, "")
	switch {
	case challenges.MatchString(text):
		return pims.ErrAuthChallenge
	case wrong.MatchString(text) && credentials.MatchString(text) && !elsewhere.MatchString(text):
		return pims.ErrAuthRejected
	default:
		return nil
	}
}

var (
	// threats announce what has not happened yet, and codes that are no second factor.
	threats = regexp.MustCompile(`\b(will|may|can|could|might) be (temporarily |permanently )?(locked|blocked|disabled|suspended)\b|\b(error|status|company|practice|clinic|site|zip) code\b`)

	challenges = regexp.MustCompile(`\block(ed|out)\b|\blocked out\b|\b(blocked|suspended|disabled|deactivated|inactive)\b` +
		`|\btoo many\b|\b(maximum|exceeded)\b.*\battempts\b` +
		`|captcha\b|\brobot\b|\bcodes?\b|\bpasscode\b|\b(two|2|multi)[- ]?(factor|step)\b|\b[2m]fa\b|\bone[- ]time\b|\bauthenticator\b` +
		`|\bpassword (has |is )?expired\b|\b(reset|change) your password\b`)

	wrong = regexp.MustCompile(`\b(invalid|incorrect|wrong|unknown|bad|unrecogni[sz]ed)\b|\bnot (valid|correct|right|recogni[sz]ed|found|exist)\b` +
		`|\b(do|does) ?n[o']t match\b|\bdon't match\b|\bdoesn't (match|exist)\b|\bmismatch\b|\b(couldn't|could not|can't|cannot) find\b|\bno such\b`)

	credentials = regexp.MustCompile(`\b(user|users|username|user name|password|credentials?|login|e-?mail|account|company|practice|clinic)\b`)

	// elsewhere is what else may be invalid in a login.
	elsewhere = regexp.MustCompile(`\b(session|token|csrf|request|response|page|server|connection|network|time-?out|timed out|maintenance|unavailable|licen[cs]e)\b`)
)
