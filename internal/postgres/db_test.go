package postgres_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func TestAnUnreachableDatabaseIsToldInOneLineWithoutThePassword(t *testing.T) { // R40
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())

	_, err = postgres.Open(t.Context(), postgres.Options{URL: "postgres://somebody:hunter2@" + address + "/cases"})
	require.ErrorIs(t, err, syncs.ErrDatabase)
	require.ErrorContains(t, err, address)
	require.NotContains(t, err.Error(), "hunter2")
	require.NotContains(t, err.Error(), "\n")
}

func TestAURLThatIsNoneIsRefusedWithoutEchoingIt(t *testing.T) { // R40
	t.Parallel()
	for _, url := range []string{"", "postgres://somebody:hunter2@[::1", "postgres://u:hunter2@h:port/db", "hunter2"} {
		_, err := postgres.Open(t.Context(), postgres.Options{URL: url})
		require.ErrorContains(t, err, "not a PostgreSQL connection string", url)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestADatabaseThatDoesNotExistIsTold(t *testing.T) {
	t.Parallel()
	url := strings.Replace(pgtest.Empty(t), "/test_", "/missing_", 1)
	_, err := postgres.Open(t.Context(), postgres.Options{URL: url})
	require.ErrorIs(t, err, syncs.ErrDatabase)
	require.ErrorContains(t, err, "does not exist")
}

func TestAConnectionThatTheServerEndsIsADatabaseError(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	err := db.System(t.Context(), "look around", func(tx pgx.Tx) error {
		var pid int
		if err := tx.QueryRow(t.Context(), "select pg_backend_pid()").Scan(&pid); err != nil {
			return err
		}
		require.True(t, scan[bool](t, db, "select pg_terminate_backend($1, 10000)", pid))
		_, err := tx.Exec(t.Context(), "select")
		return err
	})
	require.ErrorIs(t, err, syncs.ErrDatabase)
	require.NoError(t, db.Ping(t.Context()), "the pool recovers")
}

func TestAContextThatEndsIsToldByItsCause(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	err := db.System(t.Context(), "look around", func(tx pgx.Tx) error {
		cancel(syncs.ErrShutdown)
		_, err := tx.Exec(ctx, "select 1")
		return err
	})
	require.Error(t, err)
	err = db.System(ctx, "look around", func(pgx.Tx) error { return nil })
	require.ErrorIs(t, err, syncs.ErrShutdown)
	require.NotErrorIs(t, err, syncs.ErrDatabase)
}

func TestARefusedStatementTellsTheSchemaAndNoValue(t *testing.T) { // R40
	t.Parallel()
	db := pgtest.New(t)
	err := db.System(t.Context(), "store the case", func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "select $1::text::integer", "Bello")
		return err
	})
	require.ErrorContains(t, err, "store the case: the database refused the statement with SQLSTATE 22P02")
	require.NotContains(t, err.Error(), "Bello")
	require.NotErrorIs(t, err, syncs.ErrDatabase)
}

func TestAnErrorOfTheCallerPassesThrough(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	err := db.System(t.Context(), "look around", func(pgx.Tx) error { return syncs.ErrLeaseLost })
	require.ErrorIs(t, err, syncs.ErrLeaseLost)
}

func TestATransactionKnowsItsClinicAndItsActorAndLeavesNothingBehind(t *testing.T) { // R41, R14
	t.Parallel()
	db := pgtest.New(t)
	clinicID := uuid.New()
	settings := func(tx pgx.Tx) (clinic, actor string) {
		require.NoError(t, tx.QueryRow(t.Context(),
			`select coalesce(current_setting('app.clinic_id', true), ''), coalesce(current_setting('app.actor', true), '')`).Scan(&clinic, &actor))
		return clinic, actor
	}
	require.NoError(t, db.InClinicAs(t.Context(), "test", clinicID, `os:o'brien\; drop`, func(tx pgx.Tx) error {
		clinic, actor := settings(tx)
		require.Equal(t, clinicID.String(), clinic)
		require.Equal(t, "os:o'brien_; drop", actor)
		return nil
	}))
	for range 20 { // whichever connection it gets
		require.NoError(t, db.System(t.Context(), "test", func(tx pgx.Tx) error {
			clinic, actor := settings(tx)
			require.Empty(t, clinic)
			require.Empty(t, actor)
			return nil
		}))
	}
}

func TestATransactionThatLosesADeadlockIsRunAgain(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	exec(t, db, "create table counters (id int primary key, n int not null)")
	exec(t, db, "insert into counters values (1, 0), (2, 0)")
	exec(t, db, "grant all on counters to public")

	first := make(chan struct{}, 2) // both hold their first row
	both := make(chan struct{})
	go func() { <-first; <-first; close(both) }()
	run := func(ids ...int) error {
		tries := 0
		return db.System(t.Context(), "count", func(tx pgx.Tx) error {
			tries++
			for i, id := range ids {
				if _, err := tx.Exec(t.Context(), "update counters set n = n + 1 where id = $1", id); err != nil {
					return err
				}
				if i == 0 && tries == 1 {
					first <- struct{}{}
					<-both
				}
			}
			return nil
		})
	}
	errs := make(chan error, 2)
	go func() { errs <- run(1, 2) }()
	go func() { errs <- run(2, 1) }()
	require.NoError(t, errors.Join(<-errs, <-errs))
	require.Equal(t, []int{2, 2}, column[int](t, db, "select n from counters order by id"))
}

func TestAPoolerIsFoundInTheURL(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	require.False(t, pgtest.Open(t, url).Pooled())
	db := pgtest.Open(t, url+"&pgbouncer=true")
	require.True(t, db.Pooled())
	require.NoError(t, db.Migrate(t.Context()))
	require.Equal(t, 0, scan[int](t, db, "select count(*) from pg_prepared_statements"), "nothing is prepared on the server")
}

// What people paste in place of a URL is told, and none of it is shown: it holds a
// password (R40).
func TestWhatWasPastedInPlaceOfAURLIsTold(t *testing.T) {
	t.Parallel()
	const good = "postgres://vet:s3cret@db.example.com:5432/pims"
	for pasted, told := range map[string]string{
		`"` + good + `"`:                       "in quotation marks",
		`'` + good + `'`:                       "in quotation marks",
		"\u201c" + good + "\u201d":             "in quotation marks",
		`"` + good:                             "in quotation marks",
		" " + good:                             "blanks or a line end around",
		good + "\n":                            "blanks or a line end around",
		good + "\r\n":                          "blanks or a line end around",
		"postgres://vet:s3cret@db\n.example/p": "a line end or a tab in it",
		"jdbc:postgresql://db.example.com/pims?user=vet&password=s3cret": "one for Java",
		"JDBC:postgresql://db.example.com/pims?password=s3cret":          "one for Java",
		"psql " + good:                      "a command line of psql",
		"psql '" + good + "'":               "in quotation marks",
		"export DATABASE_URL=" + good:       "a line of a shell",
		"DATABASE_URL=" + good:              "the variable's own name",
		"DATABASE_URL: " + good:             "the variable's own name",
		"mysql://vet:s3cret@db/pims":        "names MySQL",
		"postgresql+psycopg://vet:s3cret@x": "SQLAlchemy",
		"https://vet:s3cret@db.example.com": "a web address",
		"vet:s3cret@db.example.com/pims":    "has no scheme",
		"<" + good + ">":                    "in angle brackets",
		"postgres:/vet:s3cret@db/pims":      "fewer than two slashes after postgres:",
		"postgresql:vet:s3cret@db/pims":     "fewer than two slashes after postgresql:",
		"postgresql://postgres.abc:[YOUR-PASSWORD]@aws-0.pooler.example.com:5432/postgres": "still has [YOUR-PASSWORD] in it",
		"//vet:s3cret@db.example.com/pims":                                                 "has no scheme",
		"ftp://vet:s3cret@db.example.com":                                                  "not a PostgreSQL connection string",
		"":                                                                                 "not a PostgreSQL connection string",
		"  ":                                                                               "not a PostgreSQL connection string",
	} {
		_, err := postgres.Open(t.Context(), postgres.Options{URL: pasted})
		require.ErrorContains(t, err, told, "%q", pasted)
		require.NotContains(t, err.Error(), "s3cret")
		require.NotContains(t, err.Error(), "vet:")
	}
}

// A part of a password that is not percent-encoded would be taken for the host, and
// shown (R40).
func TestAPasswordThatIsNotPercentEncodedIsToldAndNotShown(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"sek@s3cret", "sek#s3cret", "sek/s3cret", "sek?s3cret", "sek:s3cret", "sek%s3cret", "sek@s3cret#s3cret", "sek%", "sek@s3cret/s3cret", "@s3cret", "#s3cret", "5432/s3cret", "5432?s3cret"} {
		for _, scheme := range []string{"postgres", "postgresql", "POSTGRES"} {
			_, err := postgres.Open(t.Context(), postgres.Options{URL: scheme + "://vet:" + password + "@127.0.0.1:1/pims"})
			require.ErrorContains(t, err, "percent-encoded", password)
			require.NotContains(t, err.Error(), "s3cret")
			require.NotContains(t, err.Error(), "sek")
		}
	}
	_, err := postgres.Open(t.Context(), postgres.Options{URL: "postgres://vet:sek%40%23%2F%3F%3A%25s3cret@127.0.0.1:1/pims?application_name=a%40b"})
	require.ErrorIs(t, err, syncs.ErrDatabase)
	require.ErrorContains(t, err, "127.0.0.1:1")
	require.NotContains(t, err.Error(), "s3cret")
}

func TestAConnectionThatIsNotMadeSaysWhatToDo(t *testing.T) {
	t.Parallel()
	config, err := url.Parse(pgtest.URL(t))
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		change func(*url.URL)
		says   string
	}{
		"another database": {func(u *url.URL) { u.Path = "/no_such_database" }, "; name another database in DATABASE_URL, or create this one"},
		"another user":     {func(u *url.URL) { u.User = url.User("no_such_user") }, "; correct the user or the password in DATABASE_URL"},
	} {
		changed := *config
		tc.change(&changed)
		_, err := postgres.Open(t.Context(), postgres.Options{URL: changed.String()})
		require.ErrorContains(t, err, tc.says, name)
		require.ErrorIs(t, err, syncs.ErrDatabase, name)
	}
}

func TestADatabaseThatIsNotUTF8IsRefused(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"LATIN1", "SQL_ASCII"} {
		url := pgtest.Encoded(t, encoding)
		_, err := postgres.Open(t.Context(), postgres.Options{URL: url})
		require.ErrorContains(t, err, "has the encoding "+encoding+", and UTF8 is needed")
		require.ErrorContains(t, err, "create database")
	}
}

// A role or a database may set another encoding for its clients; ours is UTF-8.
func TestNamesSurviveAnotherClientEncoding(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	name := scan[string](t, pgtest.Open(t, url), "select current_database()")
	exec(t, pgtest.Open(t, url), "alter database "+name+" set client_encoding = 'LATIN1'")
	db := pgtest.Open(t, url)
	exec(t, db, "insert into clinics (name) values ($1)", "Tierpraxis Zoë 獣医")
	require.Equal(t, "Tierpraxis Zoë 獣医", scan[string](t, db, "select name from clinics"))
}
