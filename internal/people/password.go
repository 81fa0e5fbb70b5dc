package people

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/pims-sync/pims-sync/internal/people/common"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// The bounds of a password, in characters.
const (
	MinPassword = 12
	MaxPassword = 256
)

// The cost of a hash: what OWASP advises at least. One takes 19 MiB, so only a few are
// computed at a time (R57).
const (
	hashMemory   = 19 << 10 // KiB
	hashTime     = 2
	hashThreads  = 1
	hashLength   = 32 // bytes
	saltLength   = 16 // bytes
	hashesAtOnce = 2
)

// hashing admits hashesAtOnce callers. It is shared by the process, whose memory it bounds.
var hashing = make(chan struct{}, hashesAtOnce)

// ErrPassword is in every error of a password that cannot be used.
var ErrPassword = errors.New("the password cannot be used")

// passwordError says what is wrong with a new password.
type passwordError string

func (e passwordError) Error() string { return string(e) }

// Unwrap returns ErrPassword, and the failure for a log and an API.
func (e passwordError) Unwrap() []error {
	return []error{ErrPassword, syncs.Fail(syncs.CodeInvalidRequest, "%s", string(e))}
}

// CheckPassword refuses a new password that is too short or too long, that others would guess,
// or that holds the name of this service or of the person's e-mail address; an empty address:
// of nobody who is known. Its error never contains the password.
func CheckPassword(password, email string) error {
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password):
		return passwordError("the password is not UTF-8")
	case n < MinPassword:
		return passwordError(fmt.Sprintf("the password has %d characters and needs %d or more", n, MinPassword))
	case n > MaxPassword:
		return passwordError(fmt.Sprintf("the password has %d characters and may have %d", n, MaxPassword))
	}
	if holdsName(password, email) {
		return passwordError("the password holds the name of this service or of your e-mail address, which others try first; choose another one")
	}
	why, err := common.Guessable(password)
	if err == nil && why != "" {
		err = passwordError("others would guess this password: " + why + "; choose another one, such as four words that have nothing to do with each other")
	}
	return err
}

// leastName is how long a name is that a password must not hold: shorter ones are parts of
// other words.
const leastName = 4

// holdsName reports whether a password holds the service's name or that of an address.
func holdsName(password, email string) bool {
	folded := strings.ToLower(password)
	name, _, _ := strings.Cut(strings.ToLower(email), "@")
	return len(name) >= leastName && strings.Contains(folded, name) ||
		slices.ContainsFunc([]string{"pims-sync", "pims sync", "pimssync", "pims_sync"}, func(s string) bool { return strings.Contains(folded, s) })
}

// HashPassword returns the argon2id hash of a password, with its salt and cost in the usual
// form: $argon2id$v=19$m=…,t=…,p=…$salt$hash.
func HashPassword(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltLength)
	rand.Read(salt)
	key, err := derive(ctx, password, salt, hashMemory, hashTime)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, hashMemory, hashTime, hashThreads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key)), nil
}

// derive computes a hash while at most hashesAtOnce are computed in the process.
func derive(ctx context.Context, password string, salt []byte, memory, time uint32) ([]byte, error) {
	select {
	case hashing <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-hashing }()
	return argon2.IDKey([]byte(password), salt, time, memory, hashThreads, hashLength), nil
}

// matches reports whether a password has a hash. A hash that is empty or of another form
// costs as much as a right one, so that the time tells nothing about an account.
func matches(ctx context.Context, hash, password string) (bool, error) {
	salt, want, memory, time, ok := parseHash(hash)
	if !ok || utf8.RuneCountInString(password) > MaxPassword {
		password, salt, memory, time, ok = "", make([]byte, saltLength), hashMemory, hashTime, false
	}
	key, err := derive(ctx, password, salt, memory, time)
	return ok && subtle.ConstantTimeCompare(key, want) == 1, err
}

// parseHash reads what HashPassword has written, also of another cost within bounds.
func parseHash(hash string) (salt, key []byte, memory, time uint32, ok bool) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return nil, nil, 0, 0, false
	}
	var threads uint8
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &time, &threads); err != nil || threads != hashThreads {
		return nil, nil, 0, 0, false
	}
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	key, keyErr := base64.RawStdEncoding.DecodeString(parts[5])
	ok = saltErr == nil && keyErr == nil && len(salt) >= saltLength && len(key) == hashLength &&
		time >= 1 && time <= 10 && memory <= 64<<10
	return salt, key, memory, time, ok
}
