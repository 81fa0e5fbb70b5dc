// Package scratch keeps the cases of one clinic in memory, for runs that must leave nothing
// behind: the replay of a recording (R52), and the model, which plays millions of steps
// against it and the same steps against PostgreSQL.
//
// It keeps the promises of casesync.Store and Recorder in the simplest way. It is not made
// for many cases.
package scratch
