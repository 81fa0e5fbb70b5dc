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
	require.Contains(t, m.Body, "https://sync.example.com/console?state=failing\n")
	fjord := standing("Fjord", "login_refused", "").ClinicID.String()
	require.Contains(t, m.Body, "https://sync.example.com/console/clinics/"+fjord+"\n")
	require.Contains(t, m.Body, "`pims-sync credentials set --clinic "+fjord+" --username USER --password-stdin`")
	require.NotContains(t, m.Body, "credentials resume", "new credentials are used at once")
	require.Less(t, len(m.Body), 2000)

	over := Write(News{Ended: many}, time.UTC, "")
	require.Equal(t, "PIMS Sync: 500 clinics are well again", over.Subject)
	require.Contains(t, over.Body, "OVER: syncs fail (pims_unreachable) at 500 clinics, which began 2026-03-02 09:00 UTC.")
	one := Write(News{Began: []Standing{standing("<!channel> Cats\n& Dogs", "stale", "")}}, time.UTC, "")
	require.NotContains(t, one.Subject+one.Body, "<!channel>", "a name is no markup")
	require.NotContains(t, one.Subject, "\n")
}

func TestEachTroubleHasItsStepAndItsPage(t *testing.T) { // R48
	t.Parallel()
	const base = "https://sync.example.com/console"
	plan := standing("Fjord", Waiting, "deletion_guard")
	plan.PlanID = uuid.MustParse("0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e01")
	id := plan.ClinicID.String()
	for _, c := range []struct {
		began      []Standing
		step, page string
	}{
		{[]Standing{plan}, "`pims-sync plans list --clinic " + id + " --status open`", "/plans/0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e01"},
		{[]Standing{plan, standing("Mesa", Waiting, "deletion_guard")}, "`pims-sync clinic list --state waiting_for_approval`", "/needs"},
		{[]Standing{standing("Fjord", "failing", "deletion_guard")}, "approve or reject it", "/clinics/" + id},
		{[]Standing{standing("Fjord", "failing", "pims_unreachable")}, "`pims-sync syncs list --clinic " + id + " --status failed`", "/clinics/" + id},
		{[]Standing{standing("Fjord", "failing", "a_later_code")}, "`pims-sync syncs list --clinic " + id + " --status failed`", "/clinics/" + id},
		{[]Standing{standing("Fjord", "stale", "")}, "`pims-sync clinic show " + id + "`", "/clinics/" + id},
		{[]Standing{standing("Fjord", "login_refused", "credentials_suspended")}, "`pims-sync credentials resume --clinic " + id + "`", "/clinics/" + id},
	} {
		m := Write(News{Began: c.began}, time.UTC, base)
		require.Contains(t, m.Body, c.step)
		require.Contains(t, m.Body, base+c.page+"\n", m.Body)
		require.NotContains(t, Write(News{Began: c.began}, time.UTC, "").Body, "/console")
		if c.began[0].Code == "deletion_guard" {
			require.NotContains(t, m.Body, "PIMS is down", "a guard is no trouble of the PIMS")
		}
	}
	endpoint := Event{Type: "webhook.disabled", What: "it returned 410 Gone", EndpointID: plan.PlanID, At: monday}
	m := Write(News{Other: []Event{endpoint}}, time.UTC, base)
	require.Contains(t, m.Body, "`pims-sync webhooks enable "+plan.PlanID.String()+"`")
	require.Contains(t, m.Body, base+"/webhooks/"+plan.PlanID.String()+"\n")
	drift := Event{Type: "pims.drift", What: "reason", Clinic: "Fjord", ClinicID: plan.ClinicID, At: monday}
	other := Event{Type: "pims.drift", What: "reason", Clinic: "Mesa", ClinicID: uuid.New(), At: monday}
	require.Contains(t, Write(News{Other: []Event{drift}}, time.UTC, base).Body, "`pims-sync clinic check --clinic "+id+" --fields`")
	require.Contains(t, Write(News{Other: []Event{drift, other}}, time.UTC, base).Body, base+"/events?type=pims.drift\n")
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
	early, err := c.Due(monday.Add(20*time.Hour + gather - 200*time.Millisecond))
	require.NoError(t, err)
	require.True(t, early, "the second look, a little early: a third one would come a minute too late")
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
