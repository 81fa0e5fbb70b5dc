// Package guards has the guards that look at a whole calendar, or at all deletions together,
// before anything is written (R18, R23).
//
// Everything here is a function of its arguments: no database, no PIMS, no clock. Package
// casesync does what follows a refusal: it stores a plan that waits for a person.
package guards
