package people

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// How long a session and a link live (R43).
const (
	SessionLife = 12 * time.Hour   // after signing in, whatever happens
	SessionIdle = 60 * time.Minute // after the last request
	LinkLife    = 10 * time.Minute // of the command line's link
	InviteLife  = 7 * 24 * time.Hour

	touchEvery = time.Minute // how often a session's last request is stored
)

// ErrNoSession means that nobody is signed in with a token: it is unknown, signed out, too
// old, or idle for too long.
var ErrNoSession = syncs.Fail(codeUnauthorized, "nobody is signed in")

// ErrLink means that a link is unknown, used up or too old.
var ErrLink = syncs.Fail(codeUnauthorized, "this link has been used or is too old")

// A Method is a way of signing in.
type Method string

// The ways of signing in.
const (
	ByPassword Method = "password"
	ByOpenID   Method = "openid"
	ByLink     Method = "link" // the command line's
)

// A Session is the signed-in state of a person, or of the user of the server's operating
// system who followed the command line's link.
type Session struct {
	Person  Person // zero: an OS user
	OSUser  string // empty: a person
	Method  Method
	Began   time.Time
	From    string    // the address from which it began; empty: unknown
	Seen    time.Time // the last request, to about a minute
	Expires time.Time // SessionLife after Began
}

// Caller returns who acts in the session, and what this caller may do (R42). An OS user who
// can run the command line may do everything.
func (s *Session) Caller() access.Caller {
	if s.OSUser != "" {
		return access.OfOSUser(s.OSUser)
	}
	return s.Person.Caller()
}

// live reports whether the session can still be used.
func (s *Session) live(now time.Time) bool {
	return now.Before(s.Expires) && now.Before(s.Seen.Add(SessionIdle))
}

// A Link is a one-time link. It signs an OS user in, or lets an invited person set a
// password.
type Link struct {
	PersonID uuid.UUID // zero: an OS user's
	OSUser   string
	Made     time.Time
	Expires  time.Time // before Made: it was used, or its person changed
}

// live reports whether the link can still be used.
func (l *Link) live(now time.Time) bool { return now.Before(l.Expires) }

// newToken returns a new token of 256 random bits for a cookie or an address.
func newToken() string {
	secret := make([]byte, 32)
	rand.Read(secret)
	return base64.RawURLEncoding.EncodeToString(secret)
}

// hashToken returns what is stored of a token: its SHA-256.
func hashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// CSRFToken returns the token that each form of a session carries. It follows from the
// session's own token and does not reveal it.
func CSRFToken(token string) string { return Derive(token, "csrf") }

// CSRFMatches reports whether a form carried the session's token.
func CSRFMatches(token, carried string) bool {
	return subtle.ConstantTimeCompare([]byte(CSRFToken(token)), []byte(carried)) == 1
}

// Derive returns a value that follows from a secret and a purpose. It reveals neither the
// secret nor the value for another purpose.
func Derive(secret, purpose string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(purpose))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
