package recordings

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

// A Transport records what passes through it, in contexts of Tape.Recording; see
// pims.Environment.Wrap.
type Transport struct{ Next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	tape := tapeOf(r.Context())
	if tape == nil {
		return t.Next.RoundTrip(r)
	}
	e := &Exchange{Method: r.Method, URL: r.URL.String(), Form: formOf(r), Session: pims.SessionNumber(r.Context())}
	if e.Withheld = secretive(r.URL.RawQuery) || secretive(e.Form); e.Withheld {
		e.Form, e.URL = "", bare(r.URL)
	}
	started := tape.begin(e)
	response, err := t.Next.RoundTrip(r)
	if err != nil {
		e.Fault = tape.fault(r.Context(), err)
		tape.finish(e, started, nil)
		return response, err
	}
	e.Status = response.StatusCode
	if !e.Withheld {
		e.Header = headerOf(response.Header)
	}
	response.Body = &listener{ReadCloser: response.Body, tape: tape, exchange: e, started: started, ctx: r.Context()}
	return response, nil
}

// formOf reads the body of a request, which is small, and puts it back.
func formOf(r *http.Request) string {
	if r.GetBody == nil {
		return ""
	}
	body, err := r.GetBody()
	if err != nil {
		return ""
	}
	defer body.Close()
	form, _ := io.ReadAll(io.LimitReader(body, 1<<20))
	return string(form)
}

// secretNames are names of fields that sign in.
var secretNames = regexp.MustCompile(`(?i)passw|secret|token|otp|\bpin\b|credential|api_?key|assertion|session|^pass$|pwd|^auth$|authoriz|csrf|jwt|^sid$|signature`)

// secretive reports whether a form or query has a field that signs in. Of a body in another
// form, such as JSON, each word counts.
func secretive(form string) bool {
	if form != "" && strings.ContainsRune("{[<\"", rune(form[0])) {
		return slices.ContainsFunc(wordsOf(form), secretNames.MatchString)
	}
	for field := range strings.SplitSeq(form, "&") {
		name, _, _ := strings.Cut(field, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		if slices.ContainsFunc(wordsOf(name), secretNames.MatchString) {
			return true
		}
	}
	return false
}

// wordsOf returns the names in a text: letters, digits and underscores.
func wordsOf(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// bare returns scheme, host and path of a URL.
func bare(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// keptHeaders are what a client may decide by.
var keptHeaders = []string{"Content-Type", "Content-Language"}

// headerOf returns what a recording keeps of a header. Of cookies it keeps the names. A
// Location is without its query and fragment, which may hold a token. A Retry-After becomes
// seconds.
func headerOf(h http.Header) map[string]string {
	kept := make(map[string]string)
	for _, name := range keptHeaders {
		if value := h.Get(name); value != "" {
			kept[name] = value
		}
	}
	if target, err := url.Parse(h.Get("Location")); err == nil && bare(target) != "" {
		kept["Location"] = bare(target)
	}
	if after := h.Get("Retry-After"); after != "" {
		if _, err := http.ParseTime(after); err == nil {
			after = strconv.Itoa(int(pimshttp.RetryAfter(h, time.Now()).Round(time.Second).Seconds()))
		}
		kept["Retry-After"] = after
	}
	var names []string
	for _, cookie := range h.Values("Set-Cookie") {
		name, _, _ := strings.Cut(cookie, "=")
		names = append(names, strings.TrimSpace(name))
	}
	if len(names) > 0 {
		kept["Set-Cookie"] = strings.Join(names, ", ")
	}
	return kept
}

// A listener takes up an answer as the client reads it.
type listener struct {
	io.ReadCloser

	tape     *Tape
	exchange *Exchange
	started  time.Time
	ctx      context.Context //nolint:containedctx // of the request
	heard    collector
	over     bool
}

// Read implements io.Reader.
func (l *listener) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	if n > 0 && !l.over {
		l.heard.add(p[:n])
	}
	if err != nil {
		if !errors.Is(err, io.EOF) {
			l.exchange.End = l.tape.fault(l.ctx, err)
		}
		l.end(false)
	}
	return n, err
}

// Close implements io.Closer.
func (l *listener) Close() error {
	l.end(true)
	return l.ReadCloser.Close()
}

func (l *listener) end(unread bool) {
	if l.over {
		return
	}
	l.over, l.exchange.Unread = true, unread
	l.tape.finish(l.exchange, l.started, &l.heard)
}

// begin notes that a request is sent.
func (t *Tape) begin(e *Exchange) time.Time {
	defer t.locked()()
	now := time.Now()
	if t.r.Base == "" {
		t.r.Base = originOf(e.URL)
	}
	if t.first.IsZero() {
		t.first = now
	}
	e.AfterMS = now.Sub(t.first).Milliseconds()
	t.started++
	return now
}

// finish notes that an answer has ended.
func (t *Tape) finish(e *Exchange, started time.Time, heard *collector) {
	defer t.locked()()
	e.TookMS = time.Since(started).Milliseconds()
	if heard != nil && !e.Withheld {
		t.held += heard.weight()
		e.Body = heard.body()
	}
	if t.held > MaxHeld {
		t.cut(TooLarge)
		t.r.Exchanges = nil
		return
	}
	t.r.Exchanges = append(t.r.Exchanges, *e)
}

// fault returns the word for an error of the transport.
func (t *Tape) fault(ctx context.Context, err error) Fault {
	var (
		certificate *tls.CertificateVerificationError
		resolution  *net.DNSError
		late        net.Error
	)
	switch {
	case t.ctx.Err() != nil:
		return FaultEnded
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return FaultTryTimeout
	case ctx.Err() != nil:
		return FaultCancelled
	case errors.Is(err, pims.ErrHostNotAllowed):
		return FaultHost
	case errors.As(err, &certificate):
		return FaultCertificate
	case strings.Contains(err.Error(), "response header"), strings.Contains(err.Error(), "COMPRESSION_ERROR"):
		return FaultHeader
	case errors.As(err, &late) && late.Timeout():
		return FaultTimeout
	case errors.As(err, &resolution):
		return FaultUnresolved
	case errors.Is(err, syscall.ECONNREFUSED):
		return FaultRefused
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return FaultBroken
	default:
		return FaultFailed
	}
}

// originOf returns scheme and host of a URL.
func originOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// A Browser records how logins end, in contexts of Tape.Recording.
type Browser struct{ pims.Browser }

// Login implements pims.Browser.
func (b Browser) Login(ctx context.Context, form pims.LoginForm) (pims.BrowserSession, error) {
	tape := tapeOf(ctx)
	if tape == nil {
		return b.Browser.Login(ctx, form)
	}
	login := tape.login(form.URL)
	if accepted := form.Accepted; accepted != nil {
		form.Accepted = func(ctx context.Context, found pims.BrowserSession) error {
			login.Asked++
			login.Landed = originOf(found.URL)
			return accepted(ctx, found)
		}
	}
	session, err := b.Browser.Login(ctx, form)
	if err == nil {
		login.Landed = originOf(session.URL)
	}
	login.Outcome = pims.Kind(err)
	defer tape.locked()()
	tape.r.Logins = append(tape.r.Logins, login)
	return session, err
}

func (t *Tape) login(page string) Login {
	defer t.locked()()
	if len(t.r.Logins) == 0 {
		t.r.Base = originOf(page)
	}
	return Login{After: t.started}
}
