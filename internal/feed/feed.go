// Package feed is the change feed: every change of a case once, in one order that never
// changes (R46), and the events that travel beside the changes.
//
// A transaction leaves what it did in a table of pending rows. After it has committed, a
// sequencer gives it a position. So a long transaction delays only its own changes, and a
// reader who has reached a position has missed nothing before it
// (docs/decisions/2026-11-29-change-feed.md).
//
// The package knows no database and no HTTP. It decides what a cursor means, and which
// reader waits for what.
package feed

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// The types of events (docs/events.md). Their names are part of the interface.
const (
	CaseChanged        = "case.changed"         // a transaction changed a case
	SyncCompleted      = "sync.completed"       // a sync ended well
	SyncFailed         = "sync.failed"          // a sync failed
	PlanOpened         = "plan.opened"          // a guard held deletions back
	PlanDecided        = "plan.decided"         // a person decided, or the plan expired
	ClinicStateChanged = "clinic.state_changed" // the state of a clinic is another one
	VolumeUnusual      = "volume.unusual"       // counts lie far outside the usual (R49)
	PIMSDrift          = "pims.drift"           // a field of the PIMS vanished or changed (R51)
	WebhookDisabled    = "webhook.disabled"     // an endpoint is disabled (R47)
)

// Types lists the types of events.
func Types() []string {
	return []string{CaseChanged, SyncCompleted, SyncFailed, PlanOpened, PlanDecided, ClinicStateChanged, VolumeUnusual, PIMSDrift, WebhookDisabled}
}

// The actions of a change.
const (
	Created  = "created"
	Updated  = "changed"
	Deleted  = "deleted"  // soft-deleted (R24)
	Restored = "restored" // a soft delete was undone (R16, R24)
	Removed  = "removed"  // the row is gone, by plain SQL
)

// A Change is what one transaction did to one case. It names fields and no values.
type Change struct {
	ID       int64 // the same for every reader, and of no other change
	Position int64
	ClinicID uuid.UUID
	CaseID   uuid.UUID
	At       time.Time // when the transaction began, by the database's clock
	Actor    string    // "sync:<id>", "key:<id>", "os:<user>" or "person"
	Action   string
	Fields   []string // columns, or "metadata.<key>"; none where the case was created or removed

	Mark Mark // of the position; a Store of pages sets it
}

// A Page is a part of a clinic's changes, in the order of the feed.
type Page struct {
	Changes []Change
	Next    Cursor // where to go on; also where there was nothing
	More    bool   // there is more at once

	Waited time.Duration // how long Read waited for something to come
}

// Cut keeps the first n changes of the page, so that the next page begins after them.
func (p *Page) Cut(n int) {
	if n >= len(p.Changes) {
		return
	}
	last := &p.Changes[n-1]
	p.Next.Point, p.Next.Event = Point{last.Position, last.Mark}, last.ID
	p.Changes, p.More = p.Changes[:n], true
}

// A Point is a position of the feed with its mark.
type Point struct {
	Position int64
	Mark     Mark
}

// A Head says which positions there are: those after Forgotten, up to Last. It also says
// what there is at one position, and how cursors are signed.
type Head struct {
	Last, Forgotten Point

	At struct { // zero: there is no such position
		Mark      Mark
		Sequenced time.Time
	}

	CursorKey     []byte
	UnsignedUntil time.Time // positions until then may have cursors without a MAC
}

// A Store keeps the feed.
type Store interface {
	// Sequence gives everything that has committed its positions, one replica at a time. It
	// returns how long each group of changes had waited since its transaction began. It
	// crosses clinics (R41).
	Sequence(ctx context.Context) (delays []time.Duration, err error)

	// Head returns the present ends of the feed, and what there is at one position. It
	// crosses clinics (R41).
	Head(ctx context.Context, position int64) (Head, error)

	// Changes reads up to limit changes of a clinic that come after a place and belong to
	// positions up to last. The cursor of the page has no clinic yet where it is short.
	Changes(ctx context.Context, clinicID uuid.UUID, after Cursor, last Point, limit int) (Page, error)

	// Forget removes positions whose transactions began before a moment.
	Forget(ctx context.Context, before time.Time) (removed int64, err error)
}

const (
	// Retention is how long positions are kept, unless the history of cases is kept for a
	// shorter time.
	Retention = 90 * 24 * time.Hour

	// MaxWait is the longest time that a reader may wait for a change.
	MaxWait = 30 * time.Second

	sequenceEvery = 250 * time.Millisecond
	pollEvery     = time.Second // where no notification comes
	forgetEvery   = time.Hour
)

// Options configure a Feed.
type Options struct {
	Store   Store
	Changed func() (changed <-chan string, unsubscribe func()) // tells that there are new positions; nil: readers poll
	Logger  *slog.Logger
	Now     func() time.Time    // nil: time.Now
	Observe func(time.Duration) // the delay of each group of changes; nil: nobody
}

// A Feed sequences changes and serves them to readers. It is safe for concurrent use, and
// many replicas may run on one database.
type Feed struct {
	o     Options
	loops panics.Loops
	ended chan struct{} // closed when Begin's context has ended
}

// New makes a Feed. It does nothing by itself until Begin.
func New(o Options) *Feed {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(time.Duration) {}
	}
	log := o.Logger.With("namespace", "pims-sync:feed")
	return &Feed{o: o, loops: panics.Loops{Log: log}, ended: make(chan struct{})}
}

// Begin starts to sequence, and to forget what is too old, until the context ends. Then
// no reader waits any more.
func (f *Feed) Begin(ctx context.Context) {
	f.loops.Begin(ctx, "readers of the feed", func(ctx context.Context) {
		<-ctx.Done()
		close(f.ended)
	})
	f.loops.Begin(ctx, "sequencer", func(ctx context.Context) {
		f.loops.Try(ctx, "sequencer", sequenceEvery, slog.LevelWarn, "Changes got no position; the next turn tries again", func() error {
			return f.Sequence(ctx)
		})
	})
	f.loops.Begin(ctx, "feed retention", func(ctx context.Context) {
		f.loops.Try(ctx, "feed retention", forgetEvery, slog.LevelWarn, "Old positions of the feed were not removed", func() error {
			_, err := f.o.Store.Forget(ctx, f.o.Now().Add(-Retention))
			return err
		})
	})
}

// Wait returns when everything that Begin started has ended.
func (f *Feed) Wait() { f.loops.Wait() }

// Sequence gives what has committed its positions now.
func (f *Feed) Sequence(ctx context.Context) error {
	delays, err := f.o.Store.Sequence(ctx)
	for _, delay := range delays {
		f.o.Observe(delay)
	}
	return err
}

// A Request asks for changes of one clinic.
type Request struct {
	ClinicID uuid.UUID
	After    string // a cursor; FromNow; empty: from the oldest change that is kept
	Limit    int
	Wait     time.Duration // how long to wait where there is none; at most MaxWait
}

// FromNow as a cursor means the present end of the feed.
const FromNow = "now"

// Read returns changes. It first sequences what has committed, so that a caller finds what
// it has just written. It returns an empty page where there is nothing and the wait is over
// or the context has ended. The error is a *syncs.Failure with CodeInvalidRequest for a
// cursor that is none or is another clinic's, and with CodeCursorExpired for one whose
// changes are not all kept, or that is of a database from before a restore.
func (f *Feed) Read(ctx context.Context, r Request) (found Page, err error) {
	if err := f.Sequence(ctx); err != nil {
		return Page{}, err
	}
	page, err := f.read(ctx, r)
	if err != nil || len(page.Changes) > 0 || r.Wait <= 0 || r.After == FromNow {
		return page, err
	}
	var changed <-chan string
	if f.o.Changed != nil {
		news, unsubscribe := f.o.Changed()
		defer unsubscribe()
		changed = news
	}
	until := time.NewTimer(min(r.Wait, MaxWait))
	defer until.Stop()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	var waited time.Duration
	defer func() { found.Waited = waited }()
	for {
		next, err := f.read(ctx, Request{ClinicID: r.ClinicID, After: page.Next.String(), Limit: r.Limit})
		if ctx.Err() != nil {
			return page, nil
		}
		if err != nil || len(next.Changes) > 0 {
			return next, err
		}
		page = next
		began := time.Now()
		over := false
		select {
		case <-ctx.Done():
			over = true
		case <-f.ended:
			over = true
		case <-until.C:
			over = true
		case <-changed:
		case <-poll.C:
		}
		if waited += time.Since(began); over {
			return page, nil
		}
	}
}

// read reads once.
func (f *Feed) read(ctx context.Context, r Request) (Page, error) {
	sent, err := parseCursor(r.After, r.ClinicID)
	if err != nil {
		return Page{}, err
	}
	after := sent.Cursor
	head, err := f.o.Store.Head(ctx, after.Position)
	if err != nil {
		return Page{}, err
	}
	if err := sent.check(head); err != nil {
		return Page{}, err
	}
	switch r.After {
	case FromNow:
		next := whole(head.Last, r.ClinicID)
		next.key = head.CursorKey
		return Page{Next: next}, nil
	case "":
		after = whole(head.Forgotten, r.ClinicID)
	default:
		if !after.holds(head) {
			return Page{}, expired()
		}
	}
	page, err := f.o.Store.Changes(ctx, r.ClinicID, after, head.Last, r.Limit)
	page.Next.ClinicID, page.Next.key = r.ClinicID, head.CursorKey
	return page, err
}

func expired() error {
	return syncs.Fail(syncs.CodeCursorExpired,
		"the changes after this cursor are not all kept any more, or the database was restored since; ask with after=%s, list all cases, then go on from the cursor that this returned", FromNow)
}
