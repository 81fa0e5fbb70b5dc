package notifystore_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/notify"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/feedstore"
	"github.com/pims-sync/pims-sync/internal/postgres/notifystore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/seal"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

var monday = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// A bench has clinics, two replicas that look at them, and one channel.
type bench struct {
	*testing.T

	db      *postgres.DB
	store   *notifystore.Store
	channel notify.Channel
	workers []*notify.Worker
	now     time.Time

	mu        sync.Mutex
	standings []notify.Standing
	sent      []notify.Message
	refuse    error
}

func newBench(t *testing.T, clinics int) *bench {
	t.Helper()
	b := &bench{T: t, db: pgtest.New(t), now: monday}
	ring, err := seal.ParseKeyring(seal.NewKey())
	require.NoError(t, err)
	b.store = notifystore.New(b.db, ring)
	rows, err := b.db.Pool().Query(t.Context(), "insert into clinics (name, timezone) select 'Clinic ' || n, 'UTC' from generate_series(1, $1) n returning id, name", clinics)
	require.NoError(t, err)
	b.standings, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (s notify.Standing, err error) {
		s.State, s.Since = "ok", monday
		err = row.Scan(&s.ClinicID, &s.Name)
		return s, err
	})
	require.NoError(t, err)
	b.channel = notify.Channel{ID: uuid.New(), Kind: notify.Email, Target: "ops@example.com", Timezone: "UTC", CreatedAt: monday}
	require.NoError(t, b.store.Add(t.Context(), b.channel))
	for range 2 {
		b.workers = append(b.workers, notify.NewWorker(notify.Options{
			Store: b.store, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return b.now },
			Standings: func(context.Context) ([]notify.Standing, error) { return b.standings, nil },
			Send: func(_ context.Context, c notify.Channel, m notify.Message) error {
				b.mu.Lock()
				defer b.mu.Unlock()
				require.Equal(t, "ops@example.com", c.Target)
				if b.refuse == nil {
					b.sent = append(b.sent, m)
				}
				return b.refuse
			},
		}))
	}
	return b
}

// set puts all clinics into a state.
func (b *bench) set(state, code string) {
	for i := range b.standings {
		b.standings[i].State, b.standings[i].Code, b.standings[i].Since = state, code, b.now
	}
}

// minutes lets time pass; both replicas look each minute at the same time.
func (b *bench) minutes(n int) {
	b.Helper()
	for range n {
		b.now = b.now.Add(time.Minute)
		_, err := feedstore.New(b.db).Sequence(b.Context())
		require.NoError(b.T, err)
		var looking sync.WaitGroup
		for _, w := range b.workers {
			looking.Go(func() {
				if err := w.Look(b.Context()); err != nil {
					b.Error(err)
				}
			})
		}
		looking.Wait()
	}
}

func TestFiveHundredClinicsWhosePIMSIsDownGiveOneMessageAndOneWhenItIsOver(t *testing.T) { // R48
	t.Parallel()
	b := newBench(t, 500)
	b.minutes(3)
	require.Empty(t, b.sent)
	b.set("failing", "pims_unreachable")
	b.minutes(80)
	require.Len(t, b.sent, 1)
	require.Equal(t, "PIMS Sync: trouble at 500 clinics", b.sent[0].Subject)
	b.set("ok", "")
	b.minutes(80)
	require.Len(t, b.sent, 2)
	require.Equal(t, "PIMS Sync: 500 clinics are well again", b.sent[1].Subject)

	var changes int
	require.NoError(t, b.db.Pool().QueryRow(t.Context(), "select count(*) from pims_sync_feed where type = $1", feed.ClinicStateChanged).Scan(&changes))
	require.Equal(t, 1000, changes, "one event for each change of a clinic, whoever saw it")
}

func TestATroubleThatIsOverBeforeItWasToldIsNotTold(t *testing.T) { // R48
	t.Parallel()
	b := newBench(t, 1)
	b.set("failing", "timeout")
	b.minutes(1)
	b.set("ok", "")
	b.minutes(5)
	require.Empty(t, b.sent)
}

func TestAMessageThatIsNotTakenIsSentAgain(t *testing.T) { // R48
	t.Parallel()
	b := newBench(t, 1)
	b.refuse = errors.New("the mail server did not take the mail")
	b.set("login_refused", "credentials_suspended")
	b.minutes(4)
	list, err := b.store.Channels(t.Context())
	require.NoError(t, err)
	require.Equal(t, b.refuse.Error(), list[0].LastError)
	b.refuse = nil
	b.minutes(2)
	require.Len(t, b.sent, 1)
	list, err = b.store.Channels(t.Context())
	require.NoError(t, err)
	require.Empty(t, list[0].LastError)
}

func TestOtherEventsAreToldOnceAndMutedChannelsCatchUp(t *testing.T) { // R48
	t.Parallel()
	b := newBench(t, 2)
	b.channel.MutedUntil = monday.Add(time.Hour)
	require.NoError(t, b.store.Change(t.Context(), b.channel))
	require.NoError(t, b.db.InClinic(t.Context(), "emit", b.standings[0].ClinicID, func(tx pgx.Tx) error {
		return feedstore.Emit(t.Context(), tx, b.standings[0].ClinicID, feed.PIMSDrift, map[string]any{"field": "reason"})
	}))
	b.minutes(30)
	require.Empty(t, b.sent)
	b.minutes(60)
	require.Len(t, b.sent, 1)
	require.Equal(t, "PIMS Sync: Clinic 1: a field of the PIMS vanished or changed", b.sent[0].Subject)
	require.Contains(t, b.sent[0].Body, "THE PIMS CHANGED: reason, at 1 clinic")
	require.NoError(t, b.store.Remove(t.Context(), b.channel.ID))
	require.Error(t, b.store.Remove(t.Context(), b.channel.ID))
	b.set("failing", "timeout")
	b.minutes(5)
	require.Len(t, b.sent, 1)
}

func TestUnusualCountsOfManyClinicsAreOneParagraph(t *testing.T) { // R48, R49
	t.Parallel()
	b := newBench(t, 200)
	emit := func(clinics []notify.Standing, count string) {
		for i, c := range clinics {
			require.NoError(t, b.db.System(t.Context(), "emit", func(tx pgx.Tx) error {
				return feedstore.Emit(t.Context(), tx, c.ClinicID, feed.VolumeUnusual, map[string]any{
					"field": "status", "findings": []map[string]any{{"count": count, "value": 300 + i, "usual": 40, "low": false}},
				})
			}))
		}
	}
	emit(b.standings, "casesUpdated")
	b.minutes(3)
	require.Len(t, b.sent, 1)
	require.Contains(t, b.sent[0].Body, "UNUSUAL COUNTS: too many casesUpdated, most changes in status, at 200 clinics")
	require.Less(t, len(b.sent[0].Body), 1000)
	emit(b.standings[:1], "casesCreated")
	b.minutes(20)
	require.Len(t, b.sent, 2)
	require.Contains(t, b.sent[1].Subject, "Clinic 1: a sync with unusual counts")
	require.Contains(t, b.sent[1].Body, "too many casesCreated, most changes in status (casesCreated is 300, usually 40), at 1 clinic")
}
