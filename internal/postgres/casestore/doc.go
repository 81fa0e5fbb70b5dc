// Package casestore keeps cases and their history in the database. It decides nothing:
// package casesync says what a case becomes.
package casestore
