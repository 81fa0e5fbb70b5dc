package systempages

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/fleet"
)

type (
	systemView struct {
		Facts     []page.Fact
		Queue     []page.Fact
		Waiting   page.Badge
		Replicas  []replicaRow
		Keys      []encryptionKeyRow
		Limit     string // of requests to one host of a PIMS
		Hosts     []hostRow
		Libraries []fleet.Library
	}

	replicaRow struct {
		Name  string
		State page.Badge
		Seen  page.Moment
		Keys  page.Badge
	}

	encryptionKeyRow struct {
		ID    string
		State page.Badge
		Made  page.Moment
		Have  string // how many replicas have it
	}

	hostRow struct {
		Host  string
		State page.Badge
		Free  page.Moment
	}
)

// replicaQuiet is how long a replica that works may be silent. It reports every few seconds.
const replicaQuiet = time.Minute

// longWait is how long a sync may wait for a worker before the queue is too long.
const longWait = 10 * time.Minute

// systemPage shows how the installation is. It has nothing of a clinic, and no secret.
func (s *screens) systemPage() page.Page {
	return page.Page{
		Path: "/system", Title: "System", Template: "system", Nav: "gear", Group: page.GroupInstallation, Needs: access.ReadSystem,
		Show: func(v *page.Visit) (any, error) { return s.system(v) },
	}
}

func (s *screens) system(v *page.Visit) (*systemView, error) {
	x, err := s.o.System(v.Context())
	if err != nil {
		return nil, err
	}
	shown := &systemView{Libraries: x.Libraries, Limit: "No limit"}
	if x.RateLimit > 0 {
		shown.Limit = fmt.Sprintf("%g a second to each host, over all replicas", x.RateLimit)
	}
	shown.Facts = []page.Fact{
		{Name: "Version", Value: s.o.Version},
		{Name: "PostgreSQL", Value: x.Database},
		{Name: "Database", Value: size(x.Bytes)},
		{Name: "Newest migration", Value: fmt.Sprint(x.Migration)},
		{Name: "Clinics are separated", Value: walls(x.Walled)},
		{Name: "Browser", Value: product(x.Browser)},
	}
	shown.queue(v, &x)
	for i := range x.Replicas {
		shown.Replicas = append(shown.Replicas, replicaRowOf(v, &x, &x.Replicas[i]))
	}
	for i := range x.Keys {
		shown.Keys = append(shown.Keys, keyRowOf(v, &x, i))
	}
	for _, l := range x.Limits {
		row := hostRow{Host: l.Host, State: page.Good("Free", "check"), Free: v.Moment(l.FreeAt, nil)}
		if l.FreeAt.After(v.Now) {
			row.State = page.Info("Requests wait", "clock")
		}
		shown.Hosts = append(shown.Hosts, row)
	}
	return shown, nil
}

// queue shows what runs and waits.
func (s *systemView) queue(v *page.Visit, x *fleet.System) {
	s.Queue = []page.Fact{{Name: "Running", Value: page.Counted(x.Running, "sync")}, {Name: "Waiting", Value: page.Counted(x.Queued, "sync")}}
	s.Waiting = page.Good("Nothing waits", "check")
	if x.Oldest.IsZero() {
		return
	}
	s.Queue = append(s.Queue, page.Fact{Name: "The longest since", Value: v.Moment(x.Oldest, nil).Ago()})
	if s.Waiting = page.Info("Syncs wait", "dots"); v.Now.Sub(x.Oldest) > longWait {
		s.Waiting = page.Warn("Syncs wait long", "clock")
	}
}

func replicaRowOf(v *page.Visit, x *fleet.System, r *fleet.Replica) replicaRow {
	row := replicaRow{Name: r.Name, State: page.Good("Works", "check"), Seen: v.Moment(r.Seen, nil), Keys: page.Good("Has them all", "key")}
	if v.Now.Sub(r.Seen) > replicaQuiet {
		row.State = page.Idle("Silent", "dash")
	}
	if lacks := slices.ContainsFunc(x.Keys, func(k fleet.EncryptionKey) bool { return !slices.Contains(r.Keys, k.ID) }); lacks {
		row.Keys = page.Quiet("Has "+page.Number(len(r.Keys))+" of "+page.Number(len(x.Keys)), "key")
	}
	if n := len(x.Keys); n > 0 && !slices.Contains(r.Keys, x.Keys[n-1].ID) {
		row.Keys = page.Bad("Lacks the newest", "cross")
	}
	return row
}

// keyRowOf shows a key. The newest is the one with which secrets are sealed (R37).
func keyRowOf(v *page.Visit, x *fleet.System, i int) encryptionKeyRow {
	k := &x.Keys[i]
	row := encryptionKeyRow{ID: k.ID, State: page.Idle("Older", "clock"), Made: v.Moment(k.Made, nil)}
	if i == len(x.Keys)-1 {
		row.State = page.Good("In use", "check")
	}
	have := 0
	for j := range x.Replicas {
		if slices.Contains(x.Replicas[j].Keys, k.ID) {
			have++
		}
	}
	row.Have = fmt.Sprintf("%s of %s", page.Number(have), page.Counted(len(x.Replicas), "replica"))
	return row
}

func walls(walled bool) string {
	if walled {
		return "by database roles and row-level security"
	}
	return "by the program alone; docs/operations.md says how the database does it too"
}

// product returns the name of a browser: "Chrome/141.0.7390.37" is "Chrome 141.0.7390.37".
func product(browser string) string {
	if browser == "" {
		return "none has started since this replica began"
	}
	return strings.Replace(browser, "/", " ", 1)
}

// size formats a number of bytes: "8.4 MiB", "1.2 GiB".
func size(n int64) string {
	value, units := float64(n)/(1<<20), []string{"MiB", "GiB", "TiB"}
	for len(units) > 1 && value >= 1024 {
		value, units = value/1024, units[1:]
	}
	return fmt.Sprintf("%.1f %s", value, units[0])
}
