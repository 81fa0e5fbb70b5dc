package queue_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/queue"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func sorted(texts []string) []string { return slices.Sorted(slices.Values(texts)) }

// letterArgs are those of a kind of job that only tests have.
type letterArgs struct {
	To string `json:"to"`
}

func (letterArgs) Kind() string { return "letter" }

// post inserts letters.
func post(t *testing.T, db *postgres.DB, r *replica, pause time.Duration, to ...string) {
	t.Helper()
	all := make([]queue.Args, len(to))
	for i := range to {
		all[i] = letterArgs{to[i]}
	}
	require.NoError(t, db.System(t.Context(), "post", func(tx pgx.Tx) error { return r.Insert(t.Context(), tx, pause, all...) }))
}

func TestAnotherKindOfJobIsTriedAgainAndGivenUp(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	db := pgtest.Open(t, url)
	worked, failed := make(chan queue.Job[letterArgs], 16), make(chan string, 16)
	letters := queue.KindOf(queue.KindOptions[letterArgs]{
		AtOnce: 1, MaxAttempts: 3,
		Pause:  func(int) time.Duration { return 0 },
		Failed: func(_ context.Context, args letterArgs) { failed <- args.To },
		Work: func(_ context.Context, job queue.Job[letterArgs]) error {
			worked <- job
			switch job.Args.To {
			case "moved":
				return queue.Never(errors.New("moved"))
			case "away":
				return errors.New("nobody at home")
			case "odd":
				panic("secret")
			}
			return nil
		},
	})
	r := working(t, url, created(1), func(o *queue.Options) { o.Kinds = []queue.Kind{letters} })
	expect := func(to string, attempts ...int) {
		t.Helper()
		for _, attempt := range attempts {
			require.Equal(t, queue.Job[letterArgs]{Args: letterArgs{to}, Attempt: attempt}, <-worked)
		}
	}
	post(t, db, r, 0, "home")
	expect("home", 1)
	post(t, db, r, 0, "moved")
	expect("moved", 1)
	require.Equal(t, "moved", <-failed)
	post(t, db, r, 0, "away")
	expect("away", 1, 2, 3)
	require.Equal(t, "away", <-failed)
	post(t, db, r, 0, "odd")
	expect("odd", 1, 2, 3)
	require.Equal(t, "odd", <-failed)

	post(t, db, r, time.Hour, "home")
	var pause time.Duration
	require.NoError(t, db.Pool().QueryRow(t.Context(), "select scheduled_at - now() from river_job where kind = 'letter' and state = 'scheduled'").Scan(&pause))
	require.InDelta(t, time.Hour.Seconds(), pause.Seconds(), 60)

	require.ErrorContains(t, newReplica(t, url, nil, nil).Insert(t.Context(), nil, 0, letterArgs{}), `no kind of job is called "letter"`)
	require.Equal(t, syncs.StatusCompleted, wait(t, r, start(t, r, addClinic(t, url), syncs.TypeInbound, syncs.TriggerAPI)).Status)
}

func TestACommandInsertsOtherJobsAndWorksOnNone(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	db := pgtest.Open(t, url)
	worked := make(chan string, 4)
	by := func(who string, private bool) *replica {
		return working(t, url, created(1), func(o *queue.Options) {
			o.Private = private
			o.Kinds = []queue.Kind{queue.KindOf(queue.KindOptions[letterArgs]{Work: func(context.Context, queue.Job[letterArgs]) error {
				worked <- who
				return nil
			}})}
		})
	}
	command := by("command", true)
	post(t, db, command, 0, "home")
	wait(t, command, start(t, command, addClinic(t, url), syncs.TypeInbound, syncs.TriggerCLI))
	require.Empty(t, worked)
	by("server", false)
	require.Equal(t, "server", <-worked)
}

func TestTheJobsOfADeadReplicaAreDueAgain(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	db := pgtest.Open(t, url)
	letters := queue.KindOf(queue.KindOptions[letterArgs]{Work: func(context.Context, queue.Job[letterArgs]) error { return nil }})
	r := newReplica(t, url, nil, func(o *queue.Options) { o.Kinds, o.Lease = []queue.Kind{letters}, 30*time.Second })
	require.NoError(t, db.Replicas().Seen(t.Context(), "alive", nil))
	post(t, db, r, 0, "of the dead", "of the living", "just taken")
	_, err := db.Pool().Exec(t.Context(), `
		update river_job set state = 'running', attempt = 1,
			attempted_at = now() - case args ->> 'to' when 'just taken' then interval '0 seconds' else interval '1 minute' end,
			attempted_by = array['alive', case args ->> 'to' when 'of the living' then 'alive' else 'dead' end]`)
	require.NoError(t, err)
	require.NoError(t, r.Rescue(t.Context()))
	rows, err := db.Pool().Query(t.Context(), "select args ->> 'to' from river_job where state = 'available'")
	require.NoError(t, err)
	due, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, []string{"of the dead"}, due)
}
