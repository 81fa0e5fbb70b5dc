package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// Changes reads the change feed (R46).
type Changes interface {
	// Read returns changes of one clinic after a cursor, see feed.Feed.
	Read(ctx context.Context, r feed.Request) (feed.Page, error)
}

// CasesByID reads cases as they are now, for include=case.
type CasesByID interface {
	// FirstByID returns those of the cases that the clinic has: as many of the first ones as a
	// page has room for. full is true where it left some out, all of which come after those
	// that it returned.
	FirstByID(ctx context.Context, clinicID uuid.UUID, ids []uuid.UUID) (found map[uuid.UUID]cases.Record, full bool, err error)
}

// A changeRecord is what one transaction did to one case.
type changeRecord struct {
	ID     string      `json:"id" doc:"Of the change: the same for every reader." example:"48211"`
	CaseID uuid.UUID   `json:"caseId" format:"uuid"`
	At     web.Instant `json:"at" doc:"When the transaction began."`
	Actor  string      `json:"actor" doc:"sync:<id>, key:<id>, os:<user> or person." example:"sync:0190c3d2-7b1e-7c4a-9f00-5a1f0c9d3e01"`
	Action string      `json:"action" enum:"created,changed,deleted,restored,removed" doc:"deleted: soft-deleted. restored: that was undone. removed: the row is gone."`
	Fields []string    `json:"fields" nullable:"false" doc:"The columns, and metadata.<key>, that were changed; never their values. Empty for created and removed."`
	Case   *caseRecord `json:"case,omitempty" doc:"With include=case: the case as it is now. Absent where the case was removed since."`
}

type changePage struct {
	Items  []changeRecord `json:"items" nullable:"false"`
	Cursor string         `json:"cursor" doc:"Where to go on: after of the next request. Keep it once the items are dealt with."`
	More   bool           `json:"more" doc:"There are further changes at once."`
}

func changeItem(c *feed.Change) changeRecord {
	return changeRecord{
		ID: strconv.FormatInt(c.ID, 10), CaseID: c.CaseID, At: web.Instant(c.At), Actor: c.Actor, Action: c.Action, Fields: append([]string{}, c.Fields...),
	}
}

func changePageOf(page feed.Page) changePage {
	return changePage{web.Items(page.Changes, changeItem), page.Next.String(), page.More}
}

// ChangesDocument returns changes as GET /api/changes does.
func ChangesDocument(page feed.Page) (json.RawMessage, error) { return web.Encode(changePageOf(page)) }

const (
	defaultChanges = 100
	maxChanges     = 1000
)

var includeWords = []string{"case"}

func (s *server) listChanges() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/changes", ID: "listChanges", Tag: "Cases",
		Summary: "Follow the changes of cases",
		Description: "Every change of the clinic's cases, each once, in one order that never changes. " +
			"Ask with after=now and keep the cursor, list all cases, then ask with that cursor and go on with the cursor of each response. " +
			"A change that happens while the cases are listed is in the list, in the feed, or in both.",
		Needs: access.Read,
		Params: []*huma.Param{
			web.TextParam("after", "The `cursor` of the response before; `now`: only the present cursor; without it: from the oldest change that is kept.", 200, "now"),
			web.NumberParam("limit", fmt.Sprintf("How many changes at most. Default: %d.", defaultChanges), 1, maxChanges),
			web.NumberParam("wait", "How many seconds to wait where there is no change yet. Default: 0.", 0, int(feed.MaxWait.Seconds())),
			web.WordParam("include", "case: add each case as it is now.", includeWords),
		},
		Offers: []web.Offer{{
			Status: http.StatusOK, Description: "Changes, the oldest first, or none.",
			Example: changePage{Items: []changeRecord{changeItem(sample.Change())}, Cursor: feed.Cursor{}.String()},
		}},
		Codes: []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeCursorExpired},
		Handle: func(c *web.Call) (web.Reply, error) {
			q := web.QueryOf(c)
			request := feed.Request{
				ClinicID: c.ClinicID, After: q.Text("after"),
				Limit: q.Number("limit", defaultChanges, 1, maxChanges),
				Wait:  time.Duration(q.Number("wait", 0, 0, int(feed.MaxWait.Seconds()))) * time.Second,
			}
			if q.Err != nil {
				return web.Reply{}, q.Err
			}
			if request.Wait > 0 {
				giveBack := s.limits.waiting.Take(tenant(&c.Caller))
				if giveBack == nil {
					return web.Reply{}, s.limits.refuse(LimitWaiting, placeWait, tooManyWaiting)
				}
				defer giveBack()
			}
			page, err := s.o.Changes.Read(c.Context(), request)
			web.EntryOf(c.Context()).Waited(page.Waited)
			if err != nil {
				return web.Reply{}, err
			}
			if q.Text("include") != "case" {
				return web.OK(changePageOf(page))
			}
			body, err := s.withCases(c, page)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(body)
		},
	}
}

// withCases returns changes with the cases as they are now. The page ends early where the
// cases need more room than a page has (R38); it has one change at least.
func (s *server) withCases(c *web.Call, page feed.Page) (changePage, error) {
	ids := make([]uuid.UUID, len(page.Changes))
	for i := range page.Changes {
		ids[i] = page.Changes[i].CaseID
	}
	records, full, err := s.o.CasesByID.FirstByID(c.Context(), c.ClinicID, ids)
	if err != nil {
		return changePage{}, err
	}
	room, seen := syncs.MaxPageBytes, make(map[uuid.UUID]bool, len(records))
	for i, id := range ids {
		record, ok := records[id]
		room -= record.Size()
		notRead := full && !ok && len(seen) == len(records) // it comes after the last that was
		if i > 0 && room < 0 || notRead {
			page.Cut(i)
			break
		}
		if ok {
			seen[id] = true
		}
	}
	body := changePageOf(page)
	for i := range body.Items {
		if record, ok := records[body.Items[i].CaseID]; ok {
			body.Items[i].Case = new(caseOf(&record))
		}
	}
	return body, nil
}
