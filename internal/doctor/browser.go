package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
)

// slowLogin is how long a login at a page of this machine may take.
const slowLogin = 15 * time.Second

// Browser logs in at a page that this process serves on loopback: that shows whether the
// browser starts, loads a page and sends a form, and how long that takes. sandboxed says
// whether the browser's processes are confined. A browser that has a method Product is named,
// and told where it is old.
func Browser(b pims.Browser, sandboxed bool, now time.Time) Check {
	return Check{"browser", func(ctx context.Context) (found []Finding) {
		took, err := logIn(ctx, b)
		switch {
		case errors.Is(err, pims.ErrBrowserUnavailable):
			found = Failed("no login is possible", err, "install Chromium's headless shell, or name a browser in CHROMIUM_PATH; `make deps` does it in a checkout")
		case err != nil:
			found = Failed("the browser starts, but a login at a page of this machine fails", err, "look whether memory and /dev/shm suffice, and send this line with the version of pims-sync")
		case took > slowLogin:
			found = []Finding{say("the browser needs %s to start and to log in at a page of this machine", took.Round(100*time.Millisecond)).warning("give this machine more processors or memory")}
		default:
			found = ok("the browser starts, and logs in at a page of this machine, in %s", took.Round(100*time.Millisecond))
		}
		if named, ok := b.(interface{ Product() string }); ok && err == nil {
			found = append(found, judgeProduct(named.Product(), now)...)
		}
		if !sandboxed {
			found = append(found, say("the browser runs as root and therefore without its sandbox").warning("run pims-sync as another user, as the container image does"))
		}
		return found
	}}
}

// Chromium 100 came on that day, and a major version about every 31 days since.
var chromium100 = time.Date(2022, time.March, 29, 0, 0, 0, 0, time.UTC)

const (
	betweenMajors = 31 * 24 * time.Hour
	oldBrowser    = 365 * 24 * time.Hour
)

var majorOf = regexp.MustCompile(`/([0-9]{2,4})\.`)

// judgeProduct judges the age of a browser that calls itself "Chrome/141.0.7390.37": it loads
// pages of strangers.
func judgeProduct(product string, now time.Time) []Finding {
	major := majorOf.FindStringSubmatch(product)
	if major == nil {
		return nil
	}
	n, _ := strconv.Atoi(major[1])
	if came := chromium100.Add(time.Duration(n-100) * betweenMajors); now.Sub(came) > oldBrowser {
		return []Finding{say("the browser is %s, which is of about %s", product, came.Format("January 2006")).warning("install a newer one: it loads pages of others, and old ones have known holes")}
	}
	return ok("the browser is %s", product)
}

func logIn(ctx context.Context, b pims.Browser) (took time.Duration, err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("serving a page on loopback: %w", err)
	}
	server := &http.Server{Handler: http.HandlerFunc(page), ReadHeaderTimeout: time.Minute}
	wait := panics.Start(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	defer func() { err = errors.Join(err, server.Close(), wait()) }()
	host := listener.Addr().String()
	began := time.Now()
	_, err = b.Login(ctx, pims.LoginForm{
		URL:    "http://" + host + "/form",
		Fields: []pims.LoginField{{Name: "name", Selectors: []string{"#name"}, Value: "doctor"}},
		Submit: []string{"#send"},
		Hosts:  pims.HostPolicy{Named: []string{host}},
	})
	return time.Since(began), err
}

// page is a form, and what follows it.
func page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if r.URL.Path != "/form" {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "of-the-doctor", HttpOnly: true, SameSite: http.SameSiteStrictMode}) //nolint:gosec // without Secure: the page is on loopback, by http
		fmt.Fprint(w, "<!doctype html><title>in</title>")
		return
	}
	fmt.Fprint(w, `<!doctype html><title>doctor</title><form method=post action=/in><input id=name name=name><button id=send>Send</button></form>`)
}
