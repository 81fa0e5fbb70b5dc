package scheduler

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

const (
	reloadEvery = 5 * time.Minute // W14
	gatherFor   = time.Second     // changes of schedules, before they are loaded
	tickEvery   = time.Second
	dueAtOnce   = 1000
)

// ClinicStore is what a Scheduler reads of the clinics. All methods cross clinics (R41).
type ClinicStore interface {
	// AllSchedules reads the schedules of all active clinics.
	AllSchedules(ctx context.Context) ([]Config, error)

	// SchedulesOf reads the schedules of those of the clinics that are active.
	SchedulesOf(ctx context.Context, clinicIDs []uuid.UUID) ([]Config, error)

	// Conditions reads what is known of the clinics at a moment, without what their
	// schedules expect: of all clinics, ordered by name, or of the named one.
	Conditions(ctx context.Context, clinicID uuid.UUID, at time.Time) ([]Condition, error)
}

// EntryStore keeps the running entries of all schedules, and the outcomes of their ticks.
type EntryStore interface {
	// Replace makes these the entries that run. New entries begin with their Next, entries
	// that already run keep theirs, and all other entries end.
	Replace(ctx context.Context, entries []Entry) error

	// ReplaceOf is Replace for the entries of some clinics. Those of all others stay.
	ReplaceOf(ctx context.Context, clinicIDs []uuid.UUID, entries []Entry) error

	// EnqueueDue takes up to limit entries whose time has come and locks them against other
	// replicas. decide returns for each entry its ticks (the last one is enqueued unless it
	// is missed) and its next time. Syncs, outcomes and next times are written in one
	// transaction, so that a tick is enqueued exactly once over all replicas (R34).
	// EnqueueDue returns how many entries it took, and the outcomes.
	EnqueueDue(ctx context.Context, at time.Time, limit int, decide func(Entry) (ticks []Tick, next time.Time)) (taken int, outcomes map[Outcome]int, err error)
}

// Options configure a Scheduler.
type Options struct {
	Clinics ClinicStore
	Entries EntryStore
	Enqueue bool          // load the schedules and enqueue what is due (R33, ENABLE_SCHEDULER)
	Jitter  time.Duration // spread of ticks over clinics; 0: none

	// Changed returns a channel that receives the ids of clinics whose schedules changed,
	// until unsubscribe is called. Any other text means that all may have changed.
	Changed func() (changed <-chan string, unsubscribe func())

	Logger  *slog.Logger
	Now     func() time.Time // nil: time.Now
	Observe Observer         // nil: no observer
}

// An Observer receives what a Scheduler finds and does (docs/interface.md §Metrics).
type Observer interface {
	Ticks(outcome string, n int)                         // what became of ticks
	SchedulesLoaded(running, bad int)                    // how many entries there are
	Fresh(t syncs.Type, stale int, oldest time.Duration) // how fresh the data of a phase is
	Clinics(counts map[ClinicState]int)                  // how many clinics are in each state
}

// A Scheduler runs the schedules of all clinics. It is safe for concurrent use, and many
// replicas may run on one database.
type Scheduler struct {
	o     Options
	log   *slog.Logger
	loops panics.Loops

	mu       sync.Mutex
	problems map[uuid.UUID]string // of schedules, as they were last reported
	loaded   map[uuid.UUID]loaded
}

// loaded is how many entries of a clinic run, and how many are bad.
type loaded struct{ running, bad int }

// New makes a Scheduler. It does nothing by itself until Begin.
func New(o Options) *Scheduler {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = nobody{}
	}
	log := o.Logger.With("namespace", "pims-sync:scheduler")
	return &Scheduler{o: o, log: log, loops: panics.Loops{Log: log}, problems: make(map[uuid.UUID]string), loaded: make(map[uuid.UUID]loaded)}
}

// Begin starts to watch how fresh the clinics' data is, and to enqueue what is due where
// the options say so, until the context ends. Wait waits for the end.
func (s *Scheduler) Begin(ctx context.Context) {
	s.loops.Begin(ctx, "clinics", s.watchClinics)
	if s.o.Enqueue {
		s.loops.Begin(ctx, "schedules", s.keepLoaded)
		s.loops.Begin(ctx, "ticks", s.tick)
	}
}

// Wait returns when everything that Begin started has ended.
func (s *Scheduler) Wait() { s.loops.Wait() }

// keepLoaded loads the schedules at the start and every five minutes, and those that were
// changed within a second or two (R33).
func (s *Scheduler) keepLoaded(ctx context.Context) {
	changed, unsubscribe := s.o.Changed()
	defer unsubscribe()
	ticker := time.NewTicker(reloadEvery)
	defer ticker.Stop()
	var clinicIDs []uuid.UUID
	for {
		if err := s.load(ctx, clinicIDs); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "Schedules not loaded; what ran goes on", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case first := <-changed:
			clinicIDs = gather(ctx, first, changed)
		case <-ticker.C:
			clinicIDs = nil
		}
	}
}

// gather collects changes for a second, and returns the clinics that they name; none: all
// may have changed.
func gather(ctx context.Context, first string, changed <-chan string) []uuid.UUID {
	named, all := make(map[uuid.UUID]struct{}), false
	note := func(payload string) {
		id, err := uuid.Parse(payload)
		all = all || err != nil
		named[id] = struct{}{}
	}
	note(first)
	over := time.NewTimer(gatherFor)
	defer over.Stop()
	for {
		select {
		case payload := <-changed:
			note(payload)
			continue
		case <-over.C:
		case <-ctx.Done():
		}
		if all {
			return nil
		}
		return slices.Collect(maps.Keys(named))
	}
}

// Load replaces the running schedules with those in clinic_schedule_configs. A bad entry
// does not run and is reported. A failed load changes nothing (R33).
func (s *Scheduler) Load(ctx context.Context) error { return s.load(ctx, nil) }

// load is Load for some clinics; none: for all.
func (s *Scheduler) load(ctx context.Context, clinicIDs []uuid.UUID) error {
	configs, err := s.read(ctx, clinicIDs)
	if err != nil {
		return fmt.Errorf("reading the schedules: %w", err)
	}
	now := s.o.Now()
	var running []Entry
	counts := make(map[uuid.UUID]loaded, len(configs))
	for _, config := range configs {
		entries, problems := s.entries(ctx, config, now)
		running = append(running, entries...)
		counts[config.ClinicID] = loaded{len(entries), len(problems)}
		s.reportProblems(ctx, config.ClinicID, problems)
	}
	s.observeLoaded(clinicIDs, counts)
	if len(clinicIDs) == 0 {
		err = s.o.Entries.Replace(ctx, running)
	} else {
		err = s.o.Entries.ReplaceOf(ctx, clinicIDs, running)
	}
	if err != nil {
		return fmt.Errorf("storing the schedules: %w", err)
	}
	return nil
}

// read reads the schedules of some clinics; none: of all.
func (s *Scheduler) read(ctx context.Context, clinicIDs []uuid.UUID) ([]Config, error) {
	if len(clinicIDs) == 0 {
		return s.o.Clinics.AllSchedules(ctx)
	}
	return s.o.Clinics.SchedulesOf(ctx, clinicIDs)
}

// observeLoaded tells the observer how many entries there are, after those of some clinics
// were counted anew; none: of all.
func (s *Scheduler) observeLoaded(clinicIDs []uuid.UUID, counts map[uuid.UUID]loaded) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(clinicIDs) == 0 {
		clear(s.loaded)
	}
	for _, id := range clinicIDs {
		delete(s.loaded, id)
	}
	maps.Copy(s.loaded, counts)
	var total loaded
	for _, n := range s.loaded {
		total.running += n.running
		total.bad += n.bad
	}
	s.o.Observe.SchedulesLoaded(total.running, total.bad)
}

// entries returns a clinic's Entries. Where they panic, the clinic has none, and the other
// clinics go on (R58).
func (s *Scheduler) entries(ctx context.Context, config Config, now time.Time) (running []Entry, problems []clinic.ScheduleProblem) {
	err := s.loops.Survive(ctx, "schedules", func() error {
		running, problems = Entries(config, now, s.o.Jitter)
		return nil
	})
	if err != nil {
		return nil, []clinic.ScheduleProblem{{Index: -1, Reason: "an internal error; the log tells more"}}
	}
	return running, problems
}

// reportProblems logs a clinic's bad entries, once for each change of them.
func (s *Scheduler) reportProblems(ctx context.Context, clinicID uuid.UUID, problems []clinic.ScheduleProblem) {
	said := fmt.Sprint(problems)
	s.mu.Lock()
	known := s.problems[clinicID]
	if s.problems[clinicID] = said; len(problems) == 0 {
		delete(s.problems, clinicID)
	}
	s.mu.Unlock()
	if known == said {
		return
	}
	for _, p := range problems {
		s.log.WarnContext(ctx, "Schedule entry disabled", "clinic_id", clinicID.String(), "entry", p.Index, "reason", p.Reason)
	}
}

// tick enqueues what is due, every second.
func (s *Scheduler) tick(ctx context.Context) {
	s.loops.Every(ctx, "ticks", tickEvery, func() {
		if err := s.EnqueueDue(ctx); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "Due syncs not enqueued; the next second tries again", "error", err.Error())
		}
	})
}

// EnqueueDue enqueues a sync for each entry whose time has come, and records the outcome of
// every tick (R34). Many replicas may do so at once.
func (s *Scheduler) EnqueueDue(ctx context.Context) error {
	now := s.o.Now()
	for {
		taken, outcomes, err := s.o.Entries.EnqueueDue(ctx, now, dueAtOnce, func(e Entry) ([]Tick, time.Time) { return s.ticksOf(ctx, e, now) })
		if err != nil {
			return fmt.Errorf("enqueueing due syncs: %w", err)
		}
		for outcome, n := range outcomes {
			s.o.Observe.Ticks(string(outcome), n)
		}
		if taken < dueAtOnce {
			return nil
		}
	}
}

// ticksOf returns the entry's ticks. An entry that panics waits for the next load of the
// schedules, and the other entries go on (R58).
func (s *Scheduler) ticksOf(ctx context.Context, e Entry, now time.Time) (ticks []Tick, next time.Time) {
	err := s.loops.Survive(ctx, "ticks", func() error {
		ticks, next = e.ticks(now)
		return nil
	})
	if err != nil {
		return nil, now.Add(reloadEvery)
	}
	return ticks, next
}

// nobody is an Observer that ignores everything.
type nobody struct{}

func (nobody) Ticks(string, int)                    {}
func (nobody) SchedulesLoaded(int, int)             {}
func (nobody) Fresh(syncs.Type, int, time.Duration) {}
func (nobody) Clinics(map[ClinicState]int)          {}
