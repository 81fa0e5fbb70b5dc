package syncpages

import (
	"context"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Runs reads syncs.
type Runs interface {
	// AuditsAcross lists syncs of several clinics, the newest first; nil: of all.
	AuditsAcross(ctx context.Context, clinics []uuid.UUID, filter syncs.AuditFilter) (syncs.List[syncs.Audit], error)

	// Audit returns a sync with its phases. The error has CodeNotFound where there is none.
	Audit(ctx context.Context, clinicID, id uuid.UUID) (syncs.Audit, error)

	// ClinicOf returns the clinic of a sync. The error has CodeNotFound where there is none.
	ClinicOf(ctx context.Context, id uuid.UUID) (uuid.UUID, error)
}

// runsPerPage is how many syncs one page shows.
const runsPerPage = 50

type (
	runsView struct {
		Clinic          screen.Pick
		Types, Statuses []page.Choice
		Codes, Spans    []page.Choice
		Filtered        bool
		Rows            []RunRow
		Running         bool   // one of them: the page looks again soon
		Newest, Older   string // addresses; empty: there is no such page
	}

	// A RunRow shows a sync in a list.
	RunRow struct {
		Address         string
		Clinic          string
		ClinicAddress   string
		Type            string
		Dry             bool
		By              string
		Status          page.Badge
		Why             string
		Begun           page.Moment
		Took            string
		Counts          []string
		Percent, Failed int
	}
)

// runsPage shows the syncs of all clinics that the caller may see.
func (s *Screens) runsPage() page.Page {
	return page.Page{
		Path: "/runs", Title: "Runs", Template: "runs", Nav: "play", Needs: access.Read,
		Show: func(v *page.Visit) (any, error) { return s.runs(v) },
	}
}

// runs makes the page.
func (s *Screens) runs(v *page.Visit) (*runsView, error) {
	clinics, err := s.o.SeenClinics(v)
	if err != nil {
		return nil, err
	}
	only, pick, err := screen.PickClinic(v, clinics, "All clinics")
	if err != nil {
		return nil, err
	}
	kind, types := v.Filter("type", "All types", screen.RunTypes...)
	status, statuses := v.Filter("status", "Any outcome", string(syncs.StatusQueued), "Waiting", string(syncs.StatusInProgress), "Running",
		string(syncs.StatusCompleted), "Done", string(syncs.StatusFailed), "Failed", string(syncs.StatusCancelled), "Cancelled")
	code, codes := screen.RunCodes(v)
	filter := syncs.AuditFilter{
		Type: syncs.Type(kind), Status: syncs.Status(status), Code: syncs.Code(code), Since: screen.Since(v),
		Page: syncs.Page{Limit: runsPerPage, Cursor: v.URL.Query().Get("after")},
	}
	shown := &runsView{
		Clinic: pick, Types: types, Statuses: statuses, Codes: codes, Spans: screen.Spans(v),
		Filtered: only != nil || filter.Type != "" || filter.Status != "" || filter.Code != "" || !filter.Since.IsZero(),
	}
	byID := screen.ClinicsByID(clinics)
	list, err := s.o.Runs.AuditsAcross(v.Context(), screen.Within(v, only), filter)
	if err != nil {
		return nil, screen.Told(err)
	}
	for i := range list.Items {
		if of := byID[list.Items[i].ClinicID]; of != nil {
			row := RunRowOf(v, of, &list.Items[i])
			shown.Rows, shown.Running = append(shown.Rows, row), shown.Running || row.Percent >= 0
		}
	}
	if filter.Cursor != "" {
		shown.Newest = v.Address("after", "")
	}
	if list.NextCursor != "" {
		shown.Older = v.Address("after", list.NextCursor)
	}
	return shown, nil
}

// RunRowOf shows a sync of a clinic in a list.
func RunRowOf(v *page.Visit, of *clinic.Clinic, a *syncs.Audit) RunRow {
	begun := a.StartedAt
	if begun.IsZero() {
		begun = a.CreatedAt
	}
	row := RunRow{
		Address: screen.RunAddress(a.ID), Clinic: of.Name, ClinicAddress: screen.ClinicAddress(of.ID), Type: screen.TypeName(a.Type), Dry: a.Options.DryRun, By: triggerName(a.Trigger),
		Status: StatusBadge(a), Begun: v.Moment(begun, screen.ZoneOf(of)), Took: took(a), Counts: counts(&a.Result.Stats),
		Percent: percent(a), Failed: a.Result.Stats.CasesFailed,
	}
	if a.Result.Code != "" {
		row.Why = screen.Explain(a.Result.Code)
	}
	return row
}

// StatusBadge returns the state of a sync. One that is done and left cases out is not quite
// done.
func StatusBadge(a *syncs.Audit) page.Badge {
	switch a.Status {
	case syncs.StatusQueued:
		return page.Info("Waiting", "ring")
	case syncs.StatusInProgress:
		return page.Info("Running", "dots")
	case syncs.StatusFailed:
		return page.Bad("Failed", "triangle")
	case syncs.StatusCancelled:
		return page.Idle("Cancelled", "dash")
	case syncs.StatusCompleted:
	}
	if a.Result.Stats.CasesFailed > 0 {
		return page.Warn("Done, in part", "hand")
	}
	return page.Good("Done", "check")
}

func triggerName(t syncs.Trigger) string {
	switch t {
	case syncs.TriggerSchedule:
		return "Schedule"
	case syncs.TriggerCLI:
		return "Command line"
	case syncs.TriggerAPI:
		return "API or console"
	}
	return string(t)
}

// percent returns how much of a running sync is done, and -1 where it does not run.
func percent(a *syncs.Audit) int {
	switch {
	case a.Status.Final():
		return -1
	case a.Progress.Total == 0:
		return 0
	}
	return min(100, 100*a.Progress.Done/a.Progress.Total)
}

// took returns how long a sync worked: "480 ms", "2.4 s", "3 min 5 s".
func took(a *syncs.Audit) string { return page.Length(a.Duration()) }

// counts says what a sync did, the most serious first.
func counts(s *syncs.Stats) (words []string) {
	for _, part := range []struct {
		n    int
		word string
	}{
		{s.CasesDeleted, "deleted"},
		{s.CasesRestored, "restored"},
		{s.CasesFailed, "failed"},
		{s.CasesCreated, "new"},
		{s.CasesUpdated, "changed"},
		{s.CasesEnriched, "with notes"},
	} {
		if part.n > 0 {
			words = append(words, page.Number(part.n)+" "+part.word)
		}
	}
	return words
}
