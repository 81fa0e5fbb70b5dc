package api

import (
	"context"
	"net/http"
	"runtime/metrics"
	"time"

	"github.com/pims-sync/pims-sync/internal/syncs"
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

func (s *server) health() operation {
	return operation{
		method: http.MethodGet, path: "/health", id: "showHealth", tag: "Operation",
		summary:     "Is the process alive?",
		description: "Answers as long as the process does; it asks nothing of the database.",
		offers: []offer{{
			status: http.StatusOK, description: "It is.",
			example: healthReport{Status: "healthy", Uptime: 123456, Memory: heapMemory{45678912, 67890123}, Version: "4.0.0"},
		}},
		handle: func(*call) (reply, error) {
			return ok(healthReport{
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

func (s *server) ready() operation {
	return operation{
		method: http.MethodGet, path: "/ready", id: "showReadiness", tag: "Operation",
		summary:     "Can it work?",
		description: "Asks the database. A replica that is told to shut down takes no new work, and finishes what it can.",
		offers: []offer{
			{status: http.StatusOK, description: "It can.", example: isReady},
			{status: http.StatusServiceUnavailable, description: "It cannot: the database is away, or, with the code `draining`, this replica is shutting down.", example: isNotReady},
		},
		handle: func(c *call) (reply, error) {
			ctx, cancel := context.WithTimeout(c.Context(), pingTimeout)
			defer cancel()
			answer := isReady
			if s.o.Draining() {
				answer = isDraining
			}
			if err := s.o.Ready.Ping(ctx); err != nil {
				c.cause = err
				answer.Status, answer.Database = isNotReady.Status, isNotReady.Database
			}
			if answer != isReady {
				return reply{status: http.StatusServiceUnavailable, body: answer}, nil
			}
			return ok(answer)
		},
	}
}

func (s *server) metrics() operation {
	return operation{
		method: http.MethodGet, path: metricsPath, id: "showMetrics", tag: "Operation",
		summary:     "Prometheus metrics",
		description: "In Prometheus's text format. Not here where METRICS_ADDR serves it elsewhere.",
		offers:      []offer{{status: http.StatusOK, description: "The metrics."}},
		codes:       []syncs.Code{syncs.CodeNotFound},
		raw:         s.o.Metrics,
	}
}
