package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// KeysCmd holds the commands on API keys and on the encryption keys.
type KeysCmd struct {
	Create           KeysCreateCmd           `cmd:"" help:"Create an API key; it is shown once."`
	List             KeysListCmd             `cmd:"" help:"List a clinic's API keys, or all."`
	Revoke           KeysRevokeCmd           `cmd:"" help:"Revoke an API key at once."`
	RotateEncryption KeysRotateEncryptionCmd `cmd:"" help:"Encrypt all credentials and sessions again with the first key of ENCRYPTION_KEY."`
}

type keyJSON struct {
	ID         uuid.UUID      `json:"id"`
	ClinicID   uuid.UUID      `json:"clinicId"`
	Name       string         `json:"name"`
	Key        string         `json:"key,omitempty"`
	Prefix     string         `json:"prefix"`
	Scopes     []clinic.Scope `json:"scopes"`
	Active     bool           `json:"active"`
	ExpiresAt  *time.Time     `json:"expiresAt"`
	LastUsedAt *time.Time     `json:"lastUsedAt"`
	CreatedAt  time.Time      `json:"createdAt"`
}

func keyDocument(k clinic.APIKey) keyJSON {
	return keyJSON{
		ID: k.ID, ClinicID: k.ClinicID, Name: k.Name, Prefix: k.Prefix, Scopes: k.Scopes(), Active: k.Active,
		ExpiresAt: optional(k.ExpiresAt), LastUsedAt: optional(k.LastUsedAt), CreatedAt: k.CreatedAt.UTC(),
	}
}

// KeysCreateCmd creates a key.
type KeysCreateCmd struct {
	Clinic  ofClinic `required:"" help:"The clinic that the key is for: its id, name, or the beginning of its id."`
	Name    label    `help:"What the key is for."`
	Scope   []string `help:"What the key may do; repeatable. Default: the four sync scopes." placeholder:"SCOPE" sep:"none"`
	Expires string   `help:"When the key expires: 90d, 12h or a date. Default: never."`
}

// Run creates the key.
func (a *KeysCreateCmd) Run(ctx context.Context, std streams, c *Config) error {
	scopes, err := clinic.ParseScopes(a.Scope)
	if err != nil {
		return usageError{fmt.Errorf("--scope: %w", err)}
	}
	var expires time.Time
	if a.Expires != "" {
		if expires, err = clinic.ParseExpiry(a.Expires, time.Now()); err != nil {
			return usageError{fmt.Errorf("--expires: %w", err)}
		}
	}
	return withStore(ctx, std, c, func(s *app.Store) error {
		if _, err := clinicOf(ctx, s, a.Clinic.UUID); err != nil {
			return err
		}
		created, text, err := s.Fleet().CreateKey(ctx, byCommand(), clinic.APIKey{
			ClinicID: a.Clinic.UUID, Name: string(a.Name), Permissions: scopes, ExpiresAt: expires,
		})
		if err != nil {
			return err
		}
		document := keyDocument(created)
		document.Key = text
		return show(std, c, document, func(w io.Writer) {
			fields(w, "key", text, "id", created.ID.String(), "scopes", scopeList(created))
			fmt.Fprintln(w, "This is the only time that the key is shown.")
		})
	})
}

// KeysListCmd lists keys.
type KeysListCmd struct {
	Clinic ofClinic `help:"Only this clinic's keys."`
}

// Run lists the keys.
func (a *KeysListCmd) Run(ctx context.Context, std streams, c *Config) error {
	return withStore(ctx, std, c, func(s *app.Store) error {
		keys, err := s.Keys().Keys(ctx)
		if err != nil {
			return err
		}
		if a.Clinic.given() {
			if _, err := clinicOf(ctx, s, a.Clinic.UUID); err != nil {
				return err
			}
			keys = slices.DeleteFunc(keys, func(k clinic.APIKey) bool { return k.ClinicID != a.Clinic.UUID })
		}
		documents := make([]keyJSON, len(keys))
		rows := make([][]string, len(keys))
		now := time.Now()
		for i, k := range keys {
			documents[i] = keyDocument(k)
			state := "active"
			switch {
			case !k.Active:
				state = "revoked"
			case !k.Usable(now):
				state = "expired"
			}
			rows[i] = []string{k.ID.String(), k.ClinicID.String(), orDash(k.Name), k.Prefix + "…", scopeList(k), state, stamp(k.ExpiresAt, nil), stamp(k.LastUsedAt, nil)}
		}
		return show(std, c, map[string]any{"items": documents}, func(w io.Writer) {
			table(w, []string{"id", "clinic", "name", "key", "scopes", "state", "expires", "last used"}, rows)
		})
	})
}

func scopeList(k clinic.APIKey) string {
	var words []string
	for _, scope := range k.Scopes() {
		words = append(words, string(scope))
	}
	return strings.Join(words, " ")
}

// KeysRevokeCmd revokes a key.
type KeysRevokeCmd struct {
	ID id `arg:"" help:"The key's id."`
}

// Run revokes the key.
func (a *KeysRevokeCmd) Run(ctx context.Context, std streams, c *Config) error {
	return withStore(ctx, std, c, func(s *app.Store) error {
		// An attempt on a key that does not exist is recorded, too.
		key, err := s.Keys().Key(ctx, a.ID.UUID)
		if err != nil && casesync.Explain(err).Code != syncs.CodeNotFound {
			return err
		}
		if _, err = s.Fleet().RevokeKey(ctx, byCommand(), key.ClinicID, a.ID.UUID); err != nil {
			return noSuch(err, "API key", a.ID.UUID, "keys list")
		}
		return show(std, c, map[string]any{"id": a.ID.UUID, "active": false}, func(w io.Writer) {
			fmt.Fprintf(w, "Key %s is revoked.\n", a.ID)
		})
	})
}
