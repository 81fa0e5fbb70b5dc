package embedded

import "strings"

// profile is how a cluster is made, and the settings of its server.
type profile struct {
	initdb   []string // more arguments
	settings []string // more name=value
	scratch  string   // the folder to remove when the server has ended, if any
}

// durable is the profile of a database that is kept.
func durable() profile {
	return profile{
		initdb: []string{"--data-checksums"},
		settings: []string{
			"max_connections=100",
			"max_wal_size=512MB",
		},
	}
}

// disposable is the profile of a database that is not needed after a crash.
func disposable() profile {
	return profile{
		initdb: []string{"--no-sync"},
		settings: []string{
			"fsync=off",
			"full_page_writes=off",
			"synchronous_commit=off",
			"max_connections=1000", // many tests at once, each with the pools of its replicas
			"max_wal_size=512MB",
		},
	}
}

// initdbArgs are the arguments of initdb but for the folder. The C locale sorts
// by code point on every system and version, so an update of the system's
// locales cannot break an index. Whoever reaches the socket is trusted; its
// folder is what keeps others out.
func (p profile) initdbArgs() []string {
	return append([]string{
		"--username=" + superuser,
		"--auth=trust",
		"--encoding=UTF8",
		"--locale=C",
		"--no-instructions",
	}, p.initdb...)
}

// serverArgs are the arguments of postgres but for the data directory. They
// win over the cluster's postgresql.conf.
func (p profile) serverArgs(socketDir string) []string {
	settings := append([]string{
		"listen_addresses=", // no network
		"unix_socket_directories=" + quoted(socketDir),
		"unix_socket_permissions=0700",
		"port=" + port,
		"cluster_name=pims-sync", // seen in ps
		"shared_buffers=128MB",
		"jit=off", // many short statements
		"timezone=UTC",
		"log_timezone=UTC",
		"logging_collector=off",
		// Errors of statements go to the client. Kept out of the log they cannot
		// bring names or notes into it (R40), nor let it grow.
		"log_min_messages=log",
		"log_min_error_statement=panic",
		"log_checkpoints=off",
	}, p.settings...)
	args := make([]string, 0, 2*len(settings))
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	return args
}

// quoted returns a folder as one item of a list setting.
func quoted(dir string) string {
	return `"` + strings.ReplaceAll(dir, `"`, `""`) + `"`
}
