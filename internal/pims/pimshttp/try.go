package pimshttp

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/downtime"
)

// try sends a request once. An error after which a retry may succeed is a *retryable.
func (c *Client) try(ctx context.Context, request Request, decode func(*jsontext.Decoder) error) (err error) {
	if c.options.Limiter != nil {
		if err := c.options.Limiter.Wait(ctx, pims.Charge{Host: c.base.Host, Limit: request.Limit, Cost: request.Cost}); err != nil {
			return fmt.Errorf("wait for the rate limit: %w", err)
		}
	}
	var status int
	if c.options.Observe != nil {
		start := time.Now()
		defer func() {
			c.options.Observe(ctx, pims.Observation{
				Operation: request.Operation,
				Outcome:   pims.Kind(err),
				Status:    status,
				Duration:  time.Since(start),
			})
		}()
	}

	limited, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	response, err := c.send(limited, request)
	if err != nil {
		return c.transportError(ctx, limited, err)
	}
	defer closeBody(response)
	status = response.StatusCode
	if err := c.checkStatus(response, request); err != nil {
		return explained(limited, response, request, err)
	}
	return c.decode(ctx, limited, response, cmp.Or(request.MaxBytes, c.options.MaxBytes), decode)
}

func (c *Client) send(ctx context.Context, request Request) (*http.Response, error) {
	target := c.base.Scheme + "://" + c.base.Host + request.Path
	if len(request.Query) > 0 {
		target += "?" + request.Query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, request.method(), target, strings.NewReader(request.form.Encode()))
	if err != nil {
		return nil, err
	}
	maps.Copy(req.Header, c.options.Header)
	req.Header.Set("Accept", "application/json")
	if request.form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.options.Authorizer == nil {
		return c.http.Do(req)
	}
	c.options.Authorizer.Sign(req)
	response, err := c.http.Do(req)
	if err == nil {
		c.options.Authorizer.Answered(req, response.Header)
	}
	return response, err
}

// explained returns what Request.Explain says of a refusal, else the meaning of its status.
func explained(ctx context.Context, response *http.Response, request Request, err error) error {
	status := response.StatusCode
	if request.Explain == nil || status < 400 || status > 499 || status == http.StatusTooManyRequests {
		return err
	}
	body := newBody(ctx, response, maxPageBytes)
	defer body.text.release()
	if body.isPage() {
		return err
	}
	if meaning := request.Explain(status, jsonOf(body)); meaning != nil {
		return statusError(status, meaning)
	}
	return err
}

func jsonOf(body *body) *jsontext.Decoder {
	return jsontext.NewDecoder(body, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// checkStatus returns nil for 200 only (R5).
func (c *Client) checkStatus(response *http.Response, request Request) error {
	status := response.StatusCode
	switch {
	case status == http.StatusOK:
		return nil
	case status == http.StatusUnauthorized:
		return statusError(status, pims.ErrSessionExpired)
	case status >= 300 && status < 400:
		return c.redirectError(response)
	case request.Optional && (status == http.StatusNotFound || status == http.StatusGone):
		return statusError(status, pims.ErrNotFound)
	case status == http.StatusTooManyRequests:
		return &retryable{statusError(status, pims.ErrRateLimited), RetryAfter(response.Header, time.Now())}
	case retryableStatus(status):
		return &retryable{statusError(status, pims.ErrServer), RetryAfter(response.Header, time.Now())}
	case status >= 400:
		return statusError(status, ErrRefused)
	default:
		return statusError(status, pims.ErrSchemaDrift)
	}
}

// ErrRefused means that the PIMS answered with a status from 400 to 499 that has no meaning of its
// own. It is a pims.ErrRemote.
var ErrRefused = fmt.Errorf("%w", pims.ErrRemote)

func statusError(status int, kind error) error {
	return fmt.Errorf("HTTP %d: %w", status, kind)
}

func retryableStatus(status int) bool {
	switch status {
	case http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	default:
		return false
	}
}

func (c *Client) redirectError(response *http.Response) error {
	target, err := response.Location()
	if err == nil && c.isLoginURL(target) {
		return fmt.Errorf("redirected to the login page: %w", pims.ErrSessionExpired)
	}
	return fmt.Errorf("HTTP %d, a redirect to elsewhere: %w", response.StatusCode, pims.ErrSchemaDrift)
}

func (c *Client) isLoginURL(u *url.URL) bool {
	return c.options.IsLoginURL != nil && c.options.IsLoginURL(u)
}

func (c *Client) isLoginPage(html []byte) bool {
	return c.options.IsLoginPage != nil && c.options.IsLoginPage(html)
}

// decode passes the body of a 200 to the caller's decoder. It finds the cause of an error:
// the network, the answer, or the session.
func (c *Client) decode(ctx, limited context.Context, response *http.Response, maxBytes int64, decode func(*jsontext.Decoder) error) error {
	body := newBody(limited, response, maxBytes)
	defer body.text.release()
	if body.isPage() {
		return c.pageError(ctx, limited, body)
	}
	decoder := jsonOf(body)
	err := decode(decoder)
	if err == nil {
		err = expectEnd(decoder)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(body.failure, ErrTooLarge):
		return ErrTooLarge
	case body.unknown != nil:
		return body.unknown
	case body.failure != nil:
		return c.transportError(ctx, limited, body.failure)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return &retryable{error: fmt.Errorf("the answer ends too early: %w", pims.ErrSchemaDrift)}
	default:
		return ownSyntaxError(err)
	}
}

// expectEnd returns an error where anything but white space follows the value.
func expectEnd(decoder *jsontext.Decoder) error {
	_, err := decoder.ReadToken()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	default:
		return fmt.Errorf("something follows the JSON value: %w", pims.ErrSchemaDrift)
	}
}

// ownSyntaxError says in our words where an answer is not JSON. The decoder's own text
// quotes the answer (R40).
func ownSyntaxError(err error) error {
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Errorf("no valid JSON at byte %d: %w", syntax.ByteOffset, pims.ErrSchemaDrift)
	}
	return err
}

// pageError explains HTML where JSON was requested. The login page means a dead session, a
// page that says that the PIMS is closed is an error of the server, any other page is an
// answer that we do not know, and a page that was cut off is a network error.
func (c *Client) pageError(ctx, limited context.Context, page *body) error {
	html, err := page.page()
	switch {
	case c.isLoginPage(html):
		return fmt.Errorf("the login page came instead of JSON: %w", pims.ErrSessionExpired)
	case err != nil:
		return c.transportError(ctx, limited, err)
	case downtime.Page(html):
		return &retryable{error: fmt.Errorf("a page came instead of JSON and says that the PIMS is closed for maintenance: %w", pims.ErrServer)}
	case bytes.HasPrefix(bytes.TrimSpace(html), []byte("<?xml")):
		return fmt.Errorf("XML came instead of JSON: %w", pims.ErrSchemaDrift)
	default:
		return fmt.Errorf("HTML came instead of JSON: %w", pims.ErrSchemaDrift)
	}
}

// closeBody reads a little of the rest, so that the connection can be reused.
func closeBody(response *http.Response) {
	_, _ = io.CopyN(io.Discard, response.Body, maxPageBytes)
	_ = response.Body.Close()
}
