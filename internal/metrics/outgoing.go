package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pims-sync/pims-sync/internal/drift"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/volume"
)

// outgoing counts what others learn: the change feed (R46), webhooks (R47), notifications
// (R48), unusual volume (R49).
type outgoing struct {
	feedDelay    prometheus.Histogram
	webhooks     *prometheus.CounterVec
	webhookDelay prometheus.Histogram
	notified     *prometheus.CounterVec
	unusual      *prometheus.CounterVec
	drifted      *prometheus.CounterVec
	recorded     *prometheus.CounterVec
	pending      prometheus.Gauge
	oldestDue    prometheus.Gauge
	endpoints    *prometheus.GaugeVec
}

var (
	feedBuckets    = []float64{0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600}
	webhookBuckets = []float64{0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600, 21600, 86400}
)

// webhookOutcomes are the outcomes of webhook_deliveries_total.
var webhookOutcomes = []string{"delivered", "retry", "failed"}

func newOutgoing(registry prometheus.Registerer, providers []string) outgoing {
	o := outgoing{
		feedDelay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "change_feed_delay_seconds", Help: "How long after its transaction began a change came into the feed; a long transaction counts whole.", Buckets: feedBuckets,
		}),
		webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "webhook_deliveries_total", Help: "Tries to deliver webhooks, by outcome (delivered, retry, failed).",
		}, []string{"outcome"}),
		webhookDelay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "webhook_delay_seconds", Help: "How long after it happened an event was delivered to an endpoint.", Buckets: webhookBuckets,
		}),
	}
	o.notified = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "notifications_total", Help: "Messages to people, by type of channel (slack, email) and outcome (sent, failed).",
	}, []string{"type", "outcome"})
	for _, kind := range []string{"slack", "email"} {
		for _, outcome := range []string{"sent", "failed"} {
			o.notified.WithLabelValues(kind, outcome)
		}
	}
	o.unusual = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "volume_unusual_total", Help: "Syncs that completed with counts far outside what the clinic has shown, by type.",
	}, []string{"type"})
	o.pending = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "webhook_deliveries_pending", Help: "Deliveries that are to be sent, later tries included.",
	})
	o.oldestDue = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "webhook_oldest_due_seconds", Help: "How long the delivery that waits longest has been due, of endpoints that take what is sent to them.",
	})
	o.endpoints = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "webhook_endpoints", Help: "Webhook endpoints by state: enabled, failing, given_up (410, or five days of failure), disabled (by a person). Each has one.",
	}, []string{"state"})
	for _, t := range volume.Types() {
		o.unusual.WithLabelValues(string(t))
	}
	o.drifted = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pims_drift_total", Help: "Changes of the form of a PIMS's answers that were told, by provider and kind.",
	}, []string{"provider", "kind"})
	for _, provider := range providers {
		for _, kind := range drift.Kinds() {
			o.drifted.WithLabelValues(provider, string(kind))
		}
	}
	o.recorded = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "recordings_total", Help: "Syncs that asked to be recorded, by outcome (kept, failed).",
	}, []string{"outcome"})
	for _, outcome := range []string{"kept", "failed"} {
		o.recorded.WithLabelValues(outcome)
	}
	for _, outcome := range webhookOutcomes {
		o.webhooks.WithLabelValues(outcome)
	}
	registry.MustRegister(o.feedDelay, o.webhooks, o.webhookDelay, o.notified, o.unusual, o.drifted, o.recorded, o.pending, o.oldestDue, o.endpoints)
	return o
}

// FeedDelay records how long after its transaction began a change came into the feed (R46).
func (o *outgoing) FeedDelay(by time.Duration) { o.feedDelay.Observe(by.Seconds()) }

// Webhook records a try to deliver a webhook: delivered, with the time since its event, or
// retry or failed (R47).
func (o *outgoing) Webhook(outcome string, delay time.Duration) {
	o.webhooks.WithLabelValues(outcome).Inc()
	if outcome == "delivered" {
		o.webhookDelay.Observe(delay.Seconds())
	}
}

// Notification counts a message to people, by the type of its channel and its outcome (R48).
func (o *outgoing) Notification(kind, outcome string) {
	o.notified.WithLabelValues(kind, outcome).Inc()
}

// Recording counts a sync that asked to be recorded (R52).
func (o *outgoing) Recording(kept bool) {
	outcome := "kept"
	if !kept {
		outcome = "failed"
	}
	o.recorded.WithLabelValues(outcome).Inc()
}

// VolumeUnusual counts a sync with unusual counts (R49).
func (o *outgoing) VolumeUnusual(t syncs.Type) { o.unusual.WithLabelValues(string(t)).Inc() }

// PIMSDrift counts a change of the form of a PIMS's answers (R51).
func (o *outgoing) PIMSDrift(provider string, kind drift.Kind) {
	o.drifted.WithLabelValues(provider, string(kind)).Inc()
}

// WebhookBacklog sets what is to be sent, and in which state the endpoints are (R47).
func (o *outgoing) WebhookBacklog(pending int, oldestDue time.Duration, endpoints map[string]int) {
	o.pending.Set(float64(pending))
	o.oldestDue.Set(oldestDue.Seconds())
	for state, n := range endpoints {
		o.endpoints.WithLabelValues(state).Set(float64(n))
	}
}

// Build says which program this is.
func (m *Metrics) Build(version, revision, goVersion string) {
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "pims_sync_build_info", Help: "1; the labels say which program this is.",
	}, []string{"version", "revision", "goversion"})
	m.registry.MustRegister(info)
	info.WithLabelValues(version, revision, goVersion).Set(1)
}
