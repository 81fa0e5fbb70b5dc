package console

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/people"
)

// installation adds two replicas, of which one is silent and lacks the newest encryption key,
// and hosts of a PIMS that were asked.
func (s *site) installation(t testing.TB) {
	t.Helper()
	for _, statement := range []string{
		`insert into encryption_keys (key_id, sealed, created_at) values ('k0aa11bb2', 'x', $1::timestamptz - interval '200 days'), ('kbff658c4', 'x', $1::timestamptz - interval '12 days')`,
		`insert into replicas (name, seen_at, encryption_keys) values ('sync-1', $1::timestamptz - interval '4 seconds', array['kbff658c4', 'k0aa11bb2']), ('sync-2', $1::timestamptz - interval '3 hours', array['k0aa11bb2'])`,
		`insert into pims_rate_limits (host, next_at) values ('us.neo.example', $1::timestamptz + interval '5 minutes'), ('eu.neo.example', $1::timestamptz - interval '2 minutes')`,
	} {
		s.sql(t, statement, s.clock.Now())
	}
}

func TestTheSystemPageShowsTheInstallation(t *testing.T) { // R32, R37, R42
	t.Parallel()
	failure := errors.New("no database")
	var fail bool
	s := newSite(t, func(o *Options) {
		read := o.System
		o.System = func(ctx context.Context) (fleet.System, error) {
			if fail {
				return fleet.System{}, failure
			}
			found, err := read(ctx)
			found.RateLimit, found.Browser = 5, "Chrome/141.0.7390.37"
			found.Libraries = []fleet.Library{{Path: "example.org/db", Version: "v1.2.3"}}
			return found, err
		}
	})
	v := s.as(t, access.RoleViewer)
	page := v.get(t, "/console/system")
	requireInOrder(t, page, "Nothing waits", "No replica has worked on syncs in the last day.", "nothing is sealed", "No PIMS was asked")
	s.fleet(t, 0)
	s.installation(t)
	s.sql(t, "insert into case_sync_audits (clinic_id, sync_type, status, created_at) values ($1, 'inbound', 'queued', $2)", s.clinicNamed(t, "Harbor"), s.clock.Now().Add(-time.Hour))
	page = v.get(t, "/console/system")
	requireInOrder(t, page, "Chrome 141.0.7390.37", "Syncs wait long", "1 sync", "sync-1", "Works", "Has them all", "sync-2", "Silent", "Lacks the newest",
		"k0aa11bb2", "Older", "2 of 2 replicas", "kbff658c4", "In use", "1 of 2 replicas", "5 a second to each host", "eu.neo.example", "Free", "us.neo.example", "Requests wait", "example.org/db", "v1.2.3")

	limited := s.signedIn(t, s.invite(t, people.Person{Email: "limited@example.com", Role: access.RoleAdmin, Limited: true}))
	require.Equal(t, 403, limited.get(t, "/console/system").status)
	require.NotContains(t, limited.get(t, "/console").body, "/console/system")
	s.requireNoFault(t)
	fail = true
	require.Equal(t, 500, v.get(t, "/console/system").status)
	require.NotContains(t, v.page.body, failure.Error())
}
