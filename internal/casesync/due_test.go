package casesync_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
)

const (
	hour = time.Hour
	day1 = 24 * time.Hour
)

// The evening of the 17th in New York is the 18th in Berlin.
var evening = time.Date(2026, 1, 18, 2, 30, 0, 0, time.UTC)

func TestACaseIsDueUntilItsNotesAreFinalAndOldEnough(t *testing.T) { // R19
	t.Parallel()
	visit := evening
	at := visit.Add
	type candidate = cases.Candidate
	for _, tc := range []struct {
		name string
		candidate
		now  time.Duration // after the visit
		want bool
	}{
		{"nothing stored yet", candidate{}, 0, true},
		{"nothing stored, looked for in vain, fourteen days not over", candidate{Tries: 9}, 14*day1 - 1, true},
		{"nothing stored, looked for in vain, fourteen days over", candidate{Tries: 9}, 14 * day1, false},
		{"nothing stored and never looked for, whatever its age", candidate{}, 90 * day1, true},
		{"stored without notes", candidate{Stored: true, Tries: 1}, 14*day1 - 1, true},
		{"stored without notes, fourteen days over", candidate{Stored: true, Tries: 1}, 14 * day1, false},
		{"final without notes", candidate{Stored: true, Final: true, Tries: 1, ReadAt: at(80 * hour)}, 81 * hour, true},

		{"waiting", candidate{Tries: 1, NextTry: at(2 * hour)}, 2*hour - 1, false},
		{"waited", candidate{Tries: 1, NextTry: at(2 * hour)}, 2 * hour, true},
		{"waiting, though not final", candidate{Stored: true, HasNotes: true, Tries: 1, NextTry: at(2 * hour)}, hour, false},
		{"waited, fourteen days over", candidate{Tries: 20, NextTry: at(14 * day1)}, 14 * day1, false},

		{"notes, not final", candidate{Stored: true, HasNotes: true, ReadAt: at(90 * hour)}, 91 * hour, true},
		{"notes, not final, long ago", candidate{Stored: true, HasNotes: true, ReadAt: at(30 * day1)}, 40 * day1, true},
		{"it became another patient's, and was not looked for since", candidate{Stored: true, HasNotes: true, Final: true, ReadAt: at(80 * hour), Since: at(30 * day1)}, 60 * day1, true},
		{"it became another patient's, fourteen days not over", candidate{Tries: 3, Since: at(30 * day1)}, 44*day1 - 1, true},
		{"it became another patient's, fourteen days over", candidate{Tries: 3, Since: at(30 * day1)}, 44 * day1, false},
		{"it became another patient's, and waits", candidate{Tries: 3, Since: at(30 * day1), NextTry: at(32 * day1)}, 31 * day1, false},
		{"final, never read by us", candidate{Stored: true, HasNotes: true, Final: true}, 30 * day1, true},
		{"final, last read less than 72 hours after the visit", candidate{Stored: true, HasNotes: true, Final: true, ReadAt: at(72*hour - 1)}, 30 * day1, true},
		{"final, last read 72 hours after the visit", candidate{Stored: true, HasNotes: true, Final: true, ReadAt: at(72 * hour)}, 73 * hour, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.ScheduledDate = visit
			require.Equal(t, tc.want, tc.Due(at(tc.now), false))
			require.True(t, tc.Due(at(tc.now), true), "force overrides")
		})
	}
}

// due is R19's first two sentences and its fourteen days, said another way.
func due(c *cases.Candidate, now time.Time) bool {
	if c.NextTry.After(now) {
		return false
	}
	complete := c.Stored && c.HasNotes
	if complete {
		settled := c.Final && c.ReadAt.Sub(c.ScheduledDate) >= 72*hour
		return !settled
	}
	return c.Tries == 0 || now.Sub(c.ScheduledDate) < 336*hour
}

func TestDueAgreesWithTheRuleSaidAnotherWay(t *testing.T) { // R19
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		around := func(name string) time.Time {
			edge := rapid.SampledFrom([]time.Duration{0, hour, 72 * hour, 14 * day1}).Draw(t, name)
			return evening.Add(edge + time.Duration(rapid.IntRange(-2, 2).Draw(t, name+" off"))*time.Nanosecond)
		}
		c := cases.Candidate{
			ScheduledDate: evening, Stored: rapid.Bool().Draw(t, "stored"), Final: rapid.Bool().Draw(t, "final"),
			Tries: rapid.IntRange(0, 3).Draw(t, "tries"),
		}
		c.HasNotes = c.Stored && rapid.Bool().Draw(t, "notes")
		if rapid.Bool().Draw(t, "waits") {
			c.NextTry = around("next try")
		}
		if rapid.Bool().Draw(t, "read") {
			c.ReadAt = around("read at")
		}
		now := around("now")
		require.Equal(t, due(&c, now), c.Due(now, false), "%+v at %s", c, now)
		require.True(t, c.Due(now, true))
	})
}

// consultation is what a read may bring.
func consultation(changes ...func(*pims.Consultation)) pims.Consultation {
	c := pims.Consultation{
		ID: "9", AppointmentID: "4711", PatientID: "71", At: evening, AtText: "2026-01-17 21:30:00",
		Status: pims.ConsultationCompleted, StatusText: "Finalized", Reason: "limping",
		RawNotes: "S: limps\nP: rest\nsmells", SOAP: pims.SOAP{Subjective: "limps", Plan: "rest"}, Notes: "smells",
		Vitals:    &pims.Vitals{Temperature: new(101.5), TemperatureUnit: "F", Raw: map[string]string{"pulse": "fast"}},
		Diagnoses: []string{"sprain"}, Discharge: "no stairs",
	}
	for _, change := range changes {
		change(&c)
	}
	return c
}

func TestANewerReadReplacesTheConsultationWhole(t *testing.T) { // R7
	t.Parallel()
	later := evening.Add(hour)
	first, changed := cases.MergeConsultation(nil, consultation(), evening)
	require.True(t, changed)
	require.Empty(t, cmp.Diff(cases.Consultation{Consultation: consultation(), FetchedAt: evening}, first))

	newer := consultation(func(c *pims.Consultation) {
		c.Reason, c.Discharge, c.Notes, c.Diagnoses, c.RawNotes = "", "", "", []string{}, "A: sprain"
		c.SOAP = pims.SOAP{Assessment: "sprain"}
		c.Vitals = &pims.Vitals{Weight: new(25.3), WeightUnit: "kg"}
	})
	merged, changed := cases.MergeConsultation(&first, newer, later)
	require.True(t, changed)
	require.Empty(t, cmp.Diff(cases.Consultation{Consultation: newer, FetchedAt: later}, merged), "what it lacks is gone")
}

func TestAReadWithoutNotesKeepsTheNotes(t *testing.T) { // R7
	t.Parallel()
	old, _ := cases.MergeConsultation(nil, consultation(), evening)
	for name, bare := range map[string]func(*pims.Consultation){
		"none":        func(c *pims.Consultation) { c.RawNotes, c.SOAP, c.Notes = "", pims.SOAP{}, "" },
		"white space": func(c *pims.Consultation) { c.RawNotes, c.SOAP, c.Notes = " ", pims.SOAP{Plan: "\n"}, "\t" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read := consultation(bare, func(c *pims.Consultation) { c.Discharge = "stairs again" })
			merged, changed := cases.MergeConsultation(&old, read, evening.Add(hour))
			require.True(t, changed)
			require.Equal(t, old.SOAP, merged.SOAP)
			require.Equal(t, old.Notes, merged.Notes)
			require.Equal(t, old.RawNotes, merged.RawNotes)
			require.Equal(t, "stairs again", merged.Discharge)

			same, changed := cases.MergeConsultation(&merged, read, evening.Add(2*hour))
			require.False(t, changed)
			require.Equal(t, merged, same)
		})
	}
	merged, _ := cases.MergeConsultation(&old, consultation(func(c *pims.Consultation) {
		c.RawNotes, c.SOAP, c.Notes = "", pims.SOAP{}, "by hand"
	}), evening)
	require.True(t, merged.SOAP.Blank(), "notes without a section are notes")
}

func TestWhatAReadCannotTellStays(t *testing.T) { // R7
	t.Parallel()
	old, _ := cases.MergeConsultation(nil, consultation(), evening)
	merged, changed := cases.MergeConsultation(&old, consultation(func(c *pims.Consultation) { c.Vitals, c.Diagnoses = nil, nil }), evening.Add(hour))
	require.False(t, changed)
	require.Equal(t, old, merged, "the time of the read is no change (R12)")
}

func TestAPartThatCannotBeReadRemovesNothing(t *testing.T) { // R7
	t.Parallel()
	old, _ := cases.MergeConsultation(nil, consultation(), evening)
	for part, lost := range map[pims.Part]func(*pims.Consultation){
		pims.PartTime:      func(c *pims.Consultation) { c.At, c.AtText = time.Time{}, "" },
		pims.PartStatus:    func(c *pims.Consultation) { c.Status, c.StatusText = pims.ConsultationUnknown, "" },
		pims.PartReason:    func(c *pims.Consultation) { c.Reason = "" },
		pims.PartNotes:     func(c *pims.Consultation) { c.RawNotes, c.SOAP, c.Notes = "A: ok", pims.SOAP{Assessment: "ok"}, "" },
		pims.PartDiagnoses: func(c *pims.Consultation) { c.Diagnoses = nil },
		pims.PartDischarge: func(c *pims.Consultation) { c.Discharge = "" },
	} {
		t.Run(string(part), func(t *testing.T) {
			t.Parallel()
			read := consultation(lost, func(c *pims.Consultation) { c.Unusable = []pims.Part{part, part} })
			merged, changed := cases.MergeConsultation(&old, read, evening.Add(hour))
			require.False(t, changed)
			require.Equal(t, old, merged)

			first, changed := cases.MergeConsultation(nil, read, evening)
			require.True(t, changed)
			require.Empty(t, cmp.Diff(cases.Consultation{Consultation: consultation(lost), FetchedAt: evening}, first), "the rest arrives")

			full, changed := cases.MergeConsultation(&first, consultation(), evening.Add(hour))
			require.True(t, changed)
			require.Equal(t, old.Consultation, full.Consultation, "the next read brings it")
		})
	}
}

func TestNotesArriveWhereOnlyAPartOfThemCanBeRead(t *testing.T) { // R7
	t.Parallel()
	bare := func(c *pims.Consultation) { c.RawNotes, c.SOAP, c.Notes = "", pims.SOAP{}, "" }
	old, _ := cases.MergeConsultation(nil, consultation(bare), evening)
	read := consultation(bare, func(c *pims.Consultation) {
		c.RawNotes, c.SOAP.Assessment, c.Unusable = "A: ok", "ok", []pims.Part{pims.PartNotes}
	})
	merged, changed := cases.MergeConsultation(&old, read, evening.Add(hour))
	require.True(t, changed)
	require.Equal(t, "ok", merged.SOAP.Assessment, "there are none to keep instead")
}

func TestADiagnosisThatHasANameReplacesTheOldOnes(t *testing.T) { // R7
	t.Parallel()
	old, _ := cases.MergeConsultation(nil, consultation(), evening)
	merged, changed := cases.MergeConsultation(&old, consultation(func(c *pims.Consultation) {
		c.Diagnoses, c.Unusable = []string{"fracture"}, []pims.Part{pims.PartDiagnoses}
	}), evening.Add(hour))
	require.True(t, changed)
	require.Equal(t, []string{"fracture"}, merged.Diagnoses)
}

func TestEveryFieldOfAConsultationIsAChange(t *testing.T) { // R12
	t.Parallel()
	old, _ := cases.MergeConsultation(nil, consultation(), evening)
	for name, change := range map[string]func(*pims.Consultation){
		"id": func(c *pims.Consultation) { c.ID = "10" }, "patient": func(c *pims.Consultation) { c.PatientID = "72" }, "appointment": func(c *pims.Consultation) { c.AppointmentID = "1" },
		"time": func(c *pims.Consultation) { c.At = evening.Add(1) }, "time's text": func(c *pims.Consultation) { c.AtText = "x" },
		"status":      func(c *pims.Consultation) { c.Status = pims.ConsultationInProgress },
		"status word": func(c *pims.Consultation) { c.StatusText = "Closed" }, "reason": func(c *pims.Consultation) { c.Reason = "x" },
		"raw notes": func(c *pims.Consultation) { c.RawNotes = "x" }, "notes": func(c *pims.Consultation) { c.Notes = "x" },
		"subjective": func(c *pims.Consultation) { c.SOAP.Subjective = "x" }, "objective": func(c *pims.Consultation) { c.SOAP.Objective = "x" },
		"assessment": func(c *pims.Consultation) { c.SOAP.Assessment = "x" }, "plan": func(c *pims.Consultation) { c.SOAP.Plan = "x" },
		"diagnoses": func(c *pims.Consultation) { c.Diagnoses = []string{"sprain", "x"} }, "no diagnosis": func(c *pims.Consultation) { c.Diagnoses = []string{} },
		"discharge":        func(c *pims.Consultation) { c.Discharge = "" },
		"temperature":      func(c *pims.Consultation) { c.Vitals.Temperature = new(101.6) },
		"temperature gone": func(c *pims.Consultation) { c.Vitals.Temperature = nil },
		"temperature unit": func(c *pims.Consultation) { c.Vitals.TemperatureUnit = "C" },
		"pulse":            func(c *pims.Consultation) { c.Vitals.Pulse = new(1.0) }, "respiration": func(c *pims.Consultation) { c.Vitals.Respiration = new(1.0) },
		"weight": func(c *pims.Consultation) { c.Vitals.Weight = new(1.0) }, "weight unit": func(c *pims.Consultation) { c.Vitals.WeightUnit = "kg" },
		"raw vitals": func(c *pims.Consultation) { c.Vitals.Raw = map[string]string{"pulse": "slow"} },
	} {
		read := consultation(change)
		merged, changed := cases.MergeConsultation(&old, read, evening.Add(hour))
		require.True(t, changed, name)
		require.Equal(t, read, merged.Consultation, name)
		require.Equal(t, evening.Add(hour), merged.FetchedAt, name)
	}
}

func TestMergingTheSameConsultationTwiceChangesNothingTheSecondTime(t *testing.T) { // R12
	t.Parallel()
	text := rapid.SampledFrom([]string{"", " ", "a", "b"})
	rapid.Check(t, func(t *rapid.T) {
		var stored *cases.Consultation
		for i := range rapid.IntRange(1, 4).Draw(t, "reads") {
			at := evening.Add(time.Duration(i) * hour)
			read := pims.Consultation{
				ID: text.Draw(t, "id"), Status: pims.ConsultationStatus(text.Draw(t, "status")), RawNotes: text.Draw(t, "raw"), Notes: text.Draw(t, "notes"),
				SOAP: pims.SOAP{Subjective: text.Draw(t, "s"), Plan: text.Draw(t, "p")}, Discharge: text.Draw(t, "discharge"),
			}
			if rapid.Bool().Draw(t, "vitals") {
				read.Vitals = &pims.Vitals{Pulse: rapid.SampledFrom([]*float64{nil, new(80.0)}).Draw(t, "pulse")}
			}
			read.Diagnoses = rapid.SampledFrom([][]string{nil, {}, {"sprain"}}).Draw(t, "diagnoses")
			notes := stored != nil && !stored.SOAP.Blank() && stored.ID == read.ID

			once, _ := cases.MergeConsultation(stored, read, at)
			kept := kept(once)
			twice, changed := cases.MergeConsultation(&kept, read, at.Add(hour))
			require.False(t, changed, "%+v", read)
			require.Equal(t, kept, twice)
			if read.SOAP.Blank() && pims.Blank(read.Notes) && pims.Blank(read.RawNotes) {
				require.Equal(t, notes, !once.SOAP.Blank(), "no read of the same consultation without notes takes notes away, and none of another keeps them")
			}
			stored = &kept
		}
	})
}

// kept is a consultation as the database gives it back: no section is kept where
// none has text (W7).
func kept(c cases.Consultation) cases.Consultation {
	if c.SOAP.Blank() {
		c.SOAP = pims.SOAP{}
	}
	return c
}

func TestAnEmptyListOfDiagnosesIsNoChangeOfNone(t *testing.T) { // R12
	t.Parallel()
	for i, lists := range [][2][]string{{nil, {}}, {{}, nil}} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			old := cases.Consultation{Consultation: consultation(func(c *pims.Consultation) { c.Diagnoses = lists[0] })}
			_, changed := cases.MergeConsultation(&old, consultation(func(c *pims.Consultation) { c.Diagnoses = lists[1] }), evening)
			require.False(t, changed)
		})
	}
}

func TestAnotherConsultationReplacesTheNotesEvenByNone(t *testing.T) { // R7
	t.Parallel()
	old := &cases.Consultation{Consultation: pims.Consultation{ID: "51", PatientID: "p1", SOAP: pims.SOAP{Subjective: "limps"}, RawNotes: "S: limps"}}
	merged, changed := cases.MergeConsultation(old, pims.Consultation{ID: "52", PatientID: "p1"}, evening)
	require.True(t, changed)
	require.Empty(t, merged.SOAP)
	require.Empty(t, merged.RawNotes)
}
