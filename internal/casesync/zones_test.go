package casesync_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func day(t testing.TB, s string) *pims.Date {
	t.Helper()
	d, err := pims.ParseDate(s)
	require.NoError(t, err)
	return &d
}

func loadZone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	require.NoError(t, err)
	return loc
}

// The evening of the 17th in New York is the 18th in Berlin.
var evening = time.Date(2026, 1, 18, 2, 30, 0, 0, time.UTC)
