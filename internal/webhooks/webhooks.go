// Package webhooks sends events to the endpoints of others (R47), signed as Standard
// Webhooks says. An endpoint is a reader of the feed: deliveries are made of it in its
// order, are kept until they are delivered or have failed for good, and are sent at least
// once.
//
// The package knows no database. It decides what is sent, how it is signed, when it is
// tried again, and when an endpoint is disabled.
package webhooks

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// An Endpoint is where events are sent.
type Endpoint struct {
	ID          uuid.UUID
	ClinicID    uuid.UUID // zero: of the installation, for events of all clinics
	URL         string
	Description string
	Types       []string // of feed.Types
	Ordered     bool     // a delivery that fails holds back the clinic's later ones
	Enabled     bool
	Reason      string    // why it is disabled
	LastError   string    // why the latest try failed; where every try has failed since FailingAt
	RestsUntil  time.Time // nothing is sent before; only of one that is enabled
	DisabledAt  time.Time
	Failures    int // tries in vain, in a row
	FailingAt   time.Time
	CreatedAt   time.Time
	Pending     int // deliveries that are to be sent
	Failed      int // deliveries that failed for good
}

// Why an endpoint is disabled.
const (
	ReasonPerson  = "a person disabled it"
	ReasonGone    = "it returned 410 Gone"
	ReasonFailing = "every try failed for five days"
)

// The states of a delivery.
const (
	Pending   = "pending"
	Delivered = "delivered"
	Failed    = "failed"  // for good, unless a person sends it again
	Skipped   = "skipped" // by a person
)

// A Delivery is a message for one endpoint.
type Delivery struct {
	ID         uuid.UUID // webhook-id, the same for each try
	EndpointID uuid.UUID
	ClinicID   uuid.UUID // zero: of the installation
	Type       string
	Body       []byte
	State      string
	Tries      int
	NextTryAt  time.Time // where it is pending: when it is tried at the earliest, or zero where that waits for HeldBy
	HeldBy     string    // what a person must do first; empty: nothing
	EventAt    time.Time // when what it tells happened
	CreatedAt  time.Time
	EndedAt    time.Time
	LastTryAt  time.Time
	LastStatus int    // 0: no response
	LastError  string // why the last try failed
	Response   string // the beginning of the last response; for admins only
}

// What holds a pending delivery back for ever, unless a person acts.
const (
	HeldByEndpoint = "endpoint" // it is disabled
	HeldByOrder    = "order"    // an earlier one of its clinic has failed for good
)

// Due says when a pending delivery is sent, as the end of "The delivery is …".
func (d *Delivery) Due() string {
	switch d.HeldBy {
	case HeldByEndpoint:
		return fmt.Sprintf("due, and is sent once its endpoint is enabled (`pims-sync webhooks enable %s`), under the same webhook-id.", d.EndpointID)
	case HeldByOrder:
		return "due, and is sent after one before it, which failed for good: send that one again or skip it."
	default:
		return "due; a running replica sends it, under the same webhook-id."
	}
}

// MaxChanges is how many changes of cases one delivery has at most.
const MaxChanges = 100

// TestType is the type of the message that `webhooks test` sends.
const TestType = "webhook.test"

// delays are the pauses before the further tries of a delivery.
var delays = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// NextTry returns when a delivery is tried again after a number of tries in vain, or false
// where it has failed for good.
func NextTry(tries int, now time.Time) (time.Time, bool) {
	if tries < 1 || tries > len(delays) {
		return time.Time{}, false
	}
	return now.Add(delays[tries-1]), true
}

const (
	// disableAfter is how long every try must have failed before an endpoint is disabled.
	disableAfter = 5 * 24 * time.Hour

	maxPause = 5 * time.Minute
)

// pauseAfter returns how long an endpoint rests after a number of failures in a row, so
// that one that hangs takes little of a replica's time.
func pauseAfter(failures int) time.Duration {
	if failures < 1 {
		return 0
	}
	return min(time.Second<<min(failures-1, 10), maxPause)
}

// An Attempt is the outcome of one try.
type Attempt struct {
	At       time.Time
	Took     time.Duration // until the response, or until there was none
	Status   int           // 0: no response
	Error    string        // empty: it was delivered
	Response string        // its beginning
}

// A Verdict is what an attempt does to its delivery and endpoint.
type Verdict struct {
	State     string    // of the delivery
	NextTryAt time.Time // where it is pending
	Disable   string    // why the endpoint is disabled from now on; empty: it is not
	Pause     time.Duration
}

// Judge decides what an attempt means. d and e are as they were before it.
func Judge(e *Endpoint, d *Delivery, a Attempt) Verdict {
	if a.Error == "" {
		return Verdict{State: Delivered}
	}
	v := Verdict{State: Failed, Pause: pauseAfter(e.Failures + 1)}
	if next, again := NextTry(d.Tries+1, a.At); again {
		v.State, v.NextTryAt = Pending, next
	}
	switch {
	case a.Status == 410:
		v.Disable = ReasonGone
	case !e.FailingAt.IsZero() && a.At.Sub(e.FailingAt) >= disableAfter:
		v.Disable = ReasonFailing
	}
	return v
}

// Why an endpoint cannot be added.
// maxURL bounds an endpoint's URL, in bytes.
const maxURL = 2000

var (
	errScheme = errors.New("the URL must begin with https://; plain http only for a host that PIMS_ALLOWED_HOSTS names")
	errHost   = errors.New("the URL has a host or a port that cannot exist; a port is from 1 to 65535")
	errURL    = errors.New("the URL is not one such as https://example.com/hooks: it needs a host, and may have no user name and no fragment")
	errLong   = fmt.Errorf("the URL is longer than %d characters", maxURL)
	errLocal  = errors.New("the URL names a private address; name it in PIMS_ALLOWED_HOSTS to permit it")
)

// CheckURL returns an error where an endpoint may not have this URL. An address that a name
// resolves to is checked when the message is sent. hosts are those that the operator named.
func CheckURL(raw string, hosts pims.HostPolicy) error {
	u, err := url.Parse(raw)
	if len(raw) > maxURL {
		return errLong
	}
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return errURL
	}
	if !pims.Reachable(u) {
		return errHost
	}
	named := pims.HostPolicy{Named: hosts.Named}
	if named.CheckURL(u) == nil {
		return nil
	}
	if u.Scheme != "https" {
		return errScheme
	}
	if address, err := netip.ParseAddr(u.Hostname()); err == nil && named.CheckAddress(u, address) != nil {
		return errLocal
	}
	if strings.EqualFold(u.Hostname(), "localhost") {
		return errLocal
	}
	return nil
}

// Rests reports whether nothing is sent to the endpoint at a moment because it failed.
func (e *Endpoint) Rests(now time.Time) bool { return e.Failures > 0 && e.RestsUntil.After(now) }

// CheckTypes returns an error for a type that does not exist, or that is named twice.
func CheckTypes(types []string) error {
	for i, t := range types {
		if slices.Contains(types[:i], t) {
			return fmt.Errorf("%q is named twice", t)
		}
		if !slices.Contains(feed.Types(), t) {
			return fmt.Errorf("there is no type of event %q; there are %s", t, strings.Join(feed.Types(), ", "))
		}
	}
	if len(types) == 0 {
		return errors.New("an endpoint needs at least one type of event")
	}
	return nil
}

// A message is the body of a delivery.
type message struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"`
	Data      any    `json:"data"`
}

// A changesData is the data of case.changed.
type changesData struct {
	ClinicID uuid.UUID    `json:"clinicId"`
	Changes  []changeData `json:"changes"`
}

type changeData struct {
	ID     string    `json:"id"`
	CaseID uuid.UUID `json:"caseId"`
	At     string    `json:"at"`
	Actor  string    `json:"actor"`
	Action string    `json:"action"`
	Fields []string  `json:"fields"`
}

// ChangesBody returns the body of a delivery of changes, which are one clinic's.
func ChangesBody(changes []feed.Change) ([]byte, error) {
	data := changesData{ClinicID: changes[0].ClinicID}
	for i := range changes {
		c := &changes[i]
		data.Changes = append(data.Changes, changeData{
			ID: strconv.FormatInt(c.ID, 10), CaseID: c.CaseID, At: syncs.Moment(c.At), Actor: c.Actor, Action: c.Action, Fields: append([]string{}, c.Fields...),
		})
	}
	return json.Marshal(message{feed.CaseChanged, syncs.Moment(changes[len(changes)-1].At), data})
}

// EventBody returns the body of a delivery of any other event. data is a JSON object, to
// which the clinic is added unless it is zero.
func EventBody(kind string, clinicID uuid.UUID, at time.Time, data []byte) ([]byte, error) {
	fields := make(map[string]json.RawMessage)
	if len(data) > 0 {
		if err := json.Unmarshal(data, &fields); err != nil {
			return nil, fmt.Errorf("the data of an event %s: %w", kind, err)
		}
	}
	if clinicID != uuid.Nil {
		fields["clinicId"] = json.RawMessage(`"` + clinicID.String() + `"`)
	}
	return json.Marshal(message{kind, syncs.Moment(at), fields})
}
