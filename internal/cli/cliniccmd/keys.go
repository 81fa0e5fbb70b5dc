package cliniccmd

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
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
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
	ExpiresAt  *web.Instant   `json:"expiresAt"`
	LastUsedAt *web.Instant   `json:"lastUsedAt"`
	CreatedAt  web.Instant    `json:"createdAt"`
}

func keyDocument(k clinic.APIKey) keyJSON {
	return keyJSON{
		ID: k.ID, ClinicID: k.ClinicID, Name: k.Name, Prefix: k.Prefix, Scopes: k.Scopes(), Active: k.Active,
		ExpiresAt: web.Moment(k.ExpiresAt), LastUsedAt: web.Moment(k.LastUsedAt), CreatedAt: web.Instant(k.CreatedAt),
	}
}

// KeysCreateCmd creates a key.
type KeysCreateCmd struct {
	Clinic  cli.OfClinic `required:"" help:"The clinic that the key is for: its id, name, or the beginning of its id."`
	Name    cli.Label    `help:"What the key is for."`
	Scope   []string     `field:"scopes" help:"What the key may do; repeatable. Default: the four sync scopes." placeholder:"SCOPE" sep:"none"`
	Expires string       `field:"expiresAt" help:"When the key expires: 90d, 12h or a date. Default: never." placeholder:"WHEN"`
}

// Run creates the key.
func (a *KeysCreateCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	scopes, err := clinic.ParseScopes(a.Scope)
	if err != nil {
		return cli.Usage(fmt.Errorf("--scope: %w", err))
	}
	expires, err := expiry(a.Expires)
	if err != nil {
		return err
	}
	return cli.WithClinic(ctx, std, c, &a.Clinic, func(s *app.Store, _ clinic.Clinic) error {
		created, text, err := s.Fleet().CreateKey(ctx, cli.By(), clinic.APIKey{
			ClinicID: a.Clinic.UUID, Name: string(a.Name), Permissions: scopes, ExpiresAt: expires,
		})
		if err != nil {
			return err
		}
		document := keyDocument(created)
		document.Key = text
		return cli.Show(std, c, document, func(w io.Writer) {
			render.Fields(w, "key", text, "id", created.ID.String(), "scopes", scopeList(created))
			fmt.Fprintln(w, "This is the only time that the key is shown.")
		})
	})
}

// KeysListCmd lists keys.
type KeysListCmd struct {
	Clinic cli.OfClinic `help:"Only this clinic's keys."`
}

// Run lists the keys.
func (a *KeysListCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		keys, err := s.Keys().Keys(ctx)
		if err != nil {
			return err
		}
		if a.Clinic.Given() {
			if _, err := cli.ClinicOf(ctx, s, a.Clinic.UUID); err != nil {
				return err
			}
			keys = slices.DeleteFunc(keys, func(k clinic.APIKey) bool { return k.ClinicID != a.Clinic.UUID })
		}
		documents := make([]keyJSON, len(keys))
		rows := make([][]string, len(keys))
		now := time.Now()
		for i, k := range keys {
			documents[i] = keyDocument(k)
			state := keyState(k.Active, k.Usable(now))
			rows[i] = []string{k.ID.String(), k.ClinicID.String(), render.OrDash(k.Name), k.Prefix + "…", scopeList(k), state, render.Stamp(k.ExpiresAt, nil), render.Stamp(k.LastUsedAt, nil)}
		}
		return cli.Show(std, c, map[string]any{"items": documents}, func(w io.Writer) {
			render.Table(w, []string{"id", "clinic", "name", "key", "scopes", "state", "expires", "last used"}, rows)
		})
	})
}

// expiry reads the flag --expires; zero: never.
func expiry(text string) (at time.Time, err error) {
	if text == "" {
		return at, nil
	}
	if at, err = clinic.ParseExpiry(text, time.Now()); err != nil {
		err = cli.Usage(fmt.Errorf("--expires: %w", err))
	}
	return at, err
}

// keyState describes in one word whether a key can be used.
func keyState(active, usable bool) string {
	switch {
	case !active:
		return "revoked"
	case !usable:
		return "expired"
	default:
		return "active"
	}
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
	ID cli.ID `arg:"" help:"The key's id."`
}

// Run revokes the key.
func (a *KeysRevokeCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		// An attempt on a key that does not exist is recorded, too.
		key, err := s.Keys().Key(ctx, a.ID.UUID)
		if err != nil && casesync.Explain(err).Code != syncs.CodeNotFound {
			return err
		}
		if _, err = s.Fleet().RevokeKey(ctx, cli.By(), key.ClinicID, a.ID.UUID); err != nil {
			return cli.NoSuch(err, "API key", a.ID.UUID, "keys list")
		}
		return cli.Show(std, c, map[string]any{"id": a.ID.UUID, "active": false}, func(w io.Writer) {
			fmt.Fprintf(w, "Key %s is revoked.\n", a.ID)
		})
	})
}
