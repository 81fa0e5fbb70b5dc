// Package casesync holds the rules by which a clinic's cases follow its PIMS. Inbound makes
// cases of appointments, enrichment adds consultations, reconciliation soft-deletes cases
// whose appointments have vanished, and a full sync runs the three in this order (W3).
//
// The package decides. It does not talk to a database or to a PIMS itself: it declares the
// stores that it needs as interfaces, package clinic provides the session, and the caller
// provides the time (R3). Package cases decides what a case becomes, package guards what a
// guard says of a whole calendar, package ownership whose a consultation is, and package
// driftwatch whether the PIMS changed the form of its answers. This package decides when each
// is asked, and what follows.
package casesync
