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
	Bytes     int64           // on the disk, of the database
	RateLimit float64         // requests a second to one host of a PIMS, over all replicas; 0: no limit
	Limits    []HostLimit     // of the hosts that were asked in the last ten minutes, by name
	Browser   string          // the product and version that signed in last on this replica; empty: none has
	Libraries []Library       // that the program is made of, by path
}

// A HostLimit is how far the requests to a host of a PIMS are planned ahead (R32).
type HostLimit struct {
	Host   string    // a part of a host with a limit of its own follows the name, after a blank
	FreeAt time.Time // the moment of the latest request that was planned
}

// A Library is a Go module.
type Library struct {
	Path, Version string
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
