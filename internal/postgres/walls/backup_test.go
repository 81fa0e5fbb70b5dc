package walls_test

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/postgres/clinicstore"
	"github.com/pims-sync/pims-sync/internal/postgres/embedded"
	"github.com/pims-sync/pims-sync/internal/postgres/feedstore"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
)

// rolesOfPage returns the statements of docs/deployment.md that make the roles on another
// server.
func rolesOfPage(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile("../../../docs/deployment.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```sql\n(create role pims_sync_service noinherit;.*?)```").FindStringSubmatch(string(page))
	require.Len(t, block, 2)
	found := regexp.MustCompile(`[^;\n][^;]*;`).FindAllString(block[1], -1)
	require.Len(t, found, 8)
	return found
}

func TestADumpIsRestoredOnAnotherServerWithItsWallsAndGoesOn(t *testing.T) { // R45, R46, docs/deployment.md
	t.Parallel()
	ctx := t.Context()
	source := pgtest.URL(t)
	before := pgtest.Open(t, source)
	mine := addPractice(t, before, "Harbor Lights")
	other := addPractice(t, before, "Quiet Harbor")
	changes := feed.New(feed.Options{Store: feedstore.New(before), Logger: slog.New(slog.DiscardHandler)})
	page, err := changes.Read(ctx, feed.Request{ClinicID: mine.clinic, Limit: 10})
	require.NoError(t, err)
	dump := filepath.Join(t.TempDir(), "pims-sync.dump")
	out, err := osexec.CommandContext(ctx, "pg_dump", "--format=custom", "--file="+dump, source).CombinedOutput()
	require.NoError(t, err, string(out))

	server, err := embedded.OpenScratch(ctx, "", nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close(context.WithoutCancel(ctx))) })
	admin, err := pgx.Connect(ctx, server.URL())
	require.NoError(t, err)
	defer func() { _ = admin.Close(context.WithoutCancel(ctx)) }()
	for _, statement := range append(rolesOfPage(t), "create database restored owner pims_sync") {
		_, err := admin.Exec(ctx, statement)
		require.NoError(t, err, statement)
	}
	u, err := url.Parse(server.URL())
	require.NoError(t, err)
	u.Path, u.User = "/restored", url.User("pims_sync") // the owner's login, which may not make roles
	out, err = osexec.CommandContext(ctx, "pg_restore", "--no-owner", "--exit-on-error", "--dbname="+u.String(), dump).CombinedOutput()
	require.NoError(t, err, string(out))

	after := pgtest.Open(t, u.String())
	pending, err := after.Pending(ctx)
	require.NoError(t, err)
	require.True(t, pending, "owners and rights are not in a dump without owners")
	require.NoError(t, after.Migrate(ctx), "no right of an administrator is needed")
	require.True(t, after.Walled())
	found, err := after.Exposures(ctx)
	require.NoError(t, err)
	require.Empty(t, found)
	for _, p := range []practice{mine, other} {
		require.Equal(t, rowsOf(t, before, p.clinic), rowsOf(t, after, p.clinic))
	}
	tenant := as(t, after, "pims_sync_tenant")
	_, err = tenant.Exec(ctx, "set app.clinic_id = '"+mine.clinic.String()+"'")
	require.NoError(t, err)
	var seen int
	require.NoError(t, tenant.QueryRow(ctx, "select count(*) from cases").Scan(&seen))
	require.Equal(t, 1, seen, "row-level security holds")
	denied(t, as(t, after, "pims_sync_service"), "delete from cases", "delete from case_events")

	added := "insert into cases (clinic_id, pims_id, patient_name) values ('" + mine.clinic.String() + "', 'a-2', 'Milo')"
	_, err = after.Pool().Exec(ctx, added)
	require.NoError(t, err)
	next, err := feed.New(feed.Options{Store: feedstore.New(after), Logger: slog.New(slog.DiscardHandler)}).
		Read(ctx, feed.Request{ClinicID: mine.clinic, After: page.Next.String(), Limit: 10})
	require.NoError(t, err, "a cursor from before the dump goes on")
	require.Len(t, next.Changes, 1)
	_, err = clinicstore.NewClinics(after).Add(ctx, clinic.Clinic{Name: "Pine Hill", Timezone: "UTC", Active: true})
	require.NoError(t, err)
}
