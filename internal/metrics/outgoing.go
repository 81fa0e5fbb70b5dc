package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// outgoing counts what others learn: the change feed (R46).
type outgoing struct {
	feedDelay prometheus.Histogram
}

var feedBuckets = []float64{0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600}

func newOutgoing(registry prometheus.Registerer) outgoing {
	o := outgoing{
		feedDelay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "change_feed_delay_seconds", Help: "How long after its transaction began a change came into the feed; a long transaction counts whole.", Buckets: feedBuckets,
		}),
	}
	registry.MustRegister(o.feedDelay)
	return o
}

// FeedDelay records how long after its transaction began a change came into the feed (R46).
func (o *outgoing) FeedDelay(by time.Duration) { o.feedDelay.Observe(by.Seconds()) }
