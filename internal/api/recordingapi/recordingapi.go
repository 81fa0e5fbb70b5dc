// Package recordingapi has the operations on recordings of syncs (R52): list, look, remove. The
// work is done by package shelf. No operation returns an answer of a PIMS: answers have names in
// them, and only the command line opens them.
package recordingapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// Recordings are a shelf.Shelf.
type Recordings interface {
	List(ctx context.Context, clinics []uuid.UUID, page syncs.Page) (syncs.List[recordings.Entry], error)
	Entry(ctx context.Context, clinicID, id uuid.UUID) (recordings.Entry, error)
	Show(ctx context.Context, by access.By, e recordings.Entry) (*recordings.Summary, error)
	Remove(ctx context.Context, by access.By, e recordings.Entry) error
}

// OfClinic returns the operations that clinic keys may call, too.
func OfClinic(r Recordings) []web.Operation { return []web.Operation{list(r), show(r)} }

// OfNamedClinic returns the operations on a clinic that the path names, with this tag.
func OfNamedClinic(r Recordings, tag string) []web.Operation { return []web.Operation{remove(r, tag)} }

func list(r Recordings) web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/recordings", ID: "listRecordings", Tag: "Syncs",
		Summary:     "List recordings",
		Description: "What is kept of the PIMS's answers to syncs with `record`, newest first: of the clinic, or of all clinics that the caller may see. A recording has its sync's id, and is kept for 7 days, 20 of a clinic at most.",
		Needs:       access.Read,
		Of:          web.OfCallersClinics,
		Params:      web.PageParams(),
		Offers: []web.Offer{{
			Status: http.StatusOK, Description: "A page of recordings.", Example: recordingList{Items: []recordingRecord{recordingOf(sampleEntry())}},
		}},
		Codes: []syncs.Code{syncs.CodeInvalidRequest},
		Handle: func(c *web.Call) (web.Reply, error) {
			q := web.QueryOf(c)
			page := q.Page()
			if q.Err != nil {
				return web.Reply{}, q.Err
			}
			clinics := c.Caller.LimitedTo()
			if c.ClinicID != uuid.Nil {
				clinics = []uuid.UUID{c.ClinicID}
			}
			found, err := r.List(c.Context(), clinics, page)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(listOf(found))
		},
	}
}

func show(r Recordings) web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/recordings/{id}", ID: "showRecording", Tag: "Syncs",
		Summary:     "Show a recording",
		Description: "The requests that the sync sent to the PIMS, and what came of it. It has no name, number or note; the answers stay sealed. That it was read is recorded.",
		Needs:       access.Read,
		Of:          web.OfKeysClinic,
		Params:      []*huma.Param{web.IDParam("a recording, which is its sync's")},
		Offers: []web.Offer{{
			Status: http.StatusOK, Description: "The recording.", Example: detailOf(sampleEntry(), sampleSummary()),
		}},
		Codes: []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		Handle: func(c *web.Call) (web.Reply, error) {
			e, err := find(c, r)
			if err != nil {
				return web.Reply{}, err
			}
			summary, err := r.Show(c.Context(), c.By(), e)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(detailOf(&e, summary))
		},
	}
}

func remove(r Recordings, tag string) web.Operation {
	return web.Operation{
		Method: http.MethodDelete, Path: "/api/clinics/{clinicId}/recordings/{id}", ID: "removeRecording", Tag: tag,
		Summary:     "Remove a recording",
		Description: "Removes the recording before its time. The sync stays as it is.",
		Needs:       access.ChangeClinics,
		Of:          web.OfNamedClinic,
		Params:      []*huma.Param{web.ClinicParam(), web.IDParam("a recording, which is its sync's")},
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "The recording that is gone.", Example: recordingOf(sampleEntry())}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		Handle: func(c *web.Call) (web.Reply, error) {
			e, err := find(c, r)
			if err == nil {
				err = r.Remove(c.Context(), c.By(), e)
			}
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(recordingOf(&e))
		},
	}
}

// find returns the recording that the path names.
func find(c *web.Call, r Recordings) (recordings.Entry, error) {
	id, err := c.PathID()
	if err != nil {
		return recordings.Entry{}, err
	}
	return r.Entry(c.Context(), c.ClinicID, id)
}

func sampleEntry() *recordings.Entry {
	return &recordings.Entry{
		ID: sample.SyncID, Type: syncs.TypeInbound, Status: syncs.StatusCompleted, Requests: 1, Bytes: 4096, RecordedAt: sample.Time,
	}
}

func sampleSummary() *recordings.Summary {
	return &recordings.Summary{
		Program: "1.2.3", Cases: 24,
		Logins: []recordings.Login{{Landed: "https://neo.example.com", Asked: 1, Outcome: "ok"}},
		Sent: []recordings.Sent{{
			Number: 1, Method: http.MethodGet, Endpoint: "/appointments/getCalendarEventData", AfterMS: 412, TookMS: 180, Status: http.StatusOK, Bytes: 18_322,
		}},
		Outcome: recordings.Outcome{
			Status:    syncs.StatusCompleted,
			Phases:    []recordings.Phase{{Type: syncs.TypeInbound, Status: syncs.StatusCompleted, Stats: map[string]int{"appointmentsFound": 25}}},
			Decisions: []recordings.Decision{{Phase: syncs.TypeInbound, Do: "create", PIMSID: "48211", Status: "draft", CaseType: "checkup", ScheduledDate: sample.Time.Add(24 * time.Hour)}},
		},
	}
}
