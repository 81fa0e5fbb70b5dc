package eventcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/mail"
	"github.com/pims-sync/pims-sync/internal/notify"
	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/webhooks"
)

// NotificationsCmd holds the commands on channels that tell people (R48).
type NotificationsCmd struct {
	Add    NotificationsAddCmd    `cmd:"" help:"Add a channel: an incoming webhook of Slack or another chat, or an e-mail address."`
	List   NotificationsListCmd   `cmd:"" help:"List the channels."`
	Test   NotificationsTestCmd   `cmd:"" help:"Send a test message now."`
	Mute   NotificationsMuteCmd   `cmd:"" help:"Keep a channel silent for a while; what is so afterwards is told then."`
	Remove NotificationsRemoveCmd `cmd:"" help:"Remove a channel."`
}

type channelJSON struct {
	ID         uuid.UUID  `json:"id"`
	ClinicID   *uuid.UUID `json:"clinicId"`
	Kind       string     `json:"type"`
	Email      string     `json:"email,omitempty"`
	Name       string     `json:"name"`
	Timezone   string     `json:"timezone"`
	QuietFrom  string     `json:"quietFrom,omitempty"`
	QuietUntil string     `json:"quietUntil,omitempty"`
	DigestAt   string     `json:"digestAt,omitempty"`
	MutedUntil *time.Time `json:"mutedUntil"`
	SentAt     *time.Time `json:"lastSentAt"`
	FailedAt   *time.Time `json:"failedAt"`
	LastError  string     `json:"lastError,omitempty"`
	CreatedAt  time.Time  `json:"createdAt"`
}

// channelDocument leaves the URL of a chat out: whoever knows it can write there.
func channelDocument(c notify.Channel) channelJSON {
	document := channelJSON{
		ID: c.ID, ClinicID: clinicOrNone(c.ClinicID), Kind: c.Kind, Name: c.Name, Timezone: c.Timezone, QuietFrom: c.QuietFrom, QuietUntil: c.QuietUntil,
		DigestAt: c.DigestAt, MutedUntil: render.Optional(c.MutedUntil), SentAt: render.Optional(c.SentAt), FailedAt: render.Optional(c.FailedAt),
		LastError: c.LastError, CreatedAt: c.CreatedAt.UTC(),
	}
	if c.Kind == notify.Email {
		document.Email = c.Target
	}
	return document
}

// NotificationsAddCmd adds a channel.
type NotificationsAddCmd struct {
	Slack    string       `help:"URL of an incoming webhook, as Slack and Mattermost have it." placeholder:"URL"`
	Email    string       `help:"E-mail address; SMTP_URL and MAIL_FROM must be set where replicas run." placeholder:"ADDRESS"`
	Clinic   cli.OfClinic `help:"Only this clinic. Default: all clinics, and the installation."`
	Name     cli.Label    `help:"What the channel is for."`
	Timezone cli.Zone     `help:"IANA time zone of the times below and in messages." default:"UTC"`
	Quiet    string       `help:"Tell nothing between two times of day; afterwards what is still so." placeholder:"22:00-07:00"`
	Digest   string       `help:"One message a day, at this time." placeholder:"07:30"`
}

// channel returns the channel that the flags describe.
func (a *NotificationsAddCmd) channel(c *cli.Config) (notify.Channel, error) {
	made := notify.Channel{ID: uuid.New(), Name: string(a.Name), Timezone: string(a.Timezone), DigestAt: a.Digest, CreatedAt: time.Now()}
	var err error
	switch {
	case (a.Slack == "") == (a.Email == ""):
		return made, errors.New("give one of --slack and --email")
	case a.Slack != "":
		made.Kind, made.Target, err = notify.Slack, a.Slack, webhooks.CheckURL(a.Slack, c.Hosts())
	default:
		made.Kind, made.Target, err = notify.Email, a.Email, mail.CheckAddress(a.Email)
	}
	if err != nil {
		return made, fmt.Errorf("--%s: %w", made.Kind, err)
	}
	if a.Quiet != "" {
		if len(a.Quiet) != len("22:00-07:00") || a.Quiet[5] != '-' {
			return made, errors.New("--quiet must be such as 22:00-07:00")
		}
		made.QuietFrom, made.QuietUntil = a.Quiet[:5], a.Quiet[6:]
		if err := errors.Join(notify.CheckClock(made.QuietFrom), notify.CheckClock(made.QuietUntil)); err != nil {
			return made, fmt.Errorf("--quiet: %w", err)
		}
	}
	if a.Digest != "" {
		if err := notify.CheckClock(a.Digest); err != nil {
			return made, fmt.Errorf("--digest: %w", err)
		}
	}
	return made, nil
}

// Run adds the channel. It tells what is so now, and what changes.
func (a *NotificationsAddCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	added, err := a.channel(c)
	if err != nil {
		return cli.Usage(err)
	}
	added.ClinicID = a.Clinic.UUID
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		if a.Clinic.Given() {
			if _, err := cli.ClinicOf(ctx, s, a.Clinic.UUID); err != nil {
				return err
			}
		}
		ring, err := s.Keyring(ctx, c.EncryptionKey)
		if err != nil {
			return err
		}
		action := cli.Event(access.NotificationsAdd, a.Clinic.UUID, access.RecordOf("notification channel", added.ID))
		action.After = access.Values{"type": added.Kind, "name": added.Name}
		err = cli.Act(ctx, s, action, func(ctx context.Context, _ *access.Event) error { return app.Notifications(s, ring).Add(ctx, added) })
		if err != nil {
			return err
		}
		return cli.Show(std, c, channelDocument(added), func(w io.Writer) {
			fmt.Fprintf(w, "Channel %s is added. To try it: pims-sync notifications test %s\n", added.ID, added.ID)
		})
	})
}

// NotificationsListCmd lists channels.
type NotificationsListCmd struct{}

// Run lists the channels.
func (a *NotificationsListCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return withChannels(ctx, std, c, func(_ *app.Store, ring channelStore) error {
		list, err := ring.Channels(ctx)
		if err != nil {
			return err
		}
		documents, rows := make([]channelJSON, len(list)), make([][]string, len(list))
		for i, x := range list {
			documents[i] = channelDocument(x)
			state := "on"
			switch {
			case x.MutedUntil.After(time.Now()):
				state = "muted until " + render.Stamp(x.MutedUntil, nil)
			case x.LastError != "":
				state = "failing: " + x.LastError
			}
			rows[i] = []string{x.ID.String(), x.Kind, render.OrDash(documents[i].Email), render.OrDash(x.Name), state, render.Stamp(x.SentAt, nil)}
		}
		return cli.Show(std, c, map[string]any{"items": documents}, func(w io.Writer) {
			if len(rows) == 0 {
				fmt.Fprintln(w, "No notification channels.")
				return
			}
			render.Table(w, []string{"id", "type", "address", "name", "state", "last message"}, rows)
		})
	})
}

// A channelStore is what the commands need of the store of channels.
type channelStore interface {
	Channels(ctx context.Context) ([]notify.Channel, error)
	Channel(ctx context.Context, id uuid.UUID) (notify.Channel, error)
	Mute(ctx context.Context, id uuid.UUID, until time.Time) error
	Remove(ctx context.Context, id uuid.UUID) error
}

func withChannels(ctx context.Context, std cli.Streams, c *cli.Config, run func(*app.Store, channelStore) error) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		ring, err := s.Keyring(ctx, c.EncryptionKey)
		if err != nil {
			return err
		}
		return run(s, app.Notifications(s, ring))
	})
}

// onChannel runs an action on a channel and records it (R44).
func onChannel(ctx context.Context, s *app.Store, action access.Action, channelID uuid.UUID, do func(context.Context) error) error {
	err := cli.Act(ctx, s, cli.Event(action, uuid.Nil, access.RecordOf("notification channel", channelID)), func(ctx context.Context, _ *access.Event) error { return do(ctx) })
	return cli.NoSuch(err, "notification channel", channelID, "notifications list")
}

// NotificationsTestCmd sends a test message.
type NotificationsTestCmd struct {
	ID cli.ID `arg:"" help:"The channel's id."`
}

// Run sends the message from this process.
func (a *NotificationsTestCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	settings, err := c.Settings()
	if err != nil {
		return err
	}
	send, err := app.NewTeller(settings)
	if err != nil {
		return cli.Usage(err)
	}
	return withChannels(ctx, std, c, func(s *app.Store, channels channelStore) error {
		found, err := channels.Channel(ctx, a.ID.UUID)
		if err != nil {
			return cli.NoSuch(err, "notification channel", a.ID.UUID, "notifications list")
		}
		err = send(ctx, found, notify.Message{Subject: "PIMS Sync: a test", Body: "This channel works. Trouble of clinics will be told here.\n"})
		err = errors.Join(err, s.OperatorLog().Note(ctx, cli.Event(access.NotificationsTest, found.ClinicID, access.RecordOf("notification channel", found.ID)), err))
		if err != nil {
			return fmt.Errorf("channel %s did not take the message: %w", a.ID, err)
		}
		return cli.Show(std, c, map[string]any{"sent": true}, func(w io.Writer) { fmt.Fprintln(w, "The message is sent.") })
	})
}

// NotificationsMuteCmd mutes a channel.
type NotificationsMuteCmd struct {
	ID  cli.ID        `arg:"" help:"The channel's id."`
	For time.Duration `help:"For how long, such as 8h; 0 ends it." default:"8h"`
}

// Run mutes the channel.
func (a *NotificationsMuteCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	if a.For < 0 {
		return cli.Usage(errors.New("--for must not be negative"))
	}
	var until time.Time
	if a.For > 0 {
		until = time.Now().Add(a.For)
	}
	return withChannels(ctx, std, c, func(s *app.Store, channels channelStore) error {
		err := onChannel(ctx, s, access.NotificationsSet, a.ID.UUID, func(ctx context.Context) error { return channels.Mute(ctx, a.ID.UUID, until) })
		if err != nil {
			return err
		}
		return cli.Show(std, c, map[string]any{"id": a.ID.UUID, "mutedUntil": render.Optional(until)}, func(w io.Writer) {
			fmt.Fprintf(w, "Channel %s is muted until %s.\n", a.ID, render.Stamp(until, nil))
		})
	})
}

// NotificationsRemoveCmd removes a channel.
type NotificationsRemoveCmd struct {
	ID cli.ID `arg:"" help:"The channel's id."`
}

// Run removes the channel.
func (a *NotificationsRemoveCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return withChannels(ctx, std, c, func(s *app.Store, channels channelStore) error {
		err := onChannel(ctx, s, access.NotificationsRemove, a.ID.UUID, func(ctx context.Context) error { return channels.Remove(ctx, a.ID.UUID) })
		if err != nil {
			return err
		}
		return cli.Show(std, c, map[string]any{"id": a.ID.UUID, "removed": true}, func(w io.Writer) { fmt.Fprintf(w, "Channel %s is removed.\n", a.ID) })
	})
}
