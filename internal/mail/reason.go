package mail

import (
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"slices"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/pims-sync/pims-sync/internal/netfault"
)

// maxSaid is how many bytes of a server's words an error has.
const maxSaid = 160

// stages are what a server refuses.
var stages = map[gomail.SendErrReason]string{
	gomail.ErrSMTPMailFrom: "the sender", gomail.ErrSMTPRcptTo: "the recipient",
	gomail.ErrSMTPData: "the message", gomail.ErrSMTPDataClose: "the message",
}

// reason says in one line why a mail to an address was not taken.
func (m *Mailer) reason(err error, to string) string {
	if refused, ok := errors.AsType[*gomail.SendError](err); ok {
		what := stages[refused.Reason]
		if what == "" {
			what = "the mail"
		}
		_, said, _ := strings.Cut(refused.Error(), ": ")
		said, _, _ = strings.Cut(said, ", affected ")
		if code, rest, _ := strings.Cut(said, " "); refused.EnhancedStatusCode() != "" && !strings.HasPrefix(rest, refused.EnhancedStatusCode()) {
			said = code + " " + refused.EnhancedStatusCode() + " " + rest
		}
		return "it refused " + what + ": " + m.words(said, to)
	}
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		return strings.TrimSpace(fmt.Sprintf("it returned %d %s", reply.Code, m.words(reply.Msg, to)))
	}
	if why := netfault.Reason(err, timeout); why != "" {
		return why
	}
	if strings.Contains(err.Error(), "STARTTLS") {
		return "it does not offer STARTTLS, which is required of a server that is not on this machine"
	}
	if strings.Contains(err.Error(), "SMTP AUTH") {
		return "it offers no sign-in, and SMTP_URL has a user name"
	}
	return m.words(err.Error(), to)
}

var (
	// plain is a word of prose, without digits and not long enough for a key.
	plain = regexp.MustCompile(`^["'(\[]?[A-Za-z][A-Za-z'/-]{0,19}["')\]]?[.,:;!?]?$`)

	// status is a reply code or an enhanced one.
	status = regexp.MustCompile(`^[245]\d\d$|^[245]\.\d{1,3}\.\d{1,3}$`)
)

// words returns what a server said, bounded and in one line: words of prose and status codes.
// Everything else may be secret or personal (an address, a token, a link) and becomes "…", as
// does what the user name, the password or the recipient's address is made of.
func (m *Mailer) words(said, to string) string {
	hidden := slices.Concat(m.hidden, strings.FieldsFunc(to, func(r rune) bool { return strings.ContainsRune("@._+-<> ", r) }))
	var kept []string
	for word := range strings.FieldsSeq(said) {
		letters := strings.Trim(word, `"'()[].,:;!?`)
		secret := slices.ContainsFunc(hidden, func(h string) bool { return h != "" && strings.EqualFold(h, letters) })
		if secret || !plain.MatchString(word) && !status.MatchString(word) {
			word = "…"
		}
		if word != "…" || len(kept) == 0 || kept[len(kept)-1] != "…" {
			kept = append(kept, word)
		}
	}
	text := strings.Join(kept, " ")
	if len(text) > maxSaid {
		text = strings.ToValidUTF8(text[:maxSaid], "") + " …"
	}
	return text
}
