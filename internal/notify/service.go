package notify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Registry keeps channels for those who manage them. The error is CodeNotFound where
// there is no such channel.
type Registry interface {
	Add(ctx context.Context, c Channel) error
	Channels(ctx context.Context) ([]Channel, error) // the oldest first
	Channel(ctx context.Context, id uuid.UUID) (Channel, error)

	// Change stores the name, the zone, the times and the mute of a channel.
	Change(ctx context.Context, c Channel) error
	Remove(ctx context.Context, id uuid.UUID) error
}

// ServiceOptions configure a Service.
type ServiceOptions struct {
	Log      access.Log
	Registry Registry

	// HasClinic reports whether there is a clinic with an id.
	HasClinic func(ctx context.Context, id uuid.UUID) (bool, error)

	CheckURL     func(string) error // of a chat
	CheckAddress func(string) error // of e-mail
	Send         func(ctx context.Context, c Channel, m Message) error
	Now          func() time.Time // nil: time.Now
}

// A Service does what people do with channels: the API, the console and the command line
// do it through this one code, which records it (R44). A caller that is limited to some
// clinics sees the channels of these; to it, any other does not exist (R42). What the
// caller's role must be is checked before. A Service is safe for concurrent use.
type Service struct{ o ServiceOptions }

// NewService returns a service.
func NewService(o ServiceOptions) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Service{o}
}

// List lists the channels that a caller may see, the oldest first.
func (s *Service) List(ctx context.Context, by access.By) ([]Channel, error) {
	all, err := s.o.Registry.Channels(ctx)
	return slices.DeleteFunc(all, func(c Channel) bool { return !by.Sees(c.ClinicID) }), err
}

// Show returns one channel.
func (s *Service) Show(ctx context.Context, by access.By, id uuid.UUID) (Channel, error) {
	c, err := s.o.Registry.Channel(ctx, id)
	if err == nil && !by.Sees(c.ClinicID) {
		return Channel{}, access.ErrHidden
	}
	return c, err
}

// invalid returns the failure of a field that is wrong.
func invalid(field, format string, args ...any) error {
	return syncs.Invalid(field, "%s: %s", field, fmt.Sprintf(format, args...))
}

// check returns CodeInvalidRequest with the name of a field that is wrong. Times that were so
// before are not looked at together: the channel can be muted all the same.
func check(c, before *Channel) error {
	if c.Name != before.Name && !syncs.IsLine(c.Name) {
		return invalid("name", "it must be one line of text, without control characters")
	}
	if _, err := time.LoadLocation(c.Timezone); err != nil || c.Timezone == "" || c.Timezone == "Local" {
		return invalid("timezone", "it must be an IANA time zone such as America/Chicago")
	}
	if (c.QuietFrom == "") != (c.QuietUntil == "") {
		return invalid("quietFrom", "give both quietFrom and quietUntil, or neither")
	}
	for _, at := range []struct{ field, clock string }{{"quietFrom", c.QuietFrom}, {"quietUntil", c.QuietUntil}, {"digestAt", c.DigestAt}} {
		if at.clock != "" {
			if err := CheckClock(at.clock); err != nil {
				return invalid(at.field, "%v", err)
			}
		}
	}
	switch {
	case c.QuietFrom == before.QuietFrom && c.QuietUntil == before.QuietUntil && c.DigestAt == before.DigestAt:
	case c.QuietFrom != "" && c.QuietFrom == c.QuietUntil:
		return invalid("quietUntil", "the quiet time ends when it begins; to tell nothing at all, mute the channel")
	case c.DigestAt != "" && c.quietAt(c.DigestAt):
		return invalid("digestAt", "it lies in the quiet time, %s to %s; choose a time outside it", c.QuietFrom, c.QuietUntil)
	}
	return nil
}

// checkTarget checks where messages go.
func (s *Service) checkTarget(c *Channel) error {
	switch c.Kind {
	case Slack:
		if c.Target == "" {
			return invalid("url", "it is missing; a channel of the type slack needs the URL of an incoming webhook")
		}
		if err := s.o.CheckURL(c.Target); err != nil {
			return invalid("url", "%v", err)
		}
	case Email:
		if c.Target == "" {
			return invalid("email", "it is missing; a channel of the type email needs an address")
		}
		if err := s.o.CheckAddress(c.Target); err != nil {
			return invalid("email", "%v", err)
		}
	default:
		return invalid("type", "it must be slack or email")
	}
	return nil
}

// Add adds a channel with the clinic, kind, target, name and times of a draft. It tells
// what is so now, and what changes.
func (s *Service) Add(ctx context.Context, by access.By, draft Channel) (Channel, error) {
	draft.Timezone = cmp.Or(draft.Timezone, "UTC")
	if err := cmp.Or(s.checkTarget(&draft), check(&draft, &Channel{})); err != nil {
		return draft, err
	}
	if err := by.CheckClinicOf(ctx, draft.ClinicID, s.o.HasClinic); err != nil {
		return draft, err
	}
	draft.ID, draft.CreatedAt = uuid.New(), s.o.Now()
	err := s.o.Log.Act(ctx, by.Event(access.NotificationsAdd, draft.ClinicID, recordOf(draft.ID)), func(ctx context.Context, e *access.Event) error {
		e.After = valuesOf(&draft)
		return s.o.Registry.Add(ctx, draft)
	})
	return draft, err
}

func recordOf(id uuid.UUID) access.Record { return access.RecordOf("notification channel", id) }

// valuesOf returns what the record of an action shows of a channel. Its target may be a
// secret or personal, and is left out.
func valuesOf(c *Channel) access.Values {
	values := access.Values{"type": c.Kind, "name": c.Name, "timezone": c.Timezone}
	for name, text := range map[string]string{"quietFrom": c.QuietFrom, "quietUntil": c.QuietUntil, "digestAt": c.DigestAt} {
		if text != "" {
			values[name] = text
		}
	}
	if !c.MutedUntil.IsZero() {
		values["mutedUntil"] = c.MutedUntil.UTC()
	}
	return values
}

// A Change is what Set changes; nil fields stay. An empty text removes a time, a moment
// that is past ends a mute.
type Change struct {
	Name       *string
	Timezone   *string
	QuietFrom  *string
	QuietUntil *string
	DigestAt   *string
	MutedUntil *time.Time
}

func (change *Change) apply(c *Channel, now time.Time) {
	c.Name, c.Timezone = *cmp.Or(change.Name, &c.Name), *cmp.Or(change.Timezone, &c.Timezone)
	c.QuietFrom, c.QuietUntil = *cmp.Or(change.QuietFrom, &c.QuietFrom), *cmp.Or(change.QuietUntil, &c.QuietUntil)
	c.DigestAt, c.MutedUntil = *cmp.Or(change.DigestAt, &c.DigestAt), *cmp.Or(change.MutedUntil, &c.MutedUntil)
	if !c.MutedUntil.After(now) {
		c.MutedUntil = time.Time{}
	}
}

// Set changes a channel.
func (s *Service) Set(ctx context.Context, by access.By, id uuid.UUID, change Change) (Channel, error) {
	c, err := s.Show(ctx, by, id)
	if err != nil || change == (Change{}) {
		return c, err
	}
	before := c
	change.apply(&c, s.o.Now())
	if err := check(&c, &before); err != nil {
		return c, err
	}
	err = s.o.Log.Act(ctx, by.Event(access.NotificationsSet, c.ClinicID, recordOf(id)), func(ctx context.Context, e *access.Event) error {
		e.Before, e.After = valuesOf(&before), valuesOf(&c)
		return s.o.Registry.Change(ctx, c)
	})
	return c, err
}

// Remove removes a channel.
func (s *Service) Remove(ctx context.Context, by access.By, id uuid.UUID) error {
	c, err := s.Show(ctx, by, id)
	if err != nil {
		return err
	}
	return s.o.Log.Act(ctx, by.Event(access.NotificationsRemove, c.ClinicID, recordOf(id)), func(ctx context.Context, e *access.Event) error {
		e.Before = valuesOf(&c)
		return s.o.Registry.Remove(ctx, id)
	})
}

// Test sends a test message now. sent is nil where it was taken; otherwise it says why not.
func (s *Service) Test(ctx context.Context, by access.By, id uuid.UUID) (sent, err error) {
	c, err := s.Show(ctx, by, id)
	if err != nil {
		return nil, err
	}
	sent = s.o.Send(ctx, c, Message{Subject: "PIMS Sync: a test", Body: "This channel works. Trouble of clinics will be told here.\n"})
	var failed error
	if sent != nil {
		failed = syncs.Fail(syncs.CodeNotTaken, "%v", sent)
	}
	return sent, s.o.Log.Note(ctx, by.Event(access.NotificationsTest, c.ClinicID, recordOf(id)), failed)
}
