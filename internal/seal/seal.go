package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// Why a sealed record cannot be opened.
var (
	// ErrKeyUnknown: the record was sealed with a key that the keyring lacks.
	ErrKeyUnknown = errors.New("sealed with a key that ENCRYPTION_KEY does not list; add that key after the first")

	// ErrBroken: the record is damaged, was moved from another row, or was
	// sealed with another key of the same id.
	ErrBroken = errors.New("the sealed record is damaged, or belongs to another row")
)

// A Subject is the one place where a sealed record may be stored. A record that was moved
// to another table, clinic, provider or row does not open there (R37).
type Subject struct {
	Table    string
	ClinicID uuid.UUID
	Provider string // as in the row, aliases included
	RowID    uuid.UUID
}

// A sealed record consists, in this order, of:
//
//	1 byte   format version
//	1 byte   length of the key's id
//	n bytes  id of the key
//	32 bytes salt
//	12 bytes nonce
//	rest     AES-256-GCM ciphertext and tag
//
// HKDF-SHA-256 derives the record's own key from the keyring's key and the salt. Everything
// before the ciphertext is authenticated, and so is the Subject.
const (
	sealVersion = 1
	saltSize    = 32
	nonceSize   = 12
	recordInfo  = "pims-sync sealed record"
)

// Seal encrypts a text for one Subject with the first key (R37).
func (k *Keyring) Seal(plain []byte, about Subject) ([]byte, error) {
	key := k.first()
	header := append([]byte{sealVersion, byte(len(key.id))}, key.id...) //nolint:gosec // an id has at most 64 characters
	random := make([]byte, saltSize+nonceSize)
	rand.Read(random)
	header = append(header, random...)

	aead, err := recordCipher(key, random[:saltSize])
	if err != nil {
		return nil, fmt.Errorf("sealing a record of %s: %w", about.Table, err)
	}
	return aead.Seal(header, random[saltSize:], plain, about.authenticated(header)), nil
}

// Open decrypts what Seal made for the same Subject. Errors: ErrKeyUnknown,
// ErrBroken.
func (k *Keyring) Open(sealed []byte, about Subject) ([]byte, error) {
	id, err := KeyID(sealed)
	if err != nil {
		return nil, fmt.Errorf("opening a record of %s: %w", about.Table, err)
	}
	key := k.find(id)
	if key == nil {
		return nil, fmt.Errorf("opening a record of %s: key %q: %w", about.Table, id, ErrKeyUnknown)
	}
	headerSize := 2 + len(id) + saltSize + nonceSize
	header, body := sealed[:headerSize:headerSize], sealed[headerSize:]
	salt, nonce := header[2+len(id):headerSize-nonceSize], header[headerSize-nonceSize:]

	aead, err := recordCipher(key, salt)
	if err != nil {
		return nil, fmt.Errorf("opening a record of %s: %w", about.Table, err)
	}
	plain, err := aead.Open(nil, nonce, body, about.authenticated(header))
	if err != nil {
		return nil, fmt.Errorf("opening a record of %s: %w", about.Table, ErrBroken)
	}
	return plain, nil
}

// Reseal seals a record again with the first key, for Rotate. Errors are those of Open.
func (k *Keyring) Reseal(sealed []byte, about Subject) ([]byte, error) {
	plain, err := k.Open(sealed, about)
	if err != nil {
		return nil, err
	}
	return k.Seal(plain, about)
}

// NeedsRotation reports whether a record was sealed with another key than the first, or
// does not have our form.
func (k *Keyring) NeedsRotation(sealed []byte) bool {
	id, err := KeyID(sealed)
	return err != nil || id != k.first().id
}

// KeyID returns the id of the key that sealed a record. The error is ErrBroken where the
// record does not have our form.
func KeyID(sealed []byte) (string, error) {
	if len(sealed) < 2 || sealed[0] != sealVersion {
		return "", ErrBroken
	}
	idEnd := 2 + int(sealed[1])
	if len(sealed) < idEnd+saltSize+nonceSize {
		return "", ErrBroken
	}
	return string(sealed[2:idEnd]), nil
}

func recordCipher(key *encryptionKey, salt []byte) (cipher.AEAD, error) {
	secret, err := hkdf.Key(sha256.New, key.secret, salt, recordInfo, keySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// authenticated returns what a record is bound to: its header and its place, as netstrings,
// so that no two places give the same bytes.
func (s Subject) authenticated(header []byte) []byte {
	var bound []byte
	for _, part := range [][]byte{header, []byte(s.Table), s.ClinicID[:], []byte(s.Provider), s.RowID[:]} {
		bound = fmt.Appendf(bound, "%d:%s,", len(part), part)
	}
	return bound
}
