package clinic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A ScheduleEntry is one entry of clinic_schedule_configs.sync_schedules.
// W12.
type ScheduleEntry struct {
	Index   int // its place in the array, from 0
	Type    syncs.Type
	Cron    string // five fields, one space between them
	Enabled bool   // where not said: true
	Options syncs.Options
}

// A ScheduleProblem says why an entry is left out (R33).
type ScheduleProblem struct {
	Index  int    // the entry's place in the array, from 0; -1: the array itself
	Reason string // fit for an operator
}

// DefaultSchedules returns what `clinic add` stores: the specification's three entries, as
// JSON. W12; R33.
func DefaultSchedules() []byte {
	return []byte(`[
  {
    "type": "inbound",
    "cron": "0 6 * * *",
    "enabled": true,
    "options": {
      "daysAhead": 7
    }
  },
  {
    "type": "cases",
    "cron": "0 8,14,20 * * *",
    "enabled": true,
    "options": {
      "parallelBatchSize": 5
    }
  },
  {
    "type": "reconciliation",
    "cron": "0 2 * * *",
    "enabled": true,
    "options": {
      "lookbackDays": 7
    }
  }
]
`)
}

// ParseSchedules reads a clinic's schedules. An entry with any mistake is left out and
// reported; the others count (R33).
//
// ParseSchedules itself reads only the form. check decides which options and cron fields
// are allowed: package syncs knows the limits (R4), package cron the expressions (R34). The
// error of check becomes the entry's problem. A nil check allows everything.
func ParseSchedules(document []byte, check func(ScheduleEntry) error) (entries []ScheduleEntry, problems []ScheduleProblem) {
	var array []json.RawMessage
	if json.Unmarshal(document, &array) != nil {
		return nil, []ScheduleProblem{{Index: -1, Reason: "the schedules are not a JSON array of entries"}}
	}
	for i, raw := range array {
		entry, err := parseEntry(raw)
		entry.Index = i
		if err == nil && check != nil {
			err = check(entry)
		}
		if err != nil {
			problems = append(problems, ScheduleProblem{Index: i, Reason: err.Error()})
			continue
		}
		entries = append(entries, entry)
	}
	return entries, problems
}

func parseEntry(raw json.RawMessage) (ScheduleEntry, error) {
	fields, err := readObject("the entry", raw)
	if err != nil {
		return ScheduleEntry{}, err
	}
	entry := ScheduleEntry{Enabled: true}
	var options json.RawMessage
	fields.read("type", "a text", &entry.Type)
	fields.read("cron", "a text", &entry.Cron)
	fields.read("enabled", "true or false", &entry.Enabled)
	fields.read("options", "an object", &options)
	if err := fields.done(); err != nil {
		return ScheduleEntry{}, err
	}
	if !slices.Contains(syncs.Types(), entry.Type) {
		return ScheduleEntry{}, fmt.Errorf("type %q is none of inbound, cases, reconciliation, full", entry.Type)
	}
	cron := strings.Fields(entry.Cron)
	if len(cron) != 5 {
		return ScheduleEntry{}, fmt.Errorf("cron %q has %d fields; it needs five: minute, hour, day of month, month, day of week", entry.Cron, len(cron))
	}
	entry.Cron = strings.Join(cron, " ")
	if options != nil {
		entry.Options, err = parseScheduleOptions(options)
	}
	return entry, err
}

func parseScheduleOptions(raw json.RawMessage) (syncs.Options, error) {
	fields, err := readObject("options", raw)
	if err != nil {
		return syncs.Options{}, err
	}
	const number, flag = "a whole number", "true or false"
	var o syncs.Options
	fields.readDate("startDate", &o.StartDate)
	fields.readDate("endDate", &o.EndDate)
	fields.read("daysAhead", number, &o.DaysAhead)
	fields.read("lookbackDays", number, &o.LookbackDays)
	fields.read("lookaheadDays", number, &o.LookaheadDays)
	fields.read("parallelBatchSize", number, &o.ParallelBatchSize)
	fields.read("force", flag, &o.Force)
	fields.read("dryRun", flag, &o.DryRun)
	fields.read("record", flag, &o.Record)
	return o, fields.done()
}

// jsonFields are the fields of one JSON object that have not been read yet. Names are
// compared exactly, which package encoding/json does not do.
type jsonFields struct {
	owner  string
	values map[string]json.RawMessage
	err    error // the first
}

// readObject splits an object into its fields. A field that occurs twice is an error,
// because it is unknown which one was meant.
func readObject(owner string, raw json.RawMessage) (*jsonFields, error) {
	fields := &jsonFields{owner: owner, values: map[string]json.RawMessage{}}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil, fmt.Errorf("%s is not an object", owner)
	}
	for decoder.More() {
		token, err := decoder.Token()
		name, isName := token.(string)
		var value json.RawMessage
		if err != nil || !isName || decoder.Decode(&value) != nil {
			return nil, fmt.Errorf("%s is not an object", owner)
		}
		if _, doubled := fields.values[name]; doubled {
			return nil, fmt.Errorf("%s has the field %q twice", owner, name)
		}
		fields.values[name] = value
	}
	return fields, nil
}

// read takes one field. Where it is absent or null, the target stays as it is.
func (f *jsonFields) read(name, want string, target any) {
	value, ok := f.values[name]
	delete(f.values, name)
	if !ok || string(value) == "null" {
		return
	}
	if json.Unmarshal(value, target) != nil {
		f.fail(fmt.Errorf("%s is not %s", name, want))
	}
}

func (f *jsonFields) readDate(name string, target **pims.Date) {
	var text *string
	f.read(name, "a text", &text)
	if text == nil {
		return
	}
	date, err := pims.ParseDate(*text)
	if err != nil {
		f.fail(fmt.Errorf("%s is %w", name, err))
		return
	}
	*target = &date
}

func (f *jsonFields) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

// done returns the first mistake. A field that nobody read is unknown and so a mistake: it
// may be a misspelled field that matters.
func (f *jsonFields) done() error {
	if f.err == nil && len(f.values) > 0 {
		unknown := slices.Sorted(maps.Keys(f.values))
		f.err = errors.New(f.owner + " has an unknown field: " + strings.Join(unknown, ", "))
	}
	return f.err
}
