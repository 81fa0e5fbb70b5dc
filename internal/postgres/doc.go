// Package postgres is the database: the pool, the migrations, the transactions, the fence of
// a lease, notifications, replicas and the limits of requests. The packages beside it hold
// the statements, one package a subject: casestore, clinicstore, syncstore, fleetstore and
// others. They are the stores that casesync, clinic and other packages declare as
// interfaces.
//
// None of them decides anything about a sync: casesync decides what is written. The
// statement that writes also checks what protects the write (the fence of a lease, the
// unchanged row version, the owner of a column). The stores translate at their boundary: no
// driver error, no JSON tag and no SQL type leaves them.
//
// Every transaction has one of two forms (R41): DB.InClinic works for one clinic, and
// DB.System is for the named statements that cross clinics. Each takes a database role that
// may do no more (R45, package walls).
//
// Plain queries are in queries/*.sql, and sqlc generates internal/dbsqlc from them. The
// bulk statements, which sqlc cannot read, are next to their store.
package postgres
