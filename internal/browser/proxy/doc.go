// Package proxy is the only way from the login browser to the network (R36). It is a SOCKS5
// proxy on loopback, one for each login. It resolves a name and checks the address each
// time it connects, so that a name that later points to a private address gains nothing. It
// serves the browser's own processes and no other local process, counts what it passes on,
// and ends with the login.
//
// It knows nothing of pages: package browser decides which page may be shown.
package proxy
