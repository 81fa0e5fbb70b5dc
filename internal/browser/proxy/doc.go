// Package proxy is the only way from the login browser to the network (R36). It is a SOCKS5
// proxy on loopback, one for each login. It resolves a name and checks the address in the
// moment in which it connects, so that a name that moves to a private address afterwards
// gains nothing. It serves the browser's own processes and no other local process, counts
// what it passes on, and ends with the login.
//
// It knows nothing of pages: which page may be shown is decided by package browser.
package proxy
