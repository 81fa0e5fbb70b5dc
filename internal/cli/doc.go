// Package cli has what the commands of cmd/pims-sync share: settings from flags and the
// environment, the kinds of arguments, the database and the engine of one command, and how
// a result is printed. The packages below it hold the commands, one package a subject. A
// command parses and prints; what it does is in the packages that package app joins.
package cli
