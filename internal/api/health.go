package api

import (
	"context"
	"net/http"
	"runtime/metrics"
	"time"

	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

const (
	metricsPath = "/metrics"
	pingTimeout = 2 * time.Second
)

// healthReport says that the process runs (W18).
type healthReport struct {
	Status  string     `json:"status" enum:"healthy"`
	Uptime  int64      `json:"uptime" doc:"Whole seconds since the start."`
	Memory  heapMemory `json:"memory"`
	Version string     `json:"version" example:"4.0.0"`
}

type heapMemory struct {
	HeapUsed  uint64 `json:"heapUsed" doc:"Bytes."`
	HeapTotal uint64 `json:"heapTotal" doc:"Bytes."`
}

// readiness says whether the database answers (W18), and whether this replica takes new
// work (R31).
type readiness struct {
	Status   string     `json:"status" enum:"ready,not_ready"`
	Database string     `json:"database" enum:"connected,disconnected"`
	Code     syncs.Code `json:"code,omitempty" enum:"draining" doc:"draining: the replica is shutting down. Only then."`
}

// The three answers of /ready, except for a database that does not answer while draining.
var (
	isReady    = readiness{Status: "ready", Database: "connected"}
	isNotReady = readiness{Status: "not_ready", Database: "disconnected"}
	isDraining = readiness{Status: "not_ready", Database: "connected", Code: syncs.CodeDraining}
)

func (s *server) health() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/health", ID: "showHealth", Tag: "Operation",
		Summary:     "Is the process alive?",
		Description: "Answers as long as the process does; it asks nothing of the database.",
		Offers: []web.Offer{{
			Status: http.StatusOK, Description: "It is.",
			Example: healthReport{Status: "healthy", Uptime: 123456, Memory: heapMemory{45678912, 67890123}, Version: "4.0.0"},
		}},
		Handle: func(*web.Call) (web.Reply, error) {
			return web.OK(healthReport{
				Status:  "healthy",
				Uptime:  int64(s.o.Now().Sub(s.started).Seconds()),
				Memory:  heap(),
				Version: s.o.Version,
			})
		},
	}
}

// heap reads the heap's size without stopping the program, unlike ReadMemStats.
func heap() heapMemory {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(samples)
	used := samples[0].Value.Uint64()
	return heapMemory{HeapUsed: used, HeapTotal: used + samples[1].Value.Uint64() + samples[2].Value.Uint64()}
}

func (s *server) ready() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/ready", ID: "showReadiness", Tag: "Operation",
		Summary:     "Can it work?",
		Description: "Asks the database. A replica that is told to shut down takes no new work, and finishes what it can.",
		Offers: []web.Offer{
			{Status: http.StatusOK, Description: "It can.", Example: isReady},
			{Status: http.StatusServiceUnavailable, Description: "It cannot: the database is away, or, with the code `draining`, this replica is shutting down.", Example: isNotReady},
		},
		Handle: func(c *web.Call) (web.Reply, error) {
			// A probe that ends its side of the connection early still reads the answer.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), pingTimeout)
			defer cancel()
			answer := isReady
			if s.o.Draining() {
				answer = isDraining
			}
			if err := s.o.Ready.Ping(ctx); err != nil {
				c.Cause = err
				answer.Status, answer.Database = isNotReady.Status, isNotReady.Database
			}
			if answer != isReady {
				return web.Reply{Status: http.StatusServiceUnavailable, Body: answer}, nil
			}
			return web.OK(answer)
		},
	}
}

func (s *server) metrics() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: metricsPath, ID: "showMetrics", Tag: "Operation",
		Summary:     "Prometheus metrics",
		Description: "In Prometheus's text format. Not here where METRICS_ADDR serves it elsewhere.",
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "The metrics."}},
		Codes:       []syncs.Code{syncs.CodeNotFound},
		Raw:         s.o.Metrics,
	}
}
