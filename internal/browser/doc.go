// Package browser logs in to a PIMS with a headless Chromium where the PIMS has
// no API for it: a [pims.LoginForm] goes in, cookies come out (R36).
//
// One browser process is shared by all logins; each login runs in a browser
// context of its own, so that no cookie passes from clinic to clinic. The process
// is started when the first login needs it, recycled after a number of logins,
// stopped when idle, and killed with all of its children when it hangs. It never
// outlives ours.
//
// The package never fetches data, keeps no session, and decides nothing about
// credentials. What a page shows, what was typed into it and the cookies that came
// of it reach neither a log nor an error (R40). It imports the pims vocabulary and
// is the only one that imports chromedp.
package browser
