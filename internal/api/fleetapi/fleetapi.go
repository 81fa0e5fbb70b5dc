// Package fleetapi has the endpoints of the API for callers of many clinics (R42): the
// clinics, what belongs to each of them (credentials, schedules, settings, keys, links), and
// what belongs to the installation (fleet keys, people, the record of actions, totals). The
// work is done by fleet.Service, practice.Service and people.Service.
package fleetapi

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/practice"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/trends"
	"github.com/pims-sync/pims-sync/internal/web"
)

// The tags of the operations in the description.
const (
	TagOneClinic = "One clinic"
	TagFleet     = "Fleet"
)

// Conditions returns the states of clinics and the age of their data.
type Conditions interface {
	Condition(ctx context.Context, clinicID uuid.UUID) (scheduler.Condition, error)

	// Conditions returns those of all clinics, by name.
	Conditions(ctx context.Context) ([]scheduler.Condition, error)
}

// Clinics finds a clinic, for its settings.
type Clinics interface {
	Clinic(ctx context.Context, clinicID uuid.UUID) (clinic.Clinic, error)
}

// Events reads the record of actions (R44).
type Events interface {
	Events(ctx context.Context, filter access.Filter) (syncs.List[access.Event], error)
}

// People keeps who may sign in (R43).
type People interface {
	People(ctx context.Context) ([]people.Person, error)
	Person(ctx context.Context, id uuid.UUID) (people.Person, error)
	Invite(ctx context.Context, by access.By, p people.Person) (people.Person, error)
	Change(ctx context.Context, by access.By, id uuid.UUID, change func(*people.Person) error) (people.Person, error)
	Remove(ctx context.Context, by access.By, id uuid.UUID) (people.Person, error)
	InviteLink(ctx context.Context, id uuid.UUID) (token string, err error)
}

// Options are what the operations call.
type Options struct {
	Service  *fleet.Service
	Practice *practice.Service
	Trends   trends.Store
	Events   Events
	People   People
	System   func(context.Context) (fleet.System, error) // reads how the installation is

	// LinkOf returns the address of a link with a token, as the caller of a request finds the
	// console; nil: there is no console.
	LinkOf func(r *http.Request, token string) string

	// BaseOf returns where people find the server, without a slash at its end; nil: where the
	// request says.
	BaseOf func(r *http.Request) string

	// Package api sets these to its own.
	Conditions Conditions
	Clinics    Clinics
	CountStart func(*web.Call) error // counts a login that a call tests (R38)
	Preview    web.Operation         // a dry run with other settings, which package api starts
	Wait       time.Duration         // how long a call waits for a login
	Version    string                // of the program
	Now        func() time.Time
}

// Operations returns the operations, in the order of the documentation.
func Operations(o *Options) []web.Operation {
	return []web.Operation{
		o.listClinics(), o.addClinic(), o.showClinic(), o.changeClinic(),
		o.showCredentials(), o.setCredentials(), o.testCredentials(), o.resumeCredentials(),
		o.showSchedules(), o.setSchedules(), o.nextTicks(),
		o.showSettings(), o.setSettings(), o.Preview, o.listWords(),
		o.listKeys(), o.createKey(), o.revokeKey(), o.listOperatorEvents(),
		o.listStatusLinks(), o.createStatusLink(), o.revokeStatusLink(),
		o.listFleetKeys(), o.createFleetKey(), o.revokeFleetKey(), o.listTrends(),
		o.listPeople(), o.invitePerson(), o.changePerson(), o.removePerson(), o.showSystem(),
	}
}
