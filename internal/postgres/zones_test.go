package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
)

func TestSQLCannotWriteAZoneThatDependsOnTheMachine(t *testing.T) { // R1
	t.Parallel()
	db := pgtest.New(t)
	id := newClinic(t, db)
	for _, zone := range []string{
		"localtime", "Local", "posixrules", "Factory", "right/Europe/Berlin", "posix/UTC", "LOCALTIME",
		"leapseconds", "LeapSeconds", "tzdata.zi", "zone1970.tab", "./localtime", "./Europe/Berlin", "/etc/localtime", "Europe//Berlin", "Europe/", "Europe/../UTC",
	} {
		for _, sql := range []string{
			"insert into clinics (name, timezone) values ('Quay Vets', $1)",
			"update clinics set timezone = $1 where id = '" + id.String() + "'",
		} {
			_, err := db.Pool().Exec(t.Context(), sql, zone)
			require.ErrorContains(t, err, "which is not an IANA time zone such as America/Chicago", "%s: %s", zone, sql)
		}
	}
	for _, zone := range []string{"America/Chicago", "Europe/Berlin", "UTC", "Etc/GMT+5", "America/Argentina/Buenos_Aires", "GB-Eire", "GMT-0"} {
		exec(t, db, "update clinics set timezone = $1 where id = $2", zone, id)
	}
	exec(t, db, "update clinics set timezone = null where id = $1", id)
}
