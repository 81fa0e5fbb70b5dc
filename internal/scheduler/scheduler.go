package scheduler

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

const (
	reloadEvery = 5 * time.Minute // W14
	tickEvery   = time.Second
	dueAtOnce   = 1000
)

// ClinicStore is what a Scheduler reads of the clinics. All methods cross clinics (R41).
type ClinicStore interface {
	// AllSchedules reads the schedules of all active clinics.
	AllSchedules(ctx context.Context) ([]Config, error)

	// Conditions reads what is known of the clinics at a moment, without what their
	// schedules expect: of all clinics, ordered by name, or of the named one.
	Conditions(ctx context.Context, clinicID uuid.UUID, at time.Time) ([]Condition, error)
}

// EntryStore keeps the running entries of all schedules, and the outcomes of their ticks.
type EntryStore interface {
	// Replace makes these the entries that run. New entries begin with their Next, entries
	// that already run keep theirs, and all other entries end.
	Replace(ctx context.Context, entries []Entry) error

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

	// Changed returns a channel that receives changes of the schedules until unsubscribe is
	// called.
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
}

// New makes a Scheduler. It does nothing by itself until Begin.
func New(o Options) *Scheduler {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = nobody{}
	}
	log := o.Logger.With("namespace", "pims-sync:scheduler")
	return &Scheduler{o: o, log: log, loops: panics.Loops{Log: log}, problems: make(map[uuid.UUID]string)}
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

// keepLoaded loads the schedules at the start, every five minutes, and at once after they
// were changed (R33).
func (s *Scheduler) keepLoaded(ctx context.Context) {
	changed, unsubscribe := s.o.Changed()
	defer unsubscribe()
	ticker := time.NewTicker(reloadEvery)
	defer ticker.Stop()
	for {
		if err := s.Load(ctx); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "Schedules not loaded; what ran goes on", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-ticker.C:
		}
	}
}

// Load replaces the running schedules with those in clinic_schedule_configs. A bad entry
// does not run and is reported. A failed load changes nothing (R33).
func (s *Scheduler) Load(ctx context.Context) error {
	configs, err := s.o.Clinics.AllSchedules(ctx)
	if err != nil {
		return fmt.Errorf("reading the schedules: %w", err)
	}
	now := s.o.Now()
	var running []Entry
	bad := 0
	for _, config := range configs {
		entries, problems := s.entries(ctx, config, now)
		running = append(running, entries...)
		bad += len(problems)
		s.reportProblems(ctx, config.ClinicID, problems)
	}
	s.o.Observe.SchedulesLoaded(len(running), bad)
	if err := s.o.Entries.Replace(ctx, running); err != nil {
		return fmt.Errorf("storing the schedules: %w", err)
	}
	return nil
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
