package clinic

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// An APIKey is a row of clinic_api_keys: a key as it is stored. The key itself is shown
// once, when it is made, and never stored (R39).
type APIKey struct {
	ID          uuid.UUID
	ClinicID    uuid.UUID
	Name        string
	Prefix      string    // the key's first eight characters
	Hash        string    // SHA-256 of the key, in hex
	Permissions []Scope   // nil (null in the row): the four sync scopes
	Active      bool      // false: revoked
	ExpiresAt   time.Time // zero: never
	LastUsedAt  time.Time // zero: never used
	CreatedAt   time.Time
}

// ErrUnauthorized is the error for every bad key, whatever is wrong with it (R38).
var ErrUnauthorized = errors.New("the API key is missing or invalid")

// A KeyStore is what authentication needs of clinic_api_keys. It crosses clinics
// (R41).
type KeyStore interface {
	// KeysOf lists all keys of a prefix and a hash (see [Prefix] and [Hash]), of all clinics,
	// usable or not.
	KeysOf(ctx context.Context, prefix, hash string) ([]APIKey, error)

	// TouchKey stores when a key was used. A time before the stored one changes nothing.
	TouchKey(ctx context.Context, id uuid.UUID, at time.Time) error
}

const (
	prefixLength   = 8   // characters: the specification's key_prefix
	secretBytes    = 25  // 200 bits, 40 characters
	checksumLength = 7   // characters
	maxKeyLength   = 512 // bytes of a presented key of whatever form
)

// TouchKeysEvery is how often the use of a key is stored.
const TouchKeysEvery = time.Minute

// keyAlphabet is base32 in lower case, which people can read aloud without mistakes.
var keyAlphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// A KeyKind is the word in a key that says what it is a key of.
type KeyKind string

// The kinds of keys (R39).
const (
	KeyOfClinic KeyKind = "live"
	KeyOfFleet  KeyKind = "fleet"
)

// ourKeyShape is the form of the keys that GenerateKey makes.
var ourKeyShape = regexp.MustCompile(`^[a-z2-7]{8}_pims_(live|fleet)_[a-z2-7]{47}$`)

// GenerateKey makes a new API key of a clinic.
func GenerateKey() string { return GenerateKeyOf(KeyOfClinic) }

// GenerateKeyOf makes a new key: `<8 random base32>_pims_<kind>_<secret><checksum>` (R39).
// The secret has 200 bits. The checksum is the CRC-32 of everything before it.
func GenerateKeyOf(kind KeyKind) string {
	prefix, secret := make([]byte, 5), make([]byte, secretBytes)
	rand.Read(prefix)
	rand.Read(secret)
	key := keyAlphabet.EncodeToString(prefix) + "_pims_" + string(kind) + "_" + keyAlphabet.EncodeToString(secret)
	return key + keyChecksum(key)
}

// IssueKey makes a new key of a clinic: the row to store, and the key, which is
// shown once. No scopes (nil) means the four sync scopes; a zero expiry means
// never.
func IssueKey(clinicID uuid.UUID, name string, scopes []Scope, expires, now time.Time) (row APIKey, key string) {
	key = GenerateKey()
	return APIKey{
		ID:          uuid.New(),
		ClinicID:    clinicID,
		Name:        name,
		Prefix:      Prefix(key),
		Hash:        Hash(key),
		Permissions: scopes,
		Active:      true,
		ExpiresAt:   expires,
		CreatedAt:   now,
	}, key
}

func keyChecksum(text string) string {
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(text)))
	return keyAlphabet.EncodeToString(sum)
}

// Mistyped reports whether a key has the form of ours and a wrong checksum, so that no
// store can know it. Keys of any other form are never mistyped (R39).
func Mistyped(key string) bool {
	if !ourKeyShape.MatchString(key) {
		return false
	}
	body, sum := key[:len(key)-checksumLength], key[len(key)-checksumLength:]
	return keyChecksum(body) != sum
}

// Prefix returns the part of a key by which its row is found: its first eight characters,
// or all of a shorter key. W1.
func Prefix(key string) string {
	n := 0
	for i := range key {
		if n == prefixLength {
			return key[:i]
		}
		n++
	}
	return key
}

// Hash returns what is stored of a key: its SHA-256 in hex. W1.
func Hash(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// Authenticate finds the stored key that a caller presented (W1, R39). The error is
// ErrUnauthorized for an unknown, revoked, expired or malformed key; any other error is the
// store's.
func Authenticate(ctx context.Context, presented string, store KeyStore, now time.Time) (APIKey, error) {
	if !Presentable(presented) {
		return APIKey{}, ErrUnauthorized
	}
	rows, err := store.KeysOf(ctx, Prefix(presented), Hash(presented))
	if err != nil {
		return APIKey{}, fmt.Errorf("looking an API key up: %w", err)
	}
	key, ok := match(rows, presented, now)
	if !ok {
		return APIKey{}, ErrUnauthorized
	}
	if now.Sub(key.LastUsedAt) >= TouchKeysEvery {
		if err := store.TouchKey(ctx, key.ID, now); err != nil {
			return APIKey{}, fmt.Errorf("noting the use of an API key: %w", err)
		}
		key.LastUsedAt = now
	}
	return key, nil
}

// Matches reports whether a presented key has the form of our keys of a kind.
func (kind KeyKind) Matches(key string) bool {
	m := ourKeyShape.FindStringSubmatch(key)
	return len(m) > 1 && m[1] == string(kind)
}

// Presentable reports whether a text can be a key at all: the database must be able to take
// it as a text, and it is not mistyped.
func Presentable(key string) bool {
	return !Mistyped(key) && key != "" && len(key) <= maxKeyLength && utf8.ValidString(key) && !strings.ContainsRune(key, 0)
}

// match compares a key with every row, in a time that does not reveal how much of a hash
// was right. Where several usable rows match, they must belong to one clinic: the key
// decides the clinic (R38), so a key of two clinics is refused.
func match(rows []APIKey, presented string, now time.Time) (APIKey, bool) {
	sum := sha256.Sum256([]byte(presented))
	var found APIKey
	matches := 0
	for _, row := range rows {
		stored, err := hex.DecodeString(row.Hash)
		if err != nil || subtle.ConstantTimeCompare(stored, sum[:]) != 1 || !row.Usable(now) {
			continue
		}
		if matches > 0 && row.ClinicID != found.ClinicID {
			return APIKey{}, false
		}
		if matches == 0 {
			found = row
		}
		matches++
	}
	return found, matches > 0
}

// Usable reports whether a key is neither revoked nor expired.
func (k APIKey) Usable(now time.Time) bool {
	return k.Active && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}
