package app

import (
	"net/url"
	"time"

	"github.com/pims-sync/pims-sync/internal/console"
	"github.com/pims-sync/pims-sync/internal/console/signin"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/postgres/feedstore"
	"github.com/pims-sync/pims-sync/internal/postgres/peoplestore"
	"github.com/pims-sync/pims-sync/internal/postgres/practicestore"
	"github.com/pims-sync/pims-sync/internal/postgres/trendstore"
	"github.com/pims-sync/pims-sync/internal/practice"
)

// ConsoleOptions say where people find the console, and how they sign in.
type ConsoleOptions struct {
	PublicURL *url.URL       // nil: where the request says
	OpenID    *signin.OpenID // nil: with passwords and links alone
	TraceURL  string         // as ParseTraceURL returns it; empty: no links to traces
}

// People returns who may sign in (R43).
func (s *Store) People() *people.Service {
	return s.peopleAt(nil)
}

// peopleAt is People with a clock of its own; nil is time.Now.
func (s *Store) peopleAt(now func() time.Time) *people.Service {
	return people.New(people.Options{Store: peoplestore.New(s.DB), Log: s.OperatorLog(), Now: now, Tell: s.notices.tell()})
}

// Practice returns the links to practices' pages (R61). It shows no page.
func (s *Store) Practice() *practice.Service {
	return practice.New(practice.Options{Log: s.OperatorLog(), Store: practicestore.New(s.DB)})
}

// Practice returns the practices' pages and the links to them.
func (e *Engine) Practice() *practice.Service {
	return practice.New(practice.Options{
		Log: e.Store.OperatorLog(), Store: practicestore.New(e.Store.DB), Condition: e.Scheduler.Condition, Now: e.now,
	})
}

// consoleOptions returns the options of the console in front of the engine.
func (e *Engine) consoleOptions(o ConsoleOptions, settings Settings, now func() time.Time) console.Options {
	return console.Options{
		People:    e.Store.peopleAt(now),
		Fleet:     e.Scheduler,
		Clinics:   e.Store.Clinics(),
		Runs:      e.Store.Audits(),
		Cases:     e.Store.Records(),
		Queue:     e.Queue,
		Plans:     e.Store.Plans(),
		Log:       e.Store.OperatorLog(),
		Events:    e.Store.OperatorLog(),
		Service:   e.Fleet(),
		Practice:  e.Practice(),
		Trends:    trendstore.New(e.Store.DB),
		Arrivals:  feedstore.New(e.Store.DB),
		Endpoints: e.Outgoing.Webhooks,
		Channels:  e.Outgoing.Channels,
		OpenID:    o.OpenID,
		PublicURL: o.PublicURL,
		TraceURL:  o.TraceURL,
		Version:   settings.Version,
		System:    e.system(settings),
		Now:       now,
	}
}
