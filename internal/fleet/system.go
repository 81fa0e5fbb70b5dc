package fleet

import "time"

// A System is how an installation is. It says nothing of a clinic, and no secret.
type System struct {
	Replicas  []Replica       // that were seen in the last day, by name
	Keys      []EncryptionKey // the oldest first
	Queued    int             // syncs
	Running   int             // syncs
	Oldest    time.Time       // since when the longest queued sync waits; zero: none waits
	Migration int64           // the newest that was applied
	Walled    bool            // database roles separate the clinics (R45)
	Database  string          // the version of PostgreSQL
}

// A Replica is a process that works on syncs.
type Replica struct {
	Name string
	Seen time.Time
	Keys []string // the ids of its encryption keys (R37)
}

// An EncryptionKey is a key that was once the first in ENCRYPTION_KEY (R37). Its id is no
// secret.
type EncryptionKey struct {
	ID   string
	Made time.Time
}
