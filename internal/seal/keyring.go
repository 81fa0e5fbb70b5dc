// Package seal encrypts what must not be readable in a copy of the database, such as
// credentials and sessions. Each record is bound to its place (R37). The package holds the
// keyring of ENCRYPTION_KEY, the check that finds a wrong key, and the rotation to a new
// key.
//
// It does not know what it seals, nor any database: the caller passes in the stores.
package seal

import (
	"crypto/hkdf"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"unicode/utf8"
)

// A Keyring holds the encryption keys of ENCRYPTION_KEY: the first encrypts, all of them
// decrypt (R37). It is safe for concurrent use and never shows a key.
type Keyring struct {
	keys []encryptionKey // at least one; distinct ids
}

// An encryptionKey is one key of a Keyring. Its id is not secret: every record that the key
// sealed contains it.
type encryptionKey struct {
	id     string
	secret []byte // keySize bytes
}

const (
	keySize       = 32 // bytes, of AES-256
	minTextLength = 32 // characters, of a key that is given as a text
)

// keyShape is the form `id:base64`, whatever the length of the base64.
var keyShape = regexp.MustCompile(`^([A-Za-z0-9._-]{1,64}):([A-Za-z0-9+/]{16,}={0,2})$`)

// keyIDShape is the beginning of a text that was probably meant as `id:base64`.
var keyIDShape = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}:`)

// NewKey makes a random key in the form `id:base64` that ParseKeyring reads.
func NewKey() string {
	id, secret := make([]byte, 4), make([]byte, keySize)
	rand.Read(id)
	rand.Read(secret)
	return "k" + hex.EncodeToString(id) + ":" + base64.StdEncoding.EncodeToString(secret)
}

// ParseKeyring reads ENCRYPTION_KEY (docs/interface.md §Environment). Its value is one of
//   - keys of the form `id:base64` of 32 bytes, separated by commas, of which the first
//     encrypts;
//   - one plain text of at least 32 characters.
//
// To replace a plain text by a key, list the text after the key. The text must then neither
// contain a comma nor begin like an id.
//
// An error names the position of the bad entry and never any part of it.
func ParseKeyring(text string) (*Keyring, error) {
	text = strings.TrimSpace(text)
	entries := strings.Split(text, ",")
	listed := false
	for i := range entries {
		entries[i] = strings.TrimSpace(entries[i])
		listed = listed || keyShape.MatchString(entries[i])
	}
	if !listed {
		if keyShape.MatchString(strings.Trim(text, "\"'`")) {
			return nil, errors.New("ENCRYPTION_KEY is in quotation marks, which belong to a shell; write it without them")
		}
		key, err := keyOfText(text)
		if err != nil {
			return nil, fmt.Errorf("ENCRYPTION_KEY: %w", err)
		}
		return &Keyring{keys: []encryptionKey{key}}, nil
	}

	ring := &Keyring{}
	for i, entry := range entries {
		key, err := parseKey(entry)
		if err == nil && ring.find(key.id) != nil {
			err = errors.New("has the id of an earlier key; give each key an id of its own")
		}
		if err != nil {
			return nil, fmt.Errorf("ENCRYPTION_KEY: key %d of %d: %w", i+1, len(entries), err)
		}
		ring.keys = append(ring.keys, key)
	}
	return ring, nil
}

// parseKey reads one entry of a list.
func parseKey(entry string) (encryptionKey, error) {
	parts := keyShape.FindStringSubmatch(entry)
	if parts == nil {
		if keyIDShape.MatchString(entry) {
			return encryptionKey{}, errMalformedKey
		}
		return keyOfText(entry)
	}
	secret, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(parts[2], "="))
	if err != nil || len(secret) != keySize {
		return encryptionKey{}, errMalformedKey
	}
	return encryptionKey{id: parts[1], secret: secret}, nil
}

var errMalformedKey = errors.New("is not `id:base64` of 32 bytes; make one with `pims-sync keygen`")

// keyOfText derives a key and its id from a plain text. The id reveals nothing of the text.
// Both can only be found by guessing the text, and each guess is slow.
func keyOfText(text string) (encryptionKey, error) {
	if utf8.RuneCountInString(text) < minTextLength {
		return encryptionKey{}, errors.New("is shorter than 32 characters; make a key with `pims-sync keygen`")
	}
	const rounds = 600_000 // of PBKDF2-HMAC-SHA-256
	master, err := pbkdf2.Key(sha256.New, text, []byte("pims-sync ENCRYPTION_KEY"), rounds, keySize)
	if err != nil {
		return encryptionKey{}, fmt.Errorf("cannot be stretched: %w", err)
	}
	secret, err := hkdf.Expand(sha256.New, master, "key", keySize)
	if err != nil {
		return encryptionKey{}, fmt.Errorf("cannot be derived: %w", err)
	}
	id, err := hkdf.Expand(sha256.New, master, "id", 4)
	if err != nil {
		return encryptionKey{}, fmt.Errorf("cannot be named: %w", err)
	}
	return encryptionKey{id: "text-" + hex.EncodeToString(id), secret: secret}, nil
}

// KeyIDs returns the ids of the keys in their order. The first encrypts.
func (k *Keyring) KeyIDs() []string {
	ids := make([]string, len(k.keys))
	for i := range k.keys {
		ids[i] = k.keys[i].id
	}
	return ids
}

func (k *Keyring) first() *encryptionKey { return &k.keys[0] }

// find returns the key of an id, or nil.
func (k *Keyring) find(id string) *encryptionKey {
	for i := range k.keys {
		if k.keys[i].id == id {
			return &k.keys[i]
		}
	}
	return nil
}

// String keeps keys out of texts made with fmt (R40).
func (k *Keyring) String() string { return "[encryption keys]" }

// GoString keeps keys out of texts made with %#v (R40).
func (k *Keyring) GoString() string { return "seal.Keyring{…}" }

// LogValue keeps keys out of logs (R40).
func (k *Keyring) LogValue() slog.Value { return slog.StringValue(k.String()) }

// Derive returns a key of 32 bytes for another purpose for each key of the ring, in their
// order. All replicas with the same ENCRYPTION_KEY derive the same.
func (k *Keyring) Derive(purpose string) ([][]byte, error) {
	derived := make([][]byte, len(k.keys))
	for i := range k.keys {
		var err error
		if derived[i], err = hkdf.Key(sha256.New, k.keys[i].secret, nil, "pims-sync "+purpose, keySize); err != nil {
			return nil, fmt.Errorf("deriving the key for %s: %w", purpose, err)
		}
	}
	return derived, nil
}
