package recordings

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// An Outcome is what came of a sync. It names cases by their ids in the PIMS. Of their fields
// it has the status, the type, the date and the consultation's id, and no name, number or
// note.
type Outcome struct {
	Status    syncs.Status `json:"status"`
	Code      syncs.Code   `json:"code,omitempty"`
	Error     string       `json:"error,omitempty"` // for people; empty in an anonymous recording
	Phases    []Phase      `json:"phases,omitempty"`
	Plans     []Plan       `json:"plans,omitempty"`
	Drift     []string     `json:"drift,omitempty"` // what was told: endpoint, field, kind (R51)
	Decisions []Decision   `json:"decisions,omitempty"`
}

// A Phase is the end of one phase. A sync of one type has one.
type Phase struct {
	Type     syncs.Type     `json:"type"`
	Status   syncs.Status   `json:"status,omitempty"` // empty: it did not run
	Code     syncs.Code     `json:"code,omitempty"`
	Stats    map[string]int `json:"stats,omitempty"`
	Warnings Warnings       `json:"warnings,omitzero"`
	Failures []Failure      `json:"failures,omitempty"`
}

// Warnings are syncs.Warnings.
type Warnings struct {
	UnknownStatuses     int `json:"unknownStatuses,omitzero"`
	UnusableRows        int `json:"unusableRows,omitzero"`
	UnidentifiedRows    int `json:"unidentifiedRows,omitzero"`
	DuplicateRows       int `json:"duplicateRows,omitzero"`
	UnusableParts       int `json:"unusableParts,omitzero"`
	RefusedLookups      int `json:"refusedLookups,omitzero"`
	UnusableLookups     int `json:"unusableLookups,omitzero"`
	Filtered            int `json:"filtered,omitzero"`
	ConsultationsHidden int `json:"consultationsHidden,omitzero"`
	SharedConsultations int `json:"sharedConsultations,omitzero"`
	VisitsAsBlocks      int `json:"visitsAsBlocks,omitzero"`
}

// A Failure is one case that enrichment could not serve.
type Failure struct {
	PIMSID string         `json:"pimsId"`
	Code   syncs.ItemCode `json:"code"`
}

// A Plan is what a guard held back.
type Plan struct {
	Code       syncs.Code     `json:"code"`
	Type       syncs.Type     `json:"type"`
	StartDate  string         `json:"startDate"`
	EndDate    string         `json:"endDate"`
	Cases      []string       `json:"cases,omitempty"` // by their ids in the PIMS
	Refusal    string         `json:"refusal,omitempty"`
	Known      int            `json:"known,omitzero"`
	Found      int            `json:"found,omitzero"`
	Shared     int            `json:"shared,omitzero"`
	Candidates int            `json:"candidates,omitzero"`
	Moved      int            `json:"moved,omitzero"`
	MovedBy    string         `json:"movedBy,omitempty"`
	Lookups    map[string]int `json:"lookups,omitempty"` // how many missing appointments the PIMS showed how
}

func planOf(p *syncs.Plan) Plan {
	e := &p.Evidence
	held := Plan{
		Code: p.Code, Type: p.SyncType, StartDate: p.Window.Start.String(), EndDate: p.Window.End.String(),
		Refusal: e.Refusal, Known: e.Known, Found: e.Found, Shared: e.Shared, Candidates: e.Candidates, Moved: e.Moved,
	}
	if e.MovedBy != 0 {
		held.MovedBy = e.MovedBy.String()
	}
	for i := range p.Cases {
		held.Cases = append(held.Cases, p.Cases[i].PIMSID)
	}
	slices.Sort(held.Cases)
	for _, l := range e.Lookups {
		if held.Lookups == nil {
			held.Lookups = make(map[string]int)
		}
		held.Lookups[l.Found]++
	}
	return held
}

// A Decision is what the sync did to one case, or would have done in a dry run.
type Decision struct {
	Phase         syncs.Type `json:"phase"`
	Do            string     `json:"do"` // "create", "update", "delete", "hide", "learn", "see_again", "would_…"
	PIMSID        string     `json:"pimsId"`
	Fields        []string   `json:"fields,omitempty"` // that changed
	Status        string     `json:"status,omitempty"`
	CaseType      string     `json:"caseType,omitempty"`
	ScheduledDate time.Time  `json:"scheduledDate,omitzero"`
	Consultation  string     `json:"consultation,omitempty"` // its id
	Sections      string     `json:"sections,omitempty"`     // of its notes that have text, of "soap"
	Reason        string     `json:"reason,omitempty"`       // of a deletion
	Learned       string     `json:"learned,omitempty"`      // a word of cases.Reading.Outcome
}

// Facts lists what an outcome says, one text for each fact, sorted. Two outcomes are the
// same where their facts are.
func (o *Outcome) Facts() []string {
	facts := []string{"the sync: " + ended(o.Status, o.Code)}
	for i := range o.Phases {
		facts = append(facts, o.Phases[i].facts()...)
	}
	for i := range o.Plans {
		facts = append(facts, "plan: "+text(o.Plans[i]))
	}
	for _, told := range o.Drift {
		facts = append(facts, "drift: "+told)
	}
	for i := range o.Decisions {
		facts = append(facts, "decision: "+text(o.Decisions[i]))
	}
	slices.Sort(facts)
	return facts
}

func (p *Phase) facts() []string {
	if p.Status == "" {
		return []string{string(p.Type) + ": did not run"}
	}
	facts := []string{string(p.Type) + ": " + ended(p.Status, p.Code), string(p.Type) + ": warnings " + text(p.Warnings)}
	for name, n := range p.Stats {
		facts = append(facts, fmt.Sprintf("%s: %s %d", p.Type, name, n))
	}
	for _, f := range p.Failures {
		facts = append(facts, fmt.Sprintf("%s: appointment %s failed with %s", p.Type, f.PIMSID, f.Code))
	}
	return facts
}

func ended(status syncs.Status, code syncs.Code) string {
	return strings.TrimSuffix(string(status)+" "+string(code), " ")
}

func text(value any) string {
	document, _ := json.Marshal(value) //nolint:errchkjson // they are plain values
	return string(document)
}

// A Difference is a fact that only one of two outcomes has.
type Difference struct {
	Fact     string `json:"fact"`
	Recorded bool   `json:"recorded"` // else only the replay has it
}

// Compare lists the facts in which a replay differs from what was recorded.
func Compare(recorded, replayed *Outcome) []Difference {
	differences := []Difference{}
	count := make(map[string]int)
	for _, fact := range replayed.Facts() {
		count[fact]++
	}
	for _, fact := range recorded.Facts() {
		if count[fact]--; count[fact] < 0 {
			differences = append(differences, Difference{fact, true})
			count[fact] = 0
		}
	}
	for _, fact := range replayed.Facts() {
		if count[fact] > 0 {
			differences = append(differences, Difference{fact, false})
			count[fact]--
		}
	}
	return differences
}
