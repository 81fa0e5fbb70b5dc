package browser

import (
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// hostileVariable makes TestAHostilePageEndsWithItsLogin do its work: the process has nothing
// else in its memory.
const hostileVariable = "PIMS_SYNC_TEST_HOSTILE"

// hostileAll is set by `make soak`.
var hostileAll = flag.Bool("hostile", false, "whether TestAHostilePageEndsWithItsLogin tries its slow pages, too")

// hostileMemory is what the service's process may need while pages attack it, in bytes.
const hostileMemory = 200 << 20

// hostilePages are login pages that use up what they can. Each has the form, too; "" as kind
// means that the login may also succeed.
var hostilePages = map[string]struct {
	page string
	kind string
	slow bool // it takes all of the login's time
}{
	"an error text of 50 MB": {strings.Replace(scriptedForm, "await answer.text()", `"x y ".repeat(12e6)`, 1), "login_form_changed remote", false},
	"a page of 50 MB":        {scriptedForm + `<p id=p></p><script>p.textContent = "x y ".repeat(12e6)</script>`, "ok login_form_changed unreachable", true},
	"a million fields":       {scriptedForm + `<div id=d></div><script>d.innerHTML = "<input name=username><i class=error-message>no</i>".repeat(5e5)</script>`, "ok login_form_changed unreachable remote", true},
	"memory":                 {scriptedForm + `<script>const all = []; setInterval(() => all.push(new Float64Array(4e6).fill(1)), 1)</script>`, "login_form_changed", false},
	"dialogs":                {scriptedForm + `<script>for (;;) alert("x".repeat(3e6))</script>`, "login_form_changed unreachable", false},
	"small dialogs":          {scriptedForm + `<script>for (;;) confirm("Biscuit?")</script>`, "login_form_changed", false},
	"requests":               {scriptedForm + `<script>setInterval(() => { for (let i = 0; i < 500; i++) fetch("/x?" + i) }, 1)</script>`, "login_form_changed", true},
	"long addresses":         {scriptedForm + `<script>const d = "data:text/plain," + "x".repeat(2e7); setInterval(() => fetch(d), 100)</script>`, "ok login_form_changed unreachable", true},
	"the console":            {scriptedForm + `<script>const d = "x".repeat(5e6); setInterval(() => console.log(d), 1)</script>`, "ok login_form_changed", true},
	"downloads":              {scriptedForm + `<a id=a href=/file download></a><script>setInterval(() => a.click(), 50)</script>`, "ok login_form_changed", true},
	"other schemes":          {scriptedForm + `<iframe src="file:///etc/passwd"></iframe><iframe src="chrome://version"></iframe><script>location = "mailto:mara@example.com"; location = "ms-calculator:"; location = "intent:#Intent;end"</script>`, "ok login_form_changed", false},
	"an endless page":        {"", "login_form_changed unreachable", false},
	"an inflated page":       {"", "login_form_changed unreachable", true},
}

func hostileSite(t *testing.T, name, page string) *site {
	t.Helper()
	routes := routes{
		"GET /login": html(page),
		"GET /file": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Disposition", "attachment; filename=x.exe")
			fmt.Fprint(w, strings.Repeat("x", 1<<20))
		},
		"GET /x": answer(http.StatusOK, "x"),
	}
	switch name {
	case "an error text of 50 MB":
		routes["POST /session"] = answer(http.StatusForbidden, "no")
	case "an endless page":
		routes["GET /login"] = func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, "<!-- "+strings.Repeat("x", 1<<20)+" -->"); err != nil {
					return
				}
			}
		}
	case "an inflated page":
		routes["GET /login"] = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			for range 1 << 10 {
				if _, err := io.WriteString(z, strings.Repeat("Biscuit ", 1<<17)); err != nil {
					return
				}
			}
			_ = z.Close()
		}
	}
	return newSite(t, routes)
}

func TestAHostilePageEndsWithItsLogin(t *testing.T) {
	t.Parallel()
	if os.Getenv(hostileVariable) != "" {
		beHostile(t)
		return
	}
	self := exec.Command(os.Args[0], "-test.run=^TestAHostilePageEndsWithItsLogin$", "-test.v", fmt.Sprintf("-hostile=%t", *hostileAll))
	self.Env = append(os.Environ(), hostileVariable+"=1")
	out, err := self.CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
}

func beHostile(t *testing.T) {
	c, w := newChromium(t, Options{LoginTimeout: hasty, MaxLogins: 3})
	stop, peak := watchMemory(t, w)
	var group sync.WaitGroup
	for name, test := range hostilePages {
		if test.slow && !*hostileAll {
			continue
		}
		s := hostileSite(t, name, test.page)
		group.Go(func() {
			began := time.Now()
			form := s.form()
			_, err := c.Login(t.Context(), form)
			kind := "ok"
			if err != nil {
				kind = pims.Kind(err)
			}
			t.Logf("%s: %s after %s: %v", name, kind, time.Since(began).Round(time.Millisecond), err)
			if !strings.Contains(" "+test.kind+" ", " "+kind+" ") {
				t.Errorf("%s ended with %s: %v", name, kind, err)
			}
		})
	}
	group.Wait()
	close(stop)
	own := peakMemory(t)
	t.Logf("the service needed %d MiB, the largest process of the browser %d MiB", own>>20, peak.Load()>>20)
	require.Less(t, own, int64(hostileMemory))
	require.Less(t, peak.Load(), int64(3*maxMemory), "the browser's processes are weighed %d times a second", time.Second/weighEvery)
}

// watchMemory notes the most memory of one process of the browser.
func watchMemory(t *testing.T, w *witness) (stop chan struct{}, peak *atomic.Int64) {
	t.Helper()
	stop, peak = make(chan struct{}), new(atomic.Int64)
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			for _, group := range w.groups() {
				for limit := peak.Load(); ; limit = peak.Load() {
					found, ok := fatIn(group, limit)
					if !ok {
						break
					}
					peak.Store(max(limit, ownMemory(fmt.Sprintf("/proc/%d", found.pid))))
				}
			}
		}
	}()
	return stop, peak
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peakMemory is the most memory that this process has had, in bytes.
func peakMemory(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	found := highWater.FindSubmatch(status)
	require.NotNil(t, found)
	n, err := strconv.ParseInt(string(found[1]), 10, 64)
	require.NoError(t, err)
	return n << 10
}
