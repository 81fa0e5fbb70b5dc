// Package render writes results for people: tables, fields, times in a clinic's zone, and the
// bar of a sync. It knows no command.
package render
