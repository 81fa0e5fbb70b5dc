// Package pimshttp is the HTTP client that all providers share. It sends the requests of a
// session and turns the answers into the error kinds of internal/pims. It knows cookies,
// tries, limits and hosts. It knows no vendor's paths or formats, and it never logs in
// (R36).
//
// It guarantees:
//   - Every try waits for the limiter first, and goes only to allowed hosts, checked as a
//     URL and again as the dialled address.
//   - Transport errors and the statuses 429, 500, 502, 503 and 504 are tried three times,
//     with exponential backoff and full jitter. Retry-After is honoured up to 120 s. One
//     Client retries at most three times plus 10 % of its requests (R32).
//   - Cookies are sent, renewed and deleted as Chromium does it, byte for byte (R36).
//   - Redirects are never followed. A redirect to the login page means that the session is
//     dead; any other is an answer that we do not know.
//   - An answer is decoded while it arrives and is never held as a whole. Its length after
//     decompression has a limit. A row or a text has its own limit, which bounds what a
//     decoder holds; only some large rows are decoded at a time in the whole process (R57).
//   - Errors contain the path without its query, and never a byte of a header or a body
//     (R40).
package pimshttp
