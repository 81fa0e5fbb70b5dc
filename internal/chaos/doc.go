// Package chaos proves that syncs survive (R28–R32): real replicas of the built
// binary share a PostgreSQL and the simulated Neos of several clinics, a seeded
// nemesis kills, stops, continues and cuts, and a checker looks for cases that were
// lost, doubled or wrongly deleted, for audits that nobody ends, for runs that do not
// converge, and for changes that webhooks did not tell, or not in their order (R47).
// Besides, a replica is stopped for long in all phases of a sync at once, and one does
// sync after sync without growing.
//
//	go test ./internal/chaos -run Killed -kills 1000 -seed 7 -v
//	go test ./internal/chaos -run Killed -kills 50 -changes 100000 -v
//	go test ./internal/chaos -run Stopped -stop 1m -v
//	go test ./internal/chaos -run InARow -syncs 500 -v
//
// `make chaos`, `make chaos-webhooks` and `make soak` are the full runs; without flags the
// tests are short ones. A seed fixes what the nemesis chooses, not how the processes are
// scheduled.
//
// It is tests only, sees the product from outside alone (its commands, its API, its
// metrics, its tables), and nothing imports it.
package chaos
