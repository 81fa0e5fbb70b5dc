// Package browser logs in to a PIMS with a headless Chromium where the PIMS has no API for
// a login: it takes a [pims.LoginForm] and returns cookies (R36).
//
// All logins share one browser process. Each login runs in its own browser context, so that
// no cookie passes from clinic to clinic. The process is started when the first login needs
// it, replaced after a number of logins, stopped when idle, and killed with all of its
// children when it hangs. It never outlives our process.
//
// The package never fetches data, keeps no session, and decides nothing about credentials.
// What a page shows, what was typed into it and its cookies never reach a log or an error
// (R40). Only this package and lastpage below it import chromedp.
package browser
