package console

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
)

// BenchmarkFleet measures the fleet's page of 2,000 clinics beside a bare handler that
// returns as many bytes, by the same client.
func BenchmarkFleet(b *testing.B) {
	s := newSite(b)
	s.fleet(b, 1993)
	s.sql(b, `analyze`)
	v := s.as(b, access.RoleViewer)
	page := v.get(b, "/console").body
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, page) }))
	defer bare.Close()
	one := func(site *site) time.Duration {
		v.site = site
		began := time.Now()
		require.Equal(b, 200, v.get(b, "/console").status)
		return time.Since(began)
	}
	var ours, theirs time.Duration
	for b.Loop() {
		ours += one(s)
		theirs += one(&site{Server: bare})
	}
	each := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) / float64(b.N) }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(each(ours), "ours-ms")
	b.ReportMetric(each(theirs), "baseline-ms")
	b.ReportMetric(float64(ours)/float64(theirs), "ratio")
}
