package notify

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

var monday = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func standing(name, state, code string) Standing {
	return Standing{ClinicID: uuid.NewSHA1(uuid.Nil, []byte(name)), Name: name, State: state, Code: code, Since: monday}
}

func TestWhatDiffersFromWhatWasToldIsNews(t *testing.T) { // R48
	t.Parallel()
	a, b, c, d := "Harbor Lights", "Cedar Hill", "Fjord", "Mesa"
	told := []Standing{standing(a, "failing", "pims_unreachable"), standing(b, "failing", "pims_unreachable"), standing(c, "failing", "timeout")}
	n := Compare([]Standing{
		standing(a, "failing", "pims_unreachable"), standing(b, "ok", ""), standing(c, "login_refused", "pims_auth_rejected"), standing(d, "never_synced", ""),
	}, told)
	require.Equal(t, []Standing{standing(c, "login_refused", "pims_auth_rejected")}, n.Began)
	require.Equal(t, []Standing{standing(b, "failing", "pims_unreachable")}, n.Ended)
	off := Compare([]Standing{standing(a, "off", "")}, told[:1])
	require.Len(t, off.Ended, 1, "a person disabled it: its trouble is over")
	none := Compare(told, told)
	require.True(t, none.Empty())
}

func TestAMessageNamesTheTroubleItsClinicsAndWhatToDo(t *testing.T) { // R48
	t.Parallel()
	var many []Standing
	for i := range 500 {
		many = append(many, standing(fmt.Sprintf("Clinic %03d", i), "failing", "pims_unreachable"))
	}
	m := Write(News{Began: append(many, standing("Fjord", "login_refused", "pims_auth_rejected"))}, time.UTC, "https://sync.example.com/console")
	require.Equal(t, "PIMS Sync: trouble at 501 clinics", m.Subject)
	require.Contains(t, m.Body, "TROUBLE: syncs fail (pims_unreachable) at 500 clinics, since 2026-03-02 09:00 UTC.\nClinic 000, ")
	require.Contains(t, m.Body, "Clinic 009 and 490 more")
	require.Contains(t, m.Body, "the PIMS refuses the login (pims_auth_rejected) at 1 clinic")
	require.Contains(t, m.Body, "credentials set")
	require.Contains(t, m.Body, "https://sync.example.com/console")
	require.Less(t, len(m.Body), 2000)

	over := Write(News{Ended: many}, time.UTC, "")
	require.Equal(t, "PIMS Sync: 500 clinics are well again", over.Subject)
	one := Write(News{Began: []Standing{standing("<!channel> Cats\n& Dogs", "stale", "")}}, time.UTC, "")
	require.NotContains(t, one.Subject+one.Body, "<!channel>", "a name is no markup")
	require.NotContains(t, one.Subject, "\n")
}

func TestMessagesComeInASlowerAndSlowerSeries(t *testing.T) { // R48
	t.Parallel()
	c := Channel{Timezone: "UTC", CreatedAt: monday}
	var sent []time.Duration
	for at := time.Duration(0); at < 5*time.Hour; at += time.Minute { // there is news all the time
		now := monday.Add(at)
		if c.WaitingSince.IsZero() {
			c.WaitingSince = now
		}
		due, err := c.Due(now)
		require.NoError(t, err)
		if due {
			sent = append(sent, at)
			c.Streak, c.SentAt, c.WaitingSince = c.NextStreak(now), now, time.Time{}
		}
	}
	require.Equal(t, []time.Duration{time.Minute, 16 * time.Minute, 76 * time.Minute, 136 * time.Minute, 196 * time.Minute, 256 * time.Minute}, sent)
	c.WaitingSince = monday.Add(20 * time.Hour)
	due, err := c.Due(monday.Add(20*time.Hour + gather))
	require.NoError(t, err)
	require.True(t, due, "the series is over")
}

func TestQuietTimeMuteAndDigestPutAMessageOff(t *testing.T) { // R48
	t.Parallel()
	waiting := monday.AddDate(0, 0, -1)
	at := func(text string) time.Time {
		loc, err := time.LoadLocation("America/New_York")
		require.NoError(t, err)
		parsed, err := time.ParseInLocation("2006-01-02 15:04", "2026-03-02 "+text, loc)
		require.NoError(t, err)
		return parsed
	}
	due := func(c Channel, now time.Time) bool {
		c.Timezone, c.WaitingSince = "America/New_York", waiting
		is, err := c.Due(now)
		require.NoError(t, err)
		return is
	}
	night := Channel{QuietFrom: "22:00", QuietUntil: "07:00"}
	for text, want := range map[string]bool{"21:59": true, "22:00": false, "03:00": false, "06:59": false, "07:00": true} {
		require.Equal(t, want, due(night, at(text)), text)
	}
	noon := Channel{QuietFrom: "12:00", QuietUntil: "13:00"}
	for text, want := range map[string]bool{"11:59": true, "12:30": false, "13:00": true} {
		require.Equal(t, want, due(noon, at(text)), text)
	}
	require.False(t, due(Channel{MutedUntil: at("10:01")}, at("10:00")))
	require.True(t, due(Channel{MutedUntil: at("10:01")}, at("10:01")))
	require.False(t, due(Channel{FailedAt: at("10:00")}, at("10:00").Add(retryPause-time.Second)))

	digest := Channel{DigestAt: "07:30", CreatedAt: at("06:00")}
	require.False(t, due(digest, at("07:29")))
	require.True(t, due(digest, at("07:30")))
	digest.SentAt = at("07:30")
	require.False(t, due(digest, at("23:00")), "once a day")
	digest = Channel{DigestAt: "07:30", CreatedAt: at("08:00")}
	require.False(t, due(digest, at("09:00")), "not on the day on which it was added later")

	digest = Channel{DigestAt: "07:30", SentAt: waiting.AddDate(0, 0, -5)}
	require.True(t, due(digest, at("09:00")), "nobody sent it at its time")
	waiting = at("12:00")
	require.False(t, due(digest, at("12:05")), "what is news after its time waits for the next day")
	require.True(t, due(digest, at("07:30").AddDate(0, 0, 1)))
	late := Channel{DigestAt: "23:00", QuietFrom: "22:00", QuietUntil: "07:00"}
	require.False(t, due(late, at("23:00")))
	require.False(t, due(late, at("06:59").AddDate(0, 0, 1)))
	require.True(t, due(late, at("07:00").AddDate(0, 0, 1)), "the quiet time is over")

	for _, bad := range []string{"", "7:30", "24:00", "07:30:00", "morning"} {
		require.Error(t, CheckClock(bad), bad)
	}
	_, err := (&Channel{Timezone: "Nowhere/Land"}).Due(monday)
	require.ErrorContains(t, err, "zone")
	require.NoError(t, CheckClock("07:30"))
}
