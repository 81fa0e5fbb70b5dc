package api

import (
	"context"
	"errors"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// unauthorizedText is the one text for every bad key (R38).
const unauthorizedText = "the API key is missing or invalid; send a valid one in the X-API-Key header"

// explain turns any error into what the caller may know of it. It hides internals (R38).
func explain(err error) *syncs.Failure {
	if limited, ok := errors.AsType[web.RateLimited](err); ok {
		return syncs.Fail(web.CodeRateLimited, "%s", limited)
	}
	if denied, ok := errors.AsType[access.Denied](err); ok {
		return syncs.Fail(syncs.CodeForbidden, "%s", denied)
	}
	switch {
	case errors.Is(err, clinic.ErrUnauthorized):
		return syncs.Fail(web.CodeUnauthorized, unauthorizedText)
	case errors.Is(err, clinic.ErrNotFound), errors.Is(err, access.ErrHidden):
		return web.NotFound()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		// The API waits only for the database here, and only for a bounded time.
		return syncs.Fail(syncs.CodeDatabaseUnavailable, "%s", syncs.ErrDatabase)
	}
	failure := casesync.Explain(err)
	switch failure.Code {
	case syncs.CodeInternal:
		return syncs.Fail(syncs.CodeInternal, web.InternalText)
	case syncs.CodeNotFound:
		return web.NotFound()
	default:
		return failure
	}
}
