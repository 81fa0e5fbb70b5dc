package api

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

const (
	keepAlive  = 15 * time.Second // proxies end a connection that is silent
	writeLimit = 10 * time.Second // for one event
)

func (s *server) syncEvents() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/syncs/{id}/events", ID: "followSync", Tag: "Syncs",
		Summary: "Follow a sync",
		Description: "Server-sent events until the sync is over, from any replica: first `state`, the sync as it is; then `progress` and, for a full sync, " +
			"`phase` for each phase that begins or ends; last `done`, the sync as it ended. Each event's data is JSON: a sync for `state`, `phase` and `done`, its progress for `progress`.",
		Needs:  access.Read,
		Of:     web.OfKeysClinic,
		Params: []*huma.Param{web.IDParam("a sync")},
		Offers: []web.Offer{{Status: http.StatusOK, Description: "A stream of events.", Stream: []any{syncRecord{}, progress{}}}},
		Codes:  []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		Handle: func(c *web.Call) (web.Reply, error) {
			audit, err := s.audit(c)
			if err != nil {
				return web.Reply{}, err
			}
			giveBack := s.limits.streams.Take(tenant(&c.Caller))
			if giveBack == nil {
				return web.Reply{}, s.limits.refuse(LimitStreams, placeWait, tooManyStreams)
			}
			return web.Reply{Status: http.StatusOK, Stream: func(w http.ResponseWriter) {
				defer giveBack()
				s.follow(c, w, audit)
			}}, nil
		},
	}
}

// follow streams a sync until it is over or the caller has left.
func (s *server) follow(c *web.Call, w http.ResponseWriter, audit syncs.Audit) {
	began := time.Now()
	defer func() { web.EntryOf(c.Context()).Waited(time.Since(began)) }()
	out := &eventStream{w: w, control: http.NewResponseController(w), spoke: time.Now()}
	out.send("state", syncOf(&audit))
	phases := map[uuid.UUID]syncs.Status{}
	for i := range audit.Children {
		phases[audit.Children[i].ID] = audit.Children[i].Status
	}
	last := audit.Progress
	for now, err := range s.o.Syncs.Follow(c.Context(), c.ClinicID, audit.ID) {
		if err != nil || c.Context().Err() != nil {
			return // the client asks again
		}
		audit = now
		for i := range audit.Children {
			child := &audit.Children[i]
			if phases[child.ID] != child.Status {
				phases[child.ID] = child.Status
				out.send("phase", syncOf(child))
			}
		}
		if audit.Progress != last {
			last = audit.Progress
			out.send("progress", syncOf(&audit).Progress)
		}
		if out.beat(); out.err != nil {
			return
		}
	}
	if audit.Status.Final() { // else the caller is gone
		out.send("done", syncOf(&audit))
	}
}

// An eventStream writes server-sent events and keeps its first error.
type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	spoke   time.Time
	err     error
}

func (e *eventStream) send(name string, data any) {
	body, err := web.Encode(data) // one line
	if err != nil {
		e.err = err
		return
	}
	e.write("event: " + name + "\ndata: " + string(body) + "\n")
}

// beat writes a comment that keeps a silent connection open.
func (e *eventStream) beat() {
	if time.Since(e.spoke) > keepAlive {
		e.write(": still here\n\n")
	}
}

func (e *eventStream) write(text string) {
	if e.err != nil {
		return
	}
	_ = e.control.SetWriteDeadline(time.Now().Add(writeLimit)) // a recorder in a test has none
	if _, e.err = e.w.Write([]byte(text)); e.err == nil {
		e.err = e.control.Flush()
	}
	e.spoke = time.Now()
}
