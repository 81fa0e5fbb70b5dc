package casesync_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// spell rewrites the stored times as an older version kept them: date and time with
// another character between them, with seconds or without.
func (p *practice) spell(between string, length int) {
	p.Helper()
	for _, key := range []string{"{appointment,start}", "{appointment,end}", "{consultation,consultedAtText}"} {
		p.exec(fmt.Sprintf(`update cases set metadata = jsonb_set(metadata, '%[1]s',
			to_jsonb(left(overlay(metadata #>> '%[1]s' placing '%[2]s' from 11 for 1), %[3]d)), false)
			where clinic_id = $1 and metadata #>> '%[1]s' is not null`, key, between, length))
	}
}

// requireNothingRewritten demands that syncs of every type write no case and no event.
func (p *practice) requireNothingRewritten() {
	p.Helper()
	const events = "select count(*) from case_events where clinic_id = $1"
	versions, known := p.versions(), scan[int](p, events)
	for _, t := range syncs.Types() {
		p.sync(t, syncs.Options{Force: t == syncs.TypeCases})
	}
	require.Equal(p, versions, p.versions())
	require.Equal(p, known, scan[int](p, events))
}

// spelled has two cases, one of them with its consultation.
func spelled(t *testing.T) *practice {
	p := newPractice(t)
	p.seen(p.visit("1", "2026-03-02 08:00", belongsTo("51"), isCompleted), p.visit("2", "2026-03-04 10:00"))
	p.record(p.held("51", "1", "2026-03-02 08:00"))
	p.sync(syncs.TypeCases)
	require.NotNil(p, p.stored("1").Consultation)
	p.sync(syncs.TypeReconciliation)
	return p
}

func TestADatabaseOfAnOlderVersionIsNotRewrittenForItsSpelling(t *testing.T) { // R12
	t.Parallel()
	for name, old := range map[string]struct {
		between string
		length  int
	}{
		"a blank":                  {" ", 19},
		"a letter":                 {"T", 19},
		"a blank, without seconds": {" ", 16},
		"a letter, no seconds":     {"T", 16},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := spelled(t)
			p.spell(old.between, old.length)
			p.requireNothingRewritten()

			p.change("1", func(a *pims.Appointment) { a.Reason = "Zzcheck" })
			p.sync(syncs.TypeInbound)
			const times = "select (metadata #>> '{appointment,start}') || ' ' || (metadata #>> '{appointment,end}') from cases where clinic_id = $1 and pims_id = "
			require.Equal(t, "2026-03-02T08:00:00 2026-03-02T08:30:00", scan[string](p, times+"'1'"), "written with the change of the reason")
			require.Equal(t, ("2026-03-04" + old.between + "10:00:00")[:old.length], scan[string](p, "select metadata #>> '{appointment,start}' from cases where clinic_id = $1 and pims_id = '2'"))
		})
	}
}

func TestAnotherSpellingOfTheSameMomentIsNoChange(t *testing.T) { // R12
	t.Parallel()
	for _, between := range []string{" ", "T"} {
		for _, end := range []string{"", ":00", ":00.000"} {
			t.Run(between+end, func(t *testing.T) {
				t.Parallel()
				p := spelled(t)
				respell := func(text string) string { return text[:10] + between + text[11:16] + end }
				for _, id := range []string{"1", "2"} {
					p.change(id, func(a *pims.Appointment) { a.StartText, a.EndText = respell(a.StartText), respell(a.EndText) })
				}
				read := p.held("51", "1", "2026-03-02 08:00")
				read.AtText = respell(read.AtText)
				p.record(read)
				p.requireNothingRewritten()
			})
		}
	}
}
