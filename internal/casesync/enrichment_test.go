package casesync_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimstest"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/timetest"
)

// seen makes cases of appointments, as an inbound of their days did.
func (p *practice) seen(visits ...pims.Appointment) {
	p.Helper()
	p.enter(visits...)
	start := pims.DateOf(p.clock.Now().AddDate(0, 0, -20), p.location)
	o := p.sync(syncs.TypeInbound, syncs.Options{StartDate: &start, DaysAhead: new(27)})
	require.Equal(p, len(visits), o.Stats.CasesCreated)
	p.fake.ForgetCalls()
	p.again = nil
}

// belongsTo names an appointment's consultation (R9).
func belongsTo(id string) func(*pims.Appointment) {
	return func(a *pims.Appointment) { a.ConsultationID = id }
}

// found are the counts of a cases phase: due, enriched, unchanged, skipped, failed.
func found(o outcome) [5]int {
	s := o.Stats
	return [5]int{s.CasesFound, s.CasesEnriched, s.CasesUnchanged, s.CasesSkipped, s.CasesFailed}
}

func TestNotesAreReadAgainUntilTheyAreFinalAndThenForThreeDays(t *testing.T) { // R19
	t.Parallel()
	p := newPractice(t)
	p.seen(p.visit("1", "2026-03-02 08:00"))
	p.record(p.held("51", "1", "2026-03-02 08:00", unfinished))
	require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(p.sync(syncs.TypeCases)))
	c := p.stored("1").Consultation
	require.Equal(t, "Zzlimps", c.SOAP.Subjective)
	require.True(t, p.clock.Now().Equal(c.FetchedAt))

	p.at("2026-03-02 12:00")
	require.Equal(t, [5]int{1, 0, 1, 0, 0}, found(p.sync(syncs.TypeCases)), "not final: read again, nothing new")
	require.Equal(t, 2, p.fake.Count(pimstest.OpConsultation))

	p.record(p.held("51", "1", "2026-03-02 08:00", func(c *pims.Consultation) { c.SOAP.Plan = "Zzrest" }))
	require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(p.sync(syncs.TypeCases)))
	require.Equal(t, "Zzrest", p.stored("1").Consultation.SOAP.Plan)
	require.Equal(t, 3, p.fake.Count(pimstest.OpConsultation))

	p.at("2026-03-04 12:00")
	require.Equal(t, [5]int{1, 0, 1, 0, 0}, found(p.sync(syncs.TypeCases)))
	require.Equal(t, 3, p.fake.Count(pimstest.OpConsultation), "final, and its entry is the same: not viewed")

	p.record(p.held("51", "1", "2026-03-02 08:00", func(c *pims.Consultation) { c.Notes = "Zzaddendum" }))
	p.at("2026-03-05 07:59")
	require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(p.sync(syncs.TypeCases)), "an addendum within 72 hours arrives")
	require.Equal(t, "Zzaddendum", p.stored("1").Consultation.Notes)

	p.at("2026-03-05 08:00")
	require.Equal(t, [5]int{1, 0, 1, 0, 0}, found(p.sync(syncs.TypeCases)), "the last look")
	p.at("2026-03-05 14:00")
	p.fake.ForgetCalls()
	require.Equal(t, [5]int{}, found(p.sync(syncs.TypeCases)))
	require.Zero(t, p.fake.Count(pimstest.OpSearch), "nothing is due: nobody is asked")
}

func TestAConsultationBelongsToACaseByIDsAlone(t *testing.T) { // R9
	t.Parallel()
	p := newPractice(t)
	p.seen(
		p.visit("1", "2026-03-02 08:00", belongsTo("51")), // says so, though 52 claims it
		p.visit("2", "2026-03-02 08:15"),                  // 53 and others claim it
		p.visit("3", "2026-03-02 08:30"),                  // nobody claims it
		p.visit("4", "2026-03-02 08:45", belongsTo("99")), // not in the search of these days
	)
	says := func(text string) func(*pims.Consultation) {
		return func(c *pims.Consultation) { c.SOAP.Subjective = "Zz" + text }
	}
	cancelled := func(c *pims.Consultation) { c.Status = pims.ConsultationCancelled }
	p.record(
		p.held("51", "", "2026-03-02 08:00", says("first")),
		p.held("52", "1", "2026-03-02 08:00", says("claimed")),
		p.held("55", "2", "2026-03-02 08:50", unfinished, says("unfinished")),
		p.held("53", "2", "2026-03-02 08:20", says("second")),
		p.held("54", "2", "2026-03-02 08:15", says("earlier")),
		p.held("56", "2", "2026-03-02 08:55", cancelled, says("cancelled")),
		p.held("57", "", "2026-03-02 08:30", says("same patient and time")),
		p.held("99", "", "2026-01-05 08:30", says("unlisted")),
	)
	require.Equal(t, [5]int{4, 3, 0, 1, 0}, found(p.sync(syncs.TypeCases)))
	subjective := func(id string) string { return p.stored(id).Consultation.SOAP.Subjective }
	require.Equal(t, "Zzfirst", subjective("1"))
	require.Equal(t, "Zzsecond", subjective("2"), "the most finished, then the latest")
	require.Nil(t, p.stored("3").Consultation)
	require.Equal(t, "Zzunlisted", subjective("4"))

	p.pass(time.Minute)
	p.record(p.held("99", "", "2026-01-05 08:30", says("addendum")))
	p.fake.ForgetCalls()
	require.Equal(t, [5]int{3, 1, 2, 0, 0}, found(p.sync(syncs.TypeCases)))
	require.Equal(t, "Zzaddendum", subjective("4"), "without an entry there is no telling that nothing differs")
	require.Equal(t, 1, p.fake.Count(pimstest.OpConsultation))
}

func TestAConsultationThatCasesShareIsViewedOnce(t *testing.T) { // R20
	t.Parallel()
	p := newPractice(t)
	p.seen(
		p.visit("1", "2026-03-02 08:00", of("mochi"), belongsTo("51")), p.visit("2", "2026-03-02 08:15", of("mochi"), belongsTo("51")),
		p.visit("3", "2026-03-02 08:30", belongsTo("52")), p.visit("4", "2026-03-02 08:45", belongsTo("52")),
	)
	p.record(p.held("51", "1", "2026-03-02 08:00"))
	o := p.sync(syncs.TypeCases)
	require.Equal(t, [5]int{4, 2, 0, 0, 2}, found(o))
	require.Equal(t, 1, p.fake.Count(pimstest.OpSearch))
	require.Equal(t, 2, p.fake.Count(pimstest.OpConsultation))
	require.Equal(t, p.stored("1").Consultation, p.stored("2").Consultation)
	require.ElementsMatch(t, []syncs.ItemFailure{
		{CaseID: p.stored("3").ID, Error: "Consultation not found", Code: syncs.ItemNotFound},
		{CaseID: p.stored("4").ID, Error: "Consultation not found", Code: syncs.ItemNotFound},
	}, o.audit.Result.Failures)
	require.Equal(t, 2, p.counted.actions[syncs.ActionEnriched])
}

func TestAFailedConsultationHasACodeAndStopsNoOther(t *testing.T) { // W17, R20
	t.Parallel()
	p := newPractice(t)
	failures := []struct {
		err  error
		code syncs.ItemCode
		text string
	}{
		{fmt.Errorf("view: %w", pims.ErrNotFound), syncs.ItemNotFound, "Consultation not found"},
		{fmt.Errorf("view: %w", pims.ErrTimedOut), syncs.ItemTimeout, "PIMS API timeout"},
		{fmt.Errorf("view: %w", pims.ErrRemote), syncs.ItemPIMSError, "PIMS API error: remote_error"},
		{fmt.Errorf("view: %w", pims.ErrUnreachable), syncs.ItemPIMSError, "PIMS API error: unreachable"},
		{fmt.Errorf("view: %w", pims.ErrRateLimited), syncs.ItemPIMSError, "PIMS API error: rate_limited"},
		{fmt.Errorf("view: %w", pims.ErrSchemaDrift), syncs.ItemMalformed, pims.ErrSchemaDrift.Error()},
		{&pims.RecordError{ID: "9", Field: "notes", Reason: "are no text"}, syncs.ItemMalformed, "Consultation unusable: notes are no text"},
		{fmt.Errorf("view: odd"), syncs.ItemPIMSError, "PIMS API error: error"},
	}
	visits := []pims.Appointment{p.visit("1", "2026-03-02 08:00")}
	p.record(p.held("1", "1", "2026-03-02 08:00"))
	want := make(map[string]syncs.ItemFailure)
	for i, f := range failures {
		id := fmt.Sprint(100 + i)
		visits = append(visits, p.visit(id, "2026-03-02 08:30"))
		p.record(p.held(id, id, "2026-03-02 08:30"))
		p.fake.FailConsultation(id, f.err)
		want[id] = syncs.ItemFailure{Code: f.code, Error: f.text}
	}
	p.seen(visits...)

	o := p.sync(syncs.TypeCases)
	require.Equal(t, [5]int{len(failures) + 1, 1, 0, 0, len(failures)}, found(o))
	require.NotNil(t, p.stored("1").Consultation)
	for id, failure := range want {
		failure.CaseID = p.stored(id).ID
		require.Contains(t, o.audit.Result.Failures, failure)
	}
	for i := range failures {
		p.fake.FailConsultation(fmt.Sprint(100+i), nil)
	}
	require.Equal(t, [5]int{len(visits), len(failures), 1, 0, 0}, found(p.sync(syncs.TypeCases)), "the next run tries them again")
}

func TestPartsThatCannotBeReadAreCountedAndTheRestArrives(t *testing.T) { // W15, R40
	t.Parallel()
	p := newPractice(t)
	p.seen(p.visit("1", "2026-03-02 08:00"), p.visit("2", "2026-03-02 08:30"))
	partly := p.held("1", "1", "2026-03-02 08:00")
	partly.Unusable = []pims.Part{pims.PartDiagnoses, pims.PartReason, pims.PartDiagnoses}
	p.record(partly, p.held("2", "2", "2026-03-02 08:30"))

	o := p.sync(syncs.TypeCases)
	require.Equal(t, [5]int{2, 2, 0, 0, 0}, found(o))
	require.Equal(t, syncs.Warnings{UnusableParts: 3}, o.audit.Result.Warnings)
	require.Equal(t, partly.SOAP, p.stored("1").Consultation.SOAP)
	lines := p.logs.of(p, &o.audit)
	require.Len(t, lines, 3)
	require.Equal(t, []any{"WARN", "Parts of a consultation skipped", p.stored("1").ID.String(), []any{"diagnoses", "reason"}},
		[]any{lines[1]["level"], lines[1]["msg"], lines[1]["case_id"], lines[1]["parts"]})
}

func TestACaseWithoutAConsultationIsLookedForEverMoreRarely(t *testing.T) { // R19
	t.Parallel()
	p := newPractice(t)
	visit := p.instant("2026-03-02 08:00")
	p.seen(p.visit("1", "2026-03-02 08:00"))
	start := timetest.Date(t, "2026-03-02")
	run := func() [5]int { return found(p.sync(syncs.TypeCases, syncs.Options{StartDate: start})) }
	require.Equal(t, [5]int{1, 0, 0, 1, 0}, run())
	for tries := 1; ; tries++ {
		wait := map[int]time.Duration{1: time.Hour, 2: 4 * time.Hour, 3: 12 * time.Hour}[tries]
		if wait == 0 {
			wait = 24 * time.Hour
		}
		require.Equal(t, tries, scan[int](p, "select tries from case_enrichments where clinic_id = $1"))
		p.pass(wait - time.Second)
		require.Equal(t, [5]int{}, run(), "it waits after %d tries", tries)
		p.pass(time.Second)
		if !p.clock.Now().Before(visit.Add(14 * 24 * time.Hour)) {
			break
		}
		require.Equal(t, [5]int{1, 0, 0, 1, 0}, run(), "try %d", tries+1)
	}
	require.Equal(t, [5]int{}, run(), "fourteen days are over")

	p.record(p.held("51", "1", "2026-03-02 08:00"))
	require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(p.sync(syncs.TypeCases, syncs.Options{StartDate: start, Force: true})), "unless forced")
	require.Zero(t, scan[int](p, "select tries from case_enrichments where clinic_id = $1"))
}

func TestOldVisitsAreEnrichedWhenARunCoversThemForTheFirstTime(t *testing.T) { // R19, W7
	t.Parallel()
	p := newPractice(t)
	p.seen(p.visit("1", "2026-02-12 08:00"), p.visit("2", "2026-02-12 09:00"))
	p.record(p.held("51", "1", "2026-02-12 08:00"))
	options := syncs.Options{StartDate: timetest.Date(t, "2026-02-10"), EndDate: timetest.Date(t, "2026-02-15")}
	require.Equal(t, [5]int{2, 1, 0, 1, 0}, found(p.sync(syncs.TypeCases, options)))
	require.NotNil(t, p.stored("1").Consultation)
	p.pass(24 * time.Hour)
	require.Equal(t, [5]int{}, found(p.sync(syncs.TypeCases, options)), "looked for once, fourteen days are over")
}

func TestNotesWithoutASectionAreKeptAndWaitForOne(t *testing.T) { // R19
	t.Parallel()
	p := newPractice(t)
	p.seen(p.visit("1", "2026-03-02 08:00"))
	p.record(p.held("51", "1", "2026-03-02 08:00", blank, func(c *pims.Consultation) { c.RawNotes, c.Notes = "Zzby hand", "Zzby hand" }))
	require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(p.sync(syncs.TypeCases)))
	require.Equal(t, "Zzby hand", p.stored("1").Consultation.Notes)
	require.Equal(t, [5]int{}, found(p.sync(syncs.TypeCases)), "it waits")
	p.pass(time.Hour)
	require.Equal(t, [5]int{1, 0, 1, 0, 0}, found(p.sync(syncs.TypeCases)))
	require.Equal(t, 2, scan[int](p, "select tries from case_enrichments where clinic_id = $1"))
	require.Equal(t, 1, p.fake.Count(pimstest.OpConsultation), "its entry is the same")
	p.pass(4 * time.Hour)
	p.record(p.held("51", "1", "2026-03-02 08:00"))
	require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(p.sync(syncs.TypeCases)))
	require.Zero(t, scan[int](p, "select tries from case_enrichments where clinic_id = $1"))

	p.pass(time.Hour)
	p.record(p.held("51", "1", "2026-03-02 08:00", blank, func(c *pims.Consultation) { c.Discharge = "Zzstairs again" }))
	require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(p.sync(syncs.TypeCases)))
	require.Equal(t, "Zzlimps", p.stored("1").Consultation.SOAP.Subjective, "a read without notes keeps the notes (R7)")
	require.Equal(t, "Zzstairs again", p.stored("1").Consultation.Discharge)
	require.Equal(t, [5]int{1, 0, 1, 0, 0}, found(p.sync(syncs.TypeCases)), "it has notes, so it does not wait")
}

func TestForceReadsEverythingAgain(t *testing.T) { // R19
	t.Parallel()
	p := newPractice(t)
	p.seen(p.visit("1", "2026-02-24 08:00"), p.visit("2", "2026-03-02 08:00"))
	p.record(p.held("51", "1", "2026-02-24 08:00"))
	require.Equal(t, [5]int{2, 1, 0, 1, 0}, found(p.sync(syncs.TypeCases)))
	require.Equal(t, [5]int{}, found(p.sync(syncs.TypeCases)), "one is settled, one waits")
	p.fake.ForgetCalls()
	require.Equal(t, [5]int{2, 0, 1, 1, 0}, found(p.sync(syncs.TypeCases, syncs.Options{Force: true})))
	require.Equal(t, 1, p.fake.Count(pimstest.OpConsultation), "even where its entry is the same")
	p.again = nil // forced again, the waiting one waits longer
}

func TestANoteOfAnotherConsultationThanTheCasesIsReadAgain(t *testing.T) { // R19
	t.Parallel()
	p := newPractice(t)
	p.seen(p.visit("1", "2026-03-02 08:00", belongsTo("51")))
	p.record(p.held("51", "1", "2026-03-02 08:00"))
	p.sync(syncs.TypeCases)
	p.edit("1", `metadata = jsonb_set(metadata, '{consultation,id}', '"50"')`)
	require.Equal(t, [5]int{1, 1, 0, 0, 0}, found(p.sync(syncs.TypeCases)))
	require.Equal(t, "51", p.stored("1").Consultation.ID)
}

func TestOnlyVisitsThatHaveBegunAndWereNotCancelledAreServed(t *testing.T) { // R19
	t.Parallel()
	p := newPractice(t)
	p.seen(
		p.visit("1", "2026-03-02 09:00"), p.visit("2", "2026-03-02 09:01"), p.visit("3", "2026-03-02 08:00", isCancelled),
		p.visit("4", "2026-03-02 08:00"), p.visit("5", "2026-03-02 08:00", is(pims.StatusNoShow, "No Show")),
		p.visit("6", "2026-02-23 00:00"), p.visit("7", "2026-02-22 23:59"),
	)
	p.edit("4", `metadata = metadata || '{"reconciliation": {"softDeleted": true}}'`)
	p.edit("1", "status = 'reviewed'")
	for _, id := range []string{"1", "2", "3", "4", "5", "6", "7"} {
		p.record(p.held("5"+id, id, "2026-03-02 08:00"))
	}
	require.Equal(t, [5]int{3, 3, 0, 0, 0}, found(p.sync(syncs.TypeCases)))
	require.Equal(t, []string{"1", "5", "6"}, column[string](p, "select pims_id from cases where clinic_id = $1 and metadata ? 'consultation' order by 1"))
	require.Equal(t, "reviewed", p.stored("1").Status, "a person's status is no matter")
}
