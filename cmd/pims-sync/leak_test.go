package main

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/secret"
)

// What runs a sync, and is closed, leaves no goroutine, no browser and no
// connection behind.
//
//nolint:paralleltest // it looks at the whole process
func TestNothingOfAServerIsLeftAfterItsClose(t *testing.T) {
	url := pgtest.URL(t) // starts the shared server
	before := goleak.IgnoreCurrent()
	children := descendants(t)

	t.Run("a world", func(t *testing.T) {
		w := newWorld(t, func(_ *cli.Config, o *app.ServerOptions) { o.Engine.Browser = nil })
		p := w.practice(t, neosim.Options{})
		require.Equal(t, 200, p.sync(t, "full", "").status)
		p.hang()
		waiting := p.start(t, "inbound", "")
		p.asked(t)
		p.neo.CloseClientConnections()
		p.ClearFaults()
		<-waiting
	})
	t.Run("a server that does not come up", func(t *testing.T) {
		c := &cli.Config{DatabaseURL: secret.New(url), EncryptionKey: secret.New("too short")}
		s, err := cli.OpenStore(t.Context(), c, slog.New(slog.DiscardHandler), 0)
		require.NoError(t, err)
		defer s.Close()
		_, err = cli.StartServer(t.Context(), c, s, slog.New(slog.DiscardHandler), app.ServerOptions{})
		require.ErrorContains(t, err, "ENCRYPTION_KEY")
	})
	t.Run("a command", func(t *testing.T) {
		c := &cli.Config{DatabaseURL: secret.New(url), EncryptionKey: secret.New(seal.NewKey())}
		err := cli.WithEngine(t.Context(), cli.Streams{}, c, func(e *app.Engine) error { return e.Start(context.WithoutCancel(t.Context())) })
		require.NoError(t, err)
	})

	goleak.VerifyNone(t, before)
	for child, name := range descendants(t) {
		if name == "postgres" { // the server of the tests starts and ends workers as it likes
			continue
		}
		require.Contains(t, children, child, "a process is left")
	}
}
