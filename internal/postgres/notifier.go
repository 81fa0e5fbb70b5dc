package postgres

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/repeats"
)

// The channels on which the database's triggers send notifications.
const (
	ChannelAudits    = "pims_sync_audit"     // a sync is over or back in the queue; payload: its id
	ChannelCancels   = "pims_sync_cancel"    // a running sync is to end; payload: its id
	ChannelSchedules = "pims_sync_schedules" // a schedule changed; the clinic's id
	ChannelFeed      = "pims_sync_feed"      // the feed has new positions; no payload
)

func channels() []string {
	return []string{ChannelAudits, ChannelCancels, ChannelSchedules, ChannelFeed}
}

const (
	listenBackoff    = 100 * time.Millisecond
	maxListenBackoff = 10 * time.Second
	listenProbe      = 30 * time.Second // how often a silent connection is asked whether it lives
	listenProbeLimit = 5 * time.Second
	subscriberBuffer = 64
)

// A Notifier passes the database's notifications to subscribers in this process. It holds
// one connection from the first subscription on. It only saves time: where LISTEN is
// impossible, or a notification is lost, subscribers find the change by polling. It is safe
// for concurrent use.
type Notifier struct {
	db     *DB
	log    *slog.Logger
	run    func() // listens until cancel
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu          sync.Mutex
	started     bool // or never to be
	subscribers map[*subscriber]struct{}
}

// NewNotifier makes a Notifier. Close it before the database.
func NewNotifier(db *DB) *Notifier {
	ctx, cancel := context.WithCancel(context.Background())
	n := &Notifier{
		db: db, log: slog.New(repeats.Handler(db.logger.Handler())), cancel: cancel, subscribers: make(map[*subscriber]struct{}),
	}
	n.run = func() { n.keepListening(ctx) }
	n.started = db.pooled // there LISTEN is impossible
	return n
}

// A subscriber is one receiver of a channel's payloads.
type subscriber struct {
	channel  string
	payloads chan string
}

// Subscribe returns the payloads of a channel until cancel is called. An empty payload
// means that some may have been missed, so the subscriber must look itself. An empty
// payload also comes soon after each (re)connection.
func (n *Notifier) Subscribe(channel string) (payloads <-chan string, cancel func()) {
	s := &subscriber{channel, make(chan string, subscriberBuffer)}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.subscribers[s] = struct{}{}
	if !n.started {
		n.started = true
		panics.GoIn(&n.done, n.run, func(*panics.Error) {}) // keepListening recovers what it calls
	}
	return s.payloads, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.subscribers, s)
	}
}

// Close ends the connection. Subscribers receive nothing more.
func (n *Notifier) Close() {
	n.mu.Lock()
	n.started = true
	n.mu.Unlock()
	n.cancel()
	n.done.Wait()
}

// keepListening listens, and connects again after a failure, until ctx ends.
func (n *Notifier) keepListening(ctx context.Context) {
	backoff := listenBackoff
	for ctx.Err() == nil {
		listened := false
		err := panics.Catch(func() (err error) {
			listened, err = n.listen(ctx)
			return err
		})
		if ctx.Err() != nil {
			return
		}
		if listened {
			backoff = listenBackoff
		}
		if e := panics.In(err); e != nil {
			n.log.ErrorContext(ctx, "a panic ended the connection that listens for notifications", e.Attrs()...)
		}
		n.log.WarnContext(ctx, "the connection that listens for notifications broke; waiters poll until it is back",
			"error", n.db.Translate(ctx, "listen", err))
		if Pause(ctx, backoff) != nil {
			return
		}
		backoff = min(2*backoff, maxListenBackoff)
	}
}

// listen passes on notifications until the connection breaks. It reports whether it reached
// the state of listening.
func (n *Notifier) listen(ctx context.Context) (listened bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, n.db.pool.Config().ConnConfig)
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // it may be broken
	if _, err := conn.Exec(ctx, "listen "+strings.Join(channels(), "; listen ")); err != nil {
		return false, err
	}
	for _, channel := range channels() {
		n.dispatch(channel, "")
	}
	for {
		notification, err := n.next(ctx, conn)
		if err != nil {
			return true, err
		}
		if notification != nil {
			n.dispatch(notification.Channel, notification.Payload)
		}
	}
}

// next waits for a notification. After a silence it pings the server and returns nil,
// because a connection that a network dropped gives no error by itself.
func (n *Notifier) next(ctx context.Context, conn *pgx.Conn) (*pgconn.Notification, error) {
	silent, cancel := context.WithTimeout(ctx, listenProbe)
	defer cancel()
	notification, err := conn.WaitForNotification(silent)
	if err == nil || silent.Err() == nil || ctx.Err() != nil {
		return notification, err
	}
	probe, stop := context.WithTimeout(ctx, listenProbeLimit)
	defer stop()
	return nil, conn.Ping(probe)
}

// dispatch passes a payload to the channel's subscribers. A subscriber whose buffer is full
// gets one empty payload in place of everything unread.
func (n *Notifier) dispatch(channel, payload string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for s := range n.subscribers {
		if s.channel == channel {
			s.tell(payload)
		}
	}
}

// tell never blocks: only dispatch sends, under its lock.
func (s *subscriber) tell(payload string) {
	select {
	case s.payloads <- payload:
		return
	default:
	}
	for {
		select {
		case <-s.payloads:
		default:
			s.payloads <- ""
			return
		}
	}
}
