// Package timetest has the clock, the dates and the zones of tests.
package timetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// A Clock stands still until it is moved. It is safe for concurrent use.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// At is a Clock that shows a moment.
func At(moment time.Time) *Clock { return &Clock{at: moment} }

// Now returns the moment that the Clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Set moves the Clock to a moment.
func (c *Clock) Set(moment time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = moment
}

// Advance moves the Clock on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Date returns the date of a text such as "2026-01-31".
func Date(t require.TestingT, text string) *pims.Date {
	date, err := pims.ParseDate(text)
	require.NoError(t, err)
	return &date
}

// Zone loads a time zone by its name.
func Zone(t require.TestingT, name string) *time.Location {
	location, err := time.LoadLocation(name)
	require.NoError(t, err)
	return location
}

// ZoneAtNoon returns a time zone where it is about noon now, so that no test that needs
// the present sees the end of a day (R59).
func ZoneAtNoon(t require.TestingT) *time.Location {
	east := 12 - time.Now().UTC().Hour()
	return Zone(t, fmt.Sprintf("Etc/GMT%+d", -east)) // in these names, east is minus
}
