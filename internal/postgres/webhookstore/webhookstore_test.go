package webhookstore_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/feedstore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/postgres/webhookstore"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/secret"
	"github.com/pims-sync/pims-sync/internal/webhooks"
)

var (
	hanging = flag.Int("hanging", 100, "how many of the 1,000 endpoints hang")
	hangs   = flag.Duration("hangs", time.Hour, "how long each of their tries takes; the product waits 15 s")
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// A received is a request that the receiver got.
type received struct {
	path, id  string
	clinic    string
	kind      string
	cases     []string
	signature string
	at        time.Time
	body      string
}

// A bench has a database, a receiver of webhooks, and a worker between them.
type bench struct {
	*testing.T

	db     *postgres.DB
	key    string
	ring   *seal.Keyring
	store  *webhookstore.Store
	worker *webhooks.Worker
	server *httptest.Server
	clinic uuid.UUID
	now    time.Time

	mu     sync.Mutex
	got    []received
	status map[string]int // by path; 0: 200
	hang   chan struct{}  // paths below /hang wait for it
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, db: pgtest.New(t), now: time.Now(), status: make(map[string]int), hang: make(chan struct{})}
	b.key = seal.NewKey()
	ring, err := seal.ParseKeyring(b.key)
	require.NoError(t, err)
	b.ring, b.store = ring, webhookstore.New(b.db, ring)
	b.server = httptest.NewServer(http.HandlerFunc(b.receive))
	t.Cleanup(b.server.Close)
	b.clinic = b.newClinic()
	b.worker = b.newWorker()
	return b
}

func (b *bench) newWorker() *webhooks.Worker {
	named := pims.HostPolicy{Named: []string{strings.TrimPrefix(b.server.URL, "http://")}}
	send := webhooks.NewSender(named, "test", b.clock).Send
	return webhooks.NewWorker(webhooks.Options{
		Store: b.store, Send: func(ctx context.Context, e *webhooks.Endpoint, d *webhooks.Delivery, secrets []secret.Text) webhooks.Attempt {
			if strings.Contains(e.URL, "/hang/") {
				select {
				case <-b.hang:
				case <-time.After(*hangs):
				}
				return webhooks.Attempt{At: b.clock(), Error: "no response"}
			}
			return send(ctx, e, d, secrets)
		}, Logger: slog.New(slog.DiscardHandler), Now: b.clock,
	})
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

// pass lets time pass.
func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bench) receive(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if strings.HasPrefix(r.URL.Path, "/hang") {
		return
	}
	var message struct {
		Type string
		Data struct {
			ClinicID string
			Changes  []struct{ CaseID, Action string }
		}
	}
	_ = json.Unmarshal(body, &message)
	got := received{
		path: r.URL.Path, id: r.Header.Get("webhook-id"), clinic: message.Data.ClinicID, kind: message.Type,
		signature: r.Header.Get("webhook-signature"), at: time.Now(), body: string(body),
	}
	for _, c := range message.Data.Changes {
		got.cases = append(got.cases, c.CaseID)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = append(b.got, got)
	if status := b.status[r.URL.Path]; status != 0 {
		w.WriteHeader(status)
	}
}

// taken returns what was received at a path since the last call.
func (b *bench) taken(path string) (taken []received) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var rest []received
	for _, r := range b.got {
		if r.path == path {
			taken = append(taken, r)
		} else {
			rest = append(rest, r)
		}
	}
	b.got = rest
	return taken
}

func (b *bench) answer(status int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status["/hook"] = status
}

func (b *bench) newClinic() (id uuid.UUID) {
	b.Helper()
	require.NoError(b.T, b.db.Pool().QueryRow(b.Context(), "insert into clinics (name, timezone) values ('Harbour Vets', 'America/New_York') returning id").Scan(&id))
	return id
}

func (b *bench) exec(sql string, args ...any) {
	b.Helper()
	_, err := b.db.Pool().Exec(b.Context(), sql, args...)
	require.NoError(b.T, err, sql)
}

// insert adds cases in one transaction.
func (b *bench) insert(clinicID uuid.UUID, n int) {
	b.Helper()
	b.exec("insert into cases (clinic_id, status) select $1, 'draft' from generate_series(1, $2)", clinicID, n)
}

func (b *bench) add(e webhooks.Endpoint, path string) (uuid.UUID, string) {
	b.Helper()
	if e.Types == nil {
		e.Types = []string{feed.CaseChanged}
	}
	e.URL, e.CreatedAt = b.server.URL+path, b.clock()
	require.NoError(b.T, b.sequence())
	id, secret, err := b.store.Add(b.Context(), e)
	require.NoError(b.T, err)
	return id, secret
}

func (b *bench) sequence() error {
	_, err := feedstore.New(b.db).Sequence(b.Context())
	return err
}

// turn sends everything that is due, and waits until it is sent.
func (b *bench) turn() {
	b.Helper()
	require.NoError(b.T, b.sequence())
	require.NoError(b.T, b.worker.Turn(b.Context()))
	b.worker.Wait()
}

func TestChangesAreDeliveredInBatchesOfOneClinic(t *testing.T) { // R47
	t.Parallel()
	b := newBench(t)
	other := b.newClinic()
	b.insert(b.clinic, 3) // before the endpoints are added
	b.add(webhooks.Endpoint{ClinicID: b.clinic}, "/one")
	b.add(webhooks.Endpoint{}, "/all")
	b.insert(b.clinic, 150)
	b.insert(other, 2)
	b.exec("update cases set status = 'pending' where clinic_id = $1", other)
	b.turn()

	one := b.taken("/one")
	require.Len(t, one, 2)
	require.Len(t, one[0].cases, 100)
	require.Len(t, one[1].cases, 50)
	all := b.taken("/all")
	require.Len(t, all, 3)
	clinics := make(map[string]int)
	for _, r := range all {
		require.Equal(t, feed.CaseChanged, r.kind)
		clinics[r.clinic] += len(r.cases)
	}
	require.Equal(t, map[string]int{b.clinic.String(): 150, other.String(): 4}, clinics)
	b.turn()
	require.Empty(t, b.taken("/all"), "each once where all is well")
}

func TestAFailedDeliveryIsTriedAgainUnderTheSameID(t *testing.T) { // R47
	t.Parallel()
	b := newBench(t)
	id, _ := b.add(webhooks.Endpoint{ClinicID: b.clinic}, "/hook")
	b.answer(http.StatusServiceUnavailable)
	b.insert(b.clinic, 1)
	b.turn()
	first := b.taken("/hook")
	require.Len(t, first, 1)
	b.turn()
	require.Empty(t, b.taken("/hook"), "not before its time")
	b.answer(0)
	b.pass(5 * time.Second)
	b.turn()
	second := b.taken("/hook")
	require.Len(t, second, 1)
	require.Equal(t, first[0].id, second[0].id)
	list, err := b.store.Deliveries(t.Context(), id, webhooks.DeliveryFilter{})
	require.NoError(t, err)
	require.Equal(t, []string{webhooks.Delivered, "2"}, []string{list.Items[0].State, fmt.Sprint(list.Items[0].Tries)})
}

func TestWithOrderedAFailureHoldsBackItsClinicOnly(t *testing.T) { // R47
	t.Parallel()
	b := newBench(t)
	other := b.newClinic()
	id, _ := b.add(webhooks.Endpoint{Ordered: true}, "/hook")
	b.answer(http.StatusInternalServerError)
	b.insert(b.clinic, 1)
	b.turn()
	first := b.taken("/hook")
	require.Len(t, first, 1)

	b.insert(b.clinic, 2)
	b.insert(other, 3)
	b.answer(0)
	b.pass(3 * time.Second) // the endpoint has rested; the delivery's time has not come
	b.turn()
	got := b.taken("/hook")
	require.Len(t, got, 1)
	require.Equal(t, other.String(), got[0].clinic)
	b.pass(2 * time.Second)
	b.turn()
	got = b.taken("/hook")
	require.Len(t, got, 2)
	require.Equal(t, first[0].id, got[0].id)
	require.Len(t, got[1].cases, 2)

	// One that has failed for good holds back until a person decides.
	b.answer(http.StatusInternalServerError)
	b.insert(b.clinic, 4)
	for range 10 {
		b.turn()
		b.pass(24 * time.Hour)
		b.exec("update webhook_endpoints set failing_since = null")
	}
	require.Len(t, b.taken("/hook"), 10)
	b.answer(0)
	b.insert(b.clinic, 5)
	b.turn()
	require.Empty(t, b.taken("/hook"))
	failed, err := b.store.Deliveries(t.Context(), id, webhooks.DeliveryFilter{State: webhooks.Failed})
	require.NoError(t, err)
	require.Len(t, failed.Items, 1)
	_, err = b.store.Resend(t.Context(), failed.Items[0].ID, false, b.clock())
	require.NoError(t, err)
	b.turn()
	got = b.taken("/hook")
	require.Len(t, got, 2)
	require.Len(t, got[0].cases, 4)
	require.Len(t, got[1].cases, 5)
}

func TestAnEndpointThatIsGoneIsDisabledAndGoesOnWhenEnabled(t *testing.T) { // R47
	t.Parallel()
	b := newBench(t)
	id, _ := b.add(webhooks.Endpoint{ClinicID: b.clinic}, "/hook")
	b.answer(http.StatusGone)
	b.insert(b.clinic, 1)
	b.turn()
	e, err := b.store.Endpoint(t.Context(), id)
	require.NoError(t, err)
	require.False(t, e.Enabled)
	require.Equal(t, webhooks.ReasonGone, e.Reason)
	b.insert(b.clinic, 2)
	b.pass(time.Hour)
	b.turn()
	require.Len(t, b.taken("/hook"), 1)

	b.answer(0)
	require.NoError(t, b.store.Enable(t.Context(), id, true, "", b.clock()))
	b.turn()
	require.Len(t, b.taken("/hook"), 2, "what waited, and what came since")
}

// Whoever mended an endpoint need not wait for the next try.
func TestWhatFailedIsTriedAtOnceWhenAnEndpointIsEnabled(t *testing.T) { // R47
	t.Parallel()
	for _, ordered := range []bool{false, true} {
		b := newBench(t)
		id, _ := b.add(webhooks.Endpoint{ClinicID: b.clinic, Ordered: ordered}, "/hook")
		b.answer(http.StatusInternalServerError)
		b.insert(b.clinic, 1)
		for range 3 { // the next try is in 30 minutes
			b.turn()
			b.pass(6 * time.Minute)
		}
		first := b.taken("/hook")
		require.Len(t, first, 3)
		b.insert(b.clinic, 2)
		b.answer(0)
		require.NoError(t, b.store.Enable(t.Context(), id, true, "", b.clock()))
		b.turn()
		got := b.taken("/hook")
		require.Len(t, got, 2, "ordered: %t", ordered)
		require.Equal(t, first[0].id, got[0].id, "it comes first")
		require.Equal(t, first[0].cases, got[0].cases)
	}
}

func TestARotatedSecretIsValidForADayBesideTheNewOne(t *testing.T) { // R47
	t.Parallel()
	b := newBench(t)
	id, _ := b.add(webhooks.Endpoint{ClinicID: b.clinic}, "/hook")
	_, err := b.store.Rotate(t.Context(), id, b.clock())
	require.NoError(t, err)
	for after, signatures := range map[time.Duration]int{0: 2, 25 * time.Hour: 1} {
		secrets, err := b.store.Secrets(t.Context(), id, b.clock().Add(after))
		require.NoError(t, err)
		require.Len(t, secrets, signatures)
	}
	b.insert(b.clinic, 1)
	b.turn()
	require.Len(t, strings.Fields(b.taken("/hook")[0].signature), 2)

	// The encryption key is rotated, too (R37).
	first := b.key
	both, err := seal.ParseKeyring(seal.NewKey() + "," + first)
	require.NoError(t, err)
	done, err := both.Rotate(t.Context(), webhookstore.New(b.db, both), false)
	require.NoError(t, err)
	require.Equal(t, 2, done.Rotated)
}

func TestSyncsAndPlansAreTold(t *testing.T) { // R47
	t.Parallel()
	b := newBench(t)
	b.add(webhooks.Endpoint{ClinicID: b.clinic, Types: []string{feed.SyncCompleted, feed.SyncFailed, feed.PlanOpened, feed.PlanDecided}}, "/hook")
	var audit, plan uuid.UUID
	require.NoError(t, b.db.Pool().QueryRow(t.Context(), `insert into case_sync_audits (clinic_id, sync_type, status) values ($1, 'inbound', 'in_progress') returning id`, b.clinic).Scan(&audit))
	b.exec("update case_sync_audits set status = 'completed', completed_at = now() where id = $1", audit)
	require.NoError(t, b.db.Pool().QueryRow(t.Context(), `insert into deletion_plans (clinic_id, sync_id, sync_type, code, reason, window_start, window_end, expires_at)
		values ($1, $2, 'reconciliation', 'deletion_guard', 'r', now(), now(), now()) returning id`, b.clinic, audit).Scan(&plan))
	b.exec("update deletion_plans set status = 'rejected' where id = $1", plan)
	b.exec(`insert into deletion_plans (clinic_id, sync_id, sync_type, code, reason, window_start, window_end, expires_at, cases)
		values ($1, $2, 'reconciliation', 'deletion_guard', 'r', now(), now(), '2026-01-17 08:05:00.1234-05', '[{}, {}]')`, b.clinic, audit)
	b.turn()
	got := b.taken("/hook")
	require.Contains(t, got[len(got)-1].body, `"cases":2,`)
	require.Contains(t, got[len(got)-1].body, `"expiresAt":"2026-01-17T13:05:00.123Z"`)
	require.NotContains(t, got[1].body, `"cases"`, "it lists none")
	for _, r := range got {
		require.Regexp(t, `"timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`, r.body)
	}
	var kinds []string
	for _, r := range got {
		require.Equal(t, b.clinic.String(), r.clinic)
		kinds = append(kinds, r.kind)
	}
	require.Equal(t, []string{feed.SyncCompleted, feed.PlanOpened, feed.PlanDecided, feed.PlanOpened}, kinds)
}

func TestEndpointsThatHangDelayNoOther(t *testing.T) { // R47
	t.Parallel()
	b := newBench(t)
	const endpoints = 1000
	for i := range endpoints {
		path := fmt.Sprint("/ok/", i)
		if i < *hanging {
			path = fmt.Sprint("/hang/", i)
		}
		b.exec("insert into webhook_endpoints (id, clinic_id, url, types) values ($1, $2, $3, '{case.changed}')", uuid.New(), b.clinic, b.server.URL+path)
	}
	var ids []uuid.UUID
	list, err := b.store.Endpoints(t.Context(), b.clinic)
	require.NoError(t, err)
	for i := range list {
		ids = append(ids, list[i].ID)
	}
	_, err = b.store.Rotate(t.Context(), ids[0], b.clock())
	require.NoError(t, err)
	// One secret for all, for the sake of time: each is sealed for its own endpoint.
	for _, id := range ids[1:] {
		secretID := uuid.New()
		sealed, err := b.ring.Seal([]byte(webhooks.NewSecret()), seal.Subject{Table: webhookstore.SecretsTable, ClinicID: id, RowID: secretID})
		require.NoError(t, err)
		b.exec("insert into webhook_secrets (id, endpoint_id, sealed) values ($1, $2, $3)", secretID, id, sealed)
	}
	b.insert(b.clinic, 1)
	require.NoError(t, b.sequence())
	ctx, cancel := context.WithCancel(t.Context())
	began := time.Now()
	require.Eventually(t, func() bool {
		b.pass(time.Since(b.clock()))
		require.NoError(t, b.worker.Turn(ctx))
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.got) == endpoints-*hanging
	}, time.Minute, 10*time.Millisecond, "the others wait for those that hang")
	var delays []time.Duration
	for _, r := range b.got {
		delays = append(delays, r.at.Sub(began))
	}
	slices.Sort(delays)
	t.Logf("%d hang; the other %d of %d have their message after %s (median), %s (99 %%), %s (last)", *hanging, len(delays), endpoints,
		delays[len(delays)/2].Round(time.Millisecond), delays[len(delays)*99/100].Round(time.Millisecond), delays[len(delays)-1].Round(time.Millisecond))
	close(b.hang)
	cancel()
	b.worker.Wait()
}
