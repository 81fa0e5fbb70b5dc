package syncs

import (
	"slices"
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// The limits and defaults of a request (R4). They limit requests, not the days that a phase
// fetches to look for an orphan (R22).
const (
	MaxWindowDays        = 92
	MaxDaysAhead         = 90
	MaxLookbackDays      = 180
	MaxLookaheadDays     = 90
	MaxParallelBatchSize = 20

	// MinYear and MaxYear bound the dates of a request.
	MinYear = 1990
	MaxYear = 2100

	DefaultDaysAhead         = 7
	DefaultCasesLookback     = 7
	DefaultLookbackDays      = 7
	DefaultParallelBatchSize = 5
)

// option is one field of a request: its name in the API, the types of sync that accept it,
// and whether it was given.
type option struct {
	name  string
	types []Type
	given bool
}

func (o Options) fields() []option {
	dated := []Type{TypeInbound, TypeCases, TypeFull}
	enriching := []Type{TypeCases, TypeFull}
	reconciling := []Type{TypeReconciliation, TypeFull}
	return []option{
		{"startDate", dated, o.StartDate != nil},
		{"endDate", dated, o.EndDate != nil},
		{"daysAhead", []Type{TypeInbound, TypeFull}, o.DaysAhead != nil},
		{"parallelBatchSize", enriching, o.ParallelBatchSize != nil},
		{"force", enriching, o.Force},
		{"lookbackDays", reconciling, o.LookbackDays != nil},
		{"lookaheadDays", reconciling, o.LookaheadDays != nil},
		{"dryRun", Types(), o.DryRun},
		{"record", Types(), o.Record},
	}
}

// Allowed lists the names of the fields that a request of this type may have
// (docs/interface.md §Fields of a request).
func Allowed(t Type) []string {
	var names []string
	for _, f := range (Options{}).fields() {
		if slices.Contains(f.types, t) {
			names = append(names, f.name)
		}
	}
	return names
}

// Check returns what is wrong with the options of a request, as far as that does not depend
// on the date. The error is a *Failure with CodeInvalidRequest and the name of the field.
func (o Options) Check(t Type) error {
	if !slices.Contains(Types(), t) {
		return Invalid("type", "type must be one of inbound, cases, reconciliation, full")
	}
	for _, f := range o.fields() {
		if f.given && !slices.Contains(f.types, t) {
			return Invalid(f.name, "%s is not an option of a sync of type %s", f.name, t)
		}
	}
	for _, limit := range []struct {
		name     string
		value    *int
		min, max int
	}{
		{"daysAhead", o.DaysAhead, 0, MaxDaysAhead},
		{"lookbackDays", o.LookbackDays, 1, MaxLookbackDays},
		{"lookaheadDays", o.LookaheadDays, 0, MaxLookaheadDays},
		{"parallelBatchSize", o.ParallelBatchSize, 1, MaxParallelBatchSize},
	} {
		if limit.value != nil && (*limit.value < limit.min || *limit.value > limit.max) {
			return Invalid(limit.name, "%s must be between %d and %d", limit.name, limit.min, limit.max)
		}
	}
	if err := checkYear("startDate", o.StartDate); err != nil {
		return err
	}
	if err := checkYear("endDate", o.EndDate); err != nil {
		return err
	}
	if o.Settings != nil && !o.DryRun {
		return Invalid("settings", "settings can be tried only in a dry run")
	}
	if o.StartDate == nil || o.EndDate == nil {
		return nil
	}
	return o.checkDates(t, *o.StartDate, *o.EndDate)
}

// checkYear refuses a date outside MinYear and MaxYear.
func checkYear(name string, d *pims.Date) error {
	if d != nil && (d.Year < MinYear || d.Year > MaxYear) {
		return Invalid(name, "the year of %s must be between %d and %d", name, MinYear, MaxYear)
	}
	return nil
}

// checkDates checks a pair of dates, given or defaulted.
func (o Options) checkDates(t Type, start, end pims.Date) error {
	switch days := end.Sub(start) + 1; {
	case days < 1 && o.StartDate != nil && o.EndDate != nil:
		return Invalid("endDate", "endDate must not be before startDate")
	case days < 1 && o.EndDate != nil:
		return Invalid("endDate", "endDate must not be before the window's start, %s", start)
	case days < 1:
		return Invalid("startDate", "startDate must not be after the window's end, %s", end)
	case days > MaxWindowDays && o.StartDate != nil && o.EndDate != nil:
		return Invalid("startDate", "the window from startDate to endDate is longer than %d days", MaxWindowDays)
	case days > MaxWindowDays && o.StartDate == nil:
		return Invalid("endDate", "the window from %s to endDate is longer than %d days", start, MaxWindowDays)
	case days > MaxWindowDays:
		return Invalid("startDate", "the window from startDate to %s is longer than %d days", end, MaxWindowDays)
	case t != TypeCases && o.EndDate != nil && o.DaysAhead != nil && *o.DaysAhead != days-1:
		return Invalid("daysAhead", "daysAhead contradicts endDate: leave one of them out")
	}
	return nil
}

// Windows are the days that each phase of a sync works on.
type Windows struct {
	Inbound        pims.Window
	Cases          pims.Window
	Reconciliation pims.Window

	// CandidatesUntil bounds reconciliation's candidates: now, or the end of its
	// window where lookaheadDays reaches into the future (R4).
	CandidatesUntil time.Time

	// Default holds the types of sync that write and whose windows contain every day of
	// their defaults (R4), or that follow the clinic's schedule from day to day. Only these
	// make the clinic's data count as fresh.
	Default map[Type]bool
}

// Windows applies R4's defaults to the options. now determines "today" in the clinic's zone
// (R1, R3). Windows that the type does not use are zero.
func (o Options) Windows(t Type, now time.Time, loc *time.Location) (Windows, error) {
	w, err := o.windows(t, now, loc)
	if err != nil || o.DryRun {
		return w, err
	}
	usual, err := Options{}.windows(t, now, loc)
	w.Default = w.holding(usual)
	return w, err
}

// Rolling reports whether the window of a schedule with these options moves with the
// calendar. Then the schedule defines which days the clinic gets, whatever the defaults.
func (o Options) Rolling() bool { return o.StartDate == nil && o.EndDate == nil && !o.DryRun }

// holding returns the types of sync whose windows contain those of o.
func (w *Windows) holding(o Windows) map[Type]bool {
	held := map[Type]bool{
		TypeInbound:        w.Inbound.Covers(o.Inbound),
		TypeCases:          w.Cases.Covers(o.Cases),
		TypeReconciliation: w.Reconciliation.Covers(o.Reconciliation),
	}
	held[TypeFull] = held[TypeInbound] && held[TypeCases] && held[TypeReconciliation]
	return held
}

func (o Options) windows(t Type, now time.Time, loc *time.Location) (Windows, error) {
	if err := o.Check(t); err != nil {
		return Windows{}, err
	}
	today := pims.DateOf(now, loc)
	window := func(start, end pims.Date) pims.Window {
		return pims.Window{Start: start, End: end, Location: loc}
	}
	var w Windows

	if t == TypeInbound || t == TypeFull {
		start := orDate(o.StartDate, today)
		end := orDate(o.EndDate, start.AddDays(orInt(o.DaysAhead, DefaultDaysAhead)))
		if err := o.checkDates(t, start, end); err != nil {
			return Windows{}, err
		}
		w.Inbound = window(start, end)
	}

	switch {
	case t == TypeCases:
		start := orDate(o.StartDate, today.AddDays(-DefaultCasesLookback))
		end := orDate(o.EndDate, today)
		if err := o.checkDates(t, start, end); err != nil {
			return Windows{}, err
		}
		w.Cases = window(start, end)
	case t == TypeFull && o.StartDate == nil && o.EndDate == nil:
		w.Cases = window(today.AddDays(-DefaultCasesLookback), today)
	case t == TypeFull:
		w.Cases = window(
			earlier(w.Inbound.Start, today.AddDays(-DefaultCasesLookback)),
			earlier(w.Inbound.End, today))
	}

	if t == TypeReconciliation || t == TypeFull {
		ahead := orInt(o.LookaheadDays, 0)
		w.Reconciliation = window(
			today.AddDays(-orInt(o.LookbackDays, DefaultLookbackDays)),
			today.AddDays(ahead))
		w.CandidatesUntil = now
		if ahead > 0 {
			w.CandidatesUntil = w.Reconciliation.Until()
		}
	}
	return w, nil
}

// BatchSize is how many consultations are read at a time.
func (o Options) BatchSize() int { return orInt(o.ParallelBatchSize, DefaultParallelBatchSize) }

func orDate(d *pims.Date, other pims.Date) pims.Date {
	if d == nil {
		return other
	}
	return *d
}

func orInt(n *int, other int) int {
	if n == nil {
		return other
	}
	return *n
}

func earlier(a, b pims.Date) pims.Date {
	if b.Before(a) {
		return b
	}
	return a
}
