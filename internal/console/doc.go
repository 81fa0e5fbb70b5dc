// Package console serves the pages at /console, where people see how the clinics are, decide
// and set up. Pages are made on the server; they work without a script, and scripts only
// refresh them and show times in the viewer's zone.
//
// It joins the packages below it, each of which has the screens of one subject, and has their
// templates and the stylesheet. It decides nothing: other packages decide what it shows and
// does, and the API offers the same (R42). docs/architecture.md says how to add a screen.
package console
