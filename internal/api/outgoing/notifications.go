package outgoing

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/notify"
	"github.com/pims-sync/pims-sync/internal/web"
)

// A channelRecord is a channel of notifications in a response. It leaves the URL of a chat
// out: whoever knows it can write there.
type channelRecord struct {
	ID         uuid.UUID    `json:"id" format:"uuid"`
	ClinicID   *uuid.UUID   `json:"clinicId" format:"uuid" nullable:"true" doc:"Null: all clinics, and the installation."`
	Type       string       `json:"type" enum:"slack,email" doc:"slack: an incoming webhook, as Slack and Mattermost have it."`
	Email      *string      `json:"email" doc:"The address; null for a chat, whose URL is not shown."`
	Host       *string      `json:"host" doc:"The host of a chat; null for e-mail." example:"hooks.slack.com"`
	Name       string       `json:"name"`
	Timezone   string       `json:"timezone" doc:"IANA, of the times below and of those in messages." example:"America/New_York"`
	QuietFrom  *string      `json:"quietFrom" doc:"From this time of day on nothing is told; null: there is no quiet time." example:"22:00"`
	QuietUntil *string      `json:"quietUntil" example:"07:00"`
	DigestAt   *string      `json:"digestAt" doc:"One message a day, at this time; null: at once." example:"07:30"`
	MutedUntil *web.Instant `json:"mutedUntil" nullable:"true"`
	SentAt     *web.Instant `json:"lastSentAt" nullable:"true"`
	FailedAt   *web.Instant `json:"failedAt" nullable:"true" doc:"When the last message was not taken; null: it was."`
	LastError  *string      `json:"lastError" doc:"Why it was not."`
	CreatedAt  web.Instant  `json:"createdAt"`
}

type channelList struct {
	Items []channelRecord `json:"items" nullable:"false"`
}

// channelRequest is the body of POST /api/notifications.
type channelRequest struct {
	Type       string  `json:"type" enum:"slack,email"`
	URL        string  `json:"url,omitempty" maxLength:"2000" doc:"Of type slack: the incoming webhook."`
	Email      string  `json:"email,omitempty" maxLength:"320" doc:"Of type email: the address." example:"ops@example.com"`
	ClinicID   *web.ID `json:"clinicId,omitempty" doc:"Only this clinic. Default: all, and the installation."`
	Name       string  `json:"name,omitempty" maxLength:"200"`
	Timezone   string  `json:"timezone,omitempty" doc:"Default: UTC." example:"America/New_York"`
	QuietFrom  string  `json:"quietFrom,omitempty" example:"22:00"`
	QuietUntil string  `json:"quietUntil,omitempty" example:"07:00"`
	DigestAt   string  `json:"digestAt,omitempty" example:"07:30"`
}

// channelChange is the body of PATCH /api/notifications/{id}.
type channelChange struct {
	Name       *string      `json:"name,omitempty" maxLength:"200"`
	Timezone   *string      `json:"timezone,omitempty" example:"America/New_York"`
	QuietFrom  *string      `json:"quietFrom,omitempty" doc:"An empty text removes it." example:"22:00"`
	QuietUntil *string      `json:"quietUntil,omitempty" example:"07:00"`
	DigestAt   *string      `json:"digestAt,omitempty" doc:"An empty text removes it." example:"07:30"`
	MutedUntil *web.Instant `json:"mutedUntil,omitempty" doc:"Tell nothing until then; afterwards what is still so. A moment that is past ends it."`
}

// sentRecord is what came of a test message.
type sentRecord struct {
	Sent  bool    `json:"sent"`
	Error *string `json:"error" doc:"Why it was not taken."`
}

func channelOf(c *notify.Channel) channelRecord {
	record := channelRecord{
		ID: c.ID, ClinicID: web.Known(c.ClinicID), Type: c.Kind, Host: web.Text(c.Host()), Name: c.Name, Timezone: c.Timezone,
		QuietFrom: web.Text(c.QuietFrom), QuietUntil: web.Text(c.QuietUntil), DigestAt: web.Text(c.DigestAt), MutedUntil: web.Moment(c.MutedUntil),
		SentAt: web.Moment(c.SentAt), FailedAt: web.Moment(c.FailedAt), LastError: web.Text(c.LastError), CreatedAt: web.Instant(c.CreatedAt),
	}
	if c.Kind == notify.Email {
		record.Email = web.Text(c.Target)
	}
	return record
}

func sentOf(failure error) sentRecord {
	if failure == nil {
		return sentRecord{Sent: true}
	}
	return sentRecord{Error: new(failure.Error())}
}

// ChannelDocument returns a channel as GET /api/notifications/{id} does.
func ChannelDocument(c *notify.Channel) (json.RawMessage, error) { return web.Encode(channelOf(c)) }

// ChannelsDocument returns a list as GET /api/notifications does.
func ChannelsDocument(list []notify.Channel) (json.RawMessage, error) {
	return web.Encode(channelList{web.Items(list, channelOf)})
}

func sampleChannel() *notify.Channel {
	return &notify.Channel{
		ID: sampleID, Kind: notify.Email, Target: "ops@example.com", Name: "on call", Timezone: "America/New_York",
		QuietFrom: "22:00", QuietUntil: "07:00", CreatedAt: sampleTime,
	}
}

func onChannel(op web.Operation, do func(c *web.Call, id uuid.UUID) (any, error)) web.Operation {
	return on("a notification channel", op, do)
}

func (o Options) listChannels() web.Operation {
	return operation(web.Operation{
		Method: http.MethodGet, Path: "/api/notifications", ID: "listNotificationChannels",
		Summary: "List notification channels", Description: "The oldest first.",
		Offers: ok("The channels.", channelList{[]channelRecord{channelOf(sampleChannel())}}),
		Handle: func(c *web.Call) (web.Reply, error) {
			list, err := o.Channels.List(c.Context(), c.By())
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(channelList{web.Items(list, channelOf)})
		},
	})
}

func (o Options) addChannel() web.Operation {
	return operation(web.Operation{
		Method: http.MethodPost, Path: "/api/notifications", ID: "addNotificationChannel",
		Summary: "Add a notification channel", Description: "It tells what is so now, and what changes.",
		Body:   channelRequest{Type: notify.Email, Email: "ops@example.com"},
		Offers: []web.Offer{{Status: http.StatusCreated, Description: "The channel.", Example: channelOf(sampleChannel())}},
		Handle: func(c *web.Call) (web.Reply, error) {
			var body channelRequest
			if err := web.ReadBody(c.Request, &body); err != nil {
				return web.Reply{}, err
			}
			draft, err := body.draft()
			if err != nil {
				return web.Reply{}, err
			}
			added, err := o.Channels.Add(c.Context(), c.By(), draft)
			if err != nil {
				return web.Reply{}, err
			}
			return web.Reply{Status: http.StatusCreated, Body: channelOf(&added)}, nil
		},
	})
}

// draft returns the channel that the body describes.
func (r *channelRequest) draft() (notify.Channel, error) {
	c := notify.Channel{
		Kind: r.Type, Target: r.URL, Name: r.Name, Timezone: r.Timezone, QuietFrom: r.QuietFrom, QuietUntil: r.QuietUntil, DigestAt: r.DigestAt,
	}
	switch {
	case r.Type == notify.Email && r.URL != "":
		return c, web.Invalid("url", "url is of the type slack; leave it out")
	case r.Type == notify.Slack && r.Email != "":
		return c, web.Invalid("email", "email is of the type email; leave it out")
	case r.Type == notify.Email:
		c.Target = r.Email
	}
	if r.ClinicID != nil {
		c.ClinicID = uuid.UUID(*r.ClinicID)
	}
	return c, nil
}

func (o Options) showChannel() web.Operation {
	return onChannel(web.Operation{
		Method: http.MethodGet, Path: "/api/notifications/{id}", ID: "showNotificationChannel",
		Summary: "Show a notification channel", Description: "Its times, and whether its last message was taken.",
		Offers: ok("The channel.", channelOf(sampleChannel())),
	}, func(c *web.Call, id uuid.UUID) (any, error) {
		found, err := o.Channels.Show(c.Context(), c.By(), id)
		return channelOf(&found), err
	})
}

func (o Options) changeChannel() web.Operation {
	return onChannel(web.Operation{
		Method: http.MethodPatch, Path: "/api/notifications/{id}", ID: "changeNotificationChannel",
		Summary: "Change or mute a notification channel", Description: "Fields that are left out stay.",
		Body:   channelChange{MutedUntil: new(web.Instant(sampleTime))},
		Offers: ok("The channel as it is now.", channelOf(sampleChannel())),
	}, func(c *web.Call, id uuid.UUID) (any, error) {
		var body channelChange
		if err := web.ReadBody(c.Request, &body); err != nil {
			return nil, err
		}
		changed, err := o.Channels.Set(c.Context(), c.By(), id, notify.Change{
			Name: body.Name, Timezone: body.Timezone, QuietFrom: body.QuietFrom, QuietUntil: body.QuietUntil, DigestAt: body.DigestAt,
			MutedUntil: (*time.Time)(body.MutedUntil),
		})
		return channelOf(&changed), err
	})
}

func (o Options) removeChannel() web.Operation {
	return onChannel(web.Operation{
		Method: http.MethodDelete, Path: "/api/notifications/{id}", ID: "removeNotificationChannel",
		Summary: "Remove a notification channel", Description: "It tells nothing more.",
		Offers: ok("It is removed.", removed{sampleID, true}),
	}, func(c *web.Call, id uuid.UUID) (any, error) {
		return removed{id, true}, o.Channels.Remove(c.Context(), c.By(), id)
	})
}

func (o Options) testChannel() web.Operation {
	return onChannel(web.Operation{
		Method: http.MethodPost, Path: "/api/notifications/{id}/test", ID: "testNotificationChannel",
		Summary: "Send a test message", Description: "Sends a message now, and returns what came of it.",
		Offers: ok("What came of it.", sentRecord{Sent: true}),
	}, func(c *web.Call, id uuid.UUID) (any, error) {
		failure, err := o.Channels.Test(c.Context(), c.By(), id)
		return sentOf(failure), err
	})
}
