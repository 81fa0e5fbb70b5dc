package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
)

// cleanUp is how many past appointments the practice of the story removes: more than the
// deletion guard allows without approval (R23).
const cleanUp = 16

// A night is one chapter of the story: what happened, and its outcome.
type night struct {
	Happened string `json:"happened"`
	Code     string `json:"code,omitempty"`
	Said     string `json:"said"`
	Right    bool   `json:"right"`
}

// A Story is the result of the demo's story: a bad night, a refused plan, its approval and
// the restore.
type Story struct {
	Success bool    `json:"success"`
	Nights  []night `json:"nights"`
}

// Failure returns an error where a chapter did not end as it should.
func (s *Story) Failure() error {
	if s.Success {
		return nil
	}
	return errors.New("the story did not end as it should; the lines marked WRONG say where")
}

// A teller runs the story with one clinic.
type teller struct {
	*demoClinic
	stage *stage
	story Story
}

// Story plays a bad night of the first clinic: the calendar of another practice is refused, a
// mass deletion is refused, approved, and undone.
func (p *Play) Story(ctx context.Context) (*Story, error) {
	t := &teller{demoClinic: p.clinics[0], stage: p.stage}
	for _, chapter := range []func(context.Context) error{t.firstNight, t.wrongPractice, t.honestCleanUp} {
		if err := chapter(ctx); err != nil {
			return nil, err
		}
	}
	t.story.Success = true
	for _, n := range t.story.Nights {
		t.story.Success = t.story.Success && n.Right
	}
	return &t.story, nil
}

// tell adds a chapter's outcome and prints it.
func (t *teller) tell(n night) {
	t.story.Nights = append(t.story.Nights, n)
	mark := "as it should be"
	if !n.Right {
		mark = "WRONG"
	}
	fmt.Fprintf(t.stage.w, "  %s\n  → %s (%s)\n", n.Happened, n.Said, mark)
}

func (t *teller) firstNight(ctx context.Context) error {
	t.stage.chapter("The first night: " + t.name + " is synced for the first time")
	done, err := t.sync(ctx, func(progressJSON) {})
	if err != nil {
		return err
	}
	cases, err := t.api.cases(ctx)
	if err != nil {
		return err
	}
	t.tell(night{"A full sync over the past and the coming week.", done.Code, fmt.Sprintf("%d cases", len(cases)), done.Success && len(cases) > 0})
	return nil
}

// wrongPractice makes the PIMS show another practice's calendar (R18).
func (t *teller) wrongPractice(ctx context.Context) error {
	t.stage.chapter("The wrong-practice night: the PIMS shows the calendar of another practice")
	before, err := t.fingerprint(ctx)
	if err != nil {
		return err
	}
	t.sim.Fail(neosim.Fault{Op: neosim.OpCalendar, Kind: neosim.FaultOtherPractice, Count: neosim.Forever})
	done, err := t.sync(ctx, func(progressJSON) {})
	t.sim.ClearFaults()
	if err != nil {
		return err
	}
	after, err := t.fingerprint(ctx)
	if err != nil {
		return err
	}
	t.tell(night{"Somebody gave the user of the sync to another practice.", done.Code, done.Error, done.Code == "pims_wrong_practice"})
	said := "not one case was changed"
	if before != after {
		said = "cases were changed"
	}
	t.tell(night{"All cases before and after, compared field by field:", "", said, before == after})
	return nil
}

// honestCleanUp makes the practice really remove appointments: the deletion is refused,
// approved, carried out, and undone (R22–R24).
func (t *teller) honestCleanUp(ctx context.Context) error {
	t.stage.chapter("The clean-up: the practice removes old appointments, more than the guard lets pass")
	before, err := t.fingerprint(ctx)
	if err != nil {
		return err
	}
	removed, err := t.remove(ctx)
	if err != nil {
		return err
	}
	refused, err := t.reconcile(ctx)
	if err != nil {
		return err
	}
	after, err := t.fingerprint(ctx)
	if err != nil {
		return err
	}
	t.tell(night{
		fmt.Sprintf("%d appointments of the past week are gone from the PIMS.", len(removed)), refused.Code, refused.Error,
		refused.Code == "deletion_guard" && refused.PlanID != uuid.Nil && before == after,
	})

	t.stage.chapter("The approval: an operator looks at the plan and approves it")
	var decision struct {
		SyncID uuid.UUID `json:"syncId"`
		Plan   struct {
			Cases []json.RawMessage `json:"cases"`
		} `json:"plan"`
		Error string `json:"error"`
	}
	if _, err := t.api.call(ctx, http.MethodPost, "/api/plans/"+refused.PlanID.String()+"/approve", nil, &decision); err != nil {
		return err
	}
	if decision.SyncID == uuid.Nil {
		return errors.New("the plan was not approved: " + decision.Error)
	}
	ended, err := t.wait(ctx, decision.SyncID)
	if err != nil {
		return err
	}
	deleted, err := t.deleted(ctx)
	if err != nil {
		return err
	}
	t.tell(night{
		fmt.Sprintf("Plan %s names %d cases. Each is looked up once more.", refused.PlanID, len(decision.Plan.Cases)), ended.Code,
		fmt.Sprintf("%d cases are soft-deleted, and no other", len(deleted)),
		ended.Status == "completed" && slices.Equal(deleted, removed),
	})
	return t.undo(ctx, decision.SyncID, deleted, before)
}

// undo restores what the approved sync deleted.
func (t *teller) undo(ctx context.Context, syncID uuid.UUID, deleted []string, before string) error {
	t.stage.chapter("The undo: it was a mistake after all")
	var restored struct {
		Restored []uuid.UUID `json:"restored"`
	}
	if _, err := t.api.call(ctx, http.MethodPost, "/api/syncs/"+syncID.String()+"/restore", nil, &restored); err != nil {
		return err
	}
	after, err := t.fingerprint(ctx)
	if err != nil {
		return err
	}
	t.tell(night{
		"All that the sync deleted is restored with one command.", "",
		fmt.Sprintf("%d cases are back, and every case is what it was before", len(restored.Restored)),
		len(restored.Restored) == len(deleted) && after == before,
	})
	if len(restored.Restored) == 0 {
		return nil
	}
	return t.history(ctx, restored.Restored[0])
}

// history shows what happened to one case.
func (t *teller) history(ctx context.Context, caseID uuid.UUID) error {
	var list struct {
		Items []struct {
			At   time.Time `json:"at"`
			Who  string    `json:"who"`
			Text []string  `json:"text"`
		} `json:"items"`
	}
	if _, err := t.api.call(ctx, http.MethodGet, "/api/cases/"+caseID.String()+"/history", nil, &list); err != nil {
		return err
	}
	loc, err := clinic.LoadZone(t.zone)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.stage.w, "\n  The history of case %s:\n", caseID)
	for _, e := range list.Items {
		for _, text := range e.Text {
			fmt.Fprintf(t.stage.w, "    %s  %s, by %s\n", e.At.In(loc).Format("15:04:05"), text, e.Who)
		}
	}
	return nil
}

// remove deletes past appointments in the practice whose cases exist, spread over the days,
// and returns their ids in order.
func (t *teller) remove(ctx context.Context) ([]string, error) {
	cases, err := t.api.cases(ctx)
	if err != nil {
		return nil, err
	}
	today := t.sim.Today()
	loc, err := clinic.LoadZone(t.zone)
	if err != nil {
		return nil, err
	}
	midnight := time.Date(today.Year(), today.Month(), today.Day(), 0, 0, 0, 0, loc)
	var candidates []string
	for id, c := range cases {
		if c.Status != "reviewed" && c.ScheduledDate.Before(midnight) && c.ScheduledDate.After(midnight.AddDate(0, 0, -6)) {
			candidates = append(candidates, id)
		}
	}
	slices.Sort(candidates)
	var removed []string
	for i := 0; i < len(candidates) && len(removed) < cleanUp; i += max(1, len(candidates)/cleanUp) {
		if err := t.sim.Delete(candidates[i]); err != nil {
			return nil, fmt.Errorf("removing an appointment: %w", err)
		}
		removed = append(removed, candidates[i])
	}
	return removed, nil
}

// A reconciled is the outcome of a reconciliation.
type reconciled struct {
	Success bool      `json:"success"`
	Code    string    `json:"code"`
	Error   string    `json:"error"`
	PlanID  uuid.UUID `json:"planId"`
}

func (t *teller) reconcile(ctx context.Context) (r reconciled, err error) {
	_, err = t.api.call(ctx, http.MethodPost, "/api/sync/reconcile", bytes.NewReader([]byte(`{}`)), &r)
	return r, err
}

// wait polls a sync until it is over.
func (t *teller) wait(ctx context.Context, syncID uuid.UUID) (ended struct {
	Status string `json:"status"`
	Code   string `json:"code"`
}, err error,
) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		ended.Status, ended.Code = "", ""
		if _, err = t.api.call(ctx, http.MethodGet, "/api/syncs/"+syncID.String(), nil, &ended); err != nil {
			return ended, err
		}
		if ended.Status != "queued" && ended.Status != "in_progress" {
			return ended, nil
		}
		select {
		case <-ctx.Done():
			return ended, ctx.Err()
		case <-ticker.C:
		}
	}
}

// deleted returns the appointments whose cases are soft-deleted, in order.
func (t *teller) deleted(ctx context.Context) ([]string, error) {
	cases, err := t.api.cases(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for id, c := range cases {
		if c.deletion() != "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// fingerprint covers everything in the clinic's cases except the time of their update.
func (t *teller) fingerprint(ctx context.Context) (string, error) {
	cases, err := t.api.cases(ctx)
	if err != nil {
		return "", err
	}
	for id, c := range cases {
		c.UpdatedAt = time.Time{}
		cases[id] = c
	}
	whole, err := json.Marshal(cases)
	return string(whole), err
}
