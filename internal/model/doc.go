// Package model tests the product against a small model of everything around a sync: the
// calendar of a PIMS, the cases of a clinic, the people who edit them, a clock, and
// failures. The model is simple enough to be obviously right. It plays random sequences of
// events against the product. After every step it checks what must always hold: no case is
// lost, none is deleted without a complete proof, no edit of a person is overwritten, and
// every change is reversible.
//
// The same machine runs in two ways: against cases in memory, for a million steps of the
// decisions alone, and against PostgreSQL, for the whole product. Another machine tests the
// merge of a single case. The package has tests only; nothing imports it. `make model` runs
// it at length, `make model-short` for a minute.
package model
