package main

import (
	"bytes"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cli"
)

func TestASettingThatCannotBeReadIsToldWithWhatIsExpected(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ flag, value, says string }{
		{"--pims-rate-limit", "abc", "must be a number such as 5"},
		{"--pims-rate-limit", "NaN", "must be a number such as 5"},
		{"--sync-timeout-ms", "5m", "must be a whole number"},
		{"--sync-timeout-ms", "99999999999999999999", "must be a whole number"},
		{"--port", "99999", "between 0 and 65535"},
		{"--port", "-1", "between 0 and 65535"},
		{"--port", "http", "between 0 and 65535"},
		{"--max-syncs", "ten", "must be a whole number"},
		{"--sync-wait-ms", "1.5", "must be a whole number"},
		{"--schedule-jitter", "10", "must be a duration with its unit"},
		{"--event-retention", "a year", "must be a duration with its unit"},
		{"--sync-lease", "15 s", "must be a duration with its unit"},
		{"--pims-allowed-hosts", "http://127.0.0.1:4000", "host[:port] and has \"http://127.0.0.1:4000\", which is an address; write 127.0.0.1:4000"},
		{"--pims-allowed-hosts", "neo.example.com,https://a:secret@neo.example.com/login", "write neo.example.com"},
		{"--pims-allowed-hosts", "neo.example.com/login", "write neo.example.com"},
	} {
		var out, errs bytes.Buffer
		code := run(t.Context(), []string{"serve", tc.flag + "=" + tc.value}, cli.Streams{Out: &out, Err: &errs})
		require.Equal(t, exitUsage, code, errs.String())
		require.Contains(t, errs.String(), tc.says)
		require.NotContains(t, errs.String(), "expected")
		require.NotContains(t, errs.String(), "secret")
	}
}

func TestNumbersAndDurationsAreRead(t *testing.T) {
	t.Parallel()
	var grammar struct {
		ServeCmd `embed:""`

		Rate float64
		Days *int
	}
	parser, err := kong.New(&grammar, cli.Numbers())
	require.NoError(t, err)
	_, err = parser.Parse([]string{"--rate=0.5", "--days=-3", "--port=65535", "--sync-wait-ms=70000", "--sync-lease=20s"})
	require.NoError(t, err)
	require.Equal(t, []any{0.5, -3, uint16(65535), int64(70000), "20s"}, []any{grammar.Rate, *grammar.Days, grammar.Port, grammar.SyncWaitMS, grammar.SyncLease.String()})
}
