package recordingapi

import (
	"encoding/json"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// A recordingRecord is a recording in a list (docs/interface.md §Commands).
type recordingRecord struct {
	ID         uuid.UUID   `json:"id" format:"uuid" doc:"Of its sync."`
	ClinicID   uuid.UUID   `json:"clinicId" format:"uuid"`
	Type       string      `json:"type" enum:"inbound,cases,reconciliation,full"`
	Status     string      `json:"status" doc:"How the sync ended."`
	Code       *string     `json:"code" doc:"How it failed; null: it did not."`
	Requests   int         `json:"requests" doc:"To the PIMS."`
	Bytes      int         `json:"bytes" doc:"That the recording has, packed."`
	Cut        *string     `json:"cut" doc:"Why it is not whole; null: it is."`
	RecordedAt web.Instant `json:"recordedAt"`
}

type recordingList struct {
	Items      []recordingRecord `json:"items" nullable:"false"`
	NextCursor *string           `json:"nextCursor" doc:"Where the next page begins; null at the end."`
}

func recordingOf(e *recordings.Entry) recordingRecord {
	return recordingRecord{
		ID: e.ID, ClinicID: e.ClinicID, Type: string(e.Type), Status: string(e.Status), Code: web.Text(e.Code), Requests: e.Requests,
		Bytes: e.Bytes, Cut: web.Text(e.Cut), RecordedAt: web.Instant(e.RecordedAt),
	}
}

func listOf(list syncs.List[recordings.Entry]) recordingList {
	return recordingList{web.Items(list.Items, recordingOf), web.Text(list.NextCursor)}
}

// A recordingDetail is what a recording tells without its answers.
type recordingDetail struct {
	Recording recordingRecord   `json:"recording"`
	Program   string            `json:"program" doc:"The version that recorded it."`
	Cases     int               `json:"cases" doc:"The stored cases that the sync began with."`
	Logins    []recordedLogin   `json:"logins" nullable:"false"`
	Requests  []recordedRequest `json:"requests" nullable:"false" doc:"In the order in which their answers ended."`
	Outcome   recordedOutcome   `json:"outcome" doc:"What came of the sync. Cases are named by their ids in the PIMS."`
}

// The fields of these are those of a recording's form (docs/recordings.md).
type (
	recordedLogin    recordings.Login
	recordedWarnings recordings.Warnings
	recordedFailure  recordings.Failure
	recordedPlan     recordings.Plan
	recordedDecision recordings.Decision
)

type recordedRequest struct {
	Number   int     `json:"number"`
	Method   string  `json:"method"`
	Endpoint string  `json:"endpoint" doc:"The path, without ids." example:"/appointments/getCalendarEventData"`
	AfterMS  int64   `json:"afterMs" doc:"From the beginning of the sync."`
	TookMS   int64   `json:"tookMs"`
	Status   *int    `json:"status" doc:"null: no answer came."`
	Fault    *string `json:"fault" doc:"Why no answer came, or not all of it; null: it is whole."`
	Bytes    int     `json:"bytes" doc:"Of the answer."`
}

type recordedOutcome struct {
	Status    string             `json:"status"`
	Code      *string            `json:"code"`
	Error     *string            `json:"error" doc:"For people."`
	Phases    []recordedPhase    `json:"phases" nullable:"false"`
	Plans     []recordedPlan     `json:"plans" nullable:"false" doc:"What guards held back."`
	Drift     []string           `json:"drift" nullable:"false" doc:"Which changes of the answers were told: endpoint, field, kind."`
	Decisions []recordedDecision `json:"decisions" nullable:"false" doc:"What the sync did to each case, or would have done."`
}

type recordedPhase struct {
	Type     string            `json:"type" enum:"inbound,cases,reconciliation,full"`
	Status   *string           `json:"status" doc:"null: it did not run."`
	Code     *string           `json:"code"`
	Stats    map[string]int    `json:"stats"`
	Warnings recordedWarnings  `json:"warnings" doc:"Counts that are not 0."`
	Failures []recordedFailure `json:"failures" nullable:"false" doc:"Cases that could not be enriched."`
}

func detailOf(e *recordings.Entry, s *recordings.Summary) recordingDetail {
	o := &s.Outcome
	return recordingDetail{
		Recording: recordingOf(e), Program: s.Program, Cases: s.Cases,
		Logins:   web.Items(s.Logins, func(l *recordings.Login) recordedLogin { return recordedLogin(*l) }),
		Requests: web.Items(s.Sent, requestOf),
		Outcome: recordedOutcome{
			Status: string(o.Status), Code: web.Text(o.Code), Error: web.Text(o.Error), Phases: web.Items(o.Phases, phaseOf),
			Plans: web.Items(o.Plans, func(p *recordings.Plan) recordedPlan { return recordedPlan(*p) }), Drift: append([]string{}, o.Drift...),
			Decisions: web.Items(o.Decisions, func(d *recordings.Decision) recordedDecision { return recordedDecision(*d) }),
		},
	}
}

func requestOf(x *recordings.Sent) recordedRequest {
	r := recordedRequest{
		Number: x.Number, Method: x.Method, Endpoint: x.Endpoint, AfterMS: x.AfterMS, TookMS: x.TookMS, Fault: web.Text(x.Fault), Bytes: x.Bytes,
	}
	if x.Status != 0 {
		r.Status = &x.Status
	}
	return r
}

func phaseOf(p *recordings.Phase) recordedPhase {
	return recordedPhase{
		Type: string(p.Type), Status: web.Text(p.Status), Code: web.Text(p.Code), Stats: p.Stats, Warnings: recordedWarnings(p.Warnings),
		Failures: web.Items(p.Failures, func(f *recordings.Failure) recordedFailure { return recordedFailure(*f) }),
	}
}

// ListDocument returns a list of recordings, as the API does.
func ListDocument(list syncs.List[recordings.Entry]) (json.RawMessage, error) {
	return web.Encode(listOf(list))
}

// Document returns what a recording tells without its answers, as the API does.
func Document(e *recordings.Entry, s *recordings.Summary) (json.RawMessage, error) {
	return web.Encode(detailOf(e, s))
}
