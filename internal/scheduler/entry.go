// Package scheduler runs schedules: it loads the entries of all clinics, enqueues a sync
// for each tick that is due, records the outcome of every tick, and compares the age of
// each clinic's data with what its schedule promises (R33, R34).
//
// Package cron works out when a cron expression fires. Package queue works on the syncs.
// The caller passes in the stores.
package scheduler

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/cron"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// How far back a missed tick is caught up (R34).
const (
	catchUp               = 6 * time.Hour
	catchUpReconciliation = 12 * time.Hour
)

// A Config is the schedule of one active clinic (R33).
type Config struct {
	ClinicID  uuid.UUID
	Timezone  string    // empty where unknown
	Document  []byte    // the specification's JSON array
	CreatedAt time.Time // the clinic
	ChangedAt time.Time // the schedules or the clinic, whichever was later
}

// An Entry is one running entry of a clinic's schedule. Key stands for everything that the
// entry says: a changed entry has another key.
type Entry struct {
	ClinicID uuid.UUID
	Key      string
	Type     syncs.Type
	Cron     string
	Timezone string
	Options  syncs.Options
	Next     time.Time     // the coming tick
	Jitter   time.Duration // by which its syncs are held back
}

// A Tick is one tick of an entry and its outcome. Each tick has exactly one outcome (R34).
type Tick struct {
	Due     time.Time
	Outcome Outcome
}

// Outcome is what happened to a tick.
type Outcome string

// The outcomes of a tick. Coalesced: a sync of its clinic and type was already queued.
// Missed: a later tick replaces it, or it is too old.
const (
	Enqueued  Outcome = "enqueued"
	Coalesced Outcome = "coalesced"
	Missed    Outcome = "missed"
)

// CheckEntry returns what is wrong with an entry of a schedule: its cron expression or its
// options (R4, R33). clinic.ParseSchedules takes it as a check.
func CheckEntry(e clinic.ScheduleEntry) error {
	_, err := cron.Parse(e.Cron)
	return errors.Join(err, e.Options.Check(e.Type))
}

// CatchUp returns how old the latest missed tick of an entry of this type may be, after an
// outage, to be enqueued still. An older tick is missed (R34).
func CatchUp(t syncs.Type) time.Duration {
	if t == syncs.TypeReconciliation {
		return catchUpReconciliation
	}
	return catchUp
}

// Jitter returns how long a clinic's ticks are delayed, so that thousands of clinics that
// are due at 06:00 do not all start at once. The delay is always the same for a clinic, on
// all replicas. It is spread evenly over clinics, from 0 to less than limit. A limit of 0
// or less means no delay.
func Jitter(clinicID [16]byte, limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	h := fnv.New64a()
	h.Write(clinicID[:])
	return time.Duration(h.Sum64() % uint64(limit)) //nolint:gosec // less than limit, so it fits
}

// Entries returns the entries of a clinic that run, with their first ticks after the last
// change of the schedule (R34), and what is wrong with the other entries.
func Entries(config Config, now time.Time, jitter time.Duration) ([]Entry, []clinic.ScheduleProblem) {
	return make(readSchedules).entries(config, now, jitter)
}

// readSchedules are schedules as they were read, by zone and document: most clinics of a
// zone have the same few.
type readSchedules map[[2]string]readSchedule

// A readSchedule has the entries that run, without what is the clinic's own, and what is
// wrong with the others.
type readSchedule struct {
	entries     []Entry
	expressions []cron.Expression
	zone        *time.Location
	problems    []clinic.ScheduleProblem
}

func (known readSchedules) entries(config Config, now time.Time, jitter time.Duration) ([]Entry, []clinic.ScheduleProblem) {
	place := [2]string{config.Timezone, string(config.Document)}
	schedule, ok := known[place]
	if !ok {
		schedule = readScheduleOf(config)
		known[place] = schedule
	}
	running := slices.Clone(schedule.entries)
	for i := range running {
		e := &running[i]
		since := config.ChangedAt
		if earliest := now.Add(-CatchUp(e.Type)); since.Before(earliest) {
			since = earliest
		}
		e.ClinicID, e.Jitter = config.ClinicID, Jitter(config.ClinicID, jitter)
		e.Next = schedule.expressions[i].Next(since, schedule.zone)
	}
	return running, schedule.problems
}

func readScheduleOf(config Config) (s readSchedule) {
	var err error
	if s.zone, err = clinic.LoadZone(config.Timezone); err != nil {
		s.problems = []clinic.ScheduleProblem{{Index: -1, Reason: "the clinic has no valid time zone"}}
		return s
	}
	var parsed []clinic.ScheduleEntry
	parsed, s.problems = clinic.ParseSchedules(config.Document, CheckEntry)
	twins := make(map[string]int)
	for _, e := range parsed {
		if !e.Enabled {
			continue
		}
		expression, err := cron.Parse(e.Cron)
		if err != nil {
			continue // CheckEntry has refused it
		}
		key := entryKey(config.Timezone, e)
		twins[key]++
		if n := twins[key]; n > 1 {
			key = fmt.Sprintf("%s-%d", key, n)
		}
		s.entries = append(s.entries, Entry{Key: key, Type: e.Type, Cron: e.Cron, Timezone: config.Timezone, Options: e.Options})
		s.expressions = append(s.expressions, expression)
	}
	return s
}

// entryKey returns a key for everything that an entry says and its zone. A changed entry
// has another key and no earlier ticks (R34).
func entryKey(timezone string, e clinic.ScheduleEntry) string {
	e.Index = 0
	said, err := json.Marshal(e)
	if err != nil {
		said = []byte(fmt.Sprint(e)) // not of these types
	}
	sum := sha256.Sum256(append([]byte(timezone+"\n"), said...))
	return hex.EncodeToString(sum[:12])
}

// ticks returns the ticks of the entry that have come, and the next one. The latest is
// caught up if it is not too old; the earlier ones are missed (R34).
func (e *Entry) ticks(now time.Time) (ticks []Tick, next time.Time) {
	expression, err := cron.Parse(e.Cron)
	if err != nil {
		return nil, now.Add(reloadEvery) // the next load ends it
	}
	loc, err := clinic.LoadZone(e.Timezone)
	if err != nil {
		return nil, now.Add(reloadEvery)
	}
	next = e.Next
	for !next.Add(e.Jitter).After(now) {
		ticks = append(ticks, Tick{Due: next, Outcome: Missed})
		next = expression.Next(next, loc)
	}
	if n := len(ticks); n > 0 && now.Sub(ticks[n-1].Due) <= CatchUp(e.Type) {
		ticks[n-1].Outcome = Enqueued
	}
	return ticks, next
}
