package metrics

import "github.com/prometheus/client_golang/prometheus"

// limitWords are the labels of http_requests_limited_total.
var limitWords = []string{"failures", "requests", "starts", "streams", "waiting"}

func newLimited(registry prometheus.Registerer) *prometheus.CounterVec {
	limited := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "http_requests_limited_total",
		Help: "Requests of the API that a limit held back: failures (of authentication), requests, starts, streams, waiting.",
	}, []string{"limit"})
	for _, word := range limitWords {
		limited.WithLabelValues(word)
	}
	registry.MustRegister(limited)
	return limited
}

// HTTPLimited counts a request that a limit held back (R38).
func (m *Metrics) HTTPLimited(limit string) { m.limited.WithLabelValues(limit).Inc() }
