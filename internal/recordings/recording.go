package recordings

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/drift"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// Format is the version of a recording's form. A program refuses a version that it does not
// know. Fields may be added without a new version.
const Format = 1

// A Recording is one attempt at one sync: what it began with, what the PIMS returned, and
// what came of it. docs/recordings.md describes the form.
type Recording struct {
	Format    int    `json:"format"`
	Program   string `json:"program"`             // the version that recorded it
	Anonymous bool   `json:"anonymous,omitempty"` // made by an export

	Began    time.Time `json:"began"` // the clock of the sync at its beginning
	Provider string    `json:"provider"`
	Zone     string    `json:"timezone"` // the clinic's
	Base     string    `json:"base"`     // scheme and host of the PIMS
	Request  Request   `json:"request"`

	Limits   Limits          `json:"deletionLimits,omitzero"` // the clinic's own (R23)
	Settings json.RawMessage `json:"settings,omitempty"`      // the clinic's own (R50)

	Before Before  `json:"before"`
	Logins []Login `json:"logins,omitempty"`

	// Exchanges are the requests to the PIMS in the order in which their answers ended.
	Exchanges []Exchange `json:"exchanges"`

	After Outcome `json:"after"`

	// Cut says why the recording is not whole; empty: it is.
	Cut string `json:"cut,omitempty"`
}

// A Request is what was asked for.
type Request struct {
	Type              syncs.Type      `json:"type"`
	Trigger           syncs.Trigger   `json:"trigger"`
	StartDate         string          `json:"startDate,omitempty"`
	EndDate           string          `json:"endDate,omitempty"`
	DaysAhead         *int            `json:"daysAhead,omitempty"`
	LookbackDays      *int            `json:"lookbackDays,omitempty"`
	LookaheadDays     *int            `json:"lookaheadDays,omitempty"`
	ParallelBatchSize *int            `json:"parallelBatchSize,omitempty"`
	Force             bool            `json:"force,omitempty"`
	DryRun            bool            `json:"dryRun,omitempty"`
	Settings          json.RawMessage `json:"settings,omitempty"` // that a dry run tries
	Approved          *Approved       `json:"approved,omitempty"`
}

// An Approved is the plan whose approval started the sync (R18, R23).
type Approved struct {
	Code          syncs.Code  `json:"code"`
	Type          syncs.Type  `json:"type"`
	StartDate     string      `json:"startDate"`
	EndDate       string      `json:"endDate"`
	Cases         []uuid.UUID `json:"cases,omitempty"`
	CoversDefault bool        `json:"coversDefault,omitempty"`
}

// Limits are clinic.DeletionLimits.
type Limits struct {
	MaxCases   int     `json:"maxCases,omitempty"`
	MinAllowed int     `json:"minAllowed,omitempty"`
	Share      float64 `json:"share,omitempty"`
}

// Before is the stored state that a sync works with, as far as it read it.
type Before struct {
	Cases    []Case `json:"cases,omitempty"`
	LookedOn string `json:"lookedOn,omitempty"` // the day of the last look for late corrections (R19)

	// Forms are the forms of the PIMS's earlier answers, by type of sync and endpoint (R51).
	Forms map[syncs.Type]map[string]*drift.Baseline `json:"forms,omitempty"`
}

// A Case is a stored case before the sync.
type Case struct {
	ID            uuid.UUID       `json:"id"`
	PIMSID        string          `json:"pimsId"`
	PatientName   string          `json:"patientName,omitempty"`
	ClientName    string          `json:"clientName,omitempty"`
	PhoneNumber   string          `json:"phoneNumber,omitempty"`
	ScheduledDate time.Time       `json:"scheduledDate,omitzero"`
	Status        string          `json:"status,omitempty"`
	SyncStatus    string          `json:"syncStatus,omitempty"`
	CaseType      string          `json:"caseType,omitempty"`
	Metadata      json.RawMessage `json:"metadata,omitempty"`  // the keys that syncs own
	Protected     bool            `json:"protected,omitempty"` // a person restored it (R24)
	Reading       *Reading        `json:"reading,omitempty"`

	// Shown are the consultations that the case showed before, and for whom (R7).
	Shown map[string]Whose `json:"shown,omitempty"`
}

// A Whose is cases.Whose.
type Whose struct {
	PatientID   string `json:"patientId,omitempty"`
	ClientID    string `json:"clientId,omitempty"`
	PatientName string `json:"patientName,omitempty"`
}

// A Reading is what earlier attempts at the consultation of a case learned (R19).
type Reading struct {
	Tries       int       `json:"tries,omitempty"`
	NextTry     time.Time `json:"nextTry,omitzero"`
	ReadAt      time.Time `json:"readAt,omitzero"`
	Fingerprint string    `json:"fingerprint,omitempty"`
	Since       time.Time `json:"since,omitzero"`
}

// A Login is one login by the browser. Nothing of what was typed or kept is in it.
type Login struct {
	After   int    `json:"after"`            // the exchanges that had begun before it
	Landed  string `json:"landed,omitempty"` // scheme and host of the page where the browser ended
	Asked   int    `json:"asked,omitempty"`  // how often the PIMS was asked whether it accepts the session
	Outcome string `json:"outcome"`          // a word of pims.Kind
}

// An Exchange is one try of one request.
type Exchange struct {
	Method string `json:"method"`
	URL    string `json:"url"`
	Form   string `json:"form,omitempty"` // the request's body

	// Session is the pims.SessionNumber of the request. Where it is 0 everywhere, an
	// earlier version made the recording.
	Session int `json:"session,omitempty"`

	AfterMS int64 `json:"afterMs"` // from the beginning of the sync to the request
	TookMS  int64 `json:"tookMs"`  // until the answer ended

	Fault  Fault             `json:"fault,omitempty"` // why no answer came; empty: one came
	Status int               `json:"status,omitempty"`
	Header map[string]string `json:"header,omitempty"` // what the client reads, without values of cookies
	Body   Body              `json:"body,omitzero"`
	End    Fault             `json:"end,omitempty"` // why the answer broke off; empty: it is whole

	// Unread: the client did not read the answer to its end.
	Unread bool `json:"unread,omitempty"`

	// Withheld: the request carried a secret, so it and its answer are not recorded.
	Withheld bool `json:"withheld,omitempty"`
}

// A Fault is a reason why an answer did not come, or not all of it.
type Fault string

// The faults.
const (
	FaultHost        Fault = "host_not_allowed"
	FaultCertificate Fault = "certificate"
	FaultHeader      Fault = "header_too_long"
	FaultTimeout     Fault = "timeout"     // the connection
	FaultTryTimeout  Fault = "try_timeout" // the client's own limit for one try
	FaultUnresolved  Fault = "unresolved"
	FaultRefused     Fault = "refused"
	FaultBroken      Fault = "broken"
	FaultFailed      Fault = "failed"
	FaultCancelled   Fault = "cancelled" // the request was no longer wanted
	FaultEnded       Fault = "ended"     // the sync was over: its time, or a person cancelled it
)

// ErrUnknownFormat means that a file is no recording that this version knows. The error that
// wraps it says why.
var ErrUnknownFormat = errors.New("this cannot be read as a recording")

// MaxDocument bounds a recording's document, unpacked: 128 MiB. One that is stored has at
// most 32 MiB of answers.
const MaxDocument = 128 << 20

// open unpacks a document.
func open(packed []byte) (io.Reader, error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("%w: it is no gzip file, as `recordings export` makes them", ErrUnknownFormat)
	}
	return &bounded{unpacked, MaxDocument}, nil
}

// end reads the rest of a document, which has a checksum.
func end(unpacked io.Reader) error {
	_, err := io.Copy(io.Discard, unpacked)
	return err
}

// errTooLong ends the reading of a document that is longer than any of ours.
var errTooLong = errors.New("too long")

// bounded reads so many bytes at most.
type bounded struct {
	io.Reader

	left int
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.Reader.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// unreadable says why a document of a format could not be read.
func unreadable(format int, err error) error {
	switch {
	case errors.Is(err, errTooLong):
		return fmt.Errorf("%w: unpacked, it has more than %d MiB", ErrUnknownFormat, MaxDocument>>20)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("%w: the file ends in the middle; copy it again", ErrUnknownFormat)
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		return fmt.Errorf("%w: the file is damaged; copy it again", ErrUnknownFormat)
	case err == nil && format > Format:
		return fmt.Errorf("%w: a newer pims-sync made it, in format %d", ErrUnknownFormat, format)
	default:
		return fmt.Errorf("%w: it is not the JSON of one", ErrUnknownFormat)
	}
}

// Encode returns the recording as gzipped JSON. The same recording gives the same bytes.
func (r *Recording) Encode() ([]byte, error) {
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // the level is valid
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if err := errors.Join(encoder.Encode(r), w.Close()); err != nil {
		return nil, fmt.Errorf("writing the recording: %w", err)
	}
	return packed.Bytes(), nil
}

// Decode reads what Encode made.
func Decode(packed []byte) (*Recording, error) {
	unpacked, err := open(packed)
	if err != nil {
		return nil, err
	}
	var r Recording
	err = json.NewDecoder(unpacked).Decode(&r)
	if err == nil {
		err = end(unpacked)
	}
	if err != nil || r.Format != Format {
		return nil, unreadable(r.Format, err)
	}
	return &r, nil
}
