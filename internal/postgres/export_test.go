package postgres

import "io/fs"

// Migrations returns the migrations as they are compiled in, so that tests see what a mutant
// makes of them.
func Migrations() (fs.FS, error) { return fs.Sub(migrationFiles, "migrations") }
