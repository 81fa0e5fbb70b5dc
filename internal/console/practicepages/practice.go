package practicepages

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/console/chart"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/practice"
	"github.com/pims-sync/pims-sync/internal/scheduler"
	"github.com/pims-sync/pims-sync/internal/web"
)

type (
	// A practiceReport is what a practice is told (R61).
	practiceReport struct {
		practice.Report

		Badge page.Badge
		Strip template.HTML // of the days
		Good  string
		First string // the days' first, such as "31 October"
	}

	// practiceView is the page of a clinic that shows what the practice sees, and the links.
	practiceView struct {
		screen.Head
		Report    practiceReport
		Links     []practiceLink
		CanChange bool
	}

	practiceLink struct {
		ID, Name   string
		State      page.Badge
		Made, Used page.Moment
		By         string
		Active     bool
	}
)

// practiceBadges are the states of a clinic in the words of its practice.
var practiceBadges = map[scheduler.ClinicState]page.Badge{
	scheduler.ClinicOK:           page.Good("Up to date", "check"),
	scheduler.ClinicStale:        page.Warn("Out of date", "clock"),
	scheduler.ClinicWaiting:      page.Warn("Being looked at", "hand"),
	scheduler.ClinicFailing:      page.Bad("Not working", "triangle"),
	scheduler.ClinicLoginRefused: page.Bad("Sign-in needed", "lock"),
	scheduler.ClinicNeverSynced:  page.Info("Not started", "ring"),
	scheduler.ClinicOff:          page.Idle("Off", "dash"),
}

// dayCells say how a day is drawn. Each state has another height, so that it can be told
// without colour.
var dayCells = map[practice.DayState]struct {
	words, tone string
	height      float64
}{
	practice.DayGood: {"every check worked", "good", 1},
	practice.DayPart: {"some checks worked", "warn", .6},
	practice.DayBad:  {"no check worked", "bad", .3},
	practice.DayNone: {"no check", "idle", 0},
}

func reportOf(r practice.Report) practiceReport {
	shown := practiceReport{Report: r, Badge: practiceBadges[r.State]}
	parts := make([]chart.Part, len(r.Days))
	for i, d := range r.Days {
		cell := dayCells[d.State]
		parts[i] = chart.Part{Name: d.Date.In(time.UTC).Format("Mon 2 Jan") + ": " + cell.words, Value: cell.height, Tone: cell.tone}
	}
	good, checked := r.GoodDays()
	shown.Good = fmt.Sprintf("Every check worked on %s of %s.", page.Number(good), page.Counted(checked, "day"))
	if checked == 0 {
		shown.Good = "No check in these days."
	}
	shown.Strip = chart.Strip(fmt.Sprintf("The last %d days. %s", len(r.Days), shown.Good), parts)
	shown.First = r.Days[0].Date.In(time.UTC).Format("2 January")
	return shown
}

// practicePage shows what a practice sees, and makes and revokes the links to it.
func (s *screens) practicePage() page.Page {
	return page.Page{
		Path: "/clinics/{id}/practice", Title: "Practice's page", Template: "clinic-practice", Needs: access.ReadClinics, Under: "/",
		Show: func(v *page.Visit) (any, error) { return s.practice(v) },
		Acts: map[string]page.Act{
			"create": {Needs: access.ChangeClinics, Do: s.createStatusLink},
			"revoke": {Needs: access.ChangeClinics, Do: s.revokeStatusLink},
		},
	}
}

func (s *screens) practice(v *page.Visit) (*practiceView, error) {
	x, err := s.o.TheClinic(v)
	if err != nil {
		return nil, err
	}
	report, err := s.o.Practice.Report(v.Context(), x.Clinic.ID)
	if err != nil {
		return nil, err
	}
	links, err := s.o.Practice.Links(v.Context(), x.Clinic.ID)
	if err != nil {
		return nil, err
	}
	names, err := s.o.Names(v)
	if err != nil {
		return nil, err
	}
	shown := &practiceView{Head: screen.HeadOf(v, x), Report: reportOf(report), CanChange: v.Caller.Check(access.ChangeClinics, x.Clinic.ID) == nil}
	for i := range links {
		l := &links[i]
		row := practiceLink{
			ID: l.ID.String(), Name: cmp.Or(l.Name, "Without a name"), State: page.Good("Active", "check"), Active: l.Active,
			Made: v.Moment(l.CreatedAt, report.Zone), Used: v.Moment(l.LastUsedAt, report.Zone), By: screen.ActorName(l.CreatedBy, names),
		}
		if !l.Active {
			row.State = page.Idle("Revoked", "dash")
		}
		shown.Links = append(shown.Links, row)
	}
	return shown, nil
}

// createStatusLink makes a link and shows it once.
func (s *screens) createStatusLink(v *page.Visit) (page.Notice, error) {
	id, err := screen.ClinicID(v, access.ChangeClinics)
	if err != nil {
		return page.Notice{}, err
	}
	_, token, err := s.o.Practice.Create(v.Context(), v.By(), id, v.Text("name"))
	if err != nil {
		return page.Notice{}, screen.Told(err)
	}
	return page.Notice{
		Text: "Whoever has this link sees the page, without a sign-in, until you revoke it. It is shown this once. With .json at its end it is a document, with .svg a badge.",
		Copy: practice.Address(v.Base.Scheme+"://"+v.Base.Host, token),
	}, nil
}

// revokeStatusLink makes a link lead nowhere.
func (s *screens) revokeStatusLink(v *page.Visit) (page.Notice, error) {
	id, err := screen.ClinicID(v, access.ChangeClinics)
	if err != nil {
		return page.Notice{}, err
	}
	link, err := uuid.Parse(v.Text("link"))
	if err != nil {
		return page.Notice{}, page.ErrNotFound
	}
	row, err := s.o.Practice.Revoke(v.Context(), v.By(), id, link)
	if err != nil {
		return page.Notice{}, screen.Told(err)
	}
	return page.Notice{Text: "The link " + cmp.Or(row.Name, "without a name") + " leads nowhere from now on."}, nil
}

// status serves the page behind a link: the page itself, a document or a badge (R61). The
// token stands in no log: a route is a pattern.
func (s *screens) status(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Referrer-Policy", "no-referrer")
	v := s.site.Stranger(r)
	v.Bare = true
	token, form := r.PathValue("token"), ""
	if before, ending, found := strings.Cut(token, "."); found {
		token, form = before, ending
	}
	report, err := s.o.Practice.Follow(r.Context(), token)
	switch {
	case errors.Is(err, practice.ErrNoLink) || err == nil && form != "" && form != "json" && form != "svg":
		s.site.Message(w, v, http.StatusNotFound, page.Message{
			Title: "This link leads nowhere",
			Text:  "It is mistyped, or it was revoked. Ask those who gave it to you for a new one.",
		})
		return
	case err != nil:
		s.site.Fail(w, r, v, err)
		return
	}
	web.EntryOf(r.Context()).ClinicID = report.ClinicID
	switch form {
	case "json":
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Cache-Control", "max-age=60")
		_ = json.NewEncoder(w).Encode(documentOf(&report)) //nolint:errchkjson // it fails only if the reader has gone
	case "svg":
		w.Header().Set("Content-Type", "image/svg+xml")
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		w.Header().Set("Cache-Control", "max-age=60")
		w.Write([]byte(badgeOf(&report))) //nolint:errcheck // the reader has gone
	default:
		s.site.Write(w, v, "practice", report.Clinic, http.StatusOK, reportOf(report))
	}
}

// A document is a report for programs.
type document struct {
	Clinic   string                `json:"clinic"`
	Timezone string                `json:"timezone"`
	State    scheduler.ClinicState `json:"state"`
	Headline string                `json:"headline"`
	Detail   string                `json:"detail"`
	AsOf     *time.Time            `json:"asOf"`
	Next     *time.Time            `json:"next"`
	Days     []documentDay         `json:"days"`
}

type documentDay struct {
	Date  string            `json:"date"`
	State practice.DayState `json:"state"`
}

func documentOf(r *practice.Report) document {
	d := document{
		Clinic: r.Clinic, Timezone: r.Zone.String(), State: r.State, Headline: r.Headline, Detail: r.Detail, AsOf: known(r.AsOf), Next: known(r.Next),
	}
	for _, day := range r.Days {
		d.Days = append(d.Days, documentDay{day.Date.String(), day.State})
	}
	return d
}

// known returns a time that may be unknown; nil is null in JSON.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	utc := t.UTC()
	return &utc
}

// badgeColours fill the badge's right half. White text on each has a contrast of 4.5 at
// least.
var badgeColours = map[string]string{"good": "#14713f", "warn": "#8a5200", "bad": "#b81f33", "info": "#2a5db0", "idle": "#586170"}

// badgeOf draws a report as a badge of 20 pixels height, for pages of others.
func badgeOf(r *practice.Report) string {
	const left, letter, pad = "Appointments", 6.6, 12.0
	badge := practiceBadges[r.State]
	right := badge.Word
	if r.State == scheduler.ClinicOK {
		right = "Up to date, " + r.AsOf.In(r.Zone).Format("15:04")
	}
	a, b := letter*float64(len(left))+pad, letter*float64(len(right))+pad
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%.0[1]f" height="20" role="img" aria-label="%[2]s">`+
		`<title>%[2]s</title><clipPath id="r"><rect width="%.0[1]f" height="20" rx="3"/></clipPath><g clip-path="url(#r)">`+
		`<rect width="%.0[3]f" height="20" fill="#3a4250"/><rect x="%.0[3]f" width="%.0[4]f" height="20" fill="%[5]s"/></g>`+
		`<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">`+
		`<text x="%.1[6]f" y="14">%[7]s</text><text x="%.1[8]f" y="14">%[9]s</text></g></svg>`,
		a+b, template.HTMLEscapeString(r.Clinic+": "+r.Headline), a, b, badgeColours[badge.Tone], a/2, left, a+b/2, right)
}
