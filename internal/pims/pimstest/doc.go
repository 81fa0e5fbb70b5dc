// Package pimstest helps tests that need a PIMS: Fake is a scripted one for the
// sync rules, and Run is the conformance suite that every provider must pass.
//
// It is for tests only and must never reach the binary. It imports
// internal/pims, knows no vendor and no wire format.
package pimstest
