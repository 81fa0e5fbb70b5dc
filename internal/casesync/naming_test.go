package casesync_test

import (
	"testing"

	"github.com/pims-sync/pims-sync/internal/postgres/casestore"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestAnotherNameWithoutAPatientIDHidesTheNotesUntilAnIDIsNamed(t *testing.T) { // R7
	t.Parallel()
	p := pip(t)
	p.change("1", called("Zzmax"))
	o := p.sync(syncs.TypeInbound)
	require.Equal(t, 1, o.audit.Result.Warnings.ConsultationsHidden)
	require.Equal(t, "Zzmax", p.stored("1").PatientName)
	require.Empty(t, p.notes("1"))
	for range 2 { // the name is the stored one now, and proves nothing
		o = p.sync(syncs.TypeCases, syncs.Options{Force: true})
		require.Equal(t, [5]int{1, 0, 0, 0, 1}, found(o))
		require.Equal(t, syncs.ItemAnotherPatient, o.audit.Result.Failures[0].Code)
		require.Contains(t, o.audit.Result.Failures[0].Error, "no patient id")
		require.Empty(t, p.notes("1"))
		p.sync(syncs.TypeInbound)
	}
	p.change("1", called("Zzpip"))
	p.sync(syncs.TypeInbound)
	p.sync(syncs.TypeCases, syncs.Options{Force: true})
	require.Empty(t, p.notes("1"), "the name of before is no id")

	p.change("1", of("pip"))
	p.sync(syncs.TypeInbound)
	require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(p.sync(syncs.TypeCases)), "due at once")
	require.Equal(t, "Zzpip limps", p.notes("1"))

	p.change("1", called("Zzmax"))
	p.sync(syncs.TypeInbound)
	p.change("1", of("max"))
	p.sync(syncs.TypeInbound)
	require.Equal(t, [5]int{1, 0, 0, 0, 1}, found(p.sync(syncs.TypeCases)), "it names Pip")
	require.Empty(t, p.notes("1"))
}

func TestANameWithoutAPatientIDThatIsTheSameHidesNothing(t *testing.T) { // R7
	t.Parallel()
	for name, change := range map[string]func(*pims.Appointment){
		"the same": unnamed, "no name": called(""), "a blank name": called(" "), "letter case": called("ZZPIP"), "blanks": called(" Zz pip "), "punctuation": called("Zz-pip."),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := pip(t)
			p.change("1", change)
			p.sync(syncs.TypeInbound)
			require.Equal(t, "Zzpip limps", p.notes("1"))
			require.Equal(t, "pip", p.stored("1").Appointment.PatientID)
		})
	}
	p := newPractice(t) // a calendar without ids, as Neo's newer one
	p.seen(p.visit("1", "2026-03-02 08:00", called("Zzpip"), belongsTo("51")))
	p.record(p.held("51", "1", "2026-03-02 08:00", says("pip limps")))
	p.sync(syncs.TypeCases)
	p.change("1", called("Zzmax"))
	p.sync(syncs.TypeInbound)
	require.Equal(t, "Zzpip limps", p.notes("1"), "the id of the consultation alone decides")
}

func TestAnIDThatReturnsUnderAnotherNameWithoutIDsShowsNoNotes(t *testing.T) { // R7, R16
	t.Parallel()
	for name, restored := range map[string]bool{"soft-deleted": false, "restored by hand": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPractice(t) // a calendar without ids, as Neo's newer one
			p.seen(p.visit("1", "2026-03-02 08:00", called("Zzpip")))
			p.record(p.held("51", "1", "2026-03-02 08:00", says("pip limps")))
			p.sync(syncs.TypeCases)
			require.Equal(t, "Zzpip limps", p.notes("1"))
			p.vanished()
			if restored {
				_, err := casestore.NewCases(p.db).Restore(p.background(), p.clinic.ID, []uuid.UUID{p.stored("1").ID}, "key:z", p.clock.Now())
				require.NoError(t, err)
			}
			p.enter(p.visit("1", "2026-03-02 08:30", called("Zzmax")))
			p.sync(syncs.TypeInbound)
			require.Empty(t, p.notes("1"))
			for range 2 {
				o := p.sync(syncs.TypeCases, syncs.Options{Force: true})
				o.failsAs(t, p.stored("1"), syncs.ItemAnotherPatient)
				require.Empty(t, p.notes("1"), "the search lists it still")
				p.sync(syncs.TypeInbound)
			}
			p.change("1", of("max"))
			p.record(p.held("51", "1", "2026-03-02 08:30", ofPatient("max"), says("max itches")))
			p.sync(syncs.TypeInbound)
			p.sync(syncs.TypeCases)
			require.Equal(t, "Zzmax itches", p.notes("1"), "an id proves whose it is")
		})
	}
}

func TestARestoreByHandPutsNoNotesUnderANameWithoutAnID(t *testing.T) { // R7, R24
	t.Parallel()
	p := pip(t)
	p.edit("1", `metadata = jsonb_set(metadata, '{appointment,patientUnproved}', 'true')`)
	p.vanished()
	_, err := casestore.NewCases(p.db).Restore(p.background(), p.clinic.ID, []uuid.UUID{p.stored("1").ID}, "key:z", p.clock.Now())
	require.NoError(t, err)
	require.Nil(t, p.stored("1").Deletion)
	require.Empty(t, p.notes("1"))
}

func TestTheDetailsOfOneClientNeverStandBesideAnother(t *testing.T) { // R7
	t.Parallel()
	client := func(id, name, phone, mail string) func(*pims.Appointment) {
		return func(a *pims.Appointment) {
			a.ClientID, a.ClientName, a.ClientPhone, a.ClientEmail = id, name, phone, mail
		}
	}
	for name, tc := range map[string]struct {
		now  func(*pims.Appointment)
		want [4]string
	}{
		"another, without details": {client("c2", "", " ", ""), [4]string{"c2", "", "", ""}},
		"another, with a name":     {client("c2", "Zzmary", "", ""), [4]string{"c2", "Zzmary", "", ""}},
		"another, with a number":   {client("c2", "", "555-0199", ""), [4]string{"c2", "", "555-0199", ""}},
		"the same, blank":          {client("c1", "", "", ""), [4]string{"c1", "Zzann", "555-0100", "z@example.test"}},
		"nobody, blank":            {client("", "", "", ""), [4]string{"c1", "Zzann", "555-0100", "z@example.test"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPractice(t)
			p.seen(p.visit("1", "2026-03-02 08:00", of("pip"), client("c1", "Zzann", "555-0100", "z@example.test")))
			p.change("1", tc.now)
			p.sync(syncs.TypeInbound)
			c := p.stored("1")
			require.Equal(t, tc.want, [4]string{c.Appointment.ClientID, c.ClientName, c.PhoneNumber, c.Appointment.ClientEmail})
			require.Equal(t, "Zzpip", c.PatientName)
		})
	}
}
