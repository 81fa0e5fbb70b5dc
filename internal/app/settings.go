// Package app connects the parts of the program: the database, the engine that runs syncs,
// and the server in front of it. The command line, the demo and the tests configure the
// same program.
//
// It decides nothing about clinics or cases, reads no environment and prints nothing.
package app

import (
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/secret"
)

// Settings are the settings that every part shares (docs/interface.md §Environment).
type Settings struct {
	DatabaseURL   secret.Text // empty: the embedded database in DataDir
	MigrateURL    secret.Text // of the owner of the tables; empty: DatabaseURL
	Roles         string      // the prefix of the database roles; empty: the default
	SingleRole    bool        // one database role is accepted where no others are to be had (R45)
	SchemaAsItIs  bool        // the database is opened without migrating it
	DataDir       string      // where the embedded database and its own encryption key are
	EncryptionKey secret.Text // empty: the key in DataDir
	Hosts         pims.HostPolicy
	RateLimit     float64       // requests a second per PIMS host, over all replicas; 0: no limit
	SyncTimeout   time.Duration // of one sync's work
	ChromiumPath  string        // empty: an installed one
	Headless      bool
	SMTPURL       secret.Text // of the server for e-mail; empty: none
	MailFrom      string      // who sends it
	Version       string      // of the program
	Revision      string      // its commit; empty: unknown
}
