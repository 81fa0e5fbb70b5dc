package app

import (
	"context"
	"log/slog"
	"sync"

	"github.com/pims-sync/pims-sync/internal/mail"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/people"
)

// maxNotices bounds the mails to people that wait or are sent at the same time (R57).
const maxNotices = 64

// notices sends people mails about their own sign-ins (R43), beside what caused them.
type notices struct {
	mailer *mail.Mailer
	log    *slog.Logger
	turn   chan struct{}
	group  sync.WaitGroup
}

// newNotices returns nil where no mail server or sender is configured.
func newNotices(settings Settings, log *slog.Logger) (*notices, error) {
	if settings.MailFrom == "" {
		return nil, nil //nolint:nilnil // nil sends nothing
	}
	mailer, err := mail.New(settings.SMTPURL.Reveal(), settings.MailFrom, nil)
	if err != nil || mailer == nil {
		return nil, err
	}
	return &notices{mailer: mailer, log: log, turn: make(chan struct{}, maxNotices)}, nil
}

// tell returns what people.Options needs.
func (n *notices) tell() func(context.Context, people.Notice) {
	if n == nil {
		return nil
	}
	return n.send
}

// send sends a mail in the background. The log says that one was not sent, and not to whom
// (R40).
func (n *notices) send(ctx context.Context, notice people.Notice) {
	const unsent = "A mail to a person about their sign-in was not sent"
	select {
	case n.turn <- struct{}{}:
	default:
		n.log.WarnContext(ctx, unsent, "error", "too many wait for the mail server")
		return
	}
	ctx = context.WithoutCancel(ctx)
	panics.GoIn(&n.group, func() {
		defer func() { <-n.turn }()
		if err := n.mailer.Send(ctx, notice.To, notice.Subject, notice.Text); err != nil {
			n.log.WarnContext(ctx, unsent, "error", err.Error())
		}
	}, func(e *panics.Error) { panics.Logger(n.log, e).ErrorContext(ctx, unsent) })
}

// wait waits until all mails are sent or have failed, at most as long as one may take.
func (n *notices) wait() {
	if n != nil {
		n.group.Wait()
	}
}
