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

// BenchmarkFleet measures the fleet's page of 2,000 clinics, of which 30 have just changed
// and 30 sync, beside a bare handler that returns as many bytes, by the same client.
func BenchmarkFleet(b *testing.B) {
	s := newSite(b)
	s.fleet(b, 1993)
	s.clock.Advance(5 * time.Minute)
	s.sql(b, `update clinics set updated_at = $1 where id in (select id from clinics order by id limit 30)`, s.clock.Now())
	s.sql(b, `insert into case_sync_audits (clinic_id, sync_type, status, started_at) select id, 'full', 'in_progress', $1 from (select id from clinics order by id desc limit 30) c`, s.clock.Now())
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
	v.get(b, "/console") // the first one reads what all syncs say, as a server's first does
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
