// Package console serves the pages at /console, where people see how the clinics are, decide
// and set up. Pages are made on the server; they work without a script, and scripts only
// refresh them and show times in the viewer's zone.
//
// It decides nothing: what it shows and does, other packages decide, and the API has the
// same (R42). docs/architecture.md says how to add a screen.
package console
