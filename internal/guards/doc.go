// Package guards has the guards that look at a whole calendar, or at all deletions together,
// before anything is written (R18, R23).
//
// Everything here is a function of its arguments: no database, no PIMS, no clock. What follows
// from a refusal is package casesync's: a plan that waits for a person.
package guards
