package console

import (
	"context"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/syncstore"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// queueOf queues syncs without anybody who works on them.
type queueOf struct{ db *postgres.DB }

func (q queueOf) Start(ctx context.Context, r syncs.Request, _ string) (syncs.Audit, error) {
	audit := syncs.Audit{ID: uuid.New(), ClinicID: r.ClinicID, Type: r.Type, Trigger: r.Trigger, Options: r.Options, Status: syncs.StatusQueued}
	id, err := syncstore.NewAudits(q.db).Enqueue(ctx, audit, "", func(pgx.Tx) error { return nil })
	audit.ID = id
	return audit, err
}

func (q queueOf) Cancel(ctx context.Context, clinicID, syncID uuid.UUID, _ string) (syncs.Audit, error) {
	if err := syncstore.NewAudits(q.db).Cancel(ctx, clinicID, syncID, time.Now()); err != nil {
		return syncs.Audit{}, err
	}
	return syncstore.NewAudits(q.db).Audit(ctx, clinicID, syncID)
}

func (q queueOf) Approve(ctx context.Context, clinicID, planID uuid.UUID, trigger syncs.Trigger, actor string) (syncs.Audit, error) {
	plan, err := syncstore.NewPlans(q.db).Plan(ctx, clinicID, planID)
	if err == nil {
		err = plan.Decidable(time.Now())
	}
	if err != nil {
		return syncs.Audit{}, err
	}
	audit := syncs.Audit{ID: uuid.New(), ClinicID: clinicID, Type: plan.SyncType, Trigger: trigger, Status: syncs.StatusQueued, Approval: planID, CreatedAt: time.Now()}
	_, err = syncstore.NewAudits(q.db).Enqueue(ctx, audit, "", func(tx pgx.Tx) error {
		return syncstore.NewPlans(q.db).Decide(ctx, tx, clinicID, planID, syncs.PlanApproved, actor, time.Now())
	})
	return audit, err
}

func (q queueOf) Reject(ctx context.Context, clinicID, planID uuid.UUID, actor string) error {
	return syncstore.NewPlans(q.db).Reject(ctx, clinicID, planID, actor, time.Now())
}

// A week is what happened at one clinic.
type week struct {
	clinic, other                      uuid.UUID
	inbound, deletion, failed, running uuid.UUID
	dry                                uuid.UUID
	pip, otto                          uuid.UUID
	clinicName, otherName              string
}

// afterThisMillisecond returns in the next one. An address names a moment by its millisecond: in
// one with two changes it shows both.
func afterThisMillisecond() {
	for begun := time.Now().UnixMilli(); time.Now().UnixMilli() <= begun; {
		runtime.Gosched()
	}
}

// week stores a clinic's runs and cases as syncs and people leave them.
func (s *site) week(t *testing.T, who uuid.UUID) *week {
	t.Helper()
	w := &week{clinicName: "Harbor Lights Animal Clinic", otherName: "Tierpraxis Alpenblick"}
	for _, id := range []*uuid.UUID{&w.clinic, &w.other, &w.inbound, &w.deletion, &w.failed, &w.running, &w.dry, &w.pip, &w.otto} {
		*id = uuid.New()
	}
	now := s.clock.Now()
	s.sql(t, "insert into clinics (id, name, timezone) values ($1, $2, 'America/New_York'), ($3, $4, 'Europe/Berlin')", w.clinic, w.clinicName, w.other, w.otherName)
	s.sql(t, `insert into case_sync_audits (id, clinic_id, sync_type, status, trigger, request, result, error_code, error_message, appointments_found, cases_created, cases_updated, cases_deleted, cases_failed, created_at, started_at, completed_at) values
		($2, $1, 'inbound', 'completed', 'schedule', '{}', '{}', null, null, 2, 2, 0, 0, 0, $7::timestamptz - interval '40 minutes', $7::timestamptz - interval '40 minutes', $7::timestamptz - interval '40 minutes' + interval '2400 ms'),
		($3, $1, 'reconciliation', 'completed', 'schedule', '{}', '{}', null, null, 0, 0, 0, 1, 0, $7::timestamptz - interval '30 minutes', $7::timestamptz - interval '30 minutes', $7::timestamptz - interval '30 minutes' + interval '480 ms'),
		($4, $1, 'cases', 'failed', 'api', '{}', '{}', 'pims_unreachable', 'The PIMS could not be reached: connection refused; try again later', 0, 0, 0, 0, 0, $7::timestamptz - interval '20 minutes', $7::timestamptz - interval '20 minutes', $7::timestamptz - interval '20 minutes' + interval '95 s'),
		($6, $1, 'inbound', 'completed', 'cli', '{"dryRun": true}', $8, null, null, 1, 0, 1, 0, 0, $7::timestamptz - interval '10 minutes', $7::timestamptz - interval '10 minutes', $7::timestamptz - interval '10 minutes' + interval '700 ms'),
		($5, $1, 'full', 'in_progress', 'schedule', '{}', '{}', null, null, 0, 0, 0, 0, 0, $7::timestamptz - interval '1 minute', $7::timestamptz - interval '1 minute', null)`,
		w.clinic, w.inbound, w.deletion, w.failed, w.running, w.dry, now,
		`{"changes": [{"action": "updated", "caseId": "`+w.pip.String()+`", "pimsId": "101", "patientName": "Pip", "fields": [{"field": "status", "before": "pending", "after": "reviewed"}, {"field": "scheduledDate", "before": null, "after": "2026-03-02T14:30:00Z"}, {"field": "appointment.clientEmail", "before": null, "after": "ada@example.com"}]}]}`)
	s.sql(t, `insert into sync_leases (audit_id, clinic_id, attempt, worker, expires_at, progress) values ($1, $2, 1, 'test', now() + interval '1 minute', '{"phase": "inbound", "step": "fetch", "done": 30, "total": 120}')`, w.running, w.clinic)
	by := func(actor, statement string, args ...any) {
		t.Helper()
		afterThisMillisecond()
		require.NoError(t, pgx.BeginFunc(t.Context(), s.db.Pool(), func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), "select set_config('app.actor', $1, true)", actor); err != nil {
				return err
			}
			_, err := tx.Exec(t.Context(), statement, args...)
			return err
		}))
	}
	by("sync:"+w.inbound.String(), `insert into cases (id, clinic_id, pims_id, patient_name, client_name, phone_number, scheduled_date, status, sync_status, case_type, metadata) values
		($2, $1, '101', 'Pip', 'Ada Birch', '555-0142', $4, 'pending', 'pending', 'checkup', '{"appointment": {"status": "Checked In", "type": "Exam", "room": "Room 2", "reason": "Limping"}, "consultation": {"id": "51", "fetchedAt": "2026-03-02T09:00:00Z", "statusText": "completed", "soapNotes": {"subjective": "Limps since Sunday.\nEats well.", "objective": "Left hind leg warm.", "assessment": "Sprain", "plan": "Rest"}, "diagnoses": ["Sprain of the stifle"], "vitals": {"temperature": 38.6, "temperatureUnit": "C", "pulse": 92, "respiration": null, "weight": 12.4, "weightUnit": "kg"}}}'),
		($3, $1, '102', 'Otto', 'Tom Elm', '555-0199', $4, 'draft', 'draft', 'surgery', '{"appointment": {"status": "Booked", "type": "Surgery"}}')`,
		w.clinic, w.pip, w.otto, now.Add(-72*time.Hour))
	by("sync:"+w.deletion.String(), `update cases set status = 'reviewed', sync_status = 'reviewed', metadata = metadata || '{"reconciliation": {"softDeleted": true, "deletedAt": "2026-03-03T02:00:00Z", "reason": "removed_from_pims", "syncId": "`+w.deletion.String()+`"}}' where id = $1`, w.otto)
	by("person:"+who.String(), `update cases set status = 'reviewed' where id = $1`, w.pip)
	return w
}

func TestRunsAreListedAndFiltered(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	admin := s.invite(t, people.Person{Email: "ada@example.com", Name: "Ada Marlow", Role: access.RoleAdmin})
	w := s.week(t, admin.ID)
	v := s.signedIn(t, admin)
	page := v.get(t, "/console/runs")
	require.Equal(t, 200, page.status)
	rows := rowOfOne.FindAllString(page.body, -1)
	require.Len(t, rows, 5)
	for i, words := range [][]string{
		{"Full sync", "Running", `value="25"`, "Schedule"},
		{"Appointments", "dry run", "1 changed", "700 ms", "Command line"},
		{"Notes", "Failed", "The PIMS could not be reached", "1 min 35 s", "API or console"},
		{"Deletions", "Done", "1 deleted", "480 ms"},
		{"Appointments", "Done", "2 new", "2.4 s"},
	} {
		for _, word := range words {
			require.Contains(t, rows[i], word)
		}
	}
	for query, n := range map[string]int{
		"type=inbound": 2, "status=failed": 1, "clinic=" + w.clinic.String(): 5, "clinic=" + w.other.String(): 0, "type=full&status=completed": 0,
		"code=pims_unreachable": 1, "code=timeout": 0, "span=day": 5, "span=day&code=pims_unreachable": 1,
	} {
		page := v.get(t, "/console/runs?"+query)
		require.Len(t, rowOfOne.FindAllString(page.body, -1), n, query)
	}
	require.Contains(t, v.get(t, "/console/runs?type=full&status=completed").body, "No run matches")

	limited := s.signedIn(t, s.invite(t, people.Person{Email: "grace@example.com", Role: access.RoleViewer, Limited: true, Clinics: []uuid.UUID{w.other}}))
	require.Empty(t, rowOfOne.FindAllString(limited.get(t, "/console/runs").body, -1))
	for _, path := range []string{"/console/runs?clinic=" + w.clinic.String(), screen.RunAddress(w.failed), screen.CaseAddress(w.pip), "/console/cases?clinic=" + w.clinic.String()} {
		require.Equal(t, 404, limited.get(t, path).status, path)
	}
	s.requireNoFault(t)
}

func TestARunShowsWhatItDidAndIsUndone(t *testing.T) { // R24, R44
	t.Parallel()
	s := newSite(t)
	admin := s.invite(t, people.Person{Email: "ada@example.com", Name: "Ada Marlow", Role: access.RoleAdmin})
	w := s.week(t, admin.ID)
	v := s.signedIn(t, admin)
	page := v.get(t, screen.RunAddress(w.failed))
	require.Contains(t, page.body, "The PIMS could not be reached: connection refused")
	require.Contains(t, v.get(t, screen.RunAddress(w.inbound)).body, "the case was created")
	page = v.get(t, screen.RunAddress(w.dry))
	for _, words := range []string{"Would change", "Pip", "<dt>Status</dt>", "<del>pending</del>", "<ins>reviewed</ins>", "<dt>Visit</dt>", "Mon 2 Mar 2026, 09:30 EST", "<dt>Client email in the PIMS</dt>"} {
		require.Contains(t, page.body, words)
	}

	page = v.get(t, screen.RunAddress(w.deletion))
	require.Contains(t, page.body, "Restore 1 case")
	page = v.send(t, screen.RunAddress(w.deletion), url.Values{"act": {"restore"}})
	require.Contains(t, page.body, "1 case restored.")
	require.NotContains(t, page.body, "Restore 1 case")
	page = v.get(t, screen.CaseAddress(w.otto))
	require.NotContains(t, page.body, "Soft-deleted")

	page = v.get(t, screen.RunAddress(w.running))
	require.Contains(t, page.body, "fetch 30 of 120")
	page = v.send(t, screen.RunAddress(w.running), url.Values{"act": {"cancel"}})
	require.Contains(t, page.body, "ends at its next step")
	s.sql(t, "delete from sync_leases")
	s.sql(t, "update case_sync_audits set status = 'cancelled', completed_at = now() where id = $1", w.running)
	v.get(t, screen.RunAddress(w.inbound))
	page = v.send(t, screen.RunAddress(w.inbound), url.Values{"act": {"repeat"}})
	require.Contains(t, page.body, "Started again")
	require.NotEqual(t, screen.RunAddress(w.inbound), page.path)
	require.Contains(t, page.body, "Waiting")

	recorded := selected[string](t, s, "select action from operator_events where who_id = $1 order by id", admin.ID)
	require.Subset(t, recorded, []string{"sync.restore", "case.read", "sync.cancel", "sync.start"})
	s.requireNoFault(t)
}

func TestAViewerChangesNoRun(t *testing.T) { // R42
	t.Parallel()
	s := newSite(t)
	w := s.week(t, uuid.New())
	v := s.as(t, access.RoleViewer)
	for path, act := range map[string]string{screen.RunAddress(w.deletion): "restore", screen.RunAddress(w.running): "cancel", screen.RunAddress(w.inbound): "repeat", screen.CaseAddress(w.otto): "restore"} {
		page := v.get(t, path)
		require.Equal(t, 200, page.status, path)
		require.NotContains(t, page.body, `value="`+act+`"`, path)
		page = v.send(t, path, url.Values{"act": {act}})
		require.Contains(t, []int{403, 422}, page.status, "%s %s", path, act)
		require.Contains(t, page.body, "operator", path)
	}
	require.Empty(t, selected[string](t, s, "select id::text from case_sync_audits where status = 'queued'"))
	s.requireNoFault(t)
}

func TestTheRefusedRestoreOfACaseIsRecordedAsFailed(t *testing.T) { // R24, R44
	t.Parallel()
	s := newSite(t)
	w := s.week(t, uuid.New())
	v := s.as(t, access.RoleOperator)
	s.sql(t, "update cases set metadata = metadata - 'reconciliation' where id = $1", w.otto)
	v.get(t, screen.CaseAddress(w.otto))
	page := v.send(t, screen.CaseAddress(w.otto), url.Values{"act": {"restore"}})
	require.Equal(t, 422, page.status)
	require.Contains(t, page.body, "The case was changed since it was soft-deleted")
	require.Equal(t, []string{"failed already_decided"}, selected[string](t, s, "select outcome || ' ' || code from operator_events where action = 'case.restore'"))
}

func TestCasesAreSearchedWithoutANameInAnAddress(t *testing.T) { // R40
	t.Parallel()
	s := newSite(t)
	w := s.week(t, uuid.New())
	v := s.as(t, access.RoleViewer)
	v.get(t, "/console/cases")
	for _, tc := range []struct {
		form url.Values
		want []string
	}{
		{url.Values{}, []string{"Pip", "Otto"}},
		{url.Values{"q": {"pip"}}, []string{"Pip"}},
		{url.Values{"q": {"birch pip"}}, []string{"Pip"}},
		{url.Values{"q": {"0199"}}, []string{"Otto"}},
		{url.Values{"q": {"102"}}, []string{"Otto"}},
		{url.Values{"q": {"%"}}, nil},
		{url.Values{"q": {"pip elm"}}, nil},
		{url.Values{"deleted": {"yes"}}, []string{"Otto"}},
		{url.Values{"deleted": {"no"}}, []string{"Pip"}},
		{url.Values{"status": {"reviewed"}}, []string{"Pip", "Otto"}},
		{url.Values{"status": {"draft"}}, nil},
		{url.Values{"from": {"2020-01-01"}, "to": {"2020-01-02"}}, nil},
		{url.Values{"clinic": {w.other.String()}}, nil},
	} {
		page := v.send(t, "/console/cases", tc.form)
		require.Equal(t, 200, page.status, tc.form)
		require.Equal(t, "/console/cases", page.path)
		require.ElementsMatch(t, tc.want, patients(page), tc.form)
	}
	for problem, days := range map[string]url.Values{
		"A date must be like":               {"from": {"yesterday"}},
		"The last day is before the first.": {"from": {"2026-03-14"}, "to": {"2026-03-13"}},
	} {
		require.Contains(t, v.send(t, "/console/cases", days).body, problem)
		require.NotContains(t, v.page.body, "No case matches", "nothing was looked for")
	}
	require.NotContains(t, v.send(t, "/console/cases", url.Values{"from": {"2026-03-14"}, "to": {"2026-03-14"}}).body, "The last day")
	for _, line := range s.log.Lines(t) {
		for _, value := range line {
			text, _ := value.(string)
			require.NotContains(t, strings.ToLower(text), "birch", "in the log")
		}
	}
}

func patients(page reply) (found []string) {
	for _, row := range rowOfOne.FindAllString(page.body, -1) {
		_, after, _ := strings.Cut(row, `class="name"`)
		_, after, _ = strings.Cut(after, ">")
		name, _, _ := strings.Cut(after, "<")
		found = append(found, name)
	}
	return found
}

func TestACaseShowsItsNotesAndWhoChangedIt(t *testing.T) { // R14
	t.Parallel()
	s := newSite(t)
	admin := s.invite(t, people.Person{Email: "ada@example.com", Name: "Ada Marlow", Role: access.RoleAdmin})
	w := s.week(t, admin.ID)
	v := s.signedIn(t, admin)
	page := v.get(t, screen.CaseAddress(w.pip))
	for _, words := range []string{
		"Ada Birch", "555-0142", "Limps since Sunday.", "Left hind leg warm.", "Sprain of the stifle", "38.6°C", "92 /min", "12.4 kg", "Room 2",
		"status changed from pending to reviewed", "by Ada Marlow", screen.RunAddress(w.inbound),
	} {
		require.Contains(t, page.body, words)
	}
	page = v.get(t, screen.CaseAddress(w.otto))
	for _, words := range []string{"Soft-deleted", "removed from pims", "soft-deleted: removed_from_pims"} {
		require.Contains(t, page.body, words)
	}
	page = v.send(t, screen.CaseAddress(w.otto), url.Values{"act": {"restore"}})
	require.Contains(t, page.body, "1 case restored.")
	require.Equal(t, 404, v.get(t, screen.CaseAddress(uuid.New())).status)
	require.Equal(t, 404, v.get(t, "/console/cases/7").status)

	s.sql(t, "delete from cases where id = $1", w.pip)
	page = v.get(t, screen.CaseAddress(w.pip))
	require.Equal(t, 200, page.status)
	require.Contains(t, page.body, "no longer in the database")
	s.requireNoFault(t)
}

func TestARunLinksToItsTraces(t *testing.T) {
	t.Parallel()
	pattern, err := ParseTraceURL("https://traces.example.com/search?tags=sync.id%3D{syncId}")
	require.NoError(t, err)
	s := newSite(t, func(o *Options) { o.TraceURL = pattern })
	admin := s.invite(t, people.Person{Email: "ada@example.com", Name: "Ada Marlow", Role: access.RoleAdmin})
	w := s.week(t, admin.ID)
	require.Contains(t, s.signedIn(t, admin).get(t, screen.RunAddress(w.inbound)).body, `href="https://traces.example.com/search?tags=sync.id%3D`+w.inbound.String()+`"`)
	for _, text := range []string{"traces.example.com/{syncId}", "https://traces.example.com/", "javascript:alert('{syncId}')", "https://ada:secret@traces.example.com/{syncId}", "https:///{syncId}"} {
		_, err := ParseTraceURL(text)
		require.ErrorContains(t, err, "TRACE_URL must be like", text)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestACaseIsShownAsItWas(t *testing.T) { // R14, R7
	t.Parallel()
	s := newSite(t)
	admin := s.invite(t, people.Person{Email: "ada@example.com", Name: "Ada Marlow", Role: access.RoleAdmin})
	w := s.week(t, admin.ID)
	afterThisMillisecond()
	s.sql(t, `update cases set metadata = jsonb_set(metadata, '{consultation,soapNotes,plan}', '"Rest, and a splint"') where id = $1`, w.pip)
	moments := selected[string](t, s, `select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') from case_events where case_id = $1 group by at order by at`, w.pip)
	require.Len(t, moments, 3)
	v := s.signedIn(t, admin)

	now := v.get(t, screen.CaseAddress(w.pip))
	for _, at := range moments {
		require.Contains(t, now.body, `href="?`+url.Values{"at": {at}}.Encode()+`"`)
		require.Equal(t, 2, strings.Count(now.body, `<option value="`+at+`"`))
	}
	require.Contains(t, now.body, "Rest, and a splint")

	then := v.get(t, screen.CaseAddress(w.pip)+"?"+url.Values{"at": {moments[0]}}.Encode())
	require.Contains(t, then.body, "The case as it was")
	require.Contains(t, then.body, "Pending")
	require.Contains(t, then.body, "Rest</p>")
	require.NotContains(t, then.body, "Rest, and a splint</p>")
	require.NotContains(t, then.body, "Last changed")

	diff := func(query ...string) (parts []string) {
		values := url.Values{}
		for i := 0; i < len(query); i += 2 {
			values.Set(query[i], query[i+1])
		}
		page := v.get(t, screen.CaseAddress(w.pip)+"?"+values.Encode())
		require.Equal(t, 200, page.status)
		_, list, _ := strings.Cut(page.body, `id="differences"`)
		list, _, _ = strings.Cut(list, "Back to the case")
		for _, m := range differenceOf.FindAllStringSubmatch(list, -1) {
			parts = append(parts, strings.Join(m[1:], "|"))
		}
		return parts
	}
	require.Equal(t, []string{"Status|Pending|Reviewed", "Plan of the consultation|Rest|Rest, and a splint"}, diff("from", moments[0]))
	require.Equal(t, []string{"Status|Pending|Reviewed"}, diff("from", moments[0], "to", moments[1]))
	require.Equal(t, []string{"Status|Pending|Reviewed"}, diff("from", moments[1], "to", moments[0]), "in whichever order they are chosen")
	require.Empty(t, diff("from", moments[1], "to", moments[1]))

	for query, words := range map[string]string{
		"at=yesterday":            "is no moment",
		"from=7":                  "is no moment",
		"at=2001-01-01T00:00:00Z": "did not exist at that time",
	} {
		page := v.get(t, screen.CaseAddress(w.pip)+"?"+query)
		require.Equal(t, 200, page.status, query)
		require.Contains(t, page.body, words, query)
		require.Contains(t, page.body, "Rest, and a splint", "the case as it is stands below")
	}

	// A check finds that the notes are not Pip's and hides them.
	s.sql(t, `update cases set metadata = metadata - 'consultation' where id = $1`, w.pip)
	then = v.get(t, screen.CaseAddress(w.pip)+"?"+url.Values{"at": {moments[2]}}.Encode())
	require.Contains(t, then.body, "found not to be this patient's")
	require.NotContains(t, then.body, "splint</p>")
	require.NotContains(t, v.get(t, screen.CaseAddress(w.pip)+"?"+url.Values{"from": {moments[2]}}.Encode()).body, `<del class="text">Rest, and`)
	s.requireNoFault(t)
}

// differenceOf matches a part that differs, before and after.
var differenceOf = regexp.MustCompile(`<dt>([^<]*)</dt><dd>(?:<del class="text">([^<]*)</del>)?(?:<ins class="text">([^<]*)</ins>)?`)

func TestRunsAndCasesAreAccessible(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	admin := s.invite(t, people.Person{Email: "ada@example.com", Name: "Ada Marlow", Role: access.RoleAdmin})
	k := s.week(t, admin.ID)
	w := s.window(t)
	w.signIn(t, admin)
	for name, path := range map[string]string{
		"runs": "/console/runs", "runs-none": "/console/runs?clinic=" + k.other.String(), "run": screen.RunAddress(k.deletion), "run-failed": screen.RunAddress(k.failed),
		"run-dry": screen.RunAddress(k.dry), "run-running": screen.RunAddress(k.running), "cases": "/console/cases", "case": screen.CaseAddress(k.pip), "case-deleted": screen.CaseAddress(k.otto),
	} {
		w.open(t, path)
		w.inspect(t, name)
	}
	w.open(t, screen.CaseAddress(k.pip))
	w.do(t, chromedp.Click(".timeline li:last-child a:last-of-type"), chromedp.WaitReady(".note.tone-info"))
	w.inspect(t, "case-then")
	w.do(t, chromedp.Click(".note.tone-info a"), chromedp.WaitReady("#differences"))
	w.inspect(t, "case-compared")
	require.Contains(t, evaluate[string](t, w, `document.querySelector("dl.diff").innerText`), "Reviewed")
	w.open(t, "/console/cases")
	w.do(t, chromedp.SendKeys("#q", "otto"), chromedp.Submit("#q"), chromedp.WaitReady(`#q[value="otto"]`))
	require.Equal(t, 1, evaluate[int](t, w, `document.querySelectorAll("tbody tr").length`))
	s.requireNoFault(t)
}
