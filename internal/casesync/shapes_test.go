package casesync_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/drift"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
	"github.com/pims-sync/pims-sync/internal/postgres/driftstore"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A wired connection shows its calendar as rows of JSON, too, in a form that a test changes.
type wired struct {
	*connection
	field *string // the name of the field with the id
}

func (w *wired) Decides(_, field string) bool { return field == "id" }

func (w *wired) Appointments(ctx context.Context, window pims.Window) (pims.Snapshot, error) {
	snapshot, err := w.connection.Appointments(ctx, window)
	if err != nil {
		return snapshot, err
	}
	rows := strings.Repeat(`{"`+*w.field+`": 17, "reason": "x"},`, 20)
	transport := drift.Transport{Next: answering("[" + strings.TrimSuffix(rows, ",") + "]")}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://neo.example.com/calendar", http.NoBody)
	if err != nil {
		return snapshot, err
	}
	response, err := transport.RoundTrip(request)
	if err == nil {
		_, _ = io.Copy(io.Discard, response.Body)
		err = response.Body.Close()
	}
	return snapshot, err
}

type answering string

func (a answering) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(string(a))),
	}, nil
}

// watch makes a runner that watches the form of the answers, in which the id's field has the
// name that field points to. It counts in told what is told.
func (p *practice) watch(field *string, told map[drift.Kind]int) {
	p.runner = casesync.NewRunner(casesync.RunnerOptions{
		Connect: func(ctx context.Context, id uuid.UUID) (casesync.Connection, error) {
			c, err := p.connect(ctx, id)
			if err != nil {
				return nil, err
			}
			return &wired{c.(*connection), field}, nil
		},
		Plan:     func(_ context.Context, _, id uuid.UUID) (syncs.Plan, error) { return p.plan(id), nil },
		Cases:    p.store,
		Recorder: p.recorder,
		Forms:    driftstore.New(p.db),
		Drifted:  func(_ string, kind drift.Kind) { told[kind]++ },
		Logger:   p.logs.logger(),
		Now:      p.clock.Now,
	})
}

// drifted lists the changes that hold, as people see them.
func (p *practice) drifted() []scheduler.ChangedForm {
	p.Helper()
	conditions, err := clinicstore.NewClinics(p.db).Conditions(p.background(), p.clinic.ID, p.clock.Now())
	require.NoError(p, err)
	require.Len(p, conditions, 1)
	return conditions[0].Drifted
}

func TestAnotherFormOfTheAnswersFreezesDeletionsUntilItIsAccepted(t *testing.T) { // R51
	t.Parallel()
	p := newPractice(t)
	field, told := "id", make(map[drift.Kind]int)
	p.watch(&field, told)
	p.aRound()
	for range 6 { // the form is known after some days
		p.sync(syncs.TypeReconciliation)
		p.pass(24 * time.Hour)
	}
	require.Empty(t, told)
	events := func() int {
		return scan[int](p, "select count(*) from pims_sync_feed_pending where clinic_id = $1 and type = 'pims.drift'")
	}

	field = "key"
	before := p.cases(p.clinic.ID)
	o := p.fail(syncs.CodeDriftGuard, syncs.TypeReconciliation)
	require.Contains(t, o.audit.Result.Error, "/calendar: id vanished")
	require.Equal(t, before, p.cases(p.clinic.ID))
	require.Equal(t, map[drift.Kind]int{drift.Vanished: 1, drift.New: 1}, told)
	require.Equal(t, 1, events())
	plan := p.plan(o.audit.Result.PlanID)
	require.Equal(t, syncs.CodeDriftGuard, plan.Code)
	open := p.plan(p.fail(syncs.CodeDriftGuard, syncs.TypeReconciliation).audit.Result.PlanID)
	require.Equal(t, syncs.PlanOpen, open.Status)
	require.Equal(t, syncs.PlanSuperseded, p.plan(plan.ID).Status, "the next plan of the guard takes its place")
	require.Equal(t, 1, events(), "it is told once")
	listed := p.drifted()
	require.Len(t, listed, 2)
	require.Equal(t, "/calendar id vanished", listed[0].Change)

	dry := p.try(syncs.TypeReconciliation, syncs.Options{DryRun: true})
	require.ErrorContains(t, dry.err, "another form")
	require.Equal(t, syncs.PlanOpen, p.plan(open.ID).Status, "a dry run changes no plan (R26)")

	field = "id"
	p.sync(syncs.TypeReconciliation)
	require.Equal(t, syncs.PlanSuperseded, p.plan(open.ID).Status, "the old form is back (R18)")
	field = "key"
	o = p.fail(syncs.CodeDriftGuard, syncs.TypeReconciliation)
	require.Equal(t, 2, events())

	require.NoError(t, p.approve(o.audit.Result.PlanID).err)
	require.Empty(t, p.drifted(), "a person accepted the new form")
	p.sync(syncs.TypeReconciliation)
	require.Equal(t, 2, events())
}

// What a full sync has found is accepted by the reconciliation that its approval starts, also
// where the deletions wait for a decision of their own. No type of sync gets around the guard.
func TestTheFormThatAFullSyncFoundFreezesReconciliationsAndIsAccepted(t *testing.T) { // R51
	t.Parallel()
	p := newPractice(t)
	field, told := "id", make(map[drift.Kind]int)
	p.watch(&field, told)
	p.aRound()
	p.enter(p.visits("m", 8, "2026-03-06 08:00")...)
	for range 6 {
		p.sync(syncs.TypeFull)
		p.pass(24 * time.Hour)
	}
	last := func() syncs.Plan { return p.recorder.plans[len(p.recorder.plans)-1] }

	field = "key"
	require.Error(t, p.try(syncs.TypeFull).err)
	require.Equal(t, syncs.CodeDriftGuard, last().Code)
	p.fail(syncs.CodeDriftGuard, syncs.TypeReconciliation)
	plan := last()
	require.Equal(t, syncs.CodeDriftGuard, plan.Code)

	before := p.cases(p.clinic.ID)
	p.remove("m000", "m001", "m002", "m003", "m004", "m005", "m006", "m007")
	require.Equal(t, syncs.CodeDeletionGuard, p.approve(plan.ID).audit.Result.Code)
	require.Equal(t, before, p.cases(p.clinic.ID))
	require.Empty(t, p.drifted(), "a person accepted the new form")
	require.Equal(t, syncs.CodeDeletionGuard, last().Code)
	require.NoError(t, p.approve(last().ID).err, "the form no longer holds the deletions")
	require.Len(t, p.deleted(), 8)
	p.sync(syncs.TypeFull)
}
