// Package syncstore keeps syncs in the database: their audits with lease and progress, the
// plans that guards made, and the entries of the schedules. It decides nothing: packages
// casesync, queue and scheduler do.
package syncstore
