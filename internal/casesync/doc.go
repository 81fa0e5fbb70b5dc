// Package casesync has the rules by which a clinic's cases follow its PIMS. Inbound makes
// cases of appointments, enrichment adds consultations, reconciliation soft-deletes what
// vanished, and a full sync runs the three in turn (W3).
//
// It decides; it talks to no database and to no PIMS itself. The stores that it needs are
// interfaces here, a session comes from package clinic, and the caller says what time it
// is (R3).
package casesync
