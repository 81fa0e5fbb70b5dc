package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/queue"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/secret"
)

func TestASessionThatDiesMidwayIsRenewedOnce(t *testing.T) { // R36
	t.Parallel()
	w := newWorld(t)
	for _, expired := range []neosim.Expired{neosim.Expired401, neosim.ExpiredRedirect, neosim.ExpiredHTML} {
		t.Run("told by "+string(expired), func(t *testing.T) {
			t.Parallel()
			p := seeded(t, w, neosim.Options{Expired: expired})
			before := p.rows(t)

			p.Fail(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultSessionDies, Skip: 1}) // of two slices, the second
			a := p.sync(t, "inbound", `{"daysAhead": 13}`)
			require.Equal(t, 200, a.status, a.body)
			require.Equal(t, 2, p.Logins().Accepted)
			require.Equal(t, before, p.rows(t))

			p.Fail(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultSessionDies, Count: neosim.Forever})
			a = p.sync(t, "inbound", "")
			require.Equal(t, 502, a.status, a.body)
			require.Equal(t, "auth_expired", a.text("code"))
			require.Equal(t, 3, p.Logins().Accepted, "the second death ends the run")
			require.Equal(t, before, p.rows(t))

			p.ClearFaults()
			require.Equal(t, 200, p.sync(t, "inbound", "").status)
		})
	}
}

func TestASessionIsKeptProvedAndReplaced(t *testing.T) { // R36
	t.Parallel()
	w := newWorld(t)

	t.Run("by every kind of sync and every replica", func(t *testing.T) {
		t.Parallel()
		p := seeded(t, w, neosim.Options{BindUserAgent: true})
		for _, kind := range []string{"inbound", "cases", "reconcile", "full"} {
			require.Equal(t, 200, p.sync(t, kind, "").status, kind)
		}
		require.Equal(t, 1, p.Logins().Accepted)
	})

	t.Run("but not when it has died between two syncs", func(t *testing.T) {
		t.Parallel()
		p := seeded(t, w, neosim.Options{})
		p.ExpireSessions()
		require.Equal(t, 200, p.sync(t, "inbound", "").status)
		require.Equal(t, 2, p.Logins().Accepted)
	})

	t.Run("nor when the credentials were replaced", func(t *testing.T) {
		t.Parallel()
		p := seeded(t, w, neosim.Options{})
		p.setCredentials(t, pims.Credentials{pims.FieldBaseURL: p.neo.URL, pims.FieldUsername: neosim.DefaultUsername, pims.FieldPassword: neosim.DefaultPassword})
		require.Equal(t, 200, p.sync(t, "inbound", "").status)
		require.Equal(t, 2, p.Logins().Accepted)
	})

	t.Run("nor when it was idle for too long", func(t *testing.T) {
		t.Parallel()
		p := seeded(t, w, neosim.Options{})
		_, err := w.store.Pool().Exec(t.Context(),
			`update pims_sessions set used_at = used_at - interval '21 minutes' where clinic_id = $1`, p.id)
		require.NoError(t, err)
		p.ResetRequests()
		require.Equal(t, 200, p.sync(t, "inbound", "").status)
		require.Equal(t, 2, p.Logins().Accepted)
		require.Equal(t, neosim.OpLoginPage, p.Order()[0], "a session past its time is not even tried")
	})
}

func TestAReplicaTellsWhichEncryptionKeysItHas(t *testing.T) { // R37
	t.Parallel()
	w := newWorld(t)
	lacking := func(keyID string) int {
		names, err := w.store.Replicas().Lacking(t.Context(), keyID, queue.ReplicaSilence)
		require.NoError(t, err)
		return len(names)
	}
	eventually(t, func() bool { return lacking("another") == 1 }, "the replica does not say that it lives")
	require.Zero(t, lacking(w.ring.KeyIDs()[0]))
}

func TestTheEncryptionKeyIsRotatedWhileASyncRuns(t *testing.T) { // R37
	t.Parallel()
	w := newWorld(t)
	p := seeded(t, w, neosim.Options{})
	first, second := w.config.EncryptionKey.Reveal(), seal.NewKey()
	w.secrets = append(w.secrets, second)
	w.replicas[0].end()
	with := func(key string) func(*cli.Config, *app.ServerOptions) {
		return func(c *cli.Config, _ *app.ServerOptions) { c.EncryptionKey = secret.New(key) }
	}
	p.via = w.replica(with(second + "," + first))
	p.ResetRequests()
	p.hang()
	done := p.start(t, "inbound", "")
	p.asked(t)

	keys := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(keys, []byte(second+","+first), 0o600))
	var out, said bytes.Buffer
	code := run(t.Context(), []string{
		"keys", "rotate-encryption", "--json", "--database-url", w.config.DatabaseURL.Reveal(), "--encryption-key-file", keys,
	}, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &said})

	require.Equal(t, exitDone, code, said.String())
	require.JSONEq(t, `{"encryptionKeyId": "`+second[:9]+`", "dryRun": false, "rotated": 2, "current": 0, "lostSessions": 0, "secretsRotated": 0, "lostSecrets": 0, "unreadable": []}`, out.String())
	p.ClearFaults()
	require.Equal(t, 200, (<-done).status)
	p.via = w.replica(with(second))
	require.Equal(t, 200, p.sync(t, "inbound", "").status)
	require.Equal(t, 1, p.Logins().Accepted, "the session is opened with the new key alone")
}

func TestAPasswordThatChangesMidwayEndsTheRun(t *testing.T) { // R32
	t.Parallel()
	p := seeded(t, newWorld(t), neosim.Options{})
	before := p.rows(t)
	p.SetPassword("changed-by-the-practice")
	p.Fail(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultSessionDies})
	a := p.sync(t, "full", "")
	require.Equal(t, 502, a.status, a.body)
	require.Equal(t, "pims_auth_rejected", a.text("code"))
	require.Equal(t, true, a.get("casesResult.skipped"), "authentication failure ends everything") // R27
	require.Equal(t, true, a.get("reconciliationResult.skipped"))
	require.Equal(t, 1, p.Logins().Refused)
	require.Equal(t, before, p.rows(t))
	require.Equal(t, "credentials_suspended", p.sync(t, "inbound", "").text("code"))
}

func TestCredentialsThatCannotBeUsedStopBeforeAnyLogin(t *testing.T) { // R37
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		spoil func(*practice, *testing.T)
		code  string
	}{
		"there are none": {func(p *practice, t *testing.T) {
			require.NoError(t, w.store.Credentials().RemoveCredential(t.Context(), p.id))
		}, "credentials_missing"},
		"a field lacks": {func(p *practice, t *testing.T) {
			p.setCredentials(t, pims.Credentials{pims.FieldBaseURL: p.neo.URL, pims.FieldUsername: neosim.DefaultUsername})
		}, "credentials_invalid"},
		"the zone is unknown": {func(p *practice, t *testing.T) {
			_, err := w.store.Pool().Exec(t.Context(), `update clinics set timezone = 'Mars/Olympus' where id = $1`, p.id)
			require.NoError(t, err)
		}, "timezone_missing"},
		"there is no zone": {func(p *practice, t *testing.T) {
			_, err := w.store.Pool().Exec(t.Context(), `update clinics set timezone = null where id = $1`, p.id)
			require.NoError(t, err)
		}, "timezone_missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := w.practice(t, neosim.Options{})
			c.spoil(p, t)
			a := p.sync(t, "inbound", "")
			require.Equal(t, 409, a.status, a.body)
			require.Equal(t, c.code, a.text("code"))
			require.Empty(t, p.Requests())
			require.Empty(t, p.get(t, "/api/syncs").get("items"))
		})
	}
}

func TestABrowserThatIsNotThereIsUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *cli.Config, o *app.ServerOptions) {
		c.ChromiumPath = "/nowhere/chromium"
		o.Engine.Browser = nil
	})
	a := w.practice(t, neosim.Options{}).sync(t, "inbound", "")
	require.Equal(t, 503, a.status, a.body)
	require.Equal(t, "browser_unavailable", a.text("code"))
	require.Contains(t, a.text("error"), "CHROMIUM_PATH")
}

func TestAnotherHostIsNotTalkedTo(t *testing.T) { // docs/interface.md §Environment, PIMS_ALLOWED_HOSTS
	t.Parallel()
	w := newWorld(t, func(c *cli.Config, _ *app.ServerOptions) { c.AllowedHosts = nil })
	p := w.practice(t, neosim.Options{})
	a := p.sync(t, "inbound", "")
	require.Equal(t, 409, a.status, a.body)
	require.Equal(t, "credentials_invalid", a.text("code"))
	require.Contains(t, a.text("error"), "PIMS_ALLOWED_HOSTS")
	require.Empty(t, p.Requests())
}

func TestTheRateLimitHoldsOverAllRequestsToAHost(t *testing.T) { // R32
	t.Parallel()
	w := newWorld(t, func(c *cli.Config, _ *app.ServerOptions) { c.RateLimit = 20 })
	p := w.practice(t, neosim.Options{})
	began := time.Now()
	require.Equal(t, 200, p.sync(t, "inbound", `{"daysAhead": 62}`).status)
	asked := len(p.Requests(neosim.OpCalendar, neosim.OpProviders))
	require.GreaterOrEqual(t, asked, 9)
	require.GreaterOrEqual(t, time.Since(began), time.Duration(asked-1)*50*time.Millisecond)
}
