// Package scheduler makes schedules run: it loads the entries of all clinics, enqueues a
// sync for each tick that is due, writes down what became of every tick, and says how
// fresh each clinic's data is beside what its schedule promises (R33, R34).
//
// When a cron expression fires is package cron's to say; who works on a sync, package
// queue's. Stores are handed in.
package scheduler

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
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

// A Config is what one active clinic is to run (R33).
type Config struct {
	ClinicID  uuid.UUID
	Timezone  string    // empty where nobody said
	Document  []byte    // the specification's JSON array
	CreatedAt time.Time // the clinic
	ChangedAt time.Time // the schedules or the clinic, whichever was later
}

// An Entry is one entry of a clinic's schedule as it runs. Key stands for everything
// that the entry says: an entry that was changed has another.
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

// A Tick is one tick of an entry and what became of it: each has exactly one
// outcome (R34).
type Tick struct {
	Due     time.Time
	Outcome Outcome
}

// Outcome says what became of a tick.
type Outcome string

// The outcomes of a tick. Coalesced: a sync of its clinic and type was queued
// already. Missed: a later tick stands for it, or it is too long ago.
const (
	Enqueued  Outcome = "enqueued"
	Coalesced Outcome = "coalesced"
	Missed    Outcome = "missed"
)

// CheckEntry tells what is wrong with an entry of a schedule: its cron expression, or
// its options (R4, R33). It is a check for clinic.ParseSchedules.
func CheckEntry(e clinic.ScheduleEntry) error {
	_, err := cron.Parse(e.Cron)
	return errors.Join(err, e.Options.Check(e.Type))
}

// CatchUp is how far back, after an outage, the latest missed tick of an entry of
// this type is still enqueued; an older one is missed (R34).
func CatchUp(t syncs.Type) time.Duration {
	if t == syncs.TypeReconciliation {
		return catchUpReconciliation
	}
	return catchUp
}

// Jitter is how long a clinic's ticks are held back, so that thousands of clinics
// that are due at 06:00 do not all start at once: the same for a clinic at all times
// and on all replicas, spread evenly over clinics, from 0 to less than limit. A limit
// of 0 or less means none.
func Jitter(clinicID [16]byte, limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	h := fnv.New64a()
	h.Write(clinicID[:])
	return time.Duration(h.Sum64() % uint64(limit)) //nolint:gosec // less than limit, so it fits
}

// Entries are the entries of a clinic that run, with their coming ticks after the
// last change of the schedule (R34), and what is wrong with the others.
func Entries(config Config, now time.Time, jitter time.Duration) ([]Entry, []clinic.ScheduleProblem) {
	loc, err := clinic.LoadZone(config.Timezone)
	if err != nil {
		return nil, []clinic.ScheduleProblem{{Index: -1, Reason: "the clinic has no valid time zone"}}
	}
	parsed, problems := clinic.ParseSchedules(config.Document, CheckEntry)
	var running []Entry
	twins := make(map[string]int)
	for _, e := range parsed {
		if !e.Enabled {
			continue
		}
		expression, err := cron.Parse(e.Cron)
		if err != nil {
			continue // CheckEntry has refused it
		}
		kind := e.Type
		since := config.ChangedAt
		if earliest := now.Add(-CatchUp(kind)); since.Before(earliest) {
			since = earliest
		}
		key := entryKey(config.Timezone, e)
		twins[key]++
		if n := twins[key]; n > 1 {
			key = fmt.Sprintf("%s-%d", key, n)
		}
		running = append(running, Entry{
			ClinicID: config.ClinicID,
			Key:      key,
			Type:     kind,
			Cron:     e.Cron,
			Timezone: config.Timezone,
			Options:  e.Options,
			Next:     expression.Next(since, loc),
			Jitter:   Jitter(config.ClinicID, jitter),
		})
	}
	return running, problems
}

// entryKey stands for everything that an entry says, and its zone: what was
// changed is another entry, whose earlier ticks are none (R34).
func entryKey(timezone string, e clinic.ScheduleEntry) string {
	e.Index = 0
	said, err := json.Marshal(e)
	if err != nil {
		said = []byte(fmt.Sprint(e)) // not of these types
	}
	sum := sha256.Sum256(append([]byte(timezone+"\n"), said...))
	return hex.EncodeToString(sum[:12])
}

// ticks are the ticks of the entry that have come, and the one that comes next: the
// latest is caught up if it is not too long ago, the others it stands for (R34).
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
