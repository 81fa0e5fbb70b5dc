package scheduler

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/cron"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

const (
	clinicsEvery   = time.Minute
	staleTolerance = time.Hour // how long a scheduled sync may take to succeed
)

// watchClinics reports the clinics' conditions to the observer.
func (s *Scheduler) watchClinics(ctx context.Context) {
	s.loops.Try(ctx, "clinics", clinicsEvery, slog.LevelWarn, "The state of the clinics is not known", func() error {
		now := s.o.Now()
		if err := s.roster.look(ctx, now); err != nil {
			return err
		}
		counts, fresh := s.roster.summary(now)
		s.o.Observe.Clinics(counts)
		for place, t := range phases {
			s.o.Observe.Fresh(t, fresh[place].stale, fresh[place].oldest)
		}
		return nil
	})
}

// phases are the phases of a clinic, in the order of Condition's phases.
var phases = []syncs.Type{syncs.TypeInbound, syncs.TypeCases, syncs.TypeReconciliation}

// reportConditions returns a function that logs a panic in working out what a schedule
// expects (R58).
func (s *Scheduler) reportConditions(ctx context.Context) func(error) {
	return func(err error) {
		panics.Logger(s.log, err).ErrorContext(ctx, "A panic hid what a schedule expects; its clinic counts as stale", "loop", "clinics")
	}
}

// Condition returns what is known of the clinic now. The error is clinic.ErrNotFound where
// there is none.
func (s *Scheduler) Condition(ctx context.Context, clinicID uuid.UUID) (Condition, error) {
	return condition(ctx, s.o.Clinics, clinicID, s.o.Now(), s.reportConditions(ctx))
}

// Conditions returns what is known of every clinic now, ordered by name.
func (s *Scheduler) Conditions(ctx context.Context) ([]Condition, error) {
	return conditions(ctx, s.o.Clinics, uuid.Nil, s.o.Now(), s.reportConditions(ctx))
}

// ReadCondition reads what is known of one clinic at a moment. The error is
// clinic.ErrNotFound where there is none.
func ReadCondition(ctx context.Context, clinics ClinicStore, clinicID uuid.UUID, now time.Time) (Condition, error) {
	return condition(ctx, clinics, clinicID, now, func(error) {})
}

func condition(ctx context.Context, clinics ClinicStore, clinicID uuid.UUID, now time.Time, report func(error)) (Condition, error) {
	if clinicID == uuid.Nil { // a zero id would mean all clinics
		return Condition{}, clinic.ErrNotFound
	}
	all, err := conditions(ctx, clinics, clinicID, now, report)
	if err == nil && len(all) == 0 {
		err = clinic.ErrNotFound
	}
	if err != nil {
		return Condition{}, err
	}
	return all[0], nil
}

// ReadConditions reads what is known of all clinics at a moment, ordered by name.
func ReadConditions(ctx context.Context, clinics ClinicStore, now time.Time) ([]Condition, error) {
	return conditions(ctx, clinics, uuid.Nil, now, func(error) {})
}

// conditions joins what the audits, credentials and plans say with what the schedules
// expect, for all clinics or for the named one. A clinic whose schedule panics is reported
// and counts as due, because what is unknown must not count as fresh (R58).
func conditions(ctx context.Context, clinics ClinicStore, clinicID uuid.UUID, now time.Time, report func(error)) ([]Condition, error) {
	all, err := clinics.Conditions(ctx, clinicID, now)
	if err != nil {
		return nil, err
	}
	expectEach(all, now, report)
	return all, nil
}

// expectEach adds to conditions what the schedules expect.
func expectEach(all []Condition, now time.Time, report func(error)) {
	known := make(parsed)
	for i := range all {
		if !all[i].Clinic.Active {
			continue
		}
		if err := panics.Catch(func() error { expect(&all[i], known, now); return nil }); err != nil {
			report(err)
			expectAll(&all[i], now)
		}
	}
}

// parsed are the entries of schedules, by the documents that have them: most clinics have
// one of a few documents.
type parsed map[string]*document

// A document is a schedule, and when its entries fire in the zones in which clinics have it.
type document struct {
	entries []expected
	ticks   map[string][]ticks // of each entry, by zone
}

// An expected is an entry that makes data fresh.
type expected struct {
	kind       syncs.Type
	expression cron.Expression
}

// ticks are the ticks of an entry around a moment, in a zone; zero: there is none.
type ticks struct {
	latest time.Time // within the past year, and with an hour to succeed
	due    time.Time // the first after that hour began, so the next latest
	next   time.Time // the coming one
}

func (p parsed) document(stored []byte) *document {
	if known, ok := p[string(stored)]; ok {
		return known
	}
	d := &document{ticks: make(map[string][]ticks)}
	entries, _ := clinic.ParseSchedules(stored, CheckEntry)
	for _, e := range entries {
		expression, err := cron.Parse(e.Cron)
		if err == nil && e.Enabled && !e.Options.DryRun {
			d.entries = append(d.entries, expected{e.Type, expression})
		}
	}
	p[string(stored)] = d
	return d
}

// ticksIn returns the ticks of each entry in a zone, for the one moment of parsed.
func (d *document) ticksIn(loc *time.Location, now time.Time) []ticks {
	if known, ok := d.ticks[loc.String()]; ok {
		return known
	}
	before := now.Add(-staleTolerance)
	all := make([]ticks, len(d.entries))
	for i := range d.entries {
		expression, t := d.entries[i].expression, &all[i]
		t.latest, _ = expression.Latest(before.AddDate(-1, 0, 0), before, loc)
		t.due, t.next = expression.Next(before, loc), expression.Next(now, loc)
	}
	d.ticks[loc.String()] = all
	return all
}

// expect sets, for each phase of the clinic's schedule, the latest tick within the past
// year that has had an hour to succeed, and the next tick. Every tick since the clinic was
// added counts, also a tick before a change of the schedule. Such a tick was not enqueued
// (R34), but data that is older than the schedule promises is stale, whenever the schedule
// was written. Where the zone is unusable nothing can run, and every phase is due now.
func expect(c *Condition, known parsed, now time.Time) {
	since := now.Add(-staleTolerance).AddDate(-1, 0, 0)
	if c.Clinic.CreatedAt.After(since) {
		since = c.Clinic.CreatedAt
	}
	d := known.document(c.Schedules)
	loc, zoneErr := c.Clinic.Location()
	var fired []ticks
	if zoneErr == nil {
		fired = d.ticksIn(loc, now)
	}
	for at, e := range d.entries {
		for i := range c.Phases {
			p := &c.Phases[i]
			if e.kind != syncs.TypeFull && e.kind != p.Type { // a full one is all three
				continue
			}
			p.Scheduled = true
			if zoneErr != nil {
				p.Due, p.StaleSince = now, c.Clinic.UpdatedAt
				continue
			}
			expectOf(p, e.expression, loc, &fired[at], since)
		}
		if zoneErr == nil && !fired[at].due.IsZero() {
			c.until = firstOf(c.until, fired[at].due.Add(staleTolerance))
		}
	}
}

// expectAll makes every phase due now.
func expectAll(c *Condition, now time.Time) {
	c.until = now
	for i := range c.Phases {
		c.Phases[i].Scheduled, c.Phases[i].Due, c.Phases[i].StaleSince = true, now, now
	}
}

// expectOf sets the ticks of one entry for a phase that it runs. Ticks count since a moment.
func expectOf(p *PhaseCondition, expression cron.Expression, loc *time.Location, t *ticks, since time.Time) {
	if p.Next.IsZero() || !t.next.IsZero() && t.next.Before(p.Next) {
		p.Next = t.next
	}
	if !t.latest.After(since) {
		return
	}
	if t.latest.After(p.Due) {
		p.Due = t.latest
	}
	if !p.Stale() {
		return
	}
	if p.LastSuccess.After(since) {
		since = p.LastSuccess
	}
	missed := expression.Next(since, loc).Add(staleTolerance)
	if p.StaleSince.IsZero() || missed.Before(p.StaleSince) {
		p.StaleSince = missed
	}
}
