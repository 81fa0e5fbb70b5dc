// Package chaos proves that syncs survive (R28–R32): real replicas of the built
// binary share a PostgreSQL and the simulated Neos of several clinics, a seeded
// nemesis kills, stops, continues and cuts, and a checker looks for cases that were
// lost, doubled or wrongly deleted, for audits that nobody ends, and for runs that
// do not converge.
//
//	go test ./internal/chaos -kills 1000 -seed 7 -v
//
// `make chaos` is the full run; without flags the test is a short one. A seed fixes
// what the nemesis chooses, not how the processes are scheduled.
//
// It is tests only, sees the product from outside alone (its commands, its API, its
// tables), and nothing imports it.
package chaos
