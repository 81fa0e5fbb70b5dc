// Package archtest holds the import rule: which of our packages may import
// which, and which packages each third-party library belongs to. The rule is
// the table in rule_test.go, and docs/architecture.md shows it.
//
// The rule binds what is built: test files may import what they need. The
// package is tests only; nothing imports it. They read source text and start no
// goroutine, so they are not built with the race detector.
package archtest
