// Package recordings keeps what a PIMS returned to one sync, so that the sync can be played
// again (R52). A Recording holds the exchanges with the PIMS, the state that the sync read,
// and what the sync did. It contains personal data; whoever stores it seals it.
//
// What signs in is never part of a recording: no password, no cookie, no token, no header of
// a request. The package knows no provider and no database.
package recordings
