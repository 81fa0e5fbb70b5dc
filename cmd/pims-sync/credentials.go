package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// CredentialsCmd holds the commands on a clinic's PIMS credentials.
type CredentialsCmd struct {
	Set    CredentialsSetCmd    `cmd:"" help:"Store a clinic's PIMS credentials, sealed."`
	Test   CredentialsTestCmd   `cmd:"" help:"Log in to the PIMS and show what was found."`
	Show   CredentialsShowCmd   `cmd:"" help:"Show what is stored, without secrets."`
	Resume CredentialsResumeCmd `cmd:"" help:"Use suspended credentials again."`
	Remove CredentialsRemoveCmd `cmd:"" help:"Remove a clinic's credentials and session."`
}

// CredentialsSetCmd stores credentials.
type CredentialsSetCmd struct {
	Clinic        ofClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
	Provider      string   `help:"The PIMS provider." default:"idexx_neo"`
	BaseURL       string   `name:"base-url" help:"The address of the clinic's PIMS." default:"${base_url}" placeholder:"URL"`
	Username      string   `required:"" help:"The user to log in as."`
	CompanyID     string   `help:"The practice id, if the login page asks for one."`
	PasswordStdin bool     `required:"" help:"Read the password from the first line of standard input. This is the only way, so that the password appears in no shell history and no process list."`
}

// Run stores the credentials.
func (a *CredentialsSetCmd) Run(ctx context.Context, std streams, c *Config) error {
	password, err := readPassword(std.in)
	if err != nil {
		return err
	}
	return withEngine(ctx, std, c, func(e *app.Engine) error {
		if _, err := clinicOf(ctx, e.Store, a.Clinic.UUID); err != nil {
			return err
		}
		if _, err := e.Connector.CanonicalProvider(a.Provider); err != nil {
			return usageError{fmt.Errorf("--provider: %w", err)}
		}
		credential, err := e.Connector.NewCredential(a.Clinic.UUID, a.Provider, pims.Credentials{
			BaseURL: a.BaseURL, Username: a.Username, Password: password, PracticeID: a.CompanyID,
		})
		if err != nil {
			return inCredentialFlags(err)
		}
		action := event(access.CredentialsSet, a.Clinic.UUID, access.RecordOf("credentials", credential.ID))
		action.After = access.Values{"provider": credential.Provider, "baseUrl": a.BaseURL}
		err = act(ctx, e.Store, action, func(ctx context.Context, _ *access.Event) error {
			return e.Store.Credentials().ReplaceCredential(ctx, credential)
		})
		if err != nil {
			return err
		}
		return show(std, c, map[string]any{"clinicId": a.Clinic.UUID, "provider": credential.Provider}, func(w io.Writer) {
			if u, err := url.Parse(a.BaseURL); err == nil && c.hosts().CheckURL(u) != nil {
				fmt.Fprintf(w, "Stored, but syncs will fail until PIMS_ALLOWED_HOSTS=%s is set for every server.\n", u.Host)
				return
			}
			fmt.Fprintf(w, "Stored. Next: pims-sync credentials test --clinic %s\n", a.Clinic)
		})
	})
}

// inCredentialFlags names the flag of a credential's wrong field.
func inCredentialFlags(err error) error {
	var field *pims.FieldError
	if !errors.As(err, &field) {
		return err
	}
	name := field.Field
	if flag, ok := map[string]string{"baseUrl": "--base-url", "username": "--username", "practiceId": "--company-id"}[name]; ok {
		name = flag
	}
	return usageError{fmt.Errorf("%s %s", name, field.Reason)}
}

// CredentialsTestCmd logs in.
type CredentialsTestCmd struct {
	Clinic ofClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
}

// Run logs in and prints what it found.
func (a *CredentialsTestCmd) Run(ctx context.Context, std streams, c *Config) error {
	return withEngine(ctx, std, c, func(e *app.Engine) error {
		if _, err := clinicOf(ctx, e.Store, a.Clinic.UUID); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, time.Duration(c.SyncTimeoutMS)*time.Millisecond)
		defer cancel()
		found, err := e.Connector.Test(ctx, a.Clinic.UUID)
		if noted := e.Store.OperatorLog().Note(ctx, event(access.CredentialsTest, a.Clinic.UUID, access.Record{}), err); noted != nil {
			return noted
		}
		if err != nil {
			if failure := casesync.Explain(err); failure.Code != syncs.CodeInternal {
				return failure
			}
			return err
		}
		return show(std, c, map[string]any{
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
	Clinic ofClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
}

type credentialJSON struct {
	ClinicID        uuid.UUID  `json:"clinicId"`
	Provider        string     `json:"provider"`
	KeyID           string     `json:"encryptionKeyId"`
	SuspendedAt     *time.Time `json:"suspendedAt"`
	SuspendedReason string     `json:"suspendedReason,omitempty"`
	UpdatedAt       time.Time  `json:"updatedAt"`
}

// Run shows the credential's row.
func (a *CredentialsShowCmd) Run(ctx context.Context, std streams, c *Config) error {
	return withStore(ctx, std, c, func(s *app.Store) error {
		if _, err := clinicOf(ctx, s, a.Clinic.UUID); err != nil {
			return err
		}
		stored, err := s.Credentials().Credential(ctx, a.Clinic.UUID)
		if err != nil {
			return err
		}
		keyID, err := seal.KeyID(stored.Sealed)
		if err != nil {
			keyID = "unreadable"
		}
		document := credentialJSON{
			ClinicID: stored.ClinicID, Provider: stored.Provider, KeyID: keyID,
			SuspendedAt: optional(stored.SuspendedAt), SuspendedReason: stored.SuspendedReason, UpdatedAt: stored.UpdatedAt.UTC(),
		}
		return show(std, c, document, func(w io.Writer) {
			state := "in use"
			if stored.Suspended() {
				state = "suspended since " + stamp(stored.SuspendedAt, nil) + ": " + stored.SuspendedReason
			}
			fields(w, "provider", stored.Provider, "state", state, "sealed with key", keyID, "stored", stamp(stored.CreatedAt, nil))
		})
	})
}

// CredentialsResumeCmd lifts a suspension.
type CredentialsResumeCmd struct {
	Clinic ofClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
}

// Run lifts the suspension (R32).
func (a *CredentialsResumeCmd) Run(ctx context.Context, std streams, c *Config) error {
	return withStore(ctx, std, c, func(s *app.Store) error {
		if _, err := clinicOf(ctx, s, a.Clinic.UUID); err != nil {
			return err
		}
		stored, err := s.Credentials().Credential(ctx, a.Clinic.UUID)
		if err != nil {
			return err
		}
		said := "The credentials were not suspended; nothing was changed."
		if stored.Suspended() {
			action := event(access.CredentialsResume, a.Clinic.UUID, access.RecordOf("credentials", stored.ID))
			action.Before = access.Values{"suspendedAt": stored.SuspendedAt, "reason": stored.SuspendedReason}
			action.After = access.Values{"suspendedAt": nil}
			err := act(ctx, s, action, func(ctx context.Context, _ *access.Event) error {
				return s.Credentials().ResumeCredential(ctx, a.Clinic.UUID)
			})
			if err != nil {
				return err
			}
			said = "The credentials are in use again."
		}
		return show(std, c, map[string]any{"clinicId": a.Clinic.UUID, "suspendedAt": nil}, func(w io.Writer) {
			fmt.Fprintln(w, said)
		})
	})
}

// CredentialsRemoveCmd removes credentials.
type CredentialsRemoveCmd struct {
	Clinic ofClinic `required:"" help:"The clinic: its id, name, or the beginning of its id."`
}

// Run removes the credential and its session.
func (a *CredentialsRemoveCmd) Run(ctx context.Context, std streams, c *Config) error {
	return withStore(ctx, std, c, func(s *app.Store) error {
		if _, err := clinicOf(ctx, s, a.Clinic.UUID); err != nil {
			return err
		}
		err := act(ctx, s, event(access.CredentialsRemove, a.Clinic.UUID, access.Record{}), func(ctx context.Context, e *access.Event) error {
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
		return show(std, c, map[string]any{"clinicId": a.Clinic.UUID, "removed": true}, func(w io.Writer) {
			fmt.Fprintln(w, "The credentials and their session are removed.")
		})
	})
}
