package pimstest_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

// Mulberry is an invented PIMS. Its provider is the example of
// docs/adding-a-provider.md: all that a provider must have, and nothing else.
// A real one is a package of its own beside idexxneo.

// newMulberry makes the provider. It is a pims.Constructor.
func newMulberry(environment pims.Environment) pims.Provider {
	p := &mulberry{environment}
	p.Base = pimshttp.Transport(environment)
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Logger == nil {
		p.Logger = slog.New(slog.DiscardHandler)
	}
	return p
}

type mulberry struct{ pims.Environment }

// Declaration implements pims.Provider.
func (*mulberry) Declaration() pims.Declaration {
	return pims.Declaration{
		Name: "mulberry", Title: "Mulberry", Hosts: []string{"*.mulberry.example"},
		Fields: []pims.Field{
			{Name: pims.FieldBaseURL, Label: "Address of the practice's Mulberry", Required: true, Check: pims.CheckOrigin},
			{Name: pims.FieldUsername, Label: "User name", Required: true},
			{Name: pims.FieldPassword, Label: "Password", Secret: true, Required: true},
		},
	}
}

// Login implements pims.Provider: the credentials are posted, and the token that they get is
// proved (R36).
func (p *mulberry) Login(ctx context.Context, account pims.Account) (_ pims.State, err error) {
	if err := p.Declaration().Check(account.Credentials); err != nil {
		return pims.State{}, err
	}
	if p.Observe != nil {
		defer func(begun time.Time) {
			p.Observe(ctx, pims.Observation{Operation: pims.OpLogin, Outcome: pims.Kind(err), Duration: time.Since(begun)})
		}(time.Now())
	}
	base := account.Credentials[pims.FieldBaseURL]
	token, lives, err := p.signIn(ctx, base, account.Credentials)
	if err != nil {
		return pims.State{}, fmt.Errorf("log in to Mulberry: %w", err)
	}
	s, err := p.open(account, mulberryState{Version: 1, Base: base, Token: token}, p.Now().Add(lives))
	if err != nil {
		return pims.State{}, err
	}
	if err := s.Prove(ctx); err != nil {
		return pims.State{}, fmt.Errorf("log in to Mulberry: %w", err)
	}
	return s.State()
}

// signIn returns a token, and for how long it is good.
func (p *mulberry) signIn(ctx context.Context, base string, c pims.Credentials) (token string, lives time.Duration, err error) {
	client, err := p.client(base, nil)
	if err != nil {
		return "", 0, err
	}
	var answer struct {
		Token   string  `json:"token"`
		Expires float64 `json:"expiresIn"` // seconds
	}
	form := url.Values{"user": {c[pims.FieldUsername]}, "secret": {c[pims.FieldPassword]}}
	request := pimshttp.Request{Operation: "token", Path: "/api/token", Explain: refusal}
	err = client.PostForm(ctx, request, form, func(d *jsontext.Decoder) error {
		err := json.UnmarshalDecode(d, &answer)
		if _, kind := errors.AsType[*json.SemanticError](err); kind || err == nil && (answer.Token == "" || answer.Expires <= 0) {
			return pims.ErrLoginFormChanged
		}
		return err
	})
	return answer.Token, time.Duration(answer.Expires * float64(time.Second)), err
}

// refusal reads why Mulberry gives no token. Only "unknown_user" is a definite refusal.
func refusal(_ int, d *jsontext.Decoder) error {
	var answer struct {
		Why string `json:"why"`
	}
	if json.UnmarshalDecode(d, &answer) != nil {
		return nil //nolint:nilerr // a body that cannot be read says nothing; the status decides
	}
	switch answer.Why {
	case "unknown_user":
		return pims.ErrAuthRejected
	case "second_factor":
		return pims.ErrAuthChallenge
	default:
		return pims.ErrRemote // no session has ended, and nobody says that the password is wrong
	}
}

// mulberryState is the Data of a pims.State in clear.
type mulberryState struct {
	Version int // changes when an older state can no longer be opened
	Base    string
	Token   string
}

// Open implements pims.Provider.
func (p *mulberry) Open(account pims.Account, state pims.State) (pims.Session, error) {
	var saved mulberryState
	if err := json.Unmarshal(state.Data, &saved); err != nil || saved.Version != 1 {
		return nil, errors.New("open a Mulberry session: the state is not one that this version saved; log in again")
	}
	s, err := p.open(account, saved, state.Until)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (p *mulberry) open(account pims.Account, saved mulberryState, until time.Time) (*mulberrySession, error) {
	client, err := p.client(saved.Base, pimshttp.Bearer(saved.Token))
	if err != nil {
		return nil, fmt.Errorf("open a Mulberry session: %w", err)
	}
	return &mulberrySession{client, saved, until, account.Location, p.Now}, nil
}

// client makes the client of a login, without an authorizer, or of a session.
func (p *mulberry) client(base string, authorizer pimshttp.Authorizer) (*pimshttp.Client, error) {
	return pimshttp.New(pimshttp.Options{
		Base: base, Authorizer: authorizer, Hosts: p.Hosts, Transport: p.Base,
		Limiter: p.Limiter, Observe: p.Observe, Logger: p.Logger, Timeout: p.Timeout, Backoff: p.Backoff,
	})
}

// mulberrySession is a logged-in state of one practice. Mulberry cannot look up one
// visit by its id, so it is no pims.AppointmentFinder.
type mulberrySession struct {
	client   *pimshttp.Client
	saved    mulberryState
	until    time.Time      // the token is good until then
	location *time.Location // of the PIMS's wall clock
	now      func() time.Time
}

var _ pims.Session = (*mulberrySession)(nil)

// State implements pims.Session.
func (s *mulberrySession) State() (pims.State, error) {
	data, err := json.Marshal(s.saved)
	return pims.State{Data: data, Until: s.until}, err
}

// get asks for one JSON value. What it lacks to be a T is an answer that we do not
// know; the decoder's own text quotes the answer and is dropped (R40).
func get[T any](ctx context.Context, s *mulberrySession, request pimshttp.Request) (answer T, err error) {
	err = s.client.GetJSON(ctx, request, func(d *jsontext.Decoder) error {
		answer = *new(T) // an earlier try may have left something
		whole, err := d.ReadValue()
		if err != nil {
			return err
		}
		var said struct {
			Error string `json:"error"`
		}
		if err := json.Unmarshal(whole, &said); err == nil && said.Error != "" {
			return fmt.Errorf("the answer says that it failed: %w", pims.ErrRemote)
		}
		err = json.Unmarshal(whole, &answer)
		if _, kind := errors.AsType[*json.SemanticError](err); kind {
			return fmt.Errorf("a field is of another kind: %w", pims.ErrSchemaDrift)
		}
		return err
	})
	return answer, err
}

// Prove implements pims.Session: only a live session is told the practice.
func (s *mulberrySession) Prove(ctx context.Context) error {
	type me struct {
		Practice struct {
			ID string `json:"id"`
		} `json:"practice"`
	}
	answer, err := get[me](ctx, s, pimshttp.Request{Operation: "prove", Path: "/api/me"})
	if err == nil && answer.Practice.ID == "" {
		err = fmt.Errorf("no practice: %w", pims.ErrSchemaDrift)
	}
	if err != nil {
		return fmt.Errorf("prove the session: %w", err)
	}
	return nil
}

// mulberryVisit is a row of the calendar as Mulberry writes it.
type mulberryVisit struct {
	ID     string `json:"id"`
	Note   string `json:"note"`
	Begins string `json:"begins"`
	Ends   string `json:"ends"`
	Animal string `json:"animal"`
	Chip   string `json:"chip"` // whose visit it is
	Owner  struct {
		First string `json:"first"`
		Last  string `json:"last"`
		Phone string `json:"phone"`
	} `json:"owner"`
	Kind   string `json:"kind"`
	State  string `json:"state"`
	Closed bool   `json:"closed"` // lunch, a holiday: no visit
}

// Appointments implements pims.Session: proved, fetched in slices, proved again (R5).
func (s *mulberrySession) Appointments(ctx context.Context, window pims.Window) (pims.Snapshot, error) {
	c := &collector{first: map[string]int{}, snapshot: pims.Snapshot{Window: window, FetchedAt: s.now()}}
	err := s.Prove(ctx)
	for i, slice := range window.Slices(7) {
		if err != nil {
			break
		}
		err = s.slice(ctx, slice, i, c)
	}
	if err == nil {
		err = s.Prove(ctx)
	}
	if err == nil && len(c.snapshot.Appointments) == 0 && len(c.snapshot.Unusable)+c.snapshot.Unidentified > 0 {
		err = fmt.Errorf("not one visit has an id and a start: %w", pims.ErrSchemaDrift)
	}
	if err != nil {
		return pims.Snapshot{}, err
	}
	return c.snapshot, nil
}

func (s *mulberrySession) slice(ctx context.Context, days pims.Window, number int, c *collector) error {
	type visits struct {
		Visits *[]mulberryVisit `json:"visits"`
	}
	answer, err := get[visits](ctx, s, pimshttp.Request{
		Operation: "calendar", Path: "/api/visits",
		Query: url.Values{"from": {days.Start.String()}, "to": {days.End.String()}},
	})
	if err != nil {
		return err
	}
	if answer.Visits == nil { // an empty day is an empty list, and nothing else is
		return fmt.Errorf("no list of visits: %w", pims.ErrSchemaDrift)
	}
	for _, v := range *answer.Visits {
		if err := c.add(v, days, number); err != nil {
			return err
		}
	}
	return nil
}

// A collector puts the slices of one fetch together.
type collector struct {
	first    map[string]int // id to the number of the slice that showed it first
	snapshot pims.Snapshot
}

func (c *collector) add(v mulberryVisit, days pims.Window, slice int) error {
	id := pims.Clean(v.ID)
	first, again := c.first[id]
	switch {
	case v.Closed: // no visit, and yet its id stands in the calendar
		if known := slices.ContainsFunc(c.snapshot.Blocks, func(b pims.Block) bool { return b.ID == id }); !known && !pims.Blank(id) {
			c.snapshot.Blocks = append(c.snapshot.Blocks, pims.Block{ID: id, Marked: true})
		}
		return nil
	case pims.Blank(id), id == "0":
		c.snapshot.Unidentified++
		return nil
	case again && first == slice:
		c.snapshot.Duplicates++
		c.replace(id, v, days.Location)
		return nil
	case again: // an overnight stay, which two slices show
		return nil
	}
	c.first[id] = slice
	start, ok := wallClock(v.Begins, days.Location)
	if !ok {
		c.snapshot.Unusable = append(c.snapshot.Unusable, pims.RecordError{ID: id, Field: "start", Reason: "is missing or unreadable"})
		return nil
	}
	end, _ := wallClock(v.Ends, days.Location)
	if !days.Contains(start) && (!start.Before(days.From()) || !end.After(days.From())) {
		return fmt.Errorf("a visit lies outside of the days that were asked for: %w", pims.ErrSchemaDrift)
	}
	c.snapshot.Appointments = append(c.snapshot.Appointments, v.appointment(id, start, end))
	return nil
}

// replace takes the earlier of two visits with one id; where both begin at once, their
// patients decide (R6).
func (c *collector) replace(id string, v mulberryVisit, loc *time.Location) {
	at := slices.IndexFunc(c.snapshot.Appointments, func(a pims.Appointment) bool { return a.ID == id })
	start, ok := wallClock(v.Begins, loc)
	if at < 0 || !ok {
		return
	}
	end, _ := wallClock(v.Ends, loc)
	kept := c.snapshot.Appointments[at]
	if cmp.Or(start.Compare(kept.Start), strings.Compare(pims.Clean(v.Chip), kept.PatientID), strings.Compare(pims.Clean(v.Animal), kept.PatientName)) < 0 {
		c.snapshot.Appointments[at] = v.appointment(id, start, end)
	}
}

func (v *mulberryVisit) appointment(id string, start, end time.Time) pims.Appointment {
	return pims.Appointment{
		ID: id, ConsultationID: pims.Clean(v.Note), NoConsultation: pims.Blank(v.Note), // the row always says
		Start: start, StartText: v.Begins, End: end, EndText: v.Ends,
		PatientID: pims.Clean(v.Chip), PatientName: pims.Clean(v.Animal), ClientName: fullName(v.Owner.First, v.Owner.Last), ClientPhone: pims.Clean(v.Owner.Phone),
		Type: mulberryKinds[v.Kind], TypeText: pims.Clean(v.Kind), Status: mulberryStates[v.State], StatusText: pims.Clean(v.State),
	}
}

// fullName joins the names that there are with one space (R7).
func fullName(names ...string) string {
	names = slices.DeleteFunc(names, pims.Blank)
	return pims.Clean(strings.Join(names, " "))
}

// mulberryStates are Mulberry's words. One that is not here is pims.StatusUnknown (R7).
var mulberryStates = map[string]pims.Status{
	"booked": pims.StatusScheduled, "arrived": pims.StatusCheckedIn, "with vet": pims.StatusInProgress,
	"done": pims.StatusCompleted, "called off": pims.StatusCancelled, "missed": pims.StatusNoShow,
}

// mulberryKinds are Mulberry's words for types. One that is not here is pims.TypeUnknown.
var mulberryKinds = map[string]pims.Type{"Exam": pims.TypeCheckup, "Operation": pims.TypeSurgery, "Boarding": pims.TypeOther}

// StatusOf and TypeOf implement pims.Vocabulary.
func (*mulberry) StatusOf(word string) pims.Status { return mulberryStates[word] }

func (*mulberry) TypeOf(word string) pims.Type { return mulberryKinds[word] }

const wallClockLayout = "2006-01-02T15:04"

// wallClock reads what a clock in the practice shows (R2).
func wallClock(text string, loc *time.Location) (time.Time, bool) {
	wall, err := time.Parse(wallClockLayout, text)
	if err != nil {
		return time.Time{}, false
	}
	return pims.Instant(wall, loc), true
}

// mulberryNote is a consultation as Mulberry writes it.
type mulberryNote struct {
	ID         string   `json:"id"`
	Visit      string   `json:"visit"`
	Chip       string   `json:"chip"`
	At         string   `json:"at"`
	Signed     bool     `json:"signed"`
	Text       string   `json:"text"`
	Subjective string   `json:"subjective"`
	Objective  string   `json:"objective"`
	Assessment string   `json:"assessment"`
	Plan       string   `json:"plan"`
	TempF      *float64 `json:"tempF"`
	Findings   []string `json:"findings"`
	Advice     string   `json:"advice"`
}

func (n *mulberryNote) status() (pims.ConsultationStatus, string) {
	if n.Signed {
		return pims.ConsultationCompleted, "signed"
	}
	return pims.ConsultationInProgress, "open"
}

// SearchConsultations implements pims.Session. Mulberry does not page.
func (s *mulberrySession) SearchConsultations(ctx context.Context, window pims.Window) ([]pims.ConsultationEntry, error) {
	type notes struct {
		Notes *[]jsontext.Value `json:"notes"`
	}
	answer, err := get[notes](ctx, s, pimshttp.Request{
		Operation: "search", Path: "/api/notes",
		Query: url.Values{"from": {window.Start.String()}, "to": {window.End.String()}},
	})
	if err == nil && answer.Notes == nil {
		err = fmt.Errorf("no list of notes: %w", pims.ErrSchemaDrift)
	}
	if err != nil {
		return nil, err
	}
	entries := make([]pims.ConsultationEntry, len(*answer.Notes))
	for i, raw := range *answer.Notes {
		if entries[i], err = s.entry(raw); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// entry reads one line of a search. The whole line makes the fingerprint (R19).
func (s *mulberrySession) entry(raw jsontext.Value) (pims.ConsultationEntry, error) {
	var n mulberryNote
	if err := json.Unmarshal(raw, &n, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err != nil || n.ID == "" {
		return pims.ConsultationEntry{}, fmt.Errorf("a note without an id, or of another kind: %w", pims.ErrSchemaDrift)
	}
	sum := sha256.Sum256(raw)
	at, _ := wallClock(n.At, s.location)
	status, text := n.status()
	return pims.ConsultationEntry{
		ID: pims.Clean(n.ID), AppointmentID: pims.Clean(n.Visit), At: at,
		Status: status, StatusText: text, Fingerprint: hex.EncodeToString(sum[:16]),
	}, nil
}

var mulberryID = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

// Consultation implements pims.Session.
func (s *mulberrySession) Consultation(ctx context.Context, id string) (pims.Consultation, error) {
	if !mulberryID.MatchString(id) { // no id of Mulberry's; it must not become another path
		return pims.Consultation{}, fmt.Errorf("fetch consultation %q: %w", id, pims.ErrNotFound)
	}
	n, err := get[mulberryNote](ctx, s, pimshttp.Request{Operation: "consultation", Path: "/api/notes/" + id, Optional: true})
	if err == nil && n.ID != id {
		err = fmt.Errorf("not the note that was asked for: %w", pims.ErrSchemaDrift)
	}
	if err != nil {
		return pims.Consultation{}, fmt.Errorf("fetch consultation %s: %w", id, err)
	}
	return s.consultation(&n), nil
}

func (s *mulberrySession) consultation(n *mulberryNote) pims.Consultation {
	at, _ := wallClock(n.At, s.location)
	status, text := n.status()
	c := pims.Consultation{
		ID: n.ID, AppointmentID: pims.Clean(n.Visit), PatientID: pims.Clean(n.Chip), At: at, AtText: n.At, Status: status, StatusText: text,
		RawNotes: pims.Clean(n.Text),
		SOAP: pims.SOAP{
			Subjective: pims.Clean(n.Subjective), Objective: pims.Clean(n.Objective),
			Assessment: pims.Clean(n.Assessment), Plan: pims.Clean(n.Plan),
		},
		Vitals:    &pims.Vitals{},
		Diagnoses: []string{},
		Discharge: pims.Clean(n.Advice),
	}
	if n.TempF != nil {
		c.Vitals.Temperature, c.Vitals.TemperatureUnit = n.TempF, "F"
	}
	for _, finding := range n.Findings {
		if pims.Blank(finding) {
			c.Unusable = append(c.Unusable, pims.PartDiagnoses)
		} else {
			c.Diagnoses = append(c.Diagnoses, pims.Clean(finding))
		}
	}
	return c
}
