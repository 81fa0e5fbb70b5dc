// Package scratch keeps the cases of one clinic in memory, for runs that must leave nothing
// behind: the replay of a recording (R52), and the model, which plays millions of steps
// against it and the same steps against PostgreSQL.
//
// It holds what casesync.Store and Recorder promise, said as plainly as possible. It is
// not made for many cases.
package scratch
