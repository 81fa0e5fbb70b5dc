package clinic

import "github.com/pims-sync/pims-sync/internal/pims"

// SyncType says what a scheduled sync does, and what a scope is for. The words
// are the specification's.
type SyncType string

// The types of a sync. DESIGN §Words.
const (
	SyncInbound        SyncType = "inbound"
	SyncCases          SyncType = "cases"
	SyncReconciliation SyncType = "reconciliation"
	SyncFull           SyncType = "full"
)

// A ScheduleEntry is one entry of clinic_schedule_configs.sync_schedules.
// Workflows §Scheduled Automation.
type ScheduleEntry struct {
	Index   int // its place in the array, from 0
	Type    SyncType
	Cron    string // five fields, separated by one space each
	Enabled bool   // where not said: true
	Options ScheduleOptions
}

// ScheduleOptions are what an entry says about its syncs: the fields of a request
// (INTERFACE §Fields of a request). Nil means the default. The fields are those
// of casesync.Options, so that one converts to the other.
type ScheduleOptions struct {
	StartDate         *pims.Date
	EndDate           *pims.Date
	DaysAhead         *int
	LookbackDays      *int
	LookaheadDays     *int
	ParallelBatchSize *int
	Force             bool
	DryRun            bool
}

// A ScheduleProblem says why an entry does not count (R33).
type ScheduleProblem struct {
	Index  int    // the entry's place in the array, from 0; -1: the array itself
	Reason string // fit for an operator
}
