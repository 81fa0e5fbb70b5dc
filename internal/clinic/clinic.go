// Package clinic holds what we know of a clinic besides its cases: its zone, its API keys,
// its credentials and sessions, and its schedules. It also connects to the clinic's PIMS.
//
// It knows no database, no HTTP and no vendor: the caller passes in stores and providers.
package clinic

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/settings"
)

// A Clinic is one veterinary practice that we keep cases for.
type Clinic struct {
	ID             uuid.UUID
	Name           string
	Timezone       string // IANA; empty where unknown
	Active         bool
	DisabledAt     time.Time // zero: it is active
	DeletionLimits DeletionLimits
	Settings       settings.Settings // R50
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// DeletionLimits are a clinic's own limits of the deletion guard (R23). Zero
// fields mean the default.
type DeletionLimits struct {
	MaxCases   int     // the absolute cap
	MinAllowed int     // how many are always within the share
	Share      float64 // of the candidates, 0..1
}

// Reasons why a clinic cannot be synchronised, found before any request is made.
var (
	ErrNotFound             = errors.New("no such clinic")
	ErrDisabled             = errors.New("the clinic is disabled; enable it with `pims-sync clinic set ID --enable`")
	ErrTimezoneMissing      = errors.New("the clinic has no valid time zone; set one with `pims-sync clinic set ID --timezone Area/City`")
	ErrCredentialsMissing   = errors.New("the clinic has no PIMS credentials; store some with `pims-sync credentials set --clinic ID`")
	ErrCredentialsInvalid   = errors.New("the clinic's PIMS credentials are incomplete; replace them with `pims-sync credentials set --clinic ID`")
	ErrCredentialsSuspended = errors.New("the clinic's PIMS credentials are suspended because the PIMS refused them; replace them with `pims-sync credentials set --clinic ID`, or `pims-sync credentials resume --clinic ID` if they are right")
)

// Location returns the clinic's zone. The error of a missing or unknown zone is
// ErrTimezoneMissing. It never falls back to UTC or to the server's zone (R1).
func (c Clinic) Location() (*time.Location, error) {
	if c.Timezone == "" {
		return nil, ErrTimezoneMissing
	}
	loc, err := LoadZone(c.Timezone)
	if err != nil {
		return nil, fmt.Errorf("%w (it says %q)", ErrTimezoneMissing, c.Timezone)
	}
	return loc, nil
}
