package main

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/seal"
)

// apart is an account with a database of the shared server and a simulated Neo
// whose calendar hangs: no replica works there.
func apart(t *testing.T) (*account, *practice, string) {
	t.Helper()
	a := newAccount(t)
	url := pgtest.URL(t)
	a.env = append(a.env, "DATABASE_URL="+url, "ENCRYPTION_KEY="+seal.NewKey())
	p := a.enrol(t, nil)
	p.hang()
	return a, p, url
}

func TestACommandThatIsInterruptedCallsItsSyncOff(t *testing.T) { // R30
	t.Parallel()
	a, p, _ := apart(t)
	cmd := a.command("sync", "inbound", "--clinic", p.id.String())
	var said bytes.Buffer
	cmd.Stderr = &said
	require.NoError(t, cmd.Start())
	p.asked(t)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	require.Equal(t, exitFailed, exit.ExitCode())
	require.Regexp(t, `^pims-sync: interrupted; sync [0-9a-f-]{36} is cancelled, what it had stored stays\n$`, said.String())

	p.ClearFaults()
	require.Equal(t, "completed", a.run(t, "", "sync", "inbound", "--clinic", p.id.String()).text("status"))
}

func TestACommandThatIsKilledIsNotInTheWayForEver(t *testing.T) { // R30
	t.Parallel()
	a, p, url := apart(t)
	cmd := a.command("sync", "inbound", "--clinic", p.id.String())
	require.NoError(t, cmd.Start())
	p.asked(t)
	children := descendantsOf(t, cmd.Process.Pid)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	require.Eventually(t, func() bool { return len(alive(t, children)) == 0 }, 5*time.Second, 10*time.Millisecond)
	p.ClearFaults()

	again := a.command("sync", "inbound", "--clinic", p.id.String())
	out, err := again.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "running or queued", "it may live: its lease has not run out")

	_, err = pgtest.Open(t, url).Pool().Exec(t.Context(), `update sync_leases set expires_at = clock_timestamp()`)
	require.NoError(t, err)
	require.Equal(t, "completed", a.run(t, "", "sync", "inbound", "--clinic", p.id.String()).text("status"))
	ended := a.run(t, "", "syncs", "list", "--clinic", p.id.String(), "--status", "failed")
	items, _ := ended.get("items").([]any)
	require.Len(t, items, 1)
	require.Equal(t, "interrupted", answer{body: items[0].(map[string]any)}.text("code"))
}

func TestASyncIsWatchedAndCancelledFromOtherCommands(t *testing.T) { // R29
	t.Parallel()
	a, p, _ := apart(t)
	running := a.command("sync", "inbound", "--clinic", p.id.String(), "--json")
	require.NoError(t, running.Start())
	p.asked(t)
	listed := a.run(t, "", "syncs", "list", "--clinic", p.id.String(), "--status", "in_progress")
	items, _ := listed.get("items").([]any)
	require.Len(t, items, 1)
	id := answer{body: items[0].(map[string]any)}.text("id")

	watching := a.command("syncs", "watch", id)
	var said bytes.Buffer
	watching.Stderr = &said
	require.NoError(t, watching.Start())
	require.Equal(t, "cancelled", a.run(t, "", "syncs", "cancel", id).text("status"))
	for _, cmd := range []*exec.Cmd{running, watching} {
		var exit *exec.ExitError
		require.ErrorAs(t, cmd.Wait(), &exit)
		require.Equal(t, exitFailed, exit.ExitCode())
	}
	require.Regexp(t, `^pims-sync: the inbound sync cancelled: .* \(cancelled\)\n$`, said.String())
}
