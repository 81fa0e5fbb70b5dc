package doctorstore

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
)

var update = flag.Bool("update", false, "write shape.txt anew")

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestTheShapeIsWhatTheMigrationsMake(t *testing.T) {
	t.Parallel()
	present, err := New(pgtest.New(t)).present(t.Context())
	require.NoError(t, err)
	text := strings.Join(present, "\n") + "\n"
	if *update {
		require.NoError(t, os.WriteFile("shape.txt", []byte(text), 0o600))
		return
	}
	require.Equal(t, text, shape, "write it anew: go test ./internal/postgres/doctorstore -run Shape -update")
}

func TestWhatSomebodyTookAwayIsFound(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s := New(db)
	found, err := s.Schema(t.Context())
	require.NoError(t, err)
	require.Empty(t, found.Lacks)
	_, err = db.Pool().Exec(t.Context(), `
		alter table cases drop column patient_name;
		alter table cases alter column client_name type varchar(100);
		alter table cases disable trigger case_events_update;
		drop index cases_updated;
		drop table pims_words;
		create table of_another_program ();
		alter table cases add column of_another_program text`)
	require.NoError(t, err)
	found, err = s.Schema(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{
		"column cases.client_name text", "column cases.patient_name text", "index cases_updated of cases", "table pims_words",
		"trigger case_events_update of cases",
	}, found.Lacks)
}

func TestATableThatIsLockedWholeIsFound(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	tx, err := db.Pool().Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(t.Context()) }()
	_, err = tx.Exec(t.Context(), "lock table cases, case_events in access exclusive mode")
	require.NoError(t, err)
	s := New(db)
	locked, err := s.locked(t.Context(), 0)
	require.NoError(t, err)
	require.Equal(t, []string{"case_events", "cases"}, locked)
	locked, err = s.locked(t.Context(), time.Hour)
	require.NoError(t, err)
	require.Empty(t, locked, "not for so long")
}
