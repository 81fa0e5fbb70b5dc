// Package model holds a small, obviously right model of the world that a sync
// lives in (the calendar of a PIMS, the cases of a clinic, the people who edit
// them, a clock, and what goes wrong) and plays it against the product with
// random sequences of what may happen. After every step it demands what no
// sequence may break: no case lost, none deleted without a complete proof, nothing
// of a person's overwritten, every change reversible.
//
// The same machine plays twice: against cases in memory, a million steps of the
// decisions alone, and against PostgreSQL, the whole. Another one plays what the
// merge makes of a single case. The package has tests only; nothing imports it.
// `make model` plays it at length, `make model-short` for a minute.
package model
