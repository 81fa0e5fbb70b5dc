package console

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Clinics reads clinics.
type Clinics interface {
	// Clinic returns one clinic, or clinic.ErrNotFound.
	Clinic(ctx context.Context, id uuid.UUID) (clinic.Clinic, error)

	// Clinics lists all clinics by their names.
	Clinics(ctx context.Context) ([]clinic.Clinic, error)
}

// Runs reads syncs.
type Runs interface {
	// AuditsAcross lists syncs of several clinics, the newest first; nil: of all.
	AuditsAcross(ctx context.Context, clinics []uuid.UUID, filter syncs.AuditFilter) (syncs.List[syncs.Audit], error)

	// Audit returns a sync with its phases. The error has CodeNotFound where there is none.
	Audit(ctx context.Context, clinicID, id uuid.UUID) (syncs.Audit, error)

	// ClinicOf returns the clinic of a sync. The error has CodeNotFound where there is none.
	ClinicOf(ctx context.Context, id uuid.UUID) (uuid.UUID, error)
}

// Queue starts and ends syncs.
type Queue interface {
	Start(ctx context.Context, request syncs.Request, idempotencyKey string) (syncs.Audit, error)
	Cancel(ctx context.Context, clinicID, syncID uuid.UUID, actor string) (syncs.Audit, error)
}

// event begins the record of an action of whoever is signed in (R44).
func (v *Visit) event(action access.Action, clinicID uuid.UUID, record access.Record) access.Event {
	by := v.By()
	return by.Event(action, clinicID, record)
}

// told returns an error that a person can mend as a Problem, one of something that does not
// exist as ErrNotFound, and any other as it is.
func told(err error) error {
	switch failure := casesync.Explain(err); {
	case err == nil:
		return nil
	case errors.Is(err, clinic.ErrNotFound):
		return ErrNotFound
	case failure.Code == syncs.CodeNotFound:
		return ErrNotFound
	case partOf[failure.Code] != "":
		return Problem(explain(failure.Code) + ". " + nextStep(failure.Code))
	case failure.Code == syncs.CodeInternal || failure.Code == syncs.CodeDatabaseUnavailable:
		return err
	default:
		return Problem(sentence(failure.Message))
	}
}

// seenClinics returns the clinics that exist for the caller (R42), by their names.
func (c *console) seenClinics(v *Visit) ([]clinic.Clinic, error) {
	all, err := c.o.Clinics.Clinics(v.Context())
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(x clinic.Clinic) bool { return !v.Caller.Sees(x.ID) }), nil
}

// A choice is one of several values of a filter.
type choice struct {
	Value, Title string
	Chosen       bool
}

// picked is a filter with its choices.
type picked struct {
	Name, Label string
	Choices     []choice
}

// choices returns what a filter offers, after "all of them".
func choices(chosen, all string, pairs ...string) []choice {
	offered := []choice{{"", all, chosen == ""}}
	for i := 0; i+1 < len(pairs); i += 2 {
		offered = append(offered, choice{pairs[i], pairs[i+1], chosen == pairs[i]})
	}
	return offered
}

// clinicChoices returns a filter by clinic.
func clinicChoices(clinics []clinic.Clinic, chosen uuid.UUID, all string) []choice {
	pairs := make([]string, 0, 2*len(clinics))
	for i := range clinics {
		pairs = append(pairs, clinics[i].ID.String(), clinics[i].Name)
	}
	text := ""
	if chosen != uuid.Nil {
		text = chosen.String()
	}
	if all == "" {
		return choices(text, all, pairs...)[1:]
	}
	return choices(text, all, pairs...)
}

// runsPerPage is how many syncs one page shows.
const runsPerPage = 50

type (
	runsView struct {
		Clinic          clinicPick
		Types, Statuses []choice
		Filtered        bool
		Rows            []runRow
		Running         bool   // one of them: the page looks again soon
		Newest, Older   string // addresses; empty: there is no such page
	}

	runRow struct {
		Address         string
		Clinic          string
		ClinicAddress   string
		Type            string
		Dry             bool
		By              string
		Status          Badge
		Why             string
		Begun           Moment
		Took            string
		Counts          []string
		Percent, Failed int
	}
)

// runsPage shows the syncs of all clinics that the caller may see.
func (c *console) runsPage() Page {
	return Page{
		Path: "/runs", Title: "Runs", Template: "runs", Nav: "play", Needs: access.Read,
		Show: func(v *Visit) (any, error) { return c.runs(v) },
	}
}

// runTypes are the types of syncs in the words of the console.
var runTypes = []string{
	string(syncs.TypeFull), "Full sync",
	string(syncs.TypeInbound), "Appointments",
	string(syncs.TypeCases), "Notes",
	string(syncs.TypeReconciliation), "Deletions",
}

func typeName(t syncs.Type) string {
	if i := slices.Index(runTypes, string(t)); i >= 0 {
		return runTypes[i+1]
	}
	return string(t)
}

// runs makes the page.
func (c *console) runs(v *Visit) (*runsView, error) {
	clinics, err := c.seenClinics(v)
	if err != nil {
		return nil, err
	}
	query := v.URL.Query()
	only, pick, err := pickClinic(v, clinics, "All clinics")
	if err != nil {
		return nil, err
	}
	filter := syncs.AuditFilter{
		Type: syncs.Type(query.Get("type")), Status: syncs.Status(query.Get("status")),
		Page: syncs.Page{Limit: runsPerPage, Cursor: query.Get("after")},
	}
	shown := &runsView{
		Clinic: pick,
		Types:  choices(string(filter.Type), "All types", runTypes...),
		Statuses: choices(string(filter.Status), "Any outcome", string(syncs.StatusQueued), "Waiting", string(syncs.StatusInProgress), "Running",
			string(syncs.StatusCompleted), "Done", string(syncs.StatusFailed), "Failed", string(syncs.StatusCancelled), "Cancelled"),
		Filtered: only != nil || filter.Type != "" || filter.Status != "",
	}
	byID := clinicsByID(clinics)
	list, err := c.o.Runs.AuditsAcross(v.Context(), v.within(only), filter)
	if err != nil {
		return nil, told(err)
	}
	for i := range list.Items {
		if of := byID[list.Items[i].ClinicID]; of != nil {
			row := runRowOf(v, of, &list.Items[i])
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

func runAddress(id uuid.UUID) string { return Root + "/runs/" + id.String() }

func runRowOf(v *Visit, of *clinic.Clinic, a *syncs.Audit) runRow {
	begun := a.StartedAt
	if begun.IsZero() {
		begun = a.CreatedAt
	}
	row := runRow{
		Address: runAddress(a.ID), Clinic: of.Name, ClinicAddress: clinicAddress(of.ID), Type: typeName(a.Type), Dry: a.Options.DryRun, By: triggerName(a.Trigger),
		Status: statusBadge(a), Begun: v.Moment(begun, zoneOf(of)), Took: took(a), Counts: counts(&a.Result.Stats),
		Percent: percent(a), Failed: a.Result.Stats.CasesFailed,
	}
	if a.Result.Code != "" {
		row.Why = explain(a.Result.Code)
	}
	return row
}

// statusBadge returns the state of a sync. One that is done and left cases out is not quite
// done.
func statusBadge(a *syncs.Audit) Badge {
	switch a.Status {
	case syncs.StatusQueued:
		return Badge{"Waiting", "ring", "info"}
	case syncs.StatusInProgress:
		return Badge{"Running", "dots", "info"}
	case syncs.StatusFailed:
		return Badge{"Failed", "triangle", "bad"}
	case syncs.StatusCancelled:
		return Badge{"Cancelled", "dash", "idle"}
	case syncs.StatusCompleted:
	}
	if a.Result.Stats.CasesFailed > 0 {
		return Badge{"Done, in part", "hand", "warn"}
	}
	return Badge{"Done", "check", "good"}
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
func took(a *syncs.Audit) string { return length(a.Duration()) }

// length formats how long something took; nothing is empty.
func length(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d < time.Second:
		return number(int(d.Milliseconds())) + " ms"
	case d < time.Minute:
		return strings.TrimSuffix(d.Round(100*time.Millisecond).String(), "s") + " s"
	default:
		d = d.Round(time.Second)
		return number(int(d.Minutes())) + " min " + number(int(d.Seconds())%60) + " s"
	}
}

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
			words = append(words, number(part.n)+" "+part.word)
		}
	}
	return words
}
