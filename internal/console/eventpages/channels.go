package eventpages

import (
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/notify"
)

// channelRoot is where the notification channels are.
const channelRoot = page.Root + "/notifications"

type (
	channelsView struct {
		Clinic   screen.Pick
		Of       screen.Pick // of the form
		Filtered bool
		Kinds    []page.Choice
		Zone     string // of the form
		Rows     []channelRow
	}

	channelRow struct {
		Address       string
		Name, Kind    string
		Target        string // without what may be a secret
		Clinic        string
		ClinicAddress string
		Quiet, Digest string
		Zone          string
		State         page.Badge
		Why           string
		Muted         page.Moment // until when; unknown: it is not
		Sent          page.Moment
		Made          page.Moment
	}

	channelView struct {
		channelRow

		NameField, ZoneField, QuietFrom, QuietUntil, DigestAt string
		Lengths                                               []page.Choice
	}
)

// kindWords are the kinds of channels in words.
var kindWords = []string{notify.Slack, "Slack or compatible", notify.Email, "E-mail"}

// muteLengths are how long a channel can be muted.
var muteLengths = []string{"1h", "for an hour", "8h", "for eight hours", "24h", "for a day", "168h", "for a week"}

// channelsPage lists and adds the channels that people are notified on (R48).
func (s *screens) channelsPage() page.Page {
	return page.Page{
		Path: "/notifications", Title: "Notifications", Template: "notifications", Nav: "mail", Group: page.GroupInstallation, Needs: access.ChangeClinics,
		Show: func(v *page.Visit) (any, error) { return s.channels(v) },
		Acts: map[string]page.Act{"add": {Needs: access.ChangeClinics, Do: s.addChannel}},
	}
}

func (s *screens) channels(v *page.Visit) (*channelsView, error) {
	clinics, err := s.o.SeenClinics(v)
	if err != nil {
		return nil, err
	}
	of, pick, err := screen.PickClinic(v, clinics, "All channels")
	if err != nil {
		return nil, err
	}
	list, err := s.o.Channels.List(v.Context(), v.By())
	if err != nil {
		return nil, told(err)
	}
	shown := &channelsView{
		Clinic: pick, Of: pickForForm(v, clinics), Filtered: of != nil, Zone: v.Typed.Get("timezone"),
		Kinds: page.Choices(v.Typed.Get("kind"), "", kindWords...)[1:],
	}
	byID := screen.ClinicsByID(clinics)
	for i := range list {
		if of == nil || list[i].ClinicID == of.ID {
			shown.Rows = append(shown.Rows, channelRowOf(v, &list[i], byID))
		}
	}
	return shown, nil
}

func channelRowOf(v *page.Visit, c *notify.Channel, byID map[uuid.UUID]*clinic.Clinic) channelRow {
	row := channelRow{
		Address: channelRoot + "/" + c.ID.String(), Name: c.Name, Kind: kindWords[1], Target: c.Target, Zone: c.Timezone, Digest: c.DigestAt,
		State: page.Good("Active", "check"), Sent: v.Moment(c.SentAt, nil), Made: v.Moment(c.CreatedAt, nil),
	}
	if c.Kind == notify.Email {
		row.Kind = kindWords[3]
	} else if u, err := url.Parse(c.Target); err == nil {
		row.Target = u.Host // its path is the secret of the chat
	}
	if c.QuietFrom != "" {
		row.Quiet = c.QuietFrom + "–" + c.QuietUntil
	}
	row.Clinic, row.ClinicAddress = nameOf(c.ClinicID, byID)
	switch {
	case c.Target == "":
		row.Target, row.State = "unknown address", page.Bad("Not readable", "lock")
		row.Why = "ENCRYPTION_KEY lacks the key that sealed its address"
	case c.MutedUntil.After(v.Now):
		row.State, row.Muted = page.Idle("Muted", "dash"), v.Moment(c.MutedUntil, nil)
	case c.LastError != "" && c.FailedAt.After(c.SentAt):
		row.State, row.Why = page.Bad("Not taken", "triangle"), page.Sentence(c.LastError)
	case !c.WaitingSince.IsZero():
		row.State = page.Info("Gathering", "clock")
	}
	return row
}

// addChannel adds a channel. It tells what is so now, and what changes.
func (s *screens) addChannel(v *page.Visit) (page.Notice, error) {
	clinics, err := s.o.SeenClinics(v)
	if err != nil {
		return page.Notice{}, err
	}
	of, err := chosenClinic(v, clinics)
	if err != nil {
		return page.Notice{}, err
	}
	added, err := s.o.Channels.Add(v.Context(), v.By(), notify.Channel{
		ClinicID: of, Kind: v.Text("kind"), Target: v.Text("target"), Name: v.Text("name"), Timezone: v.Text("timezone"),
		QuietFrom: v.Text("quiet-from"), QuietUntil: v.Text("quiet-until"), DigestAt: v.Text("digest-at"),
	})
	if err != nil {
		return page.Notice{}, told(err)
	}
	return page.Notice{Text: "The channel is added. It tells what is wrong now, and then what changes.", Next: channelRoot + "/" + added.ID.String()}, nil
}

// channelPage shows one channel, and changes it.
func (s *screens) channelPage() page.Page {
	return page.Page{
		Path: "/notifications/{id}", Title: "Notification channel", Template: "notification", Under: "/notifications", Needs: access.ChangeClinics,
		Show: func(v *page.Visit) (any, error) { return s.channel(v) },
		Acts: map[string]page.Act{
			"set": act(s.setChannel), "test": act(s.testChannel), "mute": act(s.muteChannel), "unmute": act(s.unmuteChannel), "remove": act(s.removeChannel),
		},
	}
}

func (s *screens) channel(v *page.Visit) (*channelView, error) {
	id, err := v.PathID()
	if err != nil {
		return nil, err
	}
	c, err := s.o.Channels.Show(v.Context(), v.By(), id)
	if err != nil {
		return nil, told(err)
	}
	clinics, err := s.o.SeenClinics(v)
	if err != nil {
		return nil, err
	}
	shown := &channelView{
		channelRow: channelRowOf(v, &c, screen.ClinicsByID(clinics)), NameField: c.Name, ZoneField: c.Timezone,
		QuietFrom: c.QuietFrom, QuietUntil: c.QuietUntil, DigestAt: c.DigestAt, Lengths: page.Choices("", "", muteLengths...)[1:],
	}
	if v.Typed.Get("act") == "set" { // what was typed stays
		get := v.Typed.Get
		shown.NameField, shown.ZoneField, shown.QuietFrom, shown.QuietUntil, shown.DigestAt =
			get("name"), get("timezone"), get("quiet-from"), get("quiet-until"), get("digest-at")
	}
	return shown, nil
}

func (s *screens) setChannel(v *page.Visit, id uuid.UUID) (page.Notice, error) {
	name, zone, from, until, digest := v.Text("name"), v.Text("timezone"), v.Text("quiet-from"), v.Text("quiet-until"), v.Text("digest-at")
	_, err := s.o.Channels.Set(v.Context(), v.By(), id, notify.Change{Name: &name, Timezone: &zone, QuietFrom: &from, QuietUntil: &until, DigestAt: &digest})
	return page.Notice{Text: "The channel is changed."}, err
}

func (s *screens) testChannel(v *page.Visit, id uuid.UUID) (page.Notice, error) {
	refused, err := s.o.Channels.Test(v.Context(), v.By(), id)
	if err != nil || refused == nil {
		return page.Notice{Text: "The test message was taken."}, err
	}
	return page.Notice{Text: "The test message was not taken: " + refused.Error() + ".", Warn: true}, nil
}

func (s *screens) muteChannel(v *page.Visit, id uuid.UUID) (page.Notice, error) {
	length, err := time.ParseDuration(v.Text("for"))
	if err != nil || length <= 0 {
		return page.Notice{}, page.Problem("Choose for how long the channel is muted.")
	}
	until := v.Now.Add(length)
	_, err = s.o.Channels.Set(v.Context(), v.By(), id, notify.Change{MutedUntil: &until})
	return page.Notice{Text: "The channel is muted. What is still wrong then is told when the mute ends."}, err
}

func (s *screens) unmuteChannel(v *page.Visit, id uuid.UUID) (page.Notice, error) {
	over := time.Time{}
	_, err := s.o.Channels.Set(v.Context(), v.By(), id, notify.Change{MutedUntil: &over})
	return page.Notice{Text: "The channel tells again."}, err
}

func (s *screens) removeChannel(v *page.Visit, id uuid.UUID) (page.Notice, error) {
	return page.Notice{Text: "The channel is removed.", Next: channelRoot}, s.o.Channels.Remove(v.Context(), v.By(), id)
}
