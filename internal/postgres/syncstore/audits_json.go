package syncstore

import (
	"encoding/json"
	"time"

	"github.com/pims-sync/pims-sync/internal/postgres/internal/values"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/dbsqlc"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// requestJSON is case_sync_audits.request, with the API's names (docs/interface.md §Fields of a request).
type requestJSON struct {
	StartDate         string `json:"startDate,omitempty"`
	EndDate           string `json:"endDate,omitempty"`
	DaysAhead         *int   `json:"daysAhead,omitempty"`
	LookbackDays      *int   `json:"lookbackDays,omitempty"`
	LookaheadDays     *int   `json:"lookaheadDays,omitempty"`
	ParallelBatchSize *int   `json:"parallelBatchSize,omitempty"`
	Force             bool   `json:"force,omitempty"`
	DryRun            bool   `json:"dryRun,omitempty"`
	Record            bool   `json:"record,omitempty"`

	Settings json.RawMessage `json:"settings,omitempty"` // that a dry run tries (R50)

	Approval uuid.UUID `json:"approval,omitzero"` // the plan whose approval started the sync
}

func encodeRequest(o syncs.Options, approval uuid.UUID) ([]byte, error) {
	var tried json.RawMessage
	if o.Settings != nil {
		tried = o.Settings.JSON()
	}
	return json.Marshal(requestJSON{
		Settings:          tried,
		StartDate:         dateText(o.StartDate),
		EndDate:           dateText(o.EndDate),
		DaysAhead:         o.DaysAhead,
		LookbackDays:      o.LookbackDays,
		LookaheadDays:     o.LookaheadDays,
		ParallelBatchSize: o.ParallelBatchSize,
		Force:             o.Force,
		DryRun:            o.DryRun,
		Record:            o.Record,
		Approval:          approval,
	})
}

// errRequest: this program did not write the stored request.
var errRequest = syncs.Fail(syncs.CodeInvalidRequest, "the request of the audit cannot be read; start a new sync")

func decodeRequest(document []byte) (options syncs.Options, approval uuid.UUID, err error) {
	var o requestJSON
	if json.Unmarshal(document, &o) != nil {
		return syncs.Options{}, uuid.Nil, errRequest
	}
	start, startErr := parseDate(o.StartDate)
	end, endErr := parseDate(o.EndDate)
	if startErr != nil || endErr != nil {
		return syncs.Options{}, uuid.Nil, errRequest
	}
	tried, err := decodeTried(o.Settings)
	if err != nil {
		return syncs.Options{}, uuid.Nil, errRequest
	}
	return syncs.Options{
		Settings:          tried,
		StartDate:         start,
		EndDate:           end,
		DaysAhead:         o.DaysAhead,
		LookbackDays:      o.LookbackDays,
		LookaheadDays:     o.LookaheadDays,
		ParallelBatchSize: o.ParallelBatchSize,
		Force:             o.Force,
		DryRun:            o.DryRun,
		Record:            o.Record,
	}, o.Approval, nil
}

// decodeTried reads the settings that a dry run tries; nil where it tries none.
func decodeTried(document []byte) (*settings.Settings, error) {
	if len(document) == 0 {
		return nil, nil
	}
	tried, err := settings.Parse(document)
	return &tried, err
}

func dateText(d *pims.Date) string {
	if d == nil {
		return ""
	}
	return d.String()
}

func parseDate(text string) (*pims.Date, error) {
	if text == "" {
		return nil, nil
	}
	d, err := pims.ParseDate(text)
	return &d, err
}

// resultJSON is case_sync_audits.result: the parts of a result without a column.
type resultJSON struct {
	DeletedIDs []uuid.UUID           `json:"deletedIds,omitempty"`
	Failures   []failureJSON         `json:"failures,omitempty"`
	Warnings   warningsJSON          `json:"warnings,omitzero"`
	Changes    []changeJSON          `json:"changes,omitempty"`
	Skipped    map[syncs.Type]string `json:"skipped,omitempty"`
}

type failureJSON struct {
	CaseID uuid.UUID      `json:"caseId"`
	Error  string         `json:"error"`
	Code   syncs.ItemCode `json:"code"`
}

type warningsJSON struct {
	UnknownStatuses  int `json:"unknownStatuses,omitempty"`
	UnusableRows     int `json:"unusableRows,omitempty"`
	UnidentifiedRows int `json:"unidentifiedRows,omitempty"`
	DuplicateRows    int `json:"duplicateRows,omitempty"`
	UnusableParts    int `json:"unusableParts,omitempty"`
	RefusedLookups   int `json:"refusedLookups,omitempty"`
	UnusableLookups  int `json:"unusableLookups,omitempty"`
	Filtered         int `json:"filtered,omitempty"`

	ConsultationsHidden int `json:"consultationsHidden,omitempty"`
	SharedConsultations int `json:"sharedConsultations,omitempty"`
	VisitsAsBlocks      int `json:"visitsAsBlocks,omitempty"`
}

type changeJSON struct {
	Action syncs.Action      `json:"action"`
	CaseID uuid.UUID         `json:"caseId,omitzero"`
	PIMSID string            `json:"pimsId"`
	Fields []fieldChangeJSON `json:"fields,omitempty"`

	ScheduledDate time.Time `json:"scheduledDate,omitzero"`
	PatientName   string    `json:"patientName,omitempty"`
}

type fieldChangeJSON struct {
	Field  string `json:"field"`
	Before string `json:"before"`
	After  string `json:"after"`
}

func encodeResult(r syncs.Result) ([]byte, error) {
	return json.Marshal(resultJSON{
		DeletedIDs: r.Stats.DeletedIDs,
		Failures:   values.Convert(r.Failures, func(f syncs.ItemFailure) failureJSON { return failureJSON(f) }),
		Warnings:   warningsJSON(r.Warnings),
		Changes: values.Convert(r.Changes, func(c syncs.Change) changeJSON {
			return changeJSON{
				Action: c.Action, CaseID: c.CaseID, PIMSID: c.PIMSID, ScheduledDate: c.ScheduledDate, PatientName: c.PatientName,
				Fields: values.Convert(c.Fields, func(f syncs.FieldChange) fieldChangeJSON { return fieldChangeJSON(f) }),
			}
		}),
		Skipped: r.Skipped,
	})
}

// decodeResult reads what encodeResult wrote. It leaves out what cannot be parsed.
func decodeResult(document []byte) (r syncs.Result) {
	var decoded resultJSON
	if json.Unmarshal(document, &decoded) != nil {
		return r
	}
	r.Stats.DeletedIDs = decoded.DeletedIDs
	r.Failures = values.Convert(decoded.Failures, func(f failureJSON) syncs.ItemFailure { return syncs.ItemFailure(f) })
	r.Warnings = syncs.Warnings(decoded.Warnings)
	r.Changes = values.Convert(decoded.Changes, func(c changeJSON) syncs.Change {
		return syncs.Change{
			Action: c.Action, CaseID: c.CaseID, PIMSID: c.PIMSID, ScheduledDate: c.ScheduledDate, PatientName: c.PatientName,
			Fields: values.Convert(c.Fields, func(f fieldChangeJSON) syncs.FieldChange { return syncs.FieldChange(f) }),
		}
	})
	r.Skipped = decoded.Skipped
	return r
}

// progressJSON is sync_leases.progress.
type progressJSON struct {
	Phase syncs.Type `json:"phase"`
	Step  string     `json:"step"`
	Done  int        `json:"done"`
	Total int        `json:"total"`
}

func decodeProgress(document []byte) syncs.Progress {
	return syncs.Progress(null.Value(values.JSON[progressJSON](document)))
}

// closing returns the columns of an audit that ends.
func closing(lease syncs.Lease, id uuid.UUID, status syncs.Status, r syncs.Result, at time.Time) (dbsqlc.CloseAuditParams, error) {
	document, err := encodeResult(r)
	if err != nil {
		return dbsqlc.CloseAuditParams{}, err
	}
	return dbsqlc.CloseAuditParams{
		ID:                id,
		ClinicID:          lease.ClinicID,
		Attempt:           int32(lease.Attempt), //nolint:gosec // small
		Status:            string(status),
		CompletedAt:       &at,
		Result:            document,
		ErrorCode:         null.Text(string(r.Code)),
		ErrorMessage:      null.Text(r.Error),
		PlanID:            null.ID(r.PlanID),
		AppointmentsFound: values.Int32(r.Stats.AppointmentsFound),
		CasesFound:        values.Int32(r.Stats.CasesFound),
		CasesCreated:      values.Int32(r.Stats.CasesCreated),
		CasesUpdated:      values.Int32(r.Stats.CasesUpdated),
		CasesUnchanged:    values.Int32(r.Stats.CasesUnchanged),
		CasesSkipped:      values.Int32(r.Stats.CasesSkipped),
		CasesEnriched:     values.Int32(r.Stats.CasesEnriched),
		CasesFailed:       values.Int32(r.Stats.CasesFailed),
		CasesChecked:      values.Int32(r.Stats.CasesChecked),
		CasesDeleted:      values.Int32(r.Stats.CasesDeleted),
		CasesRestored:     values.Int32(r.Stats.CasesRestored),
		CoversDefault:     r.CoversDefault,
	}, nil
}

// auditOf returns a row as an audit.
func auditOf(row dbsqlc.CaseSyncAudit, progress []byte) syncs.Audit {
	options, approval, _ := decodeRequest(row.Request) // a row made by hand may contain any request
	audit := syncs.Audit{
		ID:          row.ID,
		ClinicID:    row.ClinicID,
		ParentID:    null.Value(row.ParentID),
		Type:        syncs.Type(row.SyncType),
		Status:      syncs.Status(row.Status),
		Trigger:     syncs.Trigger(row.Trigger),
		Options:     options,
		Approval:    approval,
		Attempt:     int(row.Attempt),
		Result:      decodeResult(row.Result),
		Progress:    decodeProgress(progress),
		CreatedAt:   row.CreatedAt,
		StartedAt:   null.Value(row.StartedAt),
		CompletedAt: null.Value(row.CompletedAt),
	}
	audit.Result.Code = syncs.Code(null.Value(row.ErrorCode))
	audit.Result.Error = null.Value(row.ErrorMessage)
	audit.Result.PlanID = null.Value(row.PlanID)
	audit.Result.Stats = syncs.Stats{
		AppointmentsFound: int(row.AppointmentsFound),
		CasesFound:        int(row.CasesFound),
		CasesCreated:      int(row.CasesCreated),
		CasesUpdated:      int(row.CasesUpdated),
		CasesUnchanged:    int(row.CasesUnchanged),
		CasesSkipped:      int(row.CasesSkipped),
		CasesEnriched:     int(row.CasesEnriched),
		CasesFailed:       int(row.CasesFailed),
		CasesChecked:      int(row.CasesChecked),
		CasesDeleted:      int(row.CasesDeleted),
		CasesRestored:     int(row.CasesRestored),
		DeletedIDs:        audit.Result.Stats.DeletedIDs,
	}
	return audit
}
