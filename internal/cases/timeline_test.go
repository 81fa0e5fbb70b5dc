package cases

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A life is a case whose history a test writes: each hour one change.
type life struct {
	t        *testing.T
	timeline Timeline
	now      time.Time
	metadata map[string]json.RawMessage
}

func newLife(t *testing.T) *life {
	t.Helper()
	l := &life{t: t, now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), metadata: make(map[string]json.RawMessage)}
	l.timeline.Record = Record{ID: uuid.New(), Status: "draft", CaseType: "checkup", CreatedAt: l.now, PatientName: new("Pip"), ClientName: new("Mara Thistle")}
	l.add(Event{Action: createdAction})
	l.set("appointment", `{"id":"7","patientId":"p1"}`)
	return l
}

// hour returns the moment so many hours after the creation.
func (l *life) hour(n int) time.Time {
	return l.timeline.Record.CreatedAt.Add(time.Duration(n) * time.Hour)
}

func (l *life) pass() { l.now = l.now.Add(time.Hour) }

func (l *life) add(e Event) {
	e.ID, e.CaseID, e.At, e.Actor = int64(len(l.timeline.Events)+1), l.timeline.Record.ID, l.now, "person"
	l.timeline.Events = append(l.timeline.Events, e)
	l.timeline.Record.UpdatedAt = l.now
}

// set changes a key of the metadata; an empty document removes it.
func (l *life) set(key, document string) {
	l.add(Event{Action: changedAction, Field: "metadata." + key, Before: l.metadata[key], After: []byte(document)})
	delete(l.metadata, key)
	if document != "" {
		l.metadata[key] = json.RawMessage(document)
	}
	var err error
	l.timeline.Record.Metadata, err = json.Marshal(l.metadata)
	require.NoError(l.t, err)
}

func (l *life) rename(name string) {
	quoted := func(s string) []byte { return fmt.Appendf(nil, "%q", s) }
	l.add(Event{Action: changedAction, Field: "patient_name", Before: quoted(*l.timeline.Record.PatientName), After: quoted(name)})
	l.timeline.Record.PatientName = &name
}

func (l *life) at(n int) Moment {
	l.t.Helper()
	was, err := l.timeline.At(l.hour(n))
	require.NoError(l.t, err)
	return was
}

func notesOf(id, patient, plan string) string {
	return fmt.Sprintf(`{"id":%q,"patientId":%q,"soapNotes":{"plan":%q}}`, id, patient, plan)
}

func TestACaseIsShownAsItWasAtAMoment(t *testing.T) { // R14
	t.Parallel()
	l := newLife(t)
	l.pass()
	l.add(Event{Action: changedAction, Field: "scheduled_date", Before: []byte("null"), After: []byte(`"2026-03-05T09:30:00+00:00"`)})
	l.timeline.Record.ScheduledDate = new(time.Date(2026, 3, 5, 9, 30, 0, 0, time.UTC))
	l.pass()
	l.set("consultation", notesOf("c1", "p1", "Rest"))
	l.pass()
	l.set("reconciliation", `{"softDeleted":true,"reason":"gone","deletedAt":"2026-03-02T11:00:00Z"}`)
	l.add(Event{Action: changedAction, Field: "status", Before: []byte(`"draft"`), After: []byte(`"reviewed"`)})
	l.timeline.Record.Status, l.timeline.Record.SoftDeleted = "reviewed", true
	l.pass()
	l.set("reconciliation", "")
	l.timeline.Record.SoftDeleted = false

	require.Nil(t, l.at(0).ScheduledDate)
	require.JSONEq(t, `{"appointment":{"id":"7","patientId":"p1"}}`, string(l.at(1).Metadata))
	require.Equal(t, "2026-03-05T09:30:00Z", l.at(1).ScheduledDate.UTC().Format(time.RFC3339))
	require.Contains(t, string(l.at(2).Metadata), "Rest")
	require.Equal(t, "draft", l.at(2).Status)
	deleted := l.at(3)
	require.True(t, deleted.SoftDeleted)
	require.Equal(t, "gone", deleted.DeletedReason)
	require.Equal(t, l.hour(3), deleted.DeletedAt)
	require.Equal(t, "reviewed", deleted.Status)
	now := l.at(4)
	require.False(t, now.SoftDeleted)
	require.Equal(t, *l.timeline.Record.PatientName, *now.PatientName)
	require.Equal(t, now.Record, l.at(99).Record, "it stays so")
}

func TestNoMomentIsInventedThatTheHistoryDoesNotReach(t *testing.T) { // R14
	t.Parallel()
	l := newLife(t)
	l.pass()
	l.rename("Rex")
	_, err := l.timeline.At(l.hour(-1))
	require.ErrorContains(t, err, "did not exist at that time; it was created at 2026-03-02T08:00:00Z")

	l.timeline.Events = l.timeline.Events[2:] // what is older was forgotten (EVENT_RETENTION)
	_, err = l.timeline.At(l.hour(0))
	require.ErrorContains(t, err, "does not reach back to that time; it begins at 2026-03-02T09:00:00Z")
	var failure *syncs.Failure
	require.ErrorAs(t, err, &failure)
	require.Equal(t, syncs.CodeNotFound, failure.Code)
	require.Equal(t, "Rex", *l.at(1).PatientName)

	l.timeline.Events = nil
	_, err = l.timeline.At(l.hour(0))
	require.Error(t, err)
	require.Equal(t, "Rex", *l.at(1).PatientName)
	_, err = l.timeline.Between(l.hour(0), l.hour(1))
	require.Error(t, err)

	l.timeline.Events = []Event{{Action: createdAction, At: l.hour(0)}, {Action: changedAction, Field: "colour", At: l.hour(1)}}
	_, err = l.timeline.At(l.hour(0))
	require.ErrorContains(t, err, `"colour"`)
}

// The history shows milliseconds, the database has microseconds. A caller who asks for the
// moment of an event, as the history shows it, gets the case with it.
func TestTheMomentOfAnEventHasTheEvent(t *testing.T) { // R14
	t.Parallel()
	l := newLife(t)
	l.now = l.now.Add(456 * time.Microsecond)
	l.timeline.Record.CreatedAt, l.timeline.Events[0].At, l.timeline.Events[1].At = l.now, l.now, l.now
	l.pass()
	l.rename("Rex")
	created, renamed := l.hour(0).Truncate(time.Millisecond), l.hour(1).Truncate(time.Millisecond)
	name := func(at time.Time) string {
		was, err := l.timeline.At(at)
		require.NoError(t, err)
		return *was.PatientName
	}
	require.Equal(t, "Pip", name(created))
	require.Equal(t, "Rex", name(renamed))
	changes, err := l.timeline.Between(created, renamed)
	require.NoError(t, err)
	require.Len(t, changes, 1)
	changes, err = l.timeline.Between(renamed, renamed.Add(time.Hour))
	require.NoError(t, err)
	require.Empty(t, changes)

	l.timeline.Record.CreatedAt = l.timeline.Record.CreatedAt.Add(time.Second) // the replica's clock is ahead
	require.Equal(t, "Pip", name(created))
}

func TestAMomentShowsNoNotesOfAnotherPatient(t *testing.T) { // R7
	t.Parallel()
	for name, test := range map[string]struct {
		happens  func(l *life) // from hour 2 on, after the notes came in hour 1
		withheld []int         // at which hours
		shown    []int
	}{
		"corrected patient": { // the notes were Pip's while the case was Pip's
			happens: func(l *life) {
				l.rename("Rex")
				l.set("appointment", `{"id":"7","patientId":"p2"}`)
				l.set("consultation", "")
			},
			shown: []int{1},
		},
		"kept under the new name, and cleared later": {
			happens: func(l *life) {
				l.rename("Rex")
				l.set("appointment", `{"id":"7","patientId":"p2"}`)
				l.pass()
				l.set("consultation", "")
			},
			shown: []int{1}, withheld: []int{2},
		},
		"the patient is uncertain, and cleared later": {
			happens: func(l *life) {
				l.set("consultation", `{"id":"c1","soapNotes":{"plan":"Rest"}}`) // an old version stored no patient
				l.pass()
				l.rename("Rex")
				l.set("appointment", `{"id":"7","patientId":"p1","patientUnproved":true}`)
				l.pass()
				l.set("consultation", "")
			},
			shown: []int{1, 2}, withheld: []int{3},
		},
		"kept under the new patient, and replaced later": {
			happens: func(l *life) {
				l.set("consultation", `{"id":"c1","soapNotes":{"plan":"Rest"}}`)
				l.pass()
				l.rename("Rex")
				l.set("appointment", `{"id":"7","patientId":"p2"}`)
				l.pass()
				l.set("consultation", notesOf("c2", "p2", "Walk"))
			},
			shown: []int{1, 2, 4}, withheld: []int{3},
		},
		"another spelling of the name, and cleared later": { // they were never proved to be Pip's
			happens: func(l *life) {
				l.set("consultation", `{"id":"c1","soapNotes":{"plan":"Rest"}}`)
				l.pass()
				l.rename("Pippa")
				l.pass()
				l.set("consultation", "")
			},
			shown: []int{1}, withheld: []int{2, 3},
		},
		"another client's, where nobody names patients": {
			happens: func(l *life) {
				l.set("consultation", "")
				l.set("appointment", `{"id":"7","clientId":"k1"}`)
				l.pass()
				l.set("consultation", `{"id":"c2","soapNotes":{"plan":"Walk"}}`)
				l.pass()
				l.set("appointment", `{"id":"7","clientId":"k2"}`)
				l.set("consultation", "")
			},
			shown: []int{3},
		},
		"named for another client": {
			happens: func(l *life) {
				l.set("appointment", `{"id":"7","clientId":"k1"}`)
				l.set("consultation", `{"id":"c2","clientId":"k2","soapNotes":{"plan":"Walk"}}`)
			},
			withheld: []int{2},
		},
		"discarded consultation of the same patient": {
			happens: func(l *life) { l.set("consultation", "") },
			shown:   []int{1},
		},
		"another consultation of the same patient": {
			happens: func(l *life) { l.set("consultation", notesOf("c2", "p1", "Walk")) },
			shown:   []int{1, 2},
		},
		"another consultation of another patient, while the case is the same patient's": {
			happens: func(l *life) {
				l.set("consultation", `{"id":"c1","soapNotes":{"plan":"Rest"}}`)
				l.pass()
				l.set("consultation", notesOf("c2", "p9", "Walk"))
			},
			withheld: []int{2, 3},
		},
		"read again": {
			happens: func(l *life) { l.set("consultation", notesOf("c1", "p1", "Rest, and walk")) },
			shown:   []int{1, 2},
		},
	} {
		l := newLife(t)
		l.pass()
		l.set("consultation", notesOf("c1", "p1", "Rest"))
		l.pass()
		test.happens(l)
		l.pass()
		for _, n := range test.shown {
			was := l.at(n)
			require.False(t, was.NotesWithheld, "%s, hour %d", name, n)
			require.Contains(t, string(was.Metadata), "plan", "%s, hour %d", name, n)
		}
		for _, n := range test.withheld {
			was := l.at(n)
			require.True(t, was.NotesWithheld, "%s, hour %d", name, n)
			require.NotContains(t, string(was.Metadata), "plan", "%s, hour %d", name, n)
		}
		hours := slices.Concat(test.shown, test.withheld)
		for _, from := range hours {
			for _, to := range hours {
				if to < from {
					continue
				}
				changes, err := l.timeline.Between(l.hour(from), l.hour(to))
				require.NoError(t, err)
				for _, c := range changes {
					require.False(t, slices.Contains(test.withheld, from) && strings.Contains(string(c.Before), "plan"), "%s, hours %d to %d", name, from, to)
					require.False(t, slices.Contains(test.withheld, to) && strings.Contains(string(c.After), "plan"), "%s, hours %d to %d", name, from, to)
				}
			}
		}
	}
}

func TestTwoMomentsAreComparedByWhatDiffers(t *testing.T) { // R14
	t.Parallel()
	l := newLife(t)
	l.pass()
	l.rename("Rex")
	l.pass()
	l.rename("Pip")
	l.set("consultation", notesOf("c1", "p1", "Rest"))
	l.pass()
	l.set("consultation", notesOf("c1", "p1", "Walk"))
	l.pass()
	l.rename("Pippa")

	texts := func(from, to int) (sentences []string) {
		changes, err := l.timeline.Between(l.hour(from), l.hour(to))
		require.NoError(t, err)
		for i := range changes {
			sentences = append(sentences, changes[i].Tell(time.UTC)...)
		}
		return sentences
	}
	require.Equal(t, []string{"patient changed from Pip to Rex"}, texts(0, 1))
	require.Equal(t, []string{"medical notes added (plan)"}, texts(0, 2), "changed and changed back is no difference")
	require.Equal(t, []string{"medical notes added (plan)"}, texts(0, 3))
	require.Equal(t, []string{"consultation plan changed from Rest to Walk", "patient changed from Pip to Pippa"}, texts(2, 4))
	require.Equal(t, []string{"patient changed from Rex to Pippa", "medical notes added (plan)"}, texts(1, 9))
	require.Empty(t, texts(4, 9))
}
