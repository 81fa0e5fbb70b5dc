package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/pims-sync/pims-sync/internal/mail"
	"github.com/pims-sync/pims-sync/internal/notify"
	"github.com/pims-sync/pims-sync/internal/postgres/notifystore"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/webhooks"
)

// Notifications returns the channels of a store.
func Notifications(s *Store, ring *seal.Keyring) *notifystore.Store {
	return notifystore.New(s.DB, ring)
}

// NewTeller returns what sends notifications, for a program with these settings. The error
// says which setting is wrong.
func NewTeller(settings Settings) (func(context.Context, notify.Channel, notify.Message) error, error) {
	mailer, err := mail.New(settings.SMTPURL.Reveal(), settings.MailFrom, nil)
	if err != nil {
		return nil, err
	}
	sender := NewSender(settings)
	return func(ctx context.Context, c notify.Channel, m notify.Message) error {
		switch {
		case c.Target == "":
			return errors.New("its target cannot be opened: ENCRYPTION_KEY lacks the key that sealed it")
		case c.Kind == notify.Email:
			return mailer.Send(ctx, c.Target, m.Subject, m.Body)
		}
		body, err := json.Marshal(map[string]string{"text": m.Subject + "\n\n" + m.Body})
		if err != nil {
			return fmt.Errorf("writing the message: %w", err)
		}
		return sender.Post(ctx, c.Target, body)
	}, nil
}

// ChannelService returns what people do with the notification channels of a store. The
// error says which setting is wrong.
func ChannelService(s *Store, settings Settings, ring *seal.Keyring) (*notify.Service, error) {
	send, err := NewTeller(settings)
	if err != nil {
		return nil, err
	}
	return notify.NewService(notify.ServiceOptions{
		Log:          s.OperatorLog(),
		Registry:     Notifications(s, ring),
		HasClinic:    s.hasClinic,
		CheckURL:     func(url string) error { return webhooks.CheckURL(url, settings.Hosts) },
		CheckAddress: mail.CheckAddress,
		Send:         send,
	}), nil
}

// newNotifications returns the worker that tells people.
func (e *Engine) newNotifications(settings Settings, ring *seal.Keyring, link string, now func() time.Time) (*notify.Worker, error) {
	send, err := NewTeller(settings)
	if err != nil {
		return nil, err
	}
	return notify.NewWorker(notify.Options{
		Store:     Notifications(e.Store, ring),
		Standings: func(ctx context.Context) ([]notify.Standing, error) { return e.standings(ctx, now()) },
		Send:      send,
		Link:      link,
		Logger:    e.log,
		Now:       now,
		Observe:   e.metrics.Notification,
	}), nil
}

// standings returns the states of all clinics.
func (e *Engine) standings(ctx context.Context, now time.Time) ([]notify.Standing, error) {
	of, err := e.Scheduler.Standings(ctx)
	all := make([]notify.Standing, len(of))
	for i, x := range of {
		all[i] = notify.Standing{ClinicID: x.ClinicID, Name: x.Name, State: string(x.State), Code: string(x.Code), Since: x.Since}
		if x.Since.IsZero() {
			all[i].Since = now
		}
	}
	return all, err
}
