package console

import (
	"errors"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/chart"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

const (
	// typedAbove is how many changes a plan may hold to be approved by a button alone. For
	// more, a person types the count.
	typedAbove = 20

	plannedPerPage = 100
)

type (
	planView struct {
		ID, Clinic, ClinicAddress string
		Title                     string
		Status                    Badge
		Why                       string // the guard, in plain words
		Reason                    string // the plan's own
		Would                     string // what an approval does
		Open, CanDecide           bool
		Expires                   Moment
		Decided                   string // who decided, and when; empty: nobody
		DecidedAt                 Moment
		Run                       string // address of the sync that carries it out; empty: none
		RunOutcome                string
		Stopped                   string // address of the sync that was stopped
		Facts                     []fact
		Days                      template.HTML // missing appointments by day
		DayLines                  []string
		Count                     int  // how many changes an approval makes
		Typed                     bool // the count must be typed
		Cases                     []plannedRow
		Pager                     pager
	}

	// A plannedRow is a case that an approval would delete.
	plannedRow struct {
		Address, PIMSID, Type, Room, Patient, Client string
		Visit                                        Moment
		LookedUp                                     Badge
	}
)

func planAddress(id uuid.UUID) string { return Root + "/plans/" + id.String() }

// planPage shows what a guard held back, and takes the decision.
func (c *console) planPage() Page {
	return Page{
		Path: "/plans/{id}", Title: "Plan", Template: "plan", Needs: access.Read, Under: "/needs",
		Show: func(v *Visit) (any, error) { return c.plan(v) },
		Acts: map[string]Act{
			"approve": {access.Approve, c.approvePlan},
			"reject":  {access.Approve, c.rejectPlan},
		},
	}
}

// thePlan reads the plan that the address names and its clinic.
func (c *console) thePlan(v *Visit) (of clinic.Clinic, p syncs.Plan, err error) {
	id, err := pathID(v)
	if err != nil {
		return of, p, err
	}
	clinicID, err := c.o.Plans.ClinicOf(v.Context(), id)
	if err != nil {
		return of, p, told(err)
	}
	if !v.Caller.Sees(clinicID) {
		return of, p, ErrNotFound
	}
	if of, err = c.o.Clinics.Clinic(v.Context(), clinicID); err != nil {
		return of, p, told(err)
	}
	p, err = c.o.Plans.Plan(v.Context(), clinicID, id)
	return of, p, told(err)
}

// plan makes the page. It names patients and clients, so who looked at it is recorded (R44).
func (c *console) plan(v *Visit) (*planView, error) {
	of, p, err := c.thePlan(v)
	if err != nil {
		return nil, err
	}
	if len(p.Cases) > 0 {
		if err := c.o.Log.Note(v.Context(), v.event(access.CaseRead, of.ID, access.RecordOf("plan", p.ID)), nil); err != nil {
			return nil, err
		}
	}
	zone := zoneOf(&of)
	shown := &planView{
		ID: p.ID.String(), Clinic: of.Name, ClinicAddress: clinicAddress(of.ID), Title: capital(heldBack(&p)), Status: planBadge(&p),
		Why: explain(p.Code), Reason: sentence(p.Reason), Would: wouldDo(&p), Open: p.Decidable(v.Now) == nil,
		Expires: v.Moment(p.ExpiresAt, zone), Stopped: runAddress(p.SyncID), Facts: planFacts(v, zone, &p), Count: weight(&p),
	}
	shown.CanDecide = shown.Open && v.Caller.Check(access.Approve, of.ID) == nil
	shown.Typed = shown.Count > typedAbove
	if p.DecidedBy != "" {
		if shown.Decided, err = c.whoIs(v, p.DecidedBy); err != nil {
			return nil, err
		}
		shown.DecidedAt = v.Moment(p.DecidedAt, zone)
	}
	if p.Execution.SyncID != uuid.Nil {
		shown.Run, shown.RunOutcome = runAddress(p.Execution.SyncID), p.Execution.Outcome()
	}
	shown.missing(&p)
	return shown, c.planned(v, &of, &p, shown)
}

// planBadge returns the state of a plan.
func planBadge(p *syncs.Plan) Badge {
	switch {
	case p.Status == syncs.PlanOpen:
		return Badge{"Waiting", "hand", "warn"}
	case p.Execution.Failed():
		return Badge{"Approved, and its sync failed", "triangle", "bad"}
	case p.Status == syncs.PlanApproved:
		return Badge{"Approved", "check", "good"}
	case p.Status == syncs.PlanRejected:
		return Badge{"Rejected", "cross", "idle"}
	case p.Status == syncs.PlanExpired:
		return Badge{"Expired", "clock", "idle"}
	default:
		return Badge{"Replaced by a newer run", "dash", "idle"}
	}
}

// weight returns how many changes an approval would make.
func weight(p *syncs.Plan) int {
	switch p.Code {
	case syncs.CodeShiftGuard:
		return p.Evidence.Moved
	case syncs.CodeWrongPractice:
		return p.Evidence.Found
	default:
		return len(p.Cases)
	}
}

// wouldDo says what an approval does.
func wouldDo(p *syncs.Plan) string {
	switch p.Code {
	case syncs.CodeShiftGuard:
		return fmt.Sprintf("Approving moves %s, most by %s. All other rules hold.", counted(p.Evidence.Moved, "case"), duration(p.Evidence.MovedBy))
	case syncs.CodeWrongPractice:
		return fmt.Sprintf("Approving accepts a calendar with %s that shares none with ours. Make sure first that the login is this practice's.", counted(p.Evidence.Found, "appointment"))
	case syncs.CodeDriftGuard:
		return "Approving accepts the new form in which the PIMS returns appointments. Make sure first that the PIMS itself shows the right appointments. All other rules hold."
	case syncs.CodeDeletionGuard:
		return fmt.Sprintf("Approving looks each of %s up again and soft-deletes those that are still missing. You can restore them.", counted(len(p.Cases), "appointment"))
	default:
		return "Approving runs the sync again with this one guard lifted."
	}
}

// refusals say which rule of the deletion guard refused.
var refusals = map[string]string{
	"unseen":     "too many to look up one by one",
	"empty_pims": "the PIMS shows no appointment at all",
	"share":      "too large a share is missing",
	"half":       "over half is missing",
	"whole_day":  "a whole day is missing",
}

func planFacts(v *Visit, zone *time.Location, p *syncs.Plan) []fact {
	e := &p.Evidence
	facts := []fact{{"Days", planDays(p)}}
	if rule := refusals[e.Refusal]; rule != "" {
		facts = append(facts, fact{"Because", rule})
	}
	facts = append(facts, fact{"In the PIMS", counted(e.Found, "appointment")}, fact{"Known here", fmt.Sprintf("%s, %s of them in the PIMS", counted(e.Known, "case"), number(e.Shared))})
	if e.Limit > 0 {
		facts = append(facts, fact{"Limit", fmt.Sprintf("%s of %s", number(e.Limit), counted(e.Candidates, "candidate"))})
	}
	if e.Filtered > 0 {
		facts = append(facts, fact{"Filtered", counted(e.Filtered, "appointment")})
	}
	if e.Moved > 0 {
		facts = append(facts, fact{"Moved", fmt.Sprintf("%s, most by %s", counted(e.Moved, "appointment"), duration(e.MovedBy))})
	}
	if !e.FetchedAt.IsZero() {
		facts = append(facts, fact{"Read", v.Moment(e.FetchedAt, zone).Full()})
	}
	for i := range e.Rereadings {
		r := &e.Rereadings[i]
		facts = append(facts, fact{"Read again", fmt.Sprintf("%s to %s: %s, %s of the missing", r.Days.Start, r.Days.End, counted(r.Found, "appointment"), number(r.Back))})
	}
	return append(facts, fact{"Made", v.Moment(p.CreatedAt, zone).Full()})
}

// missing draws how many appointments are missing on which day.
func (s *planView) missing(p *syncs.Plan) {
	days := slices.Collect(maps.Keys(p.Evidence.Days))
	for day := p.Window.Start; len(days) > 0 && !p.Window.End.Before(day); day = day.AddDays(1) {
		days = append(days, day.String())
	}
	slices.Sort(days)
	var parts []chart.Part
	for _, day := range slices.Compact(days) {
		n := p.Evidence.Days[day]
		if at, err := time.Parse(time.DateOnly, day); err == nil {
			day = at.Format("Mon 2 Jan")
		}
		if parts = append(parts, chart.Part{Name: day + ": " + number(n), Value: float64(n), Tone: "bad"}); n > 0 {
			s.DayLines = append(s.DayLines, day+": "+number(n))
		}
	}
	if len(parts) > 1 {
		s.Days = chart.Bars("Missing appointments by day", parts)
	}
}

// planned lists the cases of a page of the plan, with what a practice knows them by.
func (c *console) planned(v *Visit, of *clinic.Clinic, p *syncs.Plan, shown *planView) error {
	cases := slices.Clone(p.Cases)
	slices.SortStableFunc(cases, func(a, b syncs.PlannedCase) int { return a.ScheduledDate.Compare(b.ScheduledDate) })
	shown.Pager = newPager(v, len(cases), plannedPerPage, "case")
	cases = cases[shown.Pager.from:shown.Pager.to]
	if len(cases) == 0 {
		return nil
	}
	ids := make([]uuid.UUID, len(cases))
	for i := range cases {
		ids[i] = cases[i].CaseID
	}
	records, err := c.o.Cases.ByID(v.Context(), of.ID, ids)
	if err != nil {
		return err
	}
	found := make(map[string]string, len(p.Evidence.Lookups))
	for _, l := range p.Evidence.Lookups {
		found[l.PIMSID] = l.Found
	}
	for i := range cases {
		x, r := &cases[i], records[cases[i].CaseID]
		shown.Cases = append(shown.Cases, plannedRow{
			Address: caseAddress(x.CaseID), PIMSID: x.PIMSID, Type: x.Kind, Room: x.Room, Patient: orEmpty(r.PatientName), Client: orEmpty(r.ClientName),
			Visit: v.Moment(x.ScheduledDate, zoneOf(of)), LookedUp: lookupBadge(found[x.PIMSID]),
		})
	}
	return nil
}

// lookupBadge says what the PIMS returned for a missing appointment (R22).
func lookupBadge(found string) Badge {
	switch found {
	case "gone":
		return Badge{"Not found", "cross", "bad"}
	case "cancelled":
		return Badge{"Cancelled", "dash", "idle"}
	case "moved":
		return Badge{"Moved", "right", "info"}
	case "in_window":
		return Badge{"There after all", "check", "good"}
	case "refused", "unusable":
		return Badge{"No usable reply", "dots", "warn"}
	}
	return Badge{"Not looked up yet", "ring", "idle"}
}

// whoIs names an actor: a person by name.
func (c *console) whoIs(v *Visit, actor string) (string, error) {
	if actor == v.Caller.Actor() {
		return "You", nil
	}
	names, err := c.names(v)
	return actorName(actor, names), err
}

// approvePlan starts the sync that does what the guard held back. For many changes the
// person types how many.
func (c *console) approvePlan(v *Visit) (Notice, error) {
	of, p, err := c.thePlan(v)
	if err == nil {
		err = v.allowed(access.Approve, of.ID)
	}
	if err != nil {
		return Notice{}, err
	}
	if n := weight(&p); n > typedAbove && p.Status == syncs.PlanOpen {
		typed, err := strconv.Atoi(strings.ReplaceAll(v.Text("count"), ",", ""))
		if err != nil || typed != n {
			return Notice{}, Problem(fmt.Sprintf("To approve, type the number of changes, %d. Nothing was done.", n))
		}
	}
	started, err := c.o.Service.ApprovePlan(v.Context(), v.By(), of.ID, p.ID, syncs.TriggerAPI)
	if err != nil {
		return Notice{}, c.decided(v, of.ID, p.ID, err)
	}
	return Notice{Text: "Approved. This sync does what was held back.", Next: runAddress(started.ID)}, nil
}

func (c *console) rejectPlan(v *Visit) (Notice, error) {
	of, p, err := c.thePlan(v)
	if err == nil {
		err = v.allowed(access.Approve, of.ID)
	}
	if err != nil {
		return Notice{}, err
	}
	if v.Text("reason") == "" {
		return Notice{}, Problem("Say why you reject the plan. The reason stands in the record of actions.")
	}
	if err := c.o.Service.RejectPlan(v.Context(), v.By(), of.ID, p.ID, v.Text("reason")); err != nil {
		return Notice{}, c.decided(v, of.ID, p.ID, err)
	}
	return Notice{Text: "Rejected. Nothing was changed. The next sync looks for itself."}, nil
}

// decided tells the second of two people who decided before.
func (c *console) decided(v *Visit, clinicID, planID uuid.UUID, why error) error {
	failure, ok := errors.AsType[*syncs.Failure](why)
	if !ok || failure.Code != syncs.CodeAlreadyDecided {
		return told(why)
	}
	p, err := c.o.Plans.Plan(v.Context(), clinicID, planID)
	if err != nil || p.DecidedBy == "" {
		return told(why)
	}
	who, err := c.whoIs(v, p.DecidedBy)
	if err != nil {
		return err
	}
	verb := "rejected"
	if p.Status == syncs.PlanApproved {
		verb = "approved"
	}
	return Problem(fmt.Sprintf("%s %s this plan %s. Your decision changed nothing.", who, verb, ago(p.DecidedAt, v.Now)))
}
