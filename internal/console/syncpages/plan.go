package syncpages

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
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
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
		Status                    page.Badge
		Why                       string // the guard, in plain words
		Reason                    string // the plan's own
		Would                     string // what an approval does
		Open, CanDecide           bool
		Expires                   page.Moment
		Decided                   string // who decided, and when; empty: nobody
		DecidedAt                 page.Moment
		Run                       string // address of the sync that carries it out; empty: none
		RunOutcome                string
		Stopped                   string // address of the sync that was stopped
		Facts                     []page.Fact
		Days                      template.HTML // missing appointments by day
		DayLines                  []string
		Count                     int  // how many changes an approval makes
		Typed                     bool // the count must be typed
		Cases                     []plannedRow
		Pager                     page.Pager
	}

	// A plannedRow is a case that an approval would delete.
	plannedRow struct {
		Address, PIMSID, Type, Room, Patient, Client string
		Visit                                        page.Moment
		LookedUp                                     page.Badge
	}
)

// planPage shows what a guard held back, and takes the decision.
func (s *Screens) planPage() page.Page {
	return page.Page{
		Path: "/plans/{id}", Title: "Plan", Template: "plan", Needs: access.Read, Under: "/needs",
		Show: func(v *page.Visit) (any, error) { return s.plan(v) },
		Acts: map[string]page.Act{
			"approve": {Needs: access.Approve, Do: s.approvePlan},
			"reject":  {Needs: access.Approve, Do: s.rejectPlan},
		},
	}
}

// thePlan reads the plan that the address names and its clinic.
func (s *Screens) thePlan(v *page.Visit) (of clinic.Clinic, p syncs.Plan, err error) {
	id, err := v.PathID()
	if err != nil {
		return of, p, err
	}
	clinicID, err := s.o.Plans.ClinicOf(v.Context(), id)
	if err != nil {
		return of, p, screen.Told(err)
	}
	if !v.Caller.Sees(clinicID) {
		return of, p, page.ErrNotFound
	}
	if of, err = s.o.Clinics.Clinic(v.Context(), clinicID); err != nil {
		return of, p, screen.Told(err)
	}
	p, err = s.o.Plans.Plan(v.Context(), clinicID, id)
	return of, p, screen.Told(err)
}

// plan makes the page. It names patients and clients, so who looked at it is recorded (R44).
func (s *Screens) plan(v *page.Visit) (*planView, error) {
	of, p, err := s.thePlan(v)
	if err != nil {
		return nil, err
	}
	if len(p.Cases) > 0 {
		if err := s.o.Log.Note(v.Context(), v.Event(access.CaseRead, of.ID, access.RecordOf("plan", p.ID)), nil); err != nil {
			return nil, err
		}
	}
	zone := screen.ZoneOf(&of)
	shown := &planView{
		ID: p.ID.String(), Clinic: of.Name, ClinicAddress: screen.ClinicAddress(of.ID), Title: page.Capital(heldBack(&p)), Status: planBadge(&p),
		Why: screen.Explain(p.Code), Reason: page.Sentence(p.Reason), Would: wouldDo(&p), Open: p.Decidable(v.Now) == nil,
		Expires: v.Moment(p.ExpiresAt, zone), Stopped: screen.RunAddress(p.SyncID), Facts: planFacts(v, zone, &p), Count: weight(&p),
	}
	shown.CanDecide = shown.Open && v.Caller.Check(access.Approve, of.ID) == nil
	shown.Typed = shown.Count > typedAbove
	if p.DecidedBy != "" {
		if shown.Decided, err = s.whoIs(v, p.DecidedBy); err != nil {
			return nil, err
		}
		shown.DecidedAt = v.Moment(p.DecidedAt, zone)
	}
	if p.Execution.SyncID != uuid.Nil {
		shown.Run, shown.RunOutcome = screen.RunAddress(p.Execution.SyncID), p.Execution.Outcome()
	}
	shown.missing(&p)
	return shown, s.planned(v, &of, &p, shown)
}

// planBadge returns the state of a plan.
func planBadge(p *syncs.Plan) page.Badge {
	switch {
	case p.Status == syncs.PlanOpen:
		return page.Warn("Waiting", "hand")
	case p.Execution.Failed():
		return page.Bad("Approved, and its sync failed", "triangle")
	case p.Status == syncs.PlanApproved:
		return page.Good("Approved", "check")
	case p.Status == syncs.PlanRejected:
		return page.Idle("Rejected", "cross")
	case p.Status == syncs.PlanExpired:
		return page.Idle("Expired", "clock")
	default:
		return page.Idle("Replaced by a newer run", "dash")
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
		return fmt.Sprintf("Approving moves %s, most by %s. All other rules hold.", page.Counted(p.Evidence.Moved, "case"), duration(p.Evidence.MovedBy))
	case syncs.CodeWrongPractice:
		return fmt.Sprintf("Approving accepts a calendar with %s that shares none with ours. Make sure first that the login is this practice's.", page.Counted(p.Evidence.Found, "appointment"))
	case syncs.CodeDriftGuard:
		return "Approving accepts the new form in which the PIMS returns appointments. Make sure first that the PIMS itself shows the right appointments. All other rules hold."
	case syncs.CodeDeletionGuard:
		return fmt.Sprintf("Approving looks each of %s up again and soft-deletes those that are still missing. You can restore them.", page.Counted(len(p.Cases), "appointment"))
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

func planFacts(v *page.Visit, zone *time.Location, p *syncs.Plan) []page.Fact {
	e := &p.Evidence
	facts := []page.Fact{{Name: "Days", Value: planDays(p)}}
	if rule := refusals[e.Refusal]; rule != "" {
		facts = append(facts, page.Fact{Name: "Because", Value: rule})
	}
	facts = append(facts, page.Fact{Name: "In the PIMS", Value: page.Counted(e.Found, "appointment")}, page.Fact{Name: "Known here", Value: fmt.Sprintf("%s, %s of them in the PIMS", page.Counted(e.Known, "case"), page.Number(e.Shared))})
	if e.Limit > 0 {
		facts = append(facts, page.Fact{Name: "Limit", Value: fmt.Sprintf("%s of %s", page.Number(e.Limit), page.Counted(e.Candidates, "candidate"))})
	}
	if e.Filtered > 0 {
		facts = append(facts, page.Fact{Name: "Filtered", Value: page.Counted(e.Filtered, "appointment")})
	}
	if e.Moved > 0 {
		facts = append(facts, page.Fact{Name: "Moved", Value: fmt.Sprintf("%s, most by %s", page.Counted(e.Moved, "appointment"), duration(e.MovedBy))})
	}
	if !e.FetchedAt.IsZero() {
		facts = append(facts, page.Fact{Name: "Read", Value: v.Moment(e.FetchedAt, zone).Full()})
	}
	for i := range e.Rereadings {
		r := &e.Rereadings[i]
		facts = append(facts, page.Fact{Name: "Read again", Value: fmt.Sprintf("%s to %s: %s, %s of the missing", r.Days.Start, r.Days.End, page.Counted(r.Found, "appointment"), page.Number(r.Back))})
	}
	return append(facts, page.Fact{Name: "Made", Value: v.Moment(p.CreatedAt, zone).Full()})
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
		if parts = append(parts, chart.Part{Name: day + ": " + page.Number(n), Value: float64(n), Tone: "bad"}); n > 0 {
			s.DayLines = append(s.DayLines, day+": "+page.Number(n))
		}
	}
	if len(parts) > 1 {
		s.Days = chart.Bars("Missing appointments by day", parts)
	}
}

// planned lists the cases of a page of the plan, with what a practice knows them by.
func (s *Screens) planned(v *page.Visit, of *clinic.Clinic, p *syncs.Plan, shown *planView) error {
	cases := slices.Clone(p.Cases)
	slices.SortStableFunc(cases, func(a, b syncs.PlannedCase) int { return a.ScheduledDate.Compare(b.ScheduledDate) })
	cases, shown.Pager = page.Paged(v, cases, plannedPerPage, "case")
	if len(cases) == 0 {
		return nil
	}
	ids := make([]uuid.UUID, len(cases))
	for i := range cases {
		ids[i] = cases[i].CaseID
	}
	records, err := s.o.Cases.ByID(v.Context(), of.ID, ids)
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
			Address: screen.CaseAddress(x.CaseID), PIMSID: x.PIMSID, Type: x.Kind, Room: x.Room, Patient: orEmpty(r.PatientName), Client: orEmpty(r.ClientName),
			Visit: v.Moment(x.ScheduledDate, screen.ZoneOf(of)), LookedUp: lookupBadge(found[x.PIMSID]),
		})
	}
	return nil
}

// lookupBadge says what the PIMS returned for a missing appointment (R22).
func lookupBadge(found string) page.Badge {
	switch found {
	case "gone":
		return page.Bad("Not found", "cross")
	case "cancelled":
		return page.Idle("Cancelled", "dash")
	case "moved":
		return page.Info("Moved", "right")
	case "in_window":
		return page.Good("There after all", "check")
	case "refused", "unusable":
		return page.Warn("No usable reply", "dots")
	}
	return page.Idle("Not looked up yet", "ring")
}

// whoIs names an actor: a person by name.
func (s *Screens) whoIs(v *page.Visit, actor string) (string, error) {
	if actor == v.Caller.Actor() {
		return "You", nil
	}
	names, err := s.o.Names(v)
	return screen.ActorName(actor, names), err
}

// approvePlan starts the sync that does what the guard held back. For many changes the
// person types how many.
func (s *Screens) approvePlan(v *page.Visit) (page.Notice, error) {
	of, p, err := s.thePlan(v)
	if err == nil {
		err = v.Allowed(access.Approve, of.ID)
	}
	if err != nil {
		return page.Notice{}, err
	}
	if n := weight(&p); n > typedAbove && p.Status == syncs.PlanOpen {
		typed, err := strconv.Atoi(strings.ReplaceAll(v.Text("count"), ",", ""))
		if err != nil || typed != n {
			return page.Notice{}, page.Problem(fmt.Sprintf("To approve, type the number of changes, %d. Nothing was done.", n))
		}
	}
	started, err := s.o.Service.ApprovePlan(v.Context(), v.By(), of.ID, p.ID, syncs.TriggerAPI)
	if err != nil {
		return page.Notice{}, s.decided(v, of.ID, p.ID, err)
	}
	return page.Notice{Text: "Approved. This sync does what was held back.", Next: screen.RunAddress(started.ID)}, nil
}

func (s *Screens) rejectPlan(v *page.Visit) (page.Notice, error) {
	of, p, err := s.thePlan(v)
	if err == nil {
		err = v.Allowed(access.Approve, of.ID)
	}
	if err != nil {
		return page.Notice{}, err
	}
	if v.Text("reason") == "" {
		return page.Notice{}, page.Problem("Say why you reject the plan. The reason stands in the record of actions.")
	}
	if err := s.o.Service.RejectPlan(v.Context(), v.By(), of.ID, p.ID, v.Text("reason")); err != nil {
		return page.Notice{}, s.decided(v, of.ID, p.ID, err)
	}
	return page.Notice{Text: "Rejected. Nothing was changed. The next sync looks for itself."}, nil
}

// decided tells the second of two people who decided before.
func (s *Screens) decided(v *page.Visit, clinicID, planID uuid.UUID, why error) error {
	failure, ok := errors.AsType[*syncs.Failure](why)
	if !ok || failure.Code != syncs.CodeAlreadyDecided {
		return screen.Told(why)
	}
	p, err := s.o.Plans.Plan(v.Context(), clinicID, planID)
	if err != nil || p.DecidedBy == "" {
		return screen.Told(why)
	}
	who, err := s.whoIs(v, p.DecidedBy)
	if err != nil {
		return err
	}
	verb := "rejected"
	if p.Status == syncs.PlanApproved {
		verb = "approved"
	}
	return page.Problem(fmt.Sprintf("%s %s this plan %s. Your decision changed nothing.", who, verb, page.Ago(p.DecidedAt, v.Now)))
}
