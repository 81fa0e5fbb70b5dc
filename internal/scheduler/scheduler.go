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
	// SchedulesOf reads the schedules of those of the clinics that are active.
	SchedulesOf(ctx context.Context, clinicIDs []uuid.UUID) ([]Config, error)

	// Conditions reads what is known of the clinics at a moment, without what their
	// schedules expect: of all clinics, ordered by name, or of the named one.
	Conditions(ctx context.Context, clinicID uuid.UUID, at time.Time) ([]Condition, error)

	// ConditionsOf is Conditions of some clinics, in any order, without what was unusual and
	// what runs.
	ConditionsOf(ctx context.Context, clinicIDs []uuid.UUID, at time.Time) ([]Condition, error)

	// Changed lists the clinics whose rows say that something changed after a moment, and
	// those that sync now.
	Changed(ctx context.Context, since time.Time) ([]uuid.UUID, error)

	// ClinicsAfter lists up to limit clinics whose ids come after another, in their order.
	ClinicsAfter(ctx context.Context, after uuid.UUID, limit int) ([]uuid.UUID, error)
}

// EntryStore keeps the running entries of all schedules, and the outcomes of their ticks.
type EntryStore interface {
	// ReplaceOf makes these the entries of some clinics that run. New entries begin with
	// their Next, entries that already run keep theirs, and all other entries of these
	// clinics end. Those of other clinics stay.
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

	roster *roster

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
	s := &Scheduler{o: o, log: log, loops: panics.Loops{Log: log}, problems: make(map[uuid.UUID]string), loaded: make(map[uuid.UUID]loaded)}
	s.roster = &roster{clinics: o.Clinics, report: s.reportConditions(context.Background()), members: make(map[uuid.UUID]member)}
	return s
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

// Load replaces the running schedules with those in clinic_schedule_configs, some clinics at
// a time. A bad entry does not run and is reported. What is not loaded goes on as before
// (R33).
func (s *Scheduler) Load(ctx context.Context) error {
	counts := make(map[uuid.UUID]loaded)
	for after := uuid.Nil; ; {
		clinicIDs, err := s.o.Clinics.ClinicsAfter(ctx, after, readAtOnce)
		if err != nil {
			return fmt.Errorf("reading the clinics: %w", err)
		}
		if len(clinicIDs) == 0 {
			break
		}
		of, err := s.loadOf(ctx, clinicIDs)
		if err != nil {
			return err
		}
		maps.Copy(counts, of)
		after = clinicIDs[len(clinicIDs)-1]
	}
	s.mu.Lock()
	s.loaded = counts
	s.mu.Unlock()
	s.observeLoaded()
	return nil
}

// load is Load for some clinics; none: for all.
func (s *Scheduler) load(ctx context.Context, clinicIDs []uuid.UUID) error {
	if len(clinicIDs) == 0 {
		return s.Load(ctx)
	}
	of, err := s.loadOf(ctx, clinicIDs)
	if err != nil {
		return err
	}
	s.mu.Lock()
	for _, id := range clinicIDs {
		delete(s.loaded, id)
	}
	maps.Copy(s.loaded, of)
	s.mu.Unlock()
	s.observeLoaded()
	return nil
}

// loadOf replaces the running schedules of some clinics, and returns how many entries of
// each there are.
func (s *Scheduler) loadOf(ctx context.Context, clinicIDs []uuid.UUID) (map[uuid.UUID]loaded, error) {
	configs, err := s.o.Clinics.SchedulesOf(ctx, clinicIDs)
	if err != nil {
		return nil, fmt.Errorf("reading the schedules: %w", err)
	}
	now, known := s.o.Now(), make(readSchedules)
	var running []Entry
	counts := make(map[uuid.UUID]loaded, len(configs))
	for _, config := range configs {
		entries, problems := s.entries(ctx, config, known, now)
		running = append(running, entries...)
		counts[config.ClinicID] = loaded{len(entries), len(problems)}
		s.reportProblems(ctx, config.ClinicID, problems)
	}
	if err := s.o.Entries.ReplaceOf(ctx, clinicIDs, running); err != nil {
		return nil, fmt.Errorf("storing the schedules: %w", err)
	}
	return counts, nil
}

// observeLoaded tells the observer how many entries there are.
func (s *Scheduler) observeLoaded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var total loaded
	for _, n := range s.loaded {
		total.running += n.running
		total.bad += n.bad
	}
	s.o.Observe.SchedulesLoaded(total.running, total.bad)
}

// entries returns a clinic's Entries. Where they panic, the clinic has none, and the other
// clinics go on (R58).
func (s *Scheduler) entries(ctx context.Context, config Config, known readSchedules, now time.Time) (running []Entry, problems []clinic.ScheduleProblem) {
	err := s.loops.Survive(ctx, "schedules", func() error {
		running, problems = known.entries(config, now, s.o.Jitter)
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
	s.loops.Try(ctx, "ticks", tickEvery, slog.LevelError, "Due syncs not enqueued; the next second tries again", func() error {
		return s.EnqueueDue(ctx)
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
