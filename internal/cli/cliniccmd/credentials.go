package cliniccmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/render"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// CredentialsCmd holds the commands on a clinic's PIMS credentials.
type CredentialsCmd struct {
	Set    CredentialsSetCmd    `cmd:"" help:"Store a clinic's PIMS credentials, sealed."`
	Fields CredentialsFieldsCmd `cmd:"" help:"List the fields that each PIMS provider asks for."`
	Test   CredentialsTestCmd   `cmd:"" help:"Log in to the PIMS and show what was found."`
	Show   CredentialsShowCmd   `cmd:"" help:"Show what is stored, without secrets."`
	Resume CredentialsResumeCmd `cmd:"" help:"Use suspended credentials again."`
	Remove CredentialsRemoveCmd `cmd:"" help:"Remove a clinic's credentials and session."`
}

// CredentialsSetCmd stores credentials.
type CredentialsSetCmd struct {
	Clinic   cli.OfClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
	Provider string       `help:"The PIMS provider; needed where there are several." default:"${provider}" placeholder:"NAME"`

	BaseURL   string   `name:"base-url" help:"The address of the clinic's PIMS, if it is not the provider's default." placeholder:"URL"`
	Username  string   `help:"The user to log in as."`
	CompanyID string   `help:"The practice id, if the login page asks for one."`
	Field     []string `help:"Another field that is no secret; can be repeated. 'credentials fields' lists them." sep:"none" placeholder:"NAME=VALUE"`

	PasswordStdin bool `required:"" xor:"secrets" help:"Read the password from the first line of standard input, so that it appears in no shell history and no process list."`
	SecretsStdin  bool `required:"" xor:"secrets" help:"Read the secret fields from standard input, each on a line NAME=VALUE."`
}

// Help shows how the command is used.
func (*CredentialsSetCmd) Help() string {
	return `Secrets come from standard input only.

Example:
  pims-sync credentials set --clinic ID --username reception@example.com --password-stdin < password.txt
  pims-sync credentials set --clinic ID --provider NAME --field clientId=… --secrets-stdin < secrets.txt`
}

// Run stores the credentials.
func (a *CredentialsSetCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	fields, err := a.fields(std.In)
	if err != nil {
		return err
	}
	return cli.WithEngine(ctx, std, c, func(e *app.Engine) error {
		if _, err := cli.ClinicOf(ctx, e.Store, a.Clinic.UUID); err != nil {
			return err
		}
		declared, err := declarationOf(e, a.Provider)
		if err != nil {
			return cli.Usage(fmt.Errorf("--provider: %w", err))
		}
		if err := a.check(declared); err != nil {
			return err
		}
		if err := e.Fleet().SetCredential(ctx, cli.By(), a.Clinic.UUID, declared.Name, fields); err != nil {
			return inCredentialFlags(err)
		}
		base := declared.Complete(fields)[pims.FieldBaseURL]
		return cli.Show(std, c, map[string]any{"clinicId": a.Clinic.UUID, "provider": declared.Name}, func(w io.Writer) {
			if u, err := url.Parse(base); err == nil && u.Host != "" && c.Hosts().CheckURL(u) != nil {
				fmt.Fprintf(w, "Stored, but syncs will fail until PIMS_ALLOWED_HOSTS=%s is set for every server.\n", u.Host)
				return
			}
			fmt.Fprintf(w, "Stored. Next: pims-sync clinic check --clinic %s\n", a.Clinic)
		})
	})
}

// fields reads the fields from the flags and from standard input.
func (a *CredentialsSetCmd) fields(in io.Reader) (fields pims.Credentials, err error) {
	if a.PasswordStdin {
		var password string
		password, err = cli.ReadPassword(in)
		fields = pims.Credentials{pims.FieldPassword: password}
	} else {
		fields, err = cli.ReadSecrets(in)
	}
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{pims.FieldBaseURL: a.BaseURL, pims.FieldUsername: a.Username, pims.FieldPracticeID: a.CompanyID} {
		if value != "" {
			fields[name] = value
		}
	}
	for _, field := range a.Field {
		name, value, ok := strings.Cut(field, "=")
		if !ok {
			return nil, cli.Usage(errors.New("--field is not of the form NAME=VALUE"))
		}
		if _, twice := fields[name]; twice {
			return nil, cli.Usage(fmt.Errorf("%s is given twice", name))
		}
		fields[name] = value
	}
	return fields, nil
}

// check refuses a secret on the command line, where others can read it.
func (a *CredentialsSetCmd) check(declared pims.Declaration) error {
	for _, field := range a.Field {
		name, _, _ := strings.Cut(field, "=")
		if f, ok := declared.Field(name); ok && f.Secret {
			return cli.Usage(fmt.Errorf("--field %s: it is a secret, which others can read on a command line; give it with --secrets-stdin", name))
		}
	}
	return nil
}

// declarationOf returns the declaration of the provider with that name or alias.
func declarationOf(e *app.Engine, provider string) (pims.Declaration, error) {
	name, err := e.Connector.CanonicalProvider(provider)
	if err != nil {
		return pims.Declaration{}, err
	}
	all := e.Connector.Declarations()
	return all[slices.IndexFunc(all, func(d pims.Declaration) bool { return d.Name == name })], nil
}

// credentialFlags are the flags of the fields that have one.
var credentialFlags = map[string]string{pims.FieldBaseURL: "--base-url", pims.FieldUsername: "--username", pims.FieldPracticeID: "--company-id"}

// inCredentialFlags names the flag of a credential's wrong field.
func inCredentialFlags(err error) error {
	failure, ok := errors.AsType[*syncs.Failure](err)
	if !ok || failure.Field == "" {
		return err
	}
	said := failure.Message
	if flag, ok := credentialFlags[failure.Field]; ok {
		said = strings.Replace(said, failure.Field, flag, 1)
	}
	return cli.Usage(errors.New(said))
}

// CredentialsFieldsCmd lists what each provider asks for.
type CredentialsFieldsCmd struct{}

type providerJSON struct {
	Provider string      `json:"provider"`
	Title    string      `json:"title"`
	Aliases  []string    `json:"aliases"`
	Fields   []fieldJSON `json:"fields"`
}

type fieldJSON struct {
	Name     string `json:"name"`
	Label    string `json:"label"`
	Secret   bool   `json:"secret"`
	Required bool   `json:"required"`
	Default  string `json:"default,omitempty"`
}

// Run lists the fields (R53).
func (*CredentialsFieldsCmd) Run(std cli.Streams, c *cli.Config) error {
	var providers []providerJSON
	var rows [][]string
	for _, d := range app.Declarations() {
		document := providerJSON{d.Name, d.Title, append([]string{}, d.Aliases...), []fieldJSON{}}
		for _, f := range d.Fields {
			document.Fields = append(document.Fields, fieldJSON{f.Name, f.Label, f.Secret, f.Required, f.Default})
			rows = append(rows, []string{d.Name, f.Name, f.Label, yesNo(f.Secret), yesNo(f.Required), render.OrDash(f.Default)})
		}
		providers = append(providers, document)
	}
	return cli.Show(std, c, map[string]any{"items": providers}, func(w io.Writer) {
		render.Table(w, []string{"provider", "field", "what it is", "secret", "required", "default"}, rows)
	})
}

// CredentialsTestCmd logs in.
type CredentialsTestCmd struct {
	Clinic  cli.OfClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
	Picture string       `placeholder:"FILE" help:"Where to write a picture (JPEG) of the page if the login fails. What was typed is covered."`
}

// Run logs in and prints what it found.
func (a *CredentialsTestCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithEngine(ctx, std, c, func(e *app.Engine) error {
		if _, err := cli.ClinicOf(ctx, e.Store, a.Clinic.UUID); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, time.Duration(c.SyncTimeoutMS)*time.Millisecond)
		defer cancel()
		var written error
		if a.Picture != "" {
			ctx = pims.SeeFailedPage(ctx, func(jpeg []byte) { written = os.WriteFile(a.Picture, jpeg, 0o600) })
		}
		found, err := e.Fleet().TestCredential(ctx, cli.By(), a.Clinic.UUID)
		if err != nil {
			return errors.Join(failureOf(err), written)
		}
		return cli.Show(std, c, map[string]any{
			"clinicId": a.Clinic.UUID, "provider": found.Provider, "date": found.Day.String(), "appointments": found.Appointments,
			"loginMs": found.LoginTook.Milliseconds(), "fetchMs": found.FetchTook.Milliseconds(),
		}, func(w io.Writer) {
			fmt.Fprintf(w, "Logged in to %s in %.1f s. Its calendar of %s has %d appointments (fetched in %.1f s).\n",
				found.Provider, found.LoginTook.Seconds(), found.Day, found.Appointments, found.FetchTook.Seconds())
		})
	})
}

// CredentialsShowCmd shows what is stored.
type CredentialsShowCmd struct {
	Clinic cli.OfClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
}

type credentialJSON struct {
	ClinicID uuid.UUID `json:"clinicId"`
	Provider string    `json:"provider"`
	KeyID    string    `json:"encryptionKeyId"`

	// Fields are those that are no secret; null: the key that opens them is not here.
	Fields map[string]string `json:"fields"`

	SuspendedAt     *web.Instant `json:"suspendedAt"`
	SuspendedReason string       `json:"suspendedReason,omitempty"`
	UpdatedAt       web.Instant  `json:"updatedAt"`
}

// Run shows the credential's row.
func (a *CredentialsShowCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithClinic(ctx, std, c, &a.Clinic, func(s *app.Store, _ clinic.Clinic) error {
		stored, err := s.Credentials().Credential(ctx, a.Clinic.UUID)
		if err != nil {
			return err
		}
		keyID, err := seal.KeyID(stored.Sealed)
		if err != nil {
			keyID = "unreadable"
		}
		open, unread := publicFields(ctx, s, c, stored)
		document := credentialJSON{
			ClinicID: stored.ClinicID, Provider: stored.Provider, KeyID: keyID, Fields: open,
			SuspendedAt: web.Moment(stored.SuspendedAt), SuspendedReason: stored.SuspendedReason, UpdatedAt: web.Instant(stored.UpdatedAt),
		}
		return cli.Show(std, c, document, func(w io.Writer) {
			state := "in use"
			if stored.Suspended() {
				state = "suspended since " + render.Stamp(stored.SuspendedAt, nil) + ": " + stored.SuspendedReason
			}
			rows := []string{"provider", stored.Provider}
			for _, name := range slices.Sorted(maps.Keys(open)) {
				rows = append(rows, name, open[name])
			}
			if unread != nil {
				rows = append(rows, "fields", "cannot be read: "+unread.Error())
			}
			render.Fields(w, append(rows, "state", state, "sealed with key", keyID, "stored", render.Stamp(stored.CreatedAt, nil))...)
		})
	})
}

// publicFields opens the credential and returns the fields that are no secret.
func publicFields(ctx context.Context, s *app.Store, c *cli.Config, stored clinic.StoredCredential) (map[string]string, error) {
	ring, err := s.Keyring(ctx, c.EncryptionKey)
	if err != nil {
		return nil, err
	}
	opened, err := stored.Open(ring)
	if err != nil {
		return nil, err
	}
	declared, known := app.DeclarationOf(stored.Provider)
	if !known {
		return nil, fmt.Errorf("no PIMS provider is called %q", stored.Provider)
	}
	return declared.Public(opened), nil
}

// CredentialsResumeCmd lifts a suspension.
type CredentialsResumeCmd struct {
	Clinic cli.OfClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
}

// Run lifts the suspension (R32).
func (a *CredentialsResumeCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithClinic(ctx, std, c, &a.Clinic, func(s *app.Store, _ clinic.Clinic) error {
		stored, err := s.Credentials().Credential(ctx, a.Clinic.UUID)
		if err != nil {
			return err
		}
		said := "The credentials were not suspended; nothing was changed."
		if stored.Suspended() {
			if err := s.Fleet().ResumeCredential(ctx, cli.By(), a.Clinic.UUID); err != nil {
				return err
			}
			said = "The credentials are in use again."
		}
		return cli.Show(std, c, map[string]any{"clinicId": a.Clinic.UUID, "suspendedAt": nil}, func(w io.Writer) {
			fmt.Fprintln(w, said)
		})
	})
}

// CredentialsRemoveCmd removes credentials.
type CredentialsRemoveCmd struct {
	Clinic cli.OfClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
}

// Run removes the credential and its session.
func (a *CredentialsRemoveCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithClinic(ctx, std, c, &a.Clinic, func(s *app.Store, _ clinic.Clinic) error {
		err := cli.Act(ctx, s, cli.Event(access.CredentialsRemove, a.Clinic.UUID, access.Record{}), func(ctx context.Context, e *access.Event) error {
			stored, err := s.Credentials().Credential(ctx, a.Clinic.UUID)
			if err != nil {
				return err
			}
			e.Record, e.Before = access.RecordOf("credentials", stored.ID), access.Values{"provider": stored.Provider}
			return s.Credentials().RemoveCredential(ctx, a.Clinic.UUID)
		})
		if err != nil {
			return err
		}
		return cli.Show(std, c, map[string]any{"clinicId": a.Clinic.UUID, "removed": true}, func(w io.Writer) {
			fmt.Fprintln(w, "The credentials and their session are removed.")
		})
	})
}
