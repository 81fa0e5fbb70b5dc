package eventcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pims-sync/pims-sync/internal/api/outgoing"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/notify"
	"github.com/pims-sync/pims-sync/internal/render"
)

// NotificationsCmd holds the commands on channels that tell people (R48).
type NotificationsCmd struct {
	Add    NotificationsAddCmd    `cmd:"" help:"Add a channel: an incoming webhook of Slack or another chat, or an e-mail address."`
	List   NotificationsListCmd   `cmd:"" help:"List the channels."`
	Show   NotificationsShowCmd   `cmd:"" help:"Show one channel."`
	Test   NotificationsTestCmd   `cmd:"" help:"Send a test message now."`
	Mute   NotificationsMuteCmd   `cmd:"" help:"Send nothing to a channel for a while, and then what is still wrong."`
	Remove NotificationsRemoveCmd `cmd:"" help:"Remove a channel."`
}

// withChannels runs a command on the notification channels of the store.
func withChannels(ctx context.Context, std cli.Streams, c *cli.Config, run func(*app.Store, *notify.Service) error) error {
	settings, err := c.Settings()
	if err != nil {
		return err
	}
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		ring, err := s.Keyring(ctx, c.EncryptionKey)
		if err != nil {
			return err
		}
		service, err := app.ChannelService(s, settings, ring)
		if err != nil {
			return cli.Usage(err)
		}
		return run(s, service)
	})
}

func noChannel(err error, named cli.ID) error {
	return cli.NoSuch(err, "notification channel", named.UUID, "notifications list")
}

// NotificationsAddCmd adds a channel.
type NotificationsAddCmd struct {
	Slack    string       `help:"URL of an incoming webhook, as Slack and Mattermost have it." placeholder:"URL" field:"url"`
	Email    string       `help:"E-mail address; SMTP_URL and MAIL_FROM must be set where replicas run." placeholder:"ADDRESS"`
	Clinic   cli.OfClinic `field:"clinicId" help:"Only this clinic. Default: all clinics, and the installation."`
	Name     cli.Label    `help:"What the channel is for."`
	Timezone cli.Zone     `help:"IANA time zone of the times below and in messages." default:"UTC"`
	Quiet    string       `help:"Send nothing between two times of day, and then what is still wrong." placeholder:"22:00-07:00" field:"quietFrom quietUntil"`
	Digest   string       `help:"One message a day, at this time." placeholder:"07:30" field:"digestAt"`
}

// draft returns the channel that the flags describe, without its clinic, whose id is not known
// yet.
func (a *NotificationsAddCmd) draft() (notify.Channel, error) {
	made := notify.Channel{Name: string(a.Name), Timezone: string(a.Timezone), DigestAt: a.Digest}
	switch {
	case (a.Slack == "") == (a.Email == ""):
		return made, errors.New("give one of --slack and --email")
	case a.Slack != "":
		made.Kind, made.Target = notify.Slack, a.Slack
	default:
		made.Kind, made.Target = notify.Email, a.Email
	}
	if a.Quiet != "" {
		from, until, found := strings.Cut(a.Quiet, "-")
		if !found {
			return made, errors.New("--quiet: it must be such as 22:00-07:00")
		}
		made.QuietFrom, made.QuietUntil = from, until
	}
	return made, nil
}

// Run adds the channel. It tells what is so now, and what changes.
func (a *NotificationsAddCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	draft, err := a.draft()
	if err != nil {
		return cli.Usage(err)
	}
	return withChannels(ctx, std, c, func(s *app.Store, service *notify.Service) error {
		if a.Clinic.Given() {
			if _, err := cli.ClinicOf(ctx, s, a.Clinic.UUID); err != nil {
				return err
			}
		}
		draft.ClinicID = a.Clinic.UUID
		added, err := service.Add(ctx, cli.By(), draft)
		if err != nil {
			return err
		}
		document, err := outgoing.ChannelDocument(&added)
		if err != nil {
			return err
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			fmt.Fprintf(w, "Channel %s is added. To try it: pims-sync notifications test %s\n", added.ID, added.ID)
		})
	})
}

// NotificationsListCmd lists channels.
type NotificationsListCmd struct{}

// Run lists the channels.
func (a *NotificationsListCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return withChannels(ctx, std, c, func(_ *app.Store, service *notify.Service) error {
		list, err := service.List(ctx, cli.By())
		if err != nil {
			return err
		}
		document, err := outgoing.ChannelsDocument(list)
		if err != nil {
			return err
		}
		rows := make([][]string, len(list))
		for i := range list {
			x := &list[i]
			rows[i] = []string{x.ID.String(), x.Kind, addressOf(x), clinicOf(x.ClinicID), render.OrDash(x.Name), timesOf(x), channelState(x, time.Now()), render.Stamp(x.SentAt, nil)}
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			if len(rows) == 0 {
				fmt.Fprintln(w, "No notification channels.")
				return
			}
			render.Table(w, []string{"id", "type", "address", "clinic", "name", "times", "state", "last message"}, rows)
		})
	})
}

// addressOf returns where a channel sends to. Of a chat only the host: whoever knows the URL
// can write there.
func addressOf(x *notify.Channel) string {
	if x.Kind == notify.Email {
		return render.OrDash(x.Target)
	}
	return render.OrDash(x.Host())
}

// timesOf says when a channel tells.
func timesOf(x *notify.Channel) string {
	said := "at once"
	if x.DigestAt != "" {
		said = "once a day at " + x.DigestAt
	}
	if x.QuietFrom != "" {
		said += ", quiet " + x.QuietFrom + "-" + x.QuietUntil
	}
	if x.DigestAt != "" || x.QuietFrom != "" {
		said += " (" + x.Timezone + ")"
	}
	return said
}

// channelState says whether a channel tells, and why not.
func channelState(x *notify.Channel, now time.Time) string {
	switch {
	case x.Target == "":
		return "unreadable: ENCRYPTION_KEY lacks the key that sealed its address"
	case x.MutedUntil.After(now):
		return "muted until " + render.Stamp(x.MutedUntil, nil)
	case x.LastError != "":
		return "failing: " + x.LastError
	default:
		return "on"
	}
}

// NotificationsShowCmd shows a channel.
type NotificationsShowCmd struct {
	ID cli.ID `arg:"" help:"The channel's id."`
}

// Run shows the channel.
func (a *NotificationsShowCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return withChannels(ctx, std, c, func(_ *app.Store, service *notify.Service) error {
		x, err := service.Show(ctx, cli.By(), a.ID.UUID)
		if err != nil {
			return noChannel(err, a.ID)
		}
		document, err := outgoing.ChannelDocument(&x)
		if err != nil {
			return err
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			render.Fields(w, "channel", x.ID.String(), "type", x.Kind, "address", addressOf(&x), "clinic", clinicOf(x.ClinicID), "name", render.OrDash(x.Name),
				"times", timesOf(&x), "state", channelState(&x, time.Now()), "added", render.Stamp(x.CreatedAt, nil), "last message", render.Stamp(x.SentAt, nil))
		})
	})
}

// NotificationsTestCmd sends a test message.
type NotificationsTestCmd struct {
	ID cli.ID `arg:"" help:"The channel's id."`
}

// Run sends the message from this process.
func (a *NotificationsTestCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return withChannels(ctx, std, c, func(_ *app.Store, service *notify.Service) error {
		failure, err := service.Test(ctx, cli.By(), a.ID.UUID)
		if err != nil {
			return noChannel(err, a.ID)
		}
		if failure != nil {
			return fmt.Errorf("channel %s did not take the message: %w", a.ID, failure)
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
	until := time.Now().Add(a.For)
	return withChannels(ctx, std, c, func(_ *app.Store, service *notify.Service) error {
		changed, err := service.Set(ctx, cli.By(), a.ID.UUID, notify.Change{MutedUntil: &until})
		if err != nil {
			return noChannel(err, a.ID)
		}
		document, err := outgoing.ChannelDocument(&changed)
		if err != nil {
			return err
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			if changed.MutedUntil.IsZero() {
				fmt.Fprintf(w, "Channel %s is not muted.\n", a.ID)
				return
			}
			fmt.Fprintf(w, "Channel %s is muted until %s.\n", a.ID, render.Stamp(changed.MutedUntil, nil))
		})
	})
}

// NotificationsRemoveCmd removes a channel.
type NotificationsRemoveCmd struct {
	ID cli.ID `arg:"" help:"The channel's id."`
}

// Run removes the channel.
func (a *NotificationsRemoveCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return withChannels(ctx, std, c, func(_ *app.Store, service *notify.Service) error {
		if err := service.Remove(ctx, cli.By(), a.ID.UUID); err != nil {
			return noChannel(err, a.ID)
		}
		return cli.Show(std, c, map[string]any{"id": a.ID.UUID, "removed": true}, func(w io.Writer) { fmt.Fprintf(w, "Channel %s is removed.\n", a.ID) })
	})
}
