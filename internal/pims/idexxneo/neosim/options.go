package neosim

import (
	"fmt"
	"slices"
	"time"
)

// The defaults of [Options]. Nobody's real account or practice.
const (
	DefaultUsername   = "reception@example.com"
	DefaultPassword   = "correct-horse-battery"
	DefaultCookieName = "neo_session"
	DefaultPerDay     = 18
	DefaultDaysAround = 90
	// MaxPerDay bounds PerDay: an id has five digits for the place in its day.
	MaxPerDay = 80_000
	// AsNow as StandsAt lets the practice's day stand where the clock stood when the Sim was made.
	AsNow time.Duration = -1
)

// Shape is one of the two generations of calendar rows (NEO.md §Calendar).
type Shape string

// The shapes; the zero value means Snake.
const (
	Snake Shape = "snake" // variant A: appointment_id, patient_name, current_status, is_block …
	Camel Shape = "camel" // variant B: patientName, status, className …
)

// Envelope is what stands around the rows of a calendar answer.
type Envelope string

// The envelopes; the zero value means EnvelopeArray.
const (
	EnvelopeArray        Envelope = "array" // a bare array
	EnvelopeAppointments Envelope = "appointments"
	EnvelopeData         Envelope = "data"
	EnvelopeEvents       Envelope = "events"
)

// IDStyle is how identifiers of digits are written. Other identifiers are always strings.
type IDStyle string

// The styles of identifiers; the zero value means NumberIDs.
const (
	NumberIDs IDStyle = "number"
	StringIDs IDStyle = "string"
)

// BoolStyle is how is_block, is_roster and the like are written.
type BoolStyle string

// The styles of booleans; the zero value means WordBools.
const (
	WordBools   BoolStyle = "word"   // true, false
	NumberBools BoolStyle = "number" // 1, 0
	StringBools BoolStyle = "string" // "1", "0"
)

// TimeStyle is how the wire writes wall-clock times. They always mean the same.
type TimeStyle string

// The styles of times; the zero value means TimesOfShape.
const (
	TimesOfShape TimeStyle = "shape"   // 2026-01-17 09:00:00 in the snake shape, 2026-01-17T09:00:00 else
	BlankTimes   TimeStyle = "blank"   // 2026-01-17 09:00:00
	LetterTimes  TimeStyle = "letter"  // 2026-01-17T09:00:00
	MinuteTimes  TimeStyle = "minutes" // 2026-01-17 09:00
	MilliTimes   TimeStyle = "millis"  // 2026-01-17T09:00:00.000
)

// NameStyle is how the wire names the ids of other records: of the patient, the client, the appointment, the consultation.
type NameStyle string

// The styles of names; the zero value means NamesOfShape.
const (
	NamesOfShape NameStyle = "shape"  // patient_id in the snake shape's calendar, patientId in the search and the older view
	SnakeNames   NameStyle = "snake"  // patient_id
	CamelNames   NameStyle = "camel"  // patientId
	NestedNames  NameStyle = "nested" // "patient": {"id": …}
	DoubleNames  NameStyle = "double" // patient_id, and patientId without a value
)

// NoteStyle is how medical notes that are plain text are written. They always say the same.
type NoteStyle string

// The styles of notes; the zero value means PlainNotes.
const (
	PlainNotes  NoteStyle = "plain"  // as they are
	WordNotes   NoteStyle = "word"   // pasted from Word: list numbers, o:p, conditional comments
	HiddenNotes NoteStyle = "hidden" // invisible characters before each line
)

// Expired is how a request without a live session is answered. All three mean the same.
type Expired string

// The answers to a dead session; the zero value means Expired401.
const (
	Expired401      Expired = "401"
	ExpiredRedirect Expired = "redirect" // 302 to /login
	ExpiredHTML     Expired = "html"     // the login page, status 200
)

// Lookup says whether the practice's Neo has the point lookup of one appointment.
type Lookup string

// The lookups; the zero value means LookupWorks.
const (
	LookupWorks   Lookup = "works"
	LookupMissing Lookup = "missing" // 404 for every id
	LookupBroken  Lookup = "broken"  // 500 for every id
)

// Views says in which shapes a consultation can be read; the other returns 404.
type Views string

// The views; the zero value means ViewsBoth.
const (
	ViewsBoth     Views = "both"
	ViewsOld      Views = "view"      // /consultations/view/{id} only
	ViewsPageData Views = "page-data" // /consultations/{id}/page-data only
	ViewsNone     Views = "none"
)

// Charset is how the texts of the API's answers are written.
type Charset string

// The charsets; the zero value means UTF8.
const (
	UTF8   Charset = "utf-8"      // undeclared
	Latin1 Charset = "iso-8859-1" // declared; what it lacks is escaped
	UTF16  Charset = "utf-16"     // declared, with a byte order mark
)

// Options describe a practice and the habits of its Neo. The zero value is a realistic practice in UTC, as of today's
// noon, with [DefaultUsername] and [DefaultPassword]. The fields of the first block are fixed by [New]; all others can be
// changed while the Sim runs with [Sim.Configure].
type Options struct {
	// Seed chooses the practice: its people, animals, days and notes. Two Sims of one seed answer alike.
	Seed uint64
	// Now is the clock (sessions, today); nil means time.Now.
	Now func() time.Time
	// Location is the practice's zone, in which all wall-clock text is meant; nil means UTC.
	Location *time.Location
	// PerDay is the number of visits on a working day, give or take; 0 means 18. Saturdays hold half as many, Sundays a few.
	PerDay int
	// DaysBack and DaysAhead bound the calendar around today; 0 means 90.
	DaysBack, DaysAhead int
	// StandsAt is the time of day at which today's statuses stand, all day long: what is over by then is done, what comes
	// later is still scheduled. So two reads of one day are equal, and what differs was changed on purpose. 0 means noon,
	// AsNow the time of day at which the Sim was made.
	StandsAt time.Duration
	// Day makes the calendar the same on every date: the days around today hold the visits, people and ids of the days
	// around Day; only the dates differ. It is a date in UTC; the zero value means today.
	Day time.Time
	// Control serves the control endpoint under /_sim/ on the same listener.
	Control bool

	// Username, Password: what the login accepts; "" means the defaults.
	Username, Password string
	// CompanyID is the practice id (about four digits). Where it is set, the form asks for it and the login demands it.
	CompanyID string
	// Login holds the habits of the login page.
	Login Login
	// CookieName names the session cookie; "" means neo_session.
	CookieName string
	// AwkwardCookies gives sessions a cookie whose value has commas, blanks, quotes and text that is no ASCII.
	AwkwardCookies bool
	// SessionIdle and SessionLife end a session; 0 means 20 minutes and 8 hours.
	SessionIdle, SessionLife time.Duration
	// BindUserAgent ends a session for any User-Agent but the one that logged in.
	BindUserAgent bool
	// Expired is the answer to a dead session.
	Expired Expired

	// Shape, Envelope, IDs, Bools, Charset are the habits of the wire.
	Shape    Shape
	Envelope Envelope
	IDs      IDStyle
	Bools    BoolStyle
	Charset  Charset
	// Times and Notes are ways to write the same time and the same note.
	Times TimeStyle
	Notes NoteStyle
	// Names are the names of ids.
	Names NameStyle
	// OddParts writes parts of consultations that nobody can read beside those that somebody can: diagnoses without a name,
	// a reason that is an object.
	OddParts bool
	// MeasuredTexts writes vitals as texts with their unit inside: "38,5 °C".
	MeasuredTexts bool
	// HideCancelled leaves cancelled appointments out of the calendar; the point lookup still finds them.
	HideCancelled bool
	// Lookup and Views say which of the optional requests exist.
	Lookup Lookup
	Views  Views

	// Latency delays every API request; Latencies replaces it for single operations; LoginLatency delays the login.
	Latency, LoginLatency time.Duration
	Latencies             map[Op]time.Duration
}

// Login holds the habits of the login page. The zero value is a form with a username, a password, a hidden CSRF token
// and a refusal in .error-message.
type Login struct {
	// EmailField names the account with input[type=email] and not with input[name=username].
	EmailField bool `json:"emailField"`
	// MetaToken puts the CSRF token into meta[name=csrf-token] and not into a hidden input.
	MetaToken bool `json:"metaToken"`
	// AlertDanger shows a refusal in .alert-danger and not in .error-message.
	AlertDanger bool `json:"alertDanger"`
	// ErrorText is the text of a refusal; "" means a usual one.
	ErrorText string `json:"errorText"`
	// ErrorPlaceholder puts an empty, hidden error element into the page from the start.
	ErrorPlaceholder bool `json:"errorPlaceholder"`
	// EarlyCookie sets a worthless session cookie, by the right name, before anybody has logged in.
	EarlyCookie bool `json:"earlyCookie"`
	// Captcha shows a captcha in the form; no login passes.
	Captcha bool `json:"captcha"`
	// MFA asks for a one-time code after the right password; the session stays worthless.
	MFA bool `json:"mfa"`
	// InvisibleCaptcha shows the badge and the note of a captcha that asks nobody anything.
	InvisibleCaptcha bool `json:"invisibleCaptcha"`
	// Decoys puts fields into the form that nobody can see; what is filled into one makes the login a wrong one.
	Decoys bool `json:"decoys"`
	// Steps are pages that an accepted login shows in turn before the dashboard. The session is worth nothing before the
	// last of them has gone on by itself.
	Steps []Step `json:"steps"`
	// InUse asks, after the right password, whether to end the session that the user has elsewhere; this one stays worthless.
	InUse bool `json:"inUse"`
	// Changed shows a form whose fields are none of the known ones.
	Changed bool `json:"changed"`
	// NeverFinishes sends the head of the login page and then nothing more.
	NeverFinishes bool `json:"neverFinishes"`
	// Redirects are base URLs (scheme://host:port) of this Sim that an accepted login visits in turn, before it ends on
	// the dashboard of the host where it began.
	Redirects []string `json:"redirects"`
}

// Step is a page that goes on by itself.
type Step struct {
	// After is how long it stays.
	After time.Duration `json:"after"`
	// Refresh: it goes on by a meta element, in whole seconds, and not by a script.
	Refresh bool `json:"refresh"`
}

// withDefaults fills what the zero value leaves open.
func (o Options) withDefaults() Options {
	setDefault(&o.PerDay, DefaultPerDay)
	o.PerDay = min(o.PerDay, MaxPerDay)
	setDefault(&o.DaysBack, DefaultDaysAround)
	setDefault(&o.DaysAhead, DefaultDaysAround)
	setDefault(&o.StandsAt, 12*time.Hour)
	setDefault(&o.Username, DefaultUsername)
	setDefault(&o.Password, DefaultPassword)
	setDefault(&o.CookieName, DefaultCookieName)
	setDefault(&o.SessionIdle, 20*time.Minute)
	setDefault(&o.SessionLife, 8*time.Hour)
	setDefault(&o.Expired, Expired401)
	setDefault(&o.Shape, Snake)
	setDefault(&o.Envelope, EnvelopeArray)
	setDefault(&o.IDs, NumberIDs)
	setDefault(&o.Bools, WordBools)
	setDefault(&o.Charset, UTF8)
	setDefault(&o.Times, TimesOfShape)
	setDefault(&o.Notes, PlainNotes)
	setDefault(&o.Names, NamesOfShape)
	setDefault(&o.Lookup, LookupWorks)
	setDefault(&o.Views, ViewsBoth)
	setDefault(&o.Login.ErrorText, "The username or the password is not right.")
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// check returns which of the words is none of the known ones.
func (o Options) check() error {
	for _, err := range []error{
		oneOf("shape", o.Shape, Snake, Camel),
		oneOf("envelope", o.Envelope, EnvelopeArray, EnvelopeAppointments, EnvelopeData, EnvelopeEvents),
		oneOf("ids", o.IDs, NumberIDs, StringIDs),
		oneOf("bools", o.Bools, WordBools, NumberBools, StringBools),
		oneOf("charset", o.Charset, UTF8, Latin1, UTF16),
		oneOf("times", o.Times, TimesOfShape, BlankTimes, LetterTimes, MinuteTimes, MilliTimes),
		oneOf("names", o.Names, NamesOfShape, SnakeNames, CamelNames, NestedNames, DoubleNames),
		oneOf("notes", o.Notes, PlainNotes, WordNotes, HiddenNotes),
		oneOf("expired", o.Expired, Expired401, ExpiredRedirect, ExpiredHTML),
		oneOf("lookup", o.Lookup, LookupWorks, LookupMissing, LookupBroken),
		oneOf("views", o.Views, ViewsBoth, ViewsOld, ViewsPageData, ViewsNone),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

func oneOf[T ~string](field string, value T, known ...T) error {
	if slices.Contains(known, value) {
		return nil
	}
	return fmt.Errorf("%s: %q is none of %v", field, value, known)
}
