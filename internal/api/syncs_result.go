package api

import (
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// The stats of each type of sync (W21, R12, R25). All fields are
// always there.
type (
	inboundStats struct {
		AppointmentsFound int `json:"appointmentsFound" doc:"Appointments of the window in the PIMS."`
		CasesCreated      int `json:"casesCreated"`
		CasesUpdated      int `json:"casesUpdated"`
		CasesUnchanged    int `json:"casesUnchanged"`
		CasesSkipped      int `json:"casesSkipped" doc:"Appointments that were unusable."`
	}

	casesStats struct {
		CasesFound     int `json:"casesFound" doc:"Cases that were due."`
		CasesEnriched  int `json:"casesEnriched"`
		CasesUnchanged int `json:"casesUnchanged" doc:"Cases whose consultation is the same as before."`
		CasesSkipped   int `json:"casesSkipped" doc:"Cases without a consultation in the PIMS."`
		CasesFailed    int `json:"casesFailed" doc:"Cases listed in failures."`
	}

	reconciliationStats struct {
		CasesChecked  int         `json:"casesChecked"`
		CasesDeleted  int         `json:"casesDeleted"`
		CasesUpdated  int         `json:"casesUpdated"`
		CasesRestored int         `json:"casesRestored" doc:"Soft-deleted cases that were seen again."`
		DeletedIDs    []uuid.UUID `json:"deletedIds" nullable:"false" format:"uuid" doc:"The ids of the cases that were soft-deleted."`
	}
)

func inboundStatsOf(s syncs.Stats) inboundStats {
	return inboundStats{s.AppointmentsFound, s.CasesCreated, s.CasesUpdated, s.CasesUnchanged, s.CasesSkipped}
}

func casesStatsOf(s syncs.Stats) casesStats {
	return casesStats{s.CasesFound, s.CasesEnriched, s.CasesUnchanged, s.CasesSkipped, s.CasesFailed}
}

func reconciliationStatsOf(s syncs.Stats) reconciliationStats {
	return reconciliationStats{s.CasesChecked, s.CasesDeleted, s.CasesUpdated, s.CasesRestored, s.DeletedIDs}
}

// A phaseResult is the result of one phase, alone or within a full sync.
type phaseResult[S any] struct {
	Success    bool          `json:"success" doc:"Whether the sync completed."`
	SyncID     uuid.UUID     `json:"syncId" format:"uuid"`
	Stats      S             `json:"stats"`
	Failures   []itemFailure `json:"failures,omitempty" nullable:"false" doc:"Cases that could not be enriched; left out where there are none."`
	Warnings   *warnings     `json:"warnings,omitempty" doc:"What was passed over without failing the sync; left out where there is nothing."`
	Changes    []change      `json:"changes,omitzero" nullable:"false" doc:"What would be done; only with dryRun."`
	Code       string        `json:"code,omitempty" doc:"How the sync failed, for programs."`
	Error      string        `json:"error,omitempty" doc:"How the sync failed and what to do about it, for people."`
	PlanID     *uuid.UUID    `json:"planId,omitempty" format:"uuid" doc:"The plan of what a guard held back."`
	DurationMS int64         `json:"durationMs"`
	Timestamp  *web.Instant  `json:"timestamp,omitempty" doc:"When this was answered; not within a full sync."`
}

// The answers of the three phases' endpoints, which are also the parts of a full answer.
type (
	inboundResult        phaseResult[inboundStats]
	casesResult          phaseResult[casesStats]
	reconciliationResult phaseResult[reconciliationStats]
)

// A skippedPhase is a phase of a full sync that did not run (R27).
type skippedPhase struct {
	Success bool   `json:"success" enum:"false"`
	Skipped bool   `json:"skipped" enum:"true"`
	Reason  string `json:"reason" doc:"Why it did not run." example:"the inbound phase was not clean"`
}

// fullResult is the answer to POST /api/sync/full (W11, R27).
type fullResult struct {
	Success              bool                         `json:"success" doc:"Whether all three phases completed."`
	SyncID               uuid.UUID                    `json:"syncId" format:"uuid"`
	InboundResult        either[inboundResult]        `json:"inboundResult"`
	CasesResult          either[casesResult]          `json:"casesResult"`
	ReconciliationResult either[reconciliationResult] `json:"reconciliationResult"`
	Code                 string                       `json:"code,omitempty" doc:"That of the first phase that failed."`
	Error                string                       `json:"error,omitempty" doc:"That of the first phase that failed."`
	PlanID               *uuid.UUID                   `json:"planId,omitempty" format:"uuid" doc:"That of the first phase that failed."`
	DurationMS           int64                        `json:"durationMs"`
	Timestamp            web.Instant                  `json:"timestamp"`
}

type itemFailure struct {
	CaseID uuid.UUID `json:"caseId" format:"uuid"`
	Error  string    `json:"error" example:"Consultation not found"`
	Code   string    `json:"code" enum:"not_found,timeout,pims_error,malformed,auth_expired,another_patient,another_visit" example:"not_found"`
}

type warnings struct {
	UnknownStatuses  int `json:"unknownStatuses" doc:"Appointments whose status word is not known."`
	UnusableRows     int `json:"unusableRows" doc:"Appointments that lack something essential, such as a date."`
	UnidentifiedRows int `json:"unidentifiedRows" doc:"Rows without an id: the snapshot is incomplete."`
	DuplicateRows    int `json:"duplicateRows" doc:"Rows whose id came twice; the first one counts."`
	UnusableParts    int `json:"unusableParts" doc:"Optional parts of consultations, such as a diagnosis without a name, that cannot be read; the other parts arrived."`
	RefusedLookups   int `json:"refusedLookups" doc:"Missing appointments about which the PIMS refuses to say anything; their cases are kept."`
	UnusableLookups  int `json:"unusableLookups" doc:"Missing appointments for which the PIMS returns an error, or an answer that cannot be read; their cases are kept."`
	Filtered         int `json:"filtered" doc:"Appointments that a filter of the clinic kept from becoming cases. They are also counted as skipped."`

	ConsultationsHidden int `json:"consultationsHidden" doc:"Cases whose notes were taken out of sight, because their patient or their consultation became another one. The history keeps the notes."`
	SharedConsultations int `json:"sharedConsultations" doc:"Consultations that cases of different patients have, and that do not tell whose they are. No case shows them until the PIMS says to whom they belong."`
	VisitsAsBlocks      int `json:"visitsAsBlocks" doc:"Cases whose rows of the calendar are blocks or rosters now, or read like them. The cases stay as they are."`
}

type change struct {
	Action string        `json:"action" enum:"created,updated,enriched,deleted,restored,held_back" doc:"held_back: a deletion that the guard would refuse."`
	CaseID *uuid.UUID    `json:"caseId" format:"uuid" nullable:"true" doc:"null for a case that would be created."`
	PIMSID string        `json:"pimsId"`
	Fields []fieldChange `json:"fields" nullable:"false"`

	ScheduledDate *web.Instant `json:"scheduledDate,omitempty" doc:"Of the case as it is now; left out of one that would be created."`
	PatientName   string       `json:"patientName,omitempty" doc:"Of the case as it is now; left out of one that would be created, or that is not read by name."`
}

type fieldChange struct {
	Field  string `json:"field"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// resultOf returns the body of a sync that has ended, in the form of its type.
func resultOf(audit *syncs.Audit, now time.Time) any {
	switch audit.Type {
	case syncs.TypeInbound:
		return inboundResultOf(audit, now)
	case syncs.TypeCases:
		return casesResultOf(audit, now)
	case syncs.TypeReconciliation:
		return reconciliationResultOf(audit, now)
	default:
		return fullResultOf(audit, now)
	}
}

func inboundResultOf(audit *syncs.Audit, now time.Time) inboundResult {
	return inboundResult(phaseResultOf(audit, now, inboundStatsOf))
}

func casesResultOf(audit *syncs.Audit, now time.Time) casesResult {
	return casesResult(phaseResultOf(audit, now, casesStatsOf))
}

func reconciliationResultOf(audit *syncs.Audit, now time.Time) reconciliationResult {
	return reconciliationResult(phaseResultOf(audit, now, reconciliationStatsOf))
}

// phaseResultOf makes an answer of an audit. now is zero within a full sync.
func phaseResultOf[S any](audit *syncs.Audit, now time.Time, stats func(syncs.Stats) S) phaseResult[S] {
	return phaseResult[S]{
		Success:    audit.Status == syncs.StatusCompleted,
		SyncID:     audit.ID,
		Stats:      stats(audit.Result.Stats),
		Failures:   failuresOf(audit.Result.Failures),
		Warnings:   warningsOf(audit.Result.Warnings),
		Changes:    changesOf(audit),
		Code:       string(codeOf(audit)),
		Error:      errorOf(audit),
		PlanID:     web.Known(audit.Result.PlanID),
		DurationMS: audit.Duration().Milliseconds(),
		Timestamp:  web.Moment(now),
	}
}

func fullResultOf(audit *syncs.Audit, now time.Time) fullResult {
	return fullResult{
		Success:              audit.Status == syncs.StatusCompleted,
		SyncID:               audit.ID,
		InboundResult:        phaseOf(audit, syncs.TypeInbound, inboundResultOf),
		CasesResult:          phaseOf(audit, syncs.TypeCases, casesResultOf),
		ReconciliationResult: phaseOf(audit, syncs.TypeReconciliation, reconciliationResultOf),
		Code:                 string(codeOf(audit)),
		Error:                errorOf(audit),
		PlanID:               web.Known(audit.Result.PlanID),
		DurationMS:           audit.Duration().Milliseconds(),
		Timestamp:            web.Instant(now),
	}
}

// phaseOf returns the part of one phase in a full answer: that of its own audit, or why it
// has none (R27).
func phaseOf[A any](master *syncs.Audit, phase syncs.Type, answer func(*syncs.Audit, time.Time) A) either[A] {
	for i := range master.Children {
		if child := &master.Children[i]; child.Type == phase {
			return either[A]{ran: new(answer(child, time.Time{}))}
		}
	}
	reason := master.Result.Skipped[phase]
	if reason == "" {
		reason = "the sync ended before this phase began"
	}
	return either[A]{skipped: &skippedPhase{Skipped: true, Reason: reason}}
}

// codeOf returns an audit's code. An audit that failed always has one.
func codeOf(audit *syncs.Audit) syncs.Code {
	switch {
	case audit.Result.Code != "":
		return audit.Result.Code
	case audit.Status == syncs.StatusCancelled:
		return syncs.CodeCancelled
	case audit.Status == syncs.StatusFailed:
		return syncs.CodeInternal
	default:
		return ""
	}
}

// errorOf returns an audit's error. An audit that failed always has one.
func errorOf(audit *syncs.Audit) string {
	switch {
	case audit.Result.Error != "":
		return audit.Result.Error
	case audit.Status == syncs.StatusCancelled:
		return syncs.ErrCancelled.Error()
	case audit.Status == syncs.StatusFailed:
		return "the sync failed without saying why; the server's log tells more under its id"
	default:
		return ""
	}
}

func failuresOf(failures []syncs.ItemFailure) []itemFailure {
	list := make([]itemFailure, len(failures))
	for i, f := range failures {
		list[i] = itemFailure{f.CaseID, f.Error, string(f.Code)}
	}
	return list
}

func warningsOf(w syncs.Warnings) *warnings {
	if w == (syncs.Warnings{}) {
		return nil
	}
	return &warnings{w.UnknownStatuses, w.UnusableRows, w.UnidentifiedRows, w.DuplicateRows, w.UnusableParts, w.RefusedLookups, w.UnusableLookups, w.Filtered, w.ConsultationsHidden, w.SharedConsultations, w.VisitsAsBlocks}
}

// changesOf returns what a dry run would do, and nil for any other run (R26).
func changesOf(audit *syncs.Audit) []change {
	if !audit.Options.DryRun {
		return nil
	}
	list := make([]change, len(audit.Result.Changes))
	for i, c := range syncs.ChangesInOrder(audit.Result.Changes) {
		fields := make([]fieldChange, len(c.Fields))
		for j, f := range c.Fields {
			fields[j] = fieldChange(f)
		}
		list[i] = change{string(c.Action), web.Known(c.CaseID), c.PIMSID, fields, web.Moment(c.ScheduledDate), c.PatientName}
	}
	return list
}

// either is the part of one phase in a full result: the result of the phase, or that it did
// not run.
type either[A any] struct {
	ran     *A
	skipped *skippedPhase
}

// MarshalJSONTo writes the one that is set.
func (e either[A]) MarshalJSONTo(enc *jsontext.Encoder) error {
	if e.ran != nil {
		return json.MarshalEncode(enc, e.ran)
	}
	return json.MarshalEncode(enc, e.skipped)
}

// Schema describes both.
func (either[A]) Schema(r huma.Registry) *huma.Schema {
	return web.AnyOf(r, reflect.TypeFor[A](), reflect.TypeFor[skippedPhase]())
}
