package cliniccmd

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/check"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// ClinicCheckCmd examines a clinic's PIMS.
type ClinicCheckCmd struct {
	Clinic cli.OfClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
	Fields bool         `help:"Also list the fields of every answer."`
}

// Help says what the command does and what it does not.
func (*ClinicCheckCmd) Help() string {
	return `It makes a new login and reads; it stores the session and nothing else. The report holds no name, number or note, so it can be sent to others. It ends with 1 if something was not recognised.

  pims-sync clinic check --clinic "Harbor Lights"
  pims-sync clinic check --clinic "Harbor Lights" --json > report.json`
}

// Run examines the PIMS and prints the report, also of an examination that ended early.
func (a *ClinicCheckCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	answers, logins := &check.Answers{}, &check.Browser{Now: time.Now}
	watch := app.EngineOptions{
		Private: true,
		Wrap:    answers.Wrap,
		WatchLogins: func(b pims.Browser) pims.Browser {
			logins.Browser = b
			return logins
		},
	}
	return cli.WithClinic(ctx, std, c, &a.Clinic, func(s *app.Store, owner clinic.Clinic) error {
		e, err := cli.NewEngine(ctx, c, s, cli.NewLogger(std.Err, cli.Quietly(c)), watch)
		if err != nil {
			return err
		}
		defer e.Close()
		ctx, cancel := context.WithTimeout(ctx, time.Duration(c.SyncTimeoutMS)*time.Millisecond)
		defer cancel()
		var report check.Report
		examined := e.Connector.Examine(ctx, owner.ID, func(ctx context.Context, connection *clinic.Connection) (err error) {
			report, err = check.Run(ctx, connection, owner.Settings, time.Now())
			return err
		})
		if noted := s.OperatorLog().Note(ctx, cli.Event(access.CredentialsTest, owner.ID, access.Record{}), examined); noted != nil {
			return noted
		}
		document := checkOf(owner, logins.Last(), &report, answers.List(), examined)
		if err := cli.Show(std, c, document, func(w io.Writer) { tellCheck(w, &document, a.Fields) }); err != nil {
			return err
		}
		return failureOf(examined)
	})
}

// failureOf returns the failure of an examination in the words of a sync's.
func failureOf(err error) error {
	if err == nil {
		return nil
	}
	if failure := casesync.Explain(err); failure.Code != syncs.CodeInternal {
		return failure
	}
	return err
}

type checkJSON struct {
	ClinicID uuid.UUID    `json:"clinicId"`
	Timezone string       `json:"timezone"`
	Login    checkLogin   `json:"login"`
	Steps    []checkStep  `json:"steps"`
	Calendar *checkDays   `json:"calendar"` // nil: it was not read
	Words    []wordJSON   `json:"unknownWords"`
	Withheld int          `json:"withheldWords"`
	Notes    checkNotes   `json:"consultations"`
	First    checkFirst   `json:"firstSync"`
	Remarks  []string     `json:"remarks"`
	Answers  []checkReply `json:"answers"`
	Code     *syncs.Code  `json:"code"`
	Error    *string      `json:"error"`
}

type checkLogin struct {
	Page    string     `json:"page"`
	Fields  []string   `json:"fields"`
	Asks    []checkAsk `json:"asks"`
	Ended   string     `json:"endedAt"`
	Cookies []string   `json:"cookies"`
	TookMS  int64      `json:"tookMs"`
	Failed  *checkPage `json:"failedPage,omitempty"`
}

// checkPage is the page on which a login failed.
type checkPage struct {
	Page  string      `json:"page"`
	Parts []checkPart `json:"parts"`
	Left  int         `json:"left,omitempty"` // parts that are not listed
}

type checkPart struct {
	Kind     string `json:"kind"`
	Name     string `json:"name,omitempty"`
	ID       string `json:"id,omitempty"`
	Label    string `json:"label,omitempty"`
	Source   string `json:"source,omitempty"` // host of a frame
	Hidden   bool   `json:"hidden,omitempty"`
	Disabled bool   `json:"disabled,omitempty"`
	Shadow   bool   `json:"shadow,omitempty"`
}

type checkAsk struct {
	AfterMS int64  `json:"afterMs"`
	Page    string `json:"page"`
	Outcome string `json:"outcome"`
}

type checkStep struct {
	Name    string `json:"name"`
	Outcome string `json:"outcome"`
	Said    string `json:"said"`
	TookMS  int64  `json:"tookMs"`
}

type checkDays struct {
	StartDate    string  `json:"startDate"`
	EndDate      string  `json:"endDate"`
	Appointments int     `json:"appointments"`
	Unusable     int     `json:"unusable"`
	Unidentified int     `json:"unidentified"`
	Duplicates   int     `json:"duplicates"`
	WithPatient  int     `json:"withPatientId"`
	WithStatus   int     `json:"withKnownStatus"`
	ByHour       [24]int `json:"byHour"`
}

type checkNotes struct {
	Found  int  `json:"found"`
	Read   bool `json:"read"`
	SOAP   bool `json:"soapNotes"`
	Vitals bool `json:"vitals"`
}

type checkFirst struct {
	Creates  int            `json:"casesCreated"`
	ByType   map[string]int `json:"byType"`
	Filtered int            `json:"filtered"`
}

type checkReply struct {
	Path    string       `json:"path"`
	Status  int          `json:"status"`
	Content string       `json:"contentType"`
	Answers int          `json:"answers"`
	Form    string       `json:"form"`
	Rows    int          `json:"rows"`
	Fields  []checkField `json:"fields"`
}

type checkField struct {
	Name   string   `json:"name"`
	Came   int      `json:"came"`
	Filled int      `json:"filled"`
	Kinds  []string `json:"kinds"`
	Shapes []string `json:"shapes,omitempty"` // of texts with a digit: digits as 9, letters as a
}

// checkOf returns the report's document.
func checkOf(owner clinic.Clinic, login check.Login, r *check.Report, answers []check.Answer, err error) checkJSON {
	document := checkJSON{
		ClinicID: owner.ID, Timezone: owner.Timezone, Words: []wordJSON{}, Withheld: r.Withheld, Notes: checkNotes(r.Notes),
		Login: checkLogin{Page: login.Page, Fields: append([]string{}, login.Fields...), Asks: []checkAsk{}, Ended: login.Ended, Cookies: append([]string{}, login.Cookies...), TookMS: login.Took.Milliseconds()},
		Steps: []checkStep{}, Answers: []checkReply{},
		First:   checkFirst{r.First.Creates, map[string]int{}, r.First.Filtered},
		Remarks: append([]string{}, r.Remarks...),
	}
	if c := &r.Calendar; c.Days.Location != nil {
		document.Calendar = &checkDays{
			c.Days.Start.String(), c.Days.End.String(), c.Appointments, c.Unusable, c.Unidentified, c.Duplicates, c.WithPatient, c.WithStatus, c.ByHour,
		}
	}
	if f := login.Failed; f != nil {
		document.Login.Failed = &checkPage{Page: f.Page, Parts: []checkPart{}, Left: f.Left}
		for _, p := range f.Parts {
			document.Login.Failed.Parts = append(document.Login.Failed.Parts, checkPart(p))
		}
	}
	for _, ask := range login.Asks {
		document.Login.Asks = append(document.Login.Asks, checkAsk{ask.After.Milliseconds(), ask.Page, ask.Outcome})
	}
	for _, s := range r.Steps {
		document.Steps = append(document.Steps, checkStep{s.Name, pims.Kind(s.Err), s.Said, s.Took.Milliseconds()})
	}
	for i := range r.Words {
		document.Words = append(document.Words, wordOf(&r.Words[i]))
	}
	for kind, n := range r.First.ByType {
		document.First.ByType[orUnknown(string(kind))] += n
	}
	for _, reply := range answers {
		told := checkReply{reply.Path, reply.Status, reply.Content, reply.Answers, reply.Form, reply.Rows, []checkField{}}
		for _, f := range reply.Fields {
			told.Fields = append(told.Fields, checkField(f))
		}
		document.Answers = append(document.Answers, told)
	}
	if err != nil {
		failure := casesync.Explain(err)
		document.Code, document.Error = &failure.Code, &failure.Message
		if next, ok := checkNext[failure.Code]; ok {
			document.Remarks = append(document.Remarks, next)
		}
	}
	return document
}

// checkNext says what to do after an examination that ended with a code.
var checkNext = map[syncs.Code]string{
	syncs.CodeSchemaDrift:        "the last answer above has a form that is not known; send this report (--json) with the version of pims-sync",
	syncs.CodeLoginFormChanged:   "the login page has a form that is not known: its fields and buttons are listed above; open it by hand to see whether it is the login page of this PIMS (the base URL stands in `pims-sync credentials show`), and send this report (--json)",
	syncs.CodeAuthRejected:       "the PIMS refused the user name or password, and the credentials are suspended; store the right ones with `pims-sync credentials set`",
	syncs.CodeAuthChallenge:      "the PIMS asks for something that only a person can do; log in by hand once, or ask for a user without it",
	syncs.CodePIMSError:          "the PIMS refuses this request; compare the base URL in `pims-sync credentials show` with the address that a browser shows after a login by hand; if it is right, send this report (--json)",
	syncs.CodeCredentialsInvalid: "the error names what is missing or not allowed: store the field with `pims-sync credentials set`, or, if the host belongs to the PIMS, add it to PIMS_ALLOWED_HOSTS",
	syncs.CodeAuthExpired:        "the login page was left, but the PIMS accepts no request of its session; compare the base URL in `pims-sync credentials show` with the address that a browser shows after a login by hand; if it is right, send this report (--json)",
	syncs.CodePIMSRateLimited:    "the PIMS wants fewer requests; wait, and set PIMS_RATE_LIMIT lower",
	syncs.CodeTimeout:            "the PIMS was too slow; try again, or set SYNC_TIMEOUT_MS higher",
	syncs.CodeBrowserUnavailable: "`pims-sync doctor` says what is wrong with the browser",
	syncs.CodeUnreachable:        "check the base URL with `pims-sync credentials show`, and that this machine may reach the host",
}

func orUnknown(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}

// tellCheck prints the report.
func tellCheck(w io.Writer, d *checkJSON, withFields bool) {
	if d.Login.Page != "" {
		fmt.Fprintf(w, "login: %.1f s, form at %s, for the fields %s\n", seconds(d.Login.TookMS), d.Login.Page, strings.Join(d.Login.Fields, ", "))
		for _, ask := range d.Login.Asks {
			fmt.Fprintf(w, "  after %.1f s at %s: %s\n", seconds(ask.AfterMS), ask.Page, ask.Outcome)
		}
		tellPage(w, d.Login.Failed)
		fmt.Fprintf(w, "  ended at %s, cookies %s\n", render.OrDash(d.Login.Ended), render.OrDash(strings.Join(d.Login.Cookies, ", ")))
	}
	for _, s := range d.Steps {
		fmt.Fprintf(w, "%s: %s, %.1f s%s\n", s.Name, s.Outcome, seconds(s.TookMS), after(", ", s.Said))
	}
	tellCalendar(w, d)
	for _, word := range d.Words {
		fmt.Fprintf(w, "unknown %s: %q, %s\n", word.Kind, word.Word, render.Counted(word.Appointments, "appointment"))
	}
	for _, reply := range d.Answers {
		fmt.Fprintf(w, "answer: %s %d %s, %s, %s\n", reply.Path, reply.Status, reply.Content, reply.Form, render.Counted(reply.Rows, "row"))
		for _, f := range reply.Fields {
			if withFields || d.Error != nil {
				fmt.Fprintf(w, "  %s: in %d, filled in %d, %s%s\n", f.Name, f.Came, f.Filled, strings.Join(f.Kinds, " or "), after(" like ", strings.Join(f.Shapes, " or ")))
			}
		}
	}
	for _, remark := range d.Remarks {
		fmt.Fprintf(w, "look at this: %s\n", remark)
	}
	if d.Error == nil {
		fmt.Fprintf(w, "Next: pims-sync sync full --clinic %s --dry-run\n", d.ClinicID)
	}
}

// tellPage prints what the page shows on which a login failed.
func tellPage(w io.Writer, page *checkPage) {
	if page == nil {
		return
	}
	fmt.Fprintf(w, "  it failed at %s, which shows %s:\n", render.OrDash(page.Page), render.Counted(len(page.Parts)+page.Left, "part"))
	for i := range page.Parts {
		p := &page.Parts[i]
		fmt.Fprint(w, "    ", p.Kind, after(" name=", p.Name), after(" id=", p.ID), after(" from ", p.Source))
		if p.Label != "" {
			fmt.Fprintf(w, " %q", p.Label)
		}
		for _, trait := range []struct {
			has  bool
			word string
		}{{p.Hidden, "hidden"}, {p.Disabled, "disabled"}, {p.Shadow, "in a shadow tree"}} {
			if trait.has {
				fmt.Fprint(w, ", ", trait.word)
			}
		}
		fmt.Fprintln(w)
	}
}

// tellCalendar prints what the calendar held and what a first inbound would make of it.
func tellCalendar(w io.Writer, d *checkJSON) {
	c := d.Calendar
	if c == nil || c.Appointments == 0 {
		return
	}
	fmt.Fprintf(w, "calendar: %d with a patient's id, %d with a known status, %d unusable, %d without an id, %d twice\n",
		c.WithPatient, c.WithStatus, c.Unusable, c.Unidentified, c.Duplicates)
	var hours []string
	for hour, n := range c.ByHour {
		if n > 0 {
			hours = append(hours, fmt.Sprintf("%02d:00 %d", hour, n))
		}
	}
	fmt.Fprintf(w, "  by hour in %s: %s\n", d.Timezone, strings.Join(hours, ", "))
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(d.First.ByType)) {
		kinds = append(kinds, fmt.Sprintf("%s %d", kind, d.First.ByType[kind]))
	}
	fmt.Fprintf(w, "a first inbound: creates %s%s, filters out %d\n", render.Counted(d.First.Creates, "case"), after(": ", strings.Join(kinds, ", ")), d.First.Filtered)
}

func seconds(ms int64) float64 { return float64(ms) / 1000 }

// after returns a text behind a separator, or nothing for an empty text.
func after(separator, text string) string {
	if text == "" {
		return ""
	}
	return separator + text
}
