package pimshttp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// The defaults of Options.
const (
	DefaultTimeout  = 30 * time.Second // of one try, from dialling to the last byte
	DefaultBackoff  = time.Second      // before the second try, at most
	DefaultMaxBytes = 64 << 20         // 64 MiB of one answer, decompressed
)

// Options configure a Client.
type Options struct {
	// Base is the scheme and host of the PIMS, such as https://us.example.com.
	Base string

	// Authorizer signs the requests; nil: they are not signed, such as those of a login.
	Authorizer Authorizer

	// Hosts are the hosts that may be contacted.
	Hosts pims.HostPolicy

	// Transport sends the requests; see Transport. Required.
	Transport http.RoundTripper

	// Header is added to every request.
	Header http.Header

	// IsLoginURL reports whether a redirect's target is the login page.
	IsLoginURL func(*url.URL) bool

	// IsLoginPage reports whether the beginning of an HTML page, at most 64 KiB, is
	// the login page.
	IsLoginPage func(html []byte) bool

	Limiter  pims.Limiter  // nil: no limit
	Observe  pims.Observer // nil: no observer
	Logger   *slog.Logger  // nil: silent
	Timeout  time.Duration // of one try; 0: DefaultTimeout
	Backoff  time.Duration // before the second try, at most; 0: DefaultBackoff
	MaxBytes int64         // of one answer; 0: DefaultMaxBytes
}

// A Client sends the requests of one session in one run. It is safe for concurrent use.
type Client struct {
	base    *url.URL
	options Options
	http    *http.Client
	budget  budget
}

// A Request is one request to the PIMS.
type Request struct {
	// Operation names the request in observations, one of a closed set of the provider.
	Operation string

	// Path is the URL's path, escaped, beginning with a slash.
	Path  string
	Query url.Values

	// MaxBytes bounds the answer's length after decompression; 0 means the limit of
	// Options.
	MaxBytes int64

	// Optional means that the PIMS may not have the resource: 404 and 410 then mean
	// pims.ErrNotFound instead of pims.ErrRemote.
	Optional bool

	// Limit is the limit of the part of the PIMS that the request is for, and Cost is how
	// many requests it counts as there; 0 means 1. The zero Limit means that only the limit
	// of the host holds.
	Limit pims.Limit
	Cost  int

	// Explain reads the JSON of an answer from 400 to 499, except 429, and returns what it
	// means: one of the errors of package pims, without a text of the answer (R40). Nil
	// means what the status means. It is not called for HTML. It may be nil.
	Explain func(status int, answer *jsontext.Decoder) error

	form url.Values // nil: GET
}

// method is the HTTP method of the request.
func (r *Request) method() string {
	if r.form != nil {
		return http.MethodPost
	}
	return http.MethodGet
}

// New makes a Client. It makes no request. A base that is not allowed is
// pims.ErrHostNotAllowed.
func New(options Options) (*Client, error) {
	base, err := url.Parse(options.Base)
	if err != nil || base.Host == "" {
		return nil, errors.New("the base URL is not of the form https://host")
	}
	if err := options.Hosts.CheckURL(base); err != nil {
		return nil, err
	}
	options.Timeout = cmp.Or(options.Timeout, DefaultTimeout)
	options.Backoff = cmp.Or(options.Backoff, DefaultBackoff)
	options.MaxBytes = cmp.Or(options.MaxBytes, DefaultMaxBytes)
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	return &Client{
		base:    base,
		options: options,
		http: &http.Client{
			Transport:     options.Transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// GetJSON sends a request and passes the answer to decode, which reads exactly one JSON
// value; only white space may follow. decode runs once for each try, so it must start
// afresh each time. Duplicate names in an object are allowed. The answer is decoded by its
// charset; invalid bytes are pims.ErrSchemaDrift (R7).
//
// An error of decode is final, unless the answer was cut off. Errors:
// pims.ErrSessionExpired, ErrUnreachable, ErrRateLimited, ErrRemote, ErrSchemaDrift,
// ErrNotFound (see Request.Optional), ErrHostNotAllowed, ErrTooLarge, pims.ErrOverLimit, those
// of Request.Explain, decode's own, or the context's.
func (c *Client) GetJSON(ctx context.Context, request Request, decode func(*jsontext.Decoder) error) error {
	request.form = nil
	return c.answer(ctx, request, decode)
}

// PostForm is GetJSON by POST, with a form as the body. It may send the form more than once
// (R32), so it is for requests that change nothing, such as a login or a search.
func (c *Client) PostForm(ctx context.Context, request Request, form url.Values, decode func(*jsontext.Decoder) error) error {
	if request.form = form; form == nil {
		request.form = url.Values{}
	}
	return c.answer(ctx, request, decode)
}

func (c *Client) answer(ctx context.Context, request Request, decode func(*jsontext.Decoder) error) error {
	c.budget.request()
	for try := 1; ; try++ {
		err := c.try(ctx, request, decode)
		again, ok := errors.AsType[*retryable](err)
		if !ok {
			return describe(request, try, err)
		}
		wait, ok := delay(try, c.options.Backoff, again.after)
		if !ok || !c.budget.retry() {
			return describe(request, try, again.error)
		}
		c.options.Logger.WarnContext(ctx, "PIMS request failed and is tried again",
			"operation", request.Operation, "outcome", pims.Kind(err), "try", try, "wait", wait)
		if err := sleep(ctx, wait); err != nil {
			return describe(request, try, err)
		}
	}
}

func describe(request Request, tries int, err error) error {
	switch {
	case err == nil:
		return nil
	case tries > 1:
		return fmt.Errorf("%s %s: after %d tries: %w", request.method(), request.Path, tries, err)
	default:
		return fmt.Errorf("%s %s: %w", request.method(), request.Path, err)
	}
}

// A budget bounds how often one Client retries (R32).
type budget struct{ requests, retries atomic.Int64 }

func (b *budget) request() { b.requests.Add(1) }

// retry takes one retry from the budget and reports whether there was one.
func (b *budget) retry() bool {
	if b.retries.Add(1) > freeRetries+b.requests.Load()/requestsPerRetry {
		b.retries.Add(-1)
		return false
	}
	return true
}
