package people

import (
	"context"
	"net/netip"
	"time"

	"github.com/pims-sync/pims-sync/internal/access"
)

// An OwnSession is a session as its owner sees it.
type OwnSession struct {
	Method  Method
	Began   time.Time
	From    string // the address from which it began; empty: unknown
	Seen    time.Time
	Present bool // it is the one in which the list was asked for
}

// Sessions lists the sessions of who is signed in with a token, the newest first.
func (s *Service) Sessions(ctx context.Context, session Session, token string) ([]OwnSession, error) {
	return s.o.Store.SessionsOf(ctx, session, hashToken(token), s.o.Now())
}

// SignOutOthers ends all other sessions of who is signed in with a token, at once, and returns
// how many there were.
func (s *Service) SignOutOthers(ctx context.Context, session Session, token string, from netip.Addr) (ended int, err error) {
	event := eventOf(session.by(from), access.PersonSignOut, session.Person.ID)
	err = s.o.Log.Act(ctx, event, func(ctx context.Context, e *access.Event) error {
		ended, err = s.o.Store.EndOtherSessions(ctx, session, hashToken(token))
		e.After = access.Values{"others": ended}
		return err
	})
	return ended, err
}
