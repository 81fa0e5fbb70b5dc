// Package pimshttp is the plain HTTP client that all providers share: it sends a
// logged-in session's requests and turns what comes back into the error kinds of
// internal/pims. It knows cookies, tries, limits and hosts; it knows no vendor's
// paths or shapes, and it never logs in (R36).
//
// What it promises:
//
//   - Every try waits for the limiter first, and goes only to allowed hosts,
//     checked as a URL and again as the address that was dialled.
//   - Transport errors, 429 and 500, 502, 503, 504 are tried three times, with
//     exponential backoff and full jitter; Retry-After is honoured up to 120 s;
//     one Client tries again at most three times plus 10 % of its requests (R32).
//   - Cookies are sent, renewed and deleted as Chromium does it, byte for byte (R36).
//   - Redirects are never followed: one to the login page means that the session
//     is dead, any other is an answer that we do not know.
//   - An answer is decoded while it arrives, is never held as a whole, and may be
//     no longer than a limit, counted after decompression. A row or a text has a
//     limit of its own, so that no decoder must hold more; of large ones, only some
//     are decoded at a time in the whole process (R57).
//   - Errors hold the path without its query, and never a byte of a header or a
//     body (R40).
//
// It imports internal/pims, and jsontext for decoding.
package pimshttp
