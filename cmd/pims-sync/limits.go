package main

import (
	"errors"

	"github.com/pims-sync/pims-sync/internal/api"
)

// LimitFlags are how much callers may use of a replica (R38).
type LimitFlags struct {
	MaxConnections  int     `help:"How many connections may be open at the same time; further ones wait. One address leaves the last quarter to others." env:"MAX_CONNECTIONS" default:"1000"`
	APIRate         float64 `name:"api-rate-limit" help:"Requests a second of one API key; 0 means no limit." env:"API_RATE_LIMIT" default:"10"`
	APIBurst        int     `name:"api-burst" help:"How many requests of one API key may come at once." env:"API_BURST" default:"20"`
	SyncStarts      int     `name:"api-sync-starts" help:"Syncs a minute of one clinic that the API starts; 0 means no limit." env:"API_SYNC_STARTS" default:"5"`
	MaxWaitingCalls int     `help:"How many calls may wait for a sync or a change; one clinic: a quarter; 0 means no limit." env:"MAX_WAITING_CALLS" default:"200"`
	MaxEventStreams int     `help:"How many event streams may be open; one clinic: a quarter; 0 means no limit." env:"MAX_EVENT_STREAMS" default:"200"`
}

// Validate is called by kong after parsing.
func (f *LimitFlags) Validate() error {
	switch {
	case f.MaxConnections < 10:
		return errors.New("MAX_CONNECTIONS must be 10 or more")
	case f.APIRate < 0 || f.SyncStarts < 0 || f.MaxWaitingCalls < 0 || f.MaxEventStreams < 0:
		return errors.New("API_RATE_LIMIT, API_SYNC_STARTS, MAX_WAITING_CALLS and MAX_EVENT_STREAMS must be 0 or more")
	case f.APIBurst < 1:
		return errors.New("API_BURST must be 1 or more")
	}
	return nil
}

func (f *LimitFlags) limits() api.Limits {
	return api.Limits{
		PerSecond: f.APIRate, Burst: f.APIBurst, StartsPerMinute: f.SyncStarts,
		Waiting: f.MaxWaitingCalls, Streams: f.MaxEventStreams,
	}
}
