// Package notify tells people of a change of state (R48): once when trouble begins and once
// when it is over, gathered into one message, never once for each sync.
//
// A channel compares the states of the clinics with what it has told. The difference is the
// next message. So nothing is told twice, a trouble that is over before it was told is never
// told, and whatever a replica misses is found at the next look.
//
// The package knows no database, no HTTP and no SMTP.
package notify

import (
	"fmt"
	"net/url"
	"time"

	"github.com/google/uuid"
)

// The kinds of channels.
const (
	Slack = "slack" // an incoming webhook, as Slack, Mattermost and others have it
	Email = "email"
)

// A Channel is where people are told.
type Channel struct {
	ID         uuid.UUID
	ClinicID   uuid.UUID // zero: all clinics
	Kind       string
	Target     string // the webhook's URL or the e-mail address
	Name       string
	Timezone   string // IANA, of the times below
	QuietFrom  string // HH:MM; empty: no quiet time
	QuietUntil string
	DigestAt   string // HH:MM: one message a day; empty: at once
	MutedUntil time.Time
	CreatedAt  time.Time

	WaitingSince time.Time // when the first thing that is not told was seen
	SentAt       time.Time
	Streak       int // messages in quick succession
	FailedAt     time.Time
	LastError    string
	Position     int64 // of the feed
}

// Host returns the host of a chat's webhook; whoever knows the whole URL can write there. It
// is empty for e-mail and for a target that cannot be opened.
func (c *Channel) Host() string {
	u, err := url.Parse(c.Target)
	if c.Kind != Slack || err != nil {
		return ""
	}
	return u.Host
}

// A Standing is the state of a clinic.
type Standing struct {
	ClinicID uuid.UUID
	Name     string
	State    string // of scheduler.ClinicStates
	Code     string
	Since    time.Time
	PlanID   uuid.UUID // the latest plan that waits; zero: none is known
}

// A News is what a channel has not told: clinics whose trouble is new or another one, clinics
// whose trouble is over (as it was told), and other events.
type News struct {
	Began []Standing
	Ended []Standing
	Other []Event
}

// An Event is something else that people are told.
type Event struct {
	Type   string // of feed.Types
	Clinic string // name; empty: the installation
	What   string // what happened, without numbers; events of one type that say the same are told together
	Detail string // numbers; told where the event is told alone
	At     time.Time

	ClinicID, SyncID, EndpointID uuid.UUID // what it is about; zero: not this
}

// Empty reports whether there is nothing to tell.
func (n *News) Empty() bool { return len(n.Began) == 0 && len(n.Ended) == 0 && len(n.Other) == 0 }

// Compare returns the difference between the present standings and what was told. A trouble
// of another code is new. A clinic that was disabled has no trouble.
func Compare(now, told []Standing) (n News) {
	before := make(map[uuid.UUID]Standing, len(told))
	for _, t := range told {
		before[t.ClinicID] = t
	}
	for _, s := range now {
		t, wasTold := before[s.ClinicID]
		switch {
		case Trouble(s.State) && (!wasTold || t.State != s.State || t.Code != s.Code):
			n.Began = append(n.Began, s)
		case !Trouble(s.State) && wasTold:
			t.Name = s.Name
			n.Ended = append(n.Ended, t)
		}
	}
	return n
}

const (
	gather     = time.Minute      // what begins together is told together
	lookSlack  = 5 * time.Second  // the looks are a minute apart, and a little more or less
	firstPause = 15 * time.Minute // between the first two messages of a series
	longPause  = time.Hour        // between the others
	calm       = 2 * time.Hour    // after which a series is over
	retryPause = time.Minute      // after a failure to send
)

// Due reports whether a channel with news sends now. The first message of a series comes
// after a minute of gathering, the second 15 minutes after it, the others an hour apart.
// Quiet time and mute put a message off. A digest is sent at its time, once a day, with what
// was news by then.
func (c *Channel) Due(now time.Time) (bool, error) {
	loc, err := time.LoadLocation(c.Timezone)
	if err != nil {
		return false, fmt.Errorf("channel %s: unknown time zone", c.ID)
	}
	local := now.In(loc)
	switch {
	case now.Before(c.MutedUntil), c.quiet(local):
		return false, nil
	case !c.FailedAt.IsZero() && now.Sub(c.FailedAt) < retryPause:
		return false, nil
	case c.DigestAt != "":
		at := onDay(local, c.DigestAt)
		if at.After(local) { // quiet time or a failure may have put off yesterday's
			at = onDay(local.AddDate(0, 0, -1), c.DigestAt)
		}
		return c.WaitingSince.Before(at) && c.SentAt.Before(at) && c.CreatedAt.Before(at), nil
	}
	return now.Sub(c.WaitingSince) >= gather-lookSlack && now.Sub(c.SentAt) >= c.pause(now), nil
}

// pause returns how long after its last message a channel sends the next one.
func (c *Channel) pause(now time.Time) time.Duration {
	switch {
	case c.SentAt.IsZero() || now.Sub(c.SentAt) >= calm:
		return 0
	case c.Streak <= 1:
		return firstPause
	default:
		return longPause
	}
}

// NextStreak returns the channel's streak after a message.
func (c *Channel) NextStreak(now time.Time) int {
	if c.SentAt.IsZero() || now.Sub(c.SentAt) >= calm {
		return 1
	}
	return c.Streak + 1
}

// quiet reports whether a moment, in the channel's zone, is in the quiet time. It may span
// midnight.
func (c *Channel) quiet(local time.Time) bool {
	if c.QuietFrom == "" || c.QuietUntil == "" {
		return false
	}
	return c.quietAt(local.Format(clock))
}

// quietAt reports whether a time of day is in the quiet time, which is not empty.
func (c *Channel) quietAt(now string) bool {
	if c.QuietFrom == "" {
		return false
	}
	if c.QuietFrom <= c.QuietUntil {
		return c.QuietFrom <= now && now < c.QuietUntil
	}
	return now >= c.QuietFrom || now < c.QuietUntil
}

// clock is the form of a time of day. Two of them compare as texts.
const clock = "15:04"

// onDay returns a time of day on the day of a moment.
func onDay(local time.Time, at string) time.Time {
	t, err := time.Parse(clock, at)
	if err != nil {
		return local.Add(time.Hour) // CheckClock refused it
	}
	return time.Date(local.Year(), local.Month(), local.Day(), t.Hour(), t.Minute(), 0, 0, local.Location())
}

// CheckClock returns an error for a text that is no time of day such as 22:00.
func CheckClock(text string) error {
	if t, err := time.Parse(clock, text); err != nil || t.Format(clock) != text {
		return fmt.Errorf("%q is not a time of day such as 07:30", text)
	}
	return nil
}
