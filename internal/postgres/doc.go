// Package postgres is the database: the pool, the migrations, and the stores
// that the packages casesync and clinic ask for as interfaces.
//
// It decides nothing about a sync: what is to be written comes from casesync,
// and what protects a write (the fence of a lease, the unchanged row version, the
// owner of a column) is checked by the very statement that writes. It translates
// at its boundary: no driver error, no JSON tag and no SQL type leaves it.
//
// Every transaction has one of two shapes (R41): DB.InClinic works for one clinic
// and DB.System is for the named statements that cross clinics. Row-level
// security can be switched on behind them without a change here.
//
// Plain queries stand in queries/*.sql and are generated into internal/dbsqlc;
// the bulk statements, which sqlc cannot read, stand beside their store.
package postgres
