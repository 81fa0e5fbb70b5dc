package casesync_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres/casestore"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

// row makes a row name its patient and its client.
func row(patient, client, name string) func(*pims.Appointment) {
	return func(a *pims.Appointment) { a.PatientID, a.ClientID, a.PatientName = patient, client, name }
}

func TestWhatACaseShowedForAnotherPatientNeverComesBackUnnamed(t *testing.T) { // R7
	t.Parallel()
	otto := of("otto")
	for name, steps := range map[string][]func(*pims.Appointment){
		"hidden, then another one was shown":       {otto, belongsTo("52"), belongsTo("51")},
		"and the search alone names it":            {otto, belongsTo("52"), none},
		"replaced while the patient was the first": {belongsTo("52"), otto, belongsTo("51")},
		"replaced together with the patient": {func(a *pims.Appointment) {
			otto(a)
			a.ConsultationID = "52"
		}, belongsTo("51")},
		"replaced twice": {belongsTo("52"), belongsTo("53"), otto, belongsTo("52"), belongsTo("51")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pip(t)
			p.record(p.held("51", "1", "2026-03-02 08:00", says("pip limps"), unfinished),
				p.held("52", "1", "2026-03-02 08:05", says("the second"), unfinished), p.held("53", "1", "2026-03-02 08:06", says("the third"), unfinished))
			p.fake.ListFor("52", "")
			p.fake.ListFor("53", "")
			for _, step := range steps {
				p.change("1", step)
				p.sync(syncs.TypeInbound, syncs.Options{StartDate: timetest.Date(t, "2026-03-02"), EndDate: timetest.Date(t, "2026-03-02")})
				p.pass(26 * time.Hour)
				p.sync(syncs.TypeCases, syncs.Options{Force: true})
			}
			o := p.sync(syncs.TypeCases, syncs.Options{Force: true})
			o.failsAs(t, p.stored("1"), syncs.ItemAnotherPatient)
			require.Empty(t, p.notes("1"), "they are Pip's")

			p.record(p.held("51", "1", "2026-03-02 08:00", ofPatient("otto"), says("otto limps")))
			p.sync(syncs.TypeCases, syncs.Options{Force: true})
			require.Equal(t, "Zzotto limps", p.notes("1"), "it names the new patient")
		})
	}
}

func TestAnUnknownPatientThatBecomesAnotherClientsHidesTheNotes(t *testing.T) { // R7, R9
	t.Parallel()
	for name, tc := range map[string]struct {
		before, after func(*pims.Appointment)
		stays         bool
	}{
		"another name, another client":                  {row("", "c1", "Zzpip"), row("p9", "c9", "Zzmoss"), false},
		"the same name, another client":                 {row("", "c1", "Zzpip"), row("p9", "c9", "Zzpip"), false},
		"another name, the same client":                 {row("", "c1", "Zzpip"), row("p9", "c1", "Zzpippa"), true},
		"the same name, the same client":                {row("", "c1", "Zzpip"), row("p9", "c1", "ZZPIP"), true},
		"another name, the client is not named now":     {row("", "c1", "Zzpip"), row("p9", "", "Zzmoss"), false},
		"another name, the client was not named before": {row("", "", "Zzpip"), row("p9", "c9", "Zzmoss"), false},
		"the same name, and no client":                  {row("", "", "Zzpip"), row("p9", "", "Zzpip"), true},
		"no patient id before and after, other client":  {row("", "c1", "Zzpip"), row("", "c9", "Zzpip"), false},
		"no patient id before and after, other name":    {row("", "c1", "Zzpip"), row("", "c1", "Zzmoss"), true},
		"the patient id is lost, another client":        {row("p1", "c1", "Zzpip"), row("", "c9", "Zzpip"), false},
		"the patient id is lost, the same client":       {row("p1", "c1", "Zzpip"), row("", "c1", "Zzpip"), true},
		"the patient stays, another client":             {row("p1", "c1", "Zzpip"), row("p1", "c9", "Zzmoss"), true},
	} {
		for saying, says51 := range map[string]func(*pims.Appointment){"named": belongsTo("51"), "null": none, "absent": unsaid} {
			t.Run(name+", the consultation is "+saying, func(t *testing.T) {
				t.Parallel()
				p := newPractice(t)
				p.seen(p.visit("1", "2026-03-02 08:00", tc.before, belongsTo("51")))
				p.record(p.held("51", "1", "2026-03-02 08:00", says("pip limps")))
				p.sync(syncs.TypeCases)
				require.Equal(t, "Zzpip limps", p.notes("1"))
				p.change("1", tc.after)
				p.change("1", says51)
				p.sync(syncs.TypeInbound)
				if saying != "null" || !tc.stays {
					require.Equal(t, tc.stays, p.notes("1") != "")
				}
				p.again = nil
				p.pass(26 * time.Hour)
				p.sync(syncs.TypeCases, syncs.Options{Force: true})
				require.Equal(t, tc.stays, p.notes("1") != "", "whatever the search lists")
				if !tc.stays {
					return
				}
				p.sync(syncs.TypeInbound)
				require.Equal(t, "Zzpip limps", p.notes("1"))
			})
		}
	}
}

func TestClearedNotesDoNotComeBackToTheWrongPatient(t *testing.T) { // R7
	t.Parallel()
	for name, damage := range map[string]string{ // what an earlier version made of the case
		"another patient": `jsonb_set(metadata #- '{consultation,patientId}', '{appointment,patientId}', '"zed"')`,
		"another client":  `jsonb_set(metadata #- '{consultation,patientId}' #- '{appointment,patientId}', '{appointment,clientId}', '"c9"')`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			patient := map[bool]string{true: "pip"}[name == "another patient"]
			p.seen(p.visit("1", "2026-03-02 08:00", of(patient), belongsTo("51")))
			p.record(p.held("51", "1", "2026-03-02 08:00", says("pip limps"), unfinished))
			p.sync(syncs.TypeCases)
			p.edit("1", "metadata = "+damage)
			require.NotEmpty(t, p.notes("1"))

			store := casestore.NewCases(p.db)
			clearing := func() casestore.NotesCheck {
				check, err := store.CheckNotes(p.background(), p.clinic.ID, "clearing:z", p.clock.Now())
				require.NoError(t, err)
				return check
			}
			check := clearing()
			require.Equal(t, 1, check.Cleared)
			require.Contains(t, check.Suspects[0].Reasons, cases.SuspectPatient)
			require.Empty(t, p.notes("1"))
			o := p.sync(syncs.TypeCases)
			o.failsAs(t, p.stored("1"), syncs.ItemAnotherPatient)
			require.Empty(t, p.notes("1"), "they were read for another patient")

			undone, err := store.RestoreNotes(p.background(), p.clinic.ID, "clearing:z", "undo-clearing:z", false, p.clock.Now())
			require.NoError(t, err)
			require.Equal(t, 1, undone.Restored)
			p.sync(syncs.TypeCases, syncs.Options{Force: true})
			require.Equal(t, "Zzpip limps", p.notes("1"), "a person says that they are the patient's")
		})
	}
}

func TestAnUndoForgetsNothingOfOtherConsultations(t *testing.T) { // R7
	t.Parallel()
	p := pip(t)
	p.record(p.held("51", "1", "2026-03-02 08:00", says("pip limps"), unfinished), p.held("52", "1", "2026-03-02 08:05", says("the second"), unfinished))
	p.change("1", of("otto"), belongsTo("52"))
	p.sync(syncs.TypeInbound)
	p.sync(syncs.TypeCases)
	require.Equal(t, "Zzthe second", p.notes("1"))
	p.edit("1", `metadata = jsonb_set(metadata, '{consultation,patientId}', '"zed"')`)
	store := casestore.NewCases(p.db)
	_, err := store.CheckNotes(p.background(), p.clinic.ID, "clearing:z", p.clock.Now())
	require.NoError(t, err)
	_, err = store.RestoreNotes(p.background(), p.clinic.ID, "clearing:z", "undo-clearing:z", false, p.clock.Now())
	require.NoError(t, err)
	require.Equal(t, "Zzthe second", p.notes("1"))
	p.change("1", belongsTo("51"))
	p.sync(syncs.TypeInbound)
	o := p.sync(syncs.TypeCases)
	o.failsAs(t, p.stored("1"), syncs.ItemAnotherPatient)
	require.Empty(t, p.notes("1"))
}

func TestAConsultationOfAnotherClientIsNotShown(t *testing.T) { // R9
	t.Parallel()
	for name, tc := range map[string]struct {
		visit func(*pims.Appointment)
		names func(*pims.Consultation)
		shown bool
	}{
		"another client, and no patient":        {row("p1", "c1", ""), func(c *pims.Consultation) { c.ClientID = "c2" }, false},
		"another client, nobody names patients": {row("", "c1", ""), func(c *pims.Consultation) { c.ClientID = "c2" }, false},
		"the same client":                       {row("p1", "c1", ""), func(c *pims.Consultation) { c.ClientID = "c1" }, true},
		"the same patient of another client":    {row("p1", "c1", ""), func(c *pims.Consultation) { c.PatientID, c.ClientID = "p1", "c2" }, true},
		"a client, where none is known":         {row("", "", ""), func(c *pims.Consultation) { c.ClientID = "c2" }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			p.seen(p.visit("1", "2026-03-02 08:00", tc.visit, belongsTo("51")))
			p.record(p.held("51", "1", "2026-03-02 08:00", says("limps"), tc.names))
			o := p.sync(syncs.TypeCases)
			require.Equal(t, tc.shown, p.notes("1") != "")
			if !tc.shown {
				o.failsAs(t, p.stored("1"), syncs.ItemAnotherPatient)
			}
			if name == "a client, where none is known" {
				p.change("1", row("", "c9", ""))
				p.sync(syncs.TypeInbound)
				require.Empty(t, p.notes("1"), "its client became known, and is another one")
			}
		})
	}
}
