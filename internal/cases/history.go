package cases

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// An Event is one change of a case, whoever made it (R14).
type Event struct {
	ID     int64
	CaseID uuid.UUID
	At     time.Time
	Actor  string // "sync:<id>", "key:<id>", "os:<user>" or "person"
	Action string // "created", "changed" or "removed"
	Field  string // a column, or "metadata.<key>"; empty unless changed
	Before []byte // JSON; nil: null or absent
	After  []byte
}

// A Restoration is the outcome of the restore of one case (R24).
type Restoration struct {
	CaseID  uuid.UUID
	Outcome RestoreOutcome
	Changes []Event // what was changed since the delete, where the restore was refused
}

// Refusal returns a *Failure with CodeAlreadyDecided where the restore was refused. Its
// text says what was changed since the delete. Otherwise Refusal returns nil.
func (r *Restoration) Refusal() error {
	if r.Outcome != RestoreRefused {
		return nil
	}
	var changes []string
	for i := range r.Changes {
		e := &r.Changes[i]
		field := e.Field
		if word, ok := fieldWords[field]; ok {
			field = word
		}
		changes = append(changes, fmt.Sprintf("%s (by %s at %s)", field, e.Who(), e.At.UTC().Format(time.RFC3339)))
	}
	return syncs.Fail(syncs.CodeAlreadyDecided, "the case was changed since it was soft-deleted and stays as it is: %s; the operations guide tells how to undo the deletion by hand, under \"Cases were deleted wrongly\"",
		strings.Join(changes, ", "))
}

// WhyNot returns why the restore of one case restored nothing: it was refused, or the clinic
// has no such case. It returns nil where the case is restored, or was not soft-deleted.
func WhyNot(ofOne []Restoration) error {
	if len(ofOne) == 0 {
		return syncs.Fail(syncs.CodeNotFound, "the clinic has no such case")
	}
	return ofOne[0].Refusal()
}

// ByOutcome returns the cases of a restore by what came of each.
func ByOutcome(restorations []Restoration) map[RestoreOutcome][]uuid.UUID {
	cases := make(map[RestoreOutcome][]uuid.UUID)
	for i := range restorations {
		r := &restorations[i]
		cases[r.Outcome] = append(cases[r.Outcome], r.CaseID)
	}
	return cases
}

// RestoreOutcome is the outcome of the restore of one case.
type RestoreOutcome string

// The outcomes of a restore. Unchanged means that the case was not soft-deleted.
const (
	RestoreDone      RestoreOutcome = "restored"
	RestoreUnchanged RestoreOutcome = "unchanged"
	RestoreRefused   RestoreOutcome = "refused"
)

// fieldWords are the names of a case's columns for people.
var fieldWords = map[string]string{
	"pims_id":        "appointment id",
	"patient_name":   "patient",
	"client_name":    "client",
	"phone_number":   "phone number",
	"scheduled_date": "date",
	"status":         "status",
	"sync_status":    "status as the sync last wrote it",
	"case_type":      "type",

	"metadata.reconciliation": "mark of the soft delete",
	"metadata.consultation":   "medical notes",
	"metadata.appointment":    "details of the appointment",
	"metadata.sync":           "mark of the clinic's filter",
}

// noteWords are the names of a consultation's fields for people, in the order in which they
// are shown.
var noteWords = []struct{ field, word string }{
	{"soapNotes.subjective", "subjective"},
	{"soapNotes.objective", "objective"},
	{"soapNotes.assessment", "assessment"},
	{"soapNotes.plan", "plan"},
	{"notes", "notes"},
	{"vitals.temperature", "temperature"},
	{"vitals.pulse", "pulse"},
	{"vitals.respiration", "respiration"},
	{"vitals.weight", "weight"},
	{"diagnoses", "diagnoses"},
	{"dischargeInstructions", "discharge instructions"},
}

// WithoutEchoes leaves out the events that repeat another: an event of sync_status where
// the same change set the status to the same value (R10).
func WithoutEchoes(events []Event) []Event {
	type change struct {
		caseID uuid.UUID
		at     int64
		actor  string
		after  string
	}
	of := func(e *Event) change { return change{e.CaseID, e.At.UnixNano(), e.Actor, string(e.After)} }
	set := make(map[change]bool)
	for i := range events {
		if events[i].Field == "status" {
			set[of(&events[i])] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(events), func(e Event) bool { return e.Field == "sync_status" && set[of(&e)] })
}

// DeletionsFirst puts the events of soft-deleted cases before the others and keeps the
// order within each group.
func DeletionsFirst(events []Event) []Event {
	deleted := make(map[uuid.UUID]bool)
	for i := range events {
		if e := &events[i]; e.Deletes() {
			deleted[e.CaseID] = true
		}
	}
	sorted := slices.Clone(events)
	slices.SortStableFunc(sorted, func(a, b Event) int { return last(!deleted[a.CaseID]) - last(!deleted[b.CaseID]) })
	return sorted
}

// Deletes reports whether the event soft-deletes its case.
func (e *Event) Deletes() bool { return e.Field == "metadata.reconciliation" && deletes(e.After) }

// last returns the place of an item in a list of two groups.
func last(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func deletes(reconciliation []byte) bool {
	var mark struct {
		SoftDeleted bool `json:"softDeleted"`
	}
	return json.Unmarshal(reconciliation, &mark) == nil && mark.SoftDeleted
}

// Tell describes in plain words what an event changed, one sentence for each change, with
// dates in the clinic's zone.
func (e *Event) Tell(loc *time.Location) []string {
	switch e.Action {
	case "created":
		return []string{"the case was created"}
	case "removed":
		return []string{"the case was removed from the database"}
	}
	key, owned := strings.CutPrefix(e.Field, "metadata.")
	if !owned {
		word := e.Field
		if known, ok := fieldWords[e.Field]; ok {
			word = known
		}
		return []string{changed(word, said(e.Before, loc), said(e.After, loc))}
	}
	if key == "reconciliation" {
		return []string{tellReconciliation(e.Before, e.After)}
	}
	before, after := flat(e.Before), flat(e.After)
	if was, is := filterOf(before), filterOf(after); key == "sync" && was != is {
		return []string{tellFilter(is)}
	}
	if key == "consultation" && len(before) > 0 && !sameOwner(before, after) {
		return []string{tellOtherNotes(before, after)}
	}
	if len(before) == 0 && len(after) > 0 {
		if key == "consultation" {
			return []string{tellNotes(after)}
		}
		names := slices.Sorted(maps.Keys(after))
		for i := range names {
			names[i] = syncs.FieldName(names[i])
		}
		return []string{key + " added: " + strings.Join(names, ", ")}
	}
	var sentences []string
	for _, name := range slices.Sorted(maps.Keys(merged(before, after))) {
		if name != "fetchedAt" && string(before[name]) != string(after[name]) {
			sentences = append(sentences, changed(key+" "+noteWord(name), said(before[name], loc), said(after[name], loc)))
		}
	}
	if len(sentences) == 0 {
		return []string{key + " was read again"}
	}
	return sentences
}

// tellNotes names the notes that the first consultation of a case brought.
func tellNotes(consultation map[string]json.RawMessage) string {
	brought := noteNames(consultation)
	if brought == "" {
		return "consultation found, without notes"
	}
	return "medical notes added (" + brought + ")"
}

// noteNames returns the names of the notes that a consultation holds.
func noteNames(consultation map[string]json.RawMessage) string {
	var names []string
	for _, w := range noteWords {
		if text := said(consultation[w.field], nil); text != "" && text != "[]" {
			names = append(names, w.word)
		}
	}
	return strings.Join(names, ", ")
}

// sameOwner reports whether two states of metadata.consultation are of one consultation and
// one patient (R7).
func sameOwner(before, after map[string]json.RawMessage) bool {
	text := func(of map[string]json.RawMessage, field string) string { return said(of[field], nil) }
	return len(after) > 0 && text(before, "id") == text(after, "id") && !Differ(text(before, "patientId"), text(after, "patientId"))
}

// tellOtherNotes says that a case's consultation was hidden or replaced by another one. It
// does not show the notes: they belong to another patient or visit.
func tellOtherNotes(before, after map[string]json.RawMessage) string {
	was := cmp.Or(noteNames(before), "no notes")
	if len(after) == 0 {
		return fmt.Sprintf("medical notes hidden (%s): %s is not shown to be this visit's and patient's any more", was, owner(before))
	}
	return fmt.Sprintf("medical notes replaced: %s (%s) by %s (%s)", owner(before), was, owner(after), cmp.Or(noteNames(after), "no notes"))
}

// owner names a consultation, and its patient where known.
func owner(consultation map[string]json.RawMessage) string {
	text := "consultation " + cmp.Or(said(consultation["id"], nil), "without an id")
	if patient := said(consultation["patientId"], nil); patient != "" {
		text += " of patient " + patient
	}
	return text
}

func noteWord(field string) string {
	for _, w := range noteWords {
		if w.field == field {
			return w.word
		}
	}
	return syncs.FieldName(field)
}

func tellReconciliation(before, after []byte) string {
	deletion := flat(after)
	if string(deletion["softDeleted"]) == "true" {
		return "soft-deleted: " + said(deletion["reason"], nil)
	}
	if string(flat(before)["softDeleted"]) == "true" {
		return "the soft delete was undone"
	}
	return "the reconciliation note changed"
}

// filterOf returns the filter that metadata.sync names, or the zero Cause.
func filterOf(sync map[string]json.RawMessage) settings.Cause {
	return settings.Cause{By: said(sync["filtered.by"], nil), Word: said(sync["filtered.word"], nil)}
}

// tellFilter says that a case's appointment meets a filter of the clinic, or no longer
// meets one (R50).
func tellFilter(is settings.Cause) string {
	if is == (settings.Cause{}) {
		return "no filter of the clinic applies to the appointment any more"
	}
	return "the clinic's filter on " + is.Told() + " applies to the appointment; such appointments become no new cases, and this case stays"
}

// changed describes one change in a sentence.
func changed(what, before, after string) string {
	switch {
	case before == "":
		return fmt.Sprintf("%s set to %s", what, after)
	case after == "":
		return fmt.Sprintf("%s removed, it was %s", what, before)
	default:
		return fmt.Sprintf("%s changed from %s to %s", what, before, after)
	}
}

// said formats a JSON value for people: a text as it is, a time in the zone.
func said(value []byte, loc *time.Location) string {
	var text string
	if len(value) == 0 || string(value) == "null" {
		return ""
	}
	if json.Unmarshal(value, &text) != nil {
		return string(value)
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil && loc != nil {
		return t.In(loc).Format("2006-01-02 15:04 MST")
	}
	if t, err := time.Parse("2006-01-02T15:04:05", text); err == nil {
		return t.Format("2006-01-02 15:04") // a PIMS's wall clock
	}
	return strings.Join(strings.Fields(text), " ") // on one line
}

// flat returns a JSON object with the fields of its inner objects at the top:
// {"soapNotes":{"plan":…}} has "soapNotes.plan".
func flat(document []byte) map[string]json.RawMessage {
	fields := make(map[string]json.RawMessage)
	var flatten func(prefix string, document []byte)
	flatten = func(prefix string, document []byte) {
		var object map[string]json.RawMessage
		if json.Unmarshal(document, &object) != nil {
			if prefix != "" {
				fields[strings.TrimSuffix(prefix, ".")] = document
			}
			return
		}
		for name, value := range object {
			flatten(prefix+name+".", value)
		}
	}
	flatten("", document)
	return fields
}

func merged(a, b map[string]json.RawMessage) map[string]json.RawMessage {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// Who returns in plain words who made a change.
func (e *Event) Who() string { return syncs.Who(e.Actor) }
