// Package clinicstore keeps clinics, their settings and schedules, their API keys, and their
// sealed credentials and sessions in the database. It decides nothing: packages clinic, seal
// and scheduler do.
package clinicstore
