package cliniccmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/queue"
	"github.com/pims-sync/pims-sync/internal/seal"
)

// KeysRotateEncryptionCmd seals everything again with the first encryption key.
type KeysRotateEncryptionCmd struct {
	DryRun bool `help:"Decrypt and count everything, but write nothing."`
	Force  bool `help:"Continue even if a replica lacks the first key; its syncs will fail."`
}

type rotationJSON struct {
	KeyID        string           `json:"encryptionKeyId"`
	DryRun       bool             `json:"dryRun"`
	Rotated      int              `json:"rotated"`
	Current      int              `json:"current"`
	LostSessions int              `json:"lostSessions"`
	Secrets      int              `json:"secretsRotated"`
	LostSecrets  int              `json:"lostSecrets"`
	Unreadable   []unreadableJSON `json:"unreadable"`
}

type unreadableJSON struct {
	ClinicID uuid.UUID `json:"clinicId"`
	Reason   string    `json:"reason"`
}

// Run rotates the encryption key (R37). It may run beside replicas, be interrupted,
// and be repeated.
func (a *KeysRotateEncryptionCmd) Run(ctx context.Context, std cli.Streams, c *cli.Config) error {
	return cli.WithStore(ctx, std, c, func(s *app.Store) error {
		ring, err := s.Keyring(ctx, c.EncryptionKey)
		if err != nil {
			return err
		}
		if err := a.ready(ctx, s, ring.KeyIDs()[0]); err != nil {
			return err
		}
		done, err := ring.Rotate(ctx, s.Seals(), a.DryRun)
		for _, others := range []seal.Store{app.Webhooks(s, ring), app.Notifications(s, ring), app.Recordings(s, ring)} {
			if err == nil {
				var secrets seal.Rotation
				secrets, err = ring.Rotate(ctx, others, a.DryRun)
				done.Secrets += secrets.Rotated
				done.LostSecrets += len(secrets.Unreadable)
			}
		}
		if !a.DryRun {
			action := cli.Event(access.EncryptionRotate, uuid.Nil, access.Record{Kind: "encryption key", ID: ring.KeyIDs()[0]})
			action.After = access.Values{"rotated": done.Rotated, "unreadable": len(done.Unreadable)}
			err = errors.Join(err, s.OperatorLog().Note(ctx, action, err))
		}
		if err != nil {
			return fmt.Errorf("%w; %d records are rotated: run it again for the others", err, done.Rotated)
		}
		document := rotationDocument(ring, done, a.DryRun)
		if err := cli.Show(std, c, document, document.print); err != nil {
			return err
		}
		if n := len(done.Unreadable); n > 0 {
			return fmt.Errorf("the credentials of %d clinics cannot be opened and stay as they are; list their key in ENCRYPTION_KEY and run this again, or replace them with `pims-sync credentials set --clinic ID`", n)
		}
		return nil
	})
}

// ready refuses a rotation to a key that a replica lacks. That replica could not open what
// is sealed with it.
func (a *KeysRotateEncryptionCmd) ready(ctx context.Context, s *app.Store, keyID string) error {
	if a.DryRun || a.Force {
		return nil
	}
	lacking, err := s.Replicas().Lacking(ctx, keyID, queue.ReplicaSilence)
	if err != nil || len(lacking) == 0 {
		return err
	}
	return fmt.Errorf("these replicas do not have the key %q: %s; list it in their ENCRYPTION_KEY and restart them, else their syncs fail; --force goes on all the same",
		keyID, strings.Join(lacking, ", "))
}

func rotationDocument(ring *seal.Keyring, done seal.Rotation, dryRun bool) rotationJSON {
	document := rotationJSON{
		KeyID: ring.KeyIDs()[0], DryRun: dryRun, Rotated: done.Rotated, Current: done.Current, LostSessions: done.Sessions, Secrets: done.Secrets, LostSecrets: done.LostSecrets,
		Unreadable: make([]unreadableJSON, len(done.Unreadable)),
	}
	for i, u := range done.Unreadable {
		document.Unreadable[i] = unreadableJSON{u.ClinicID, u.Err.Error()}
	}
	return document
}

func (d rotationJSON) print(w io.Writer) {
	sealed := "were sealed anew with the key"
	if d.DryRun {
		sealed = "would be sealed anew with the key"
	}
	fmt.Fprintf(w, "%d credentials and sessions %s %q; %d have it already.\n", d.Rotated, sealed, d.KeyID, d.Current)
	if d.LostSessions > 0 {
		fmt.Fprintf(w, "%d sessions cannot be opened; those clinics log in again at their next sync.\n", d.LostSessions)
	}
	if d.Secrets > 0 {
		fmt.Fprintf(w, "%d secrets of webhooks and targets of notifications %s %q.\n", d.Secrets, sealed, d.KeyID)
	}
	if d.LostSecrets > 0 {
		fmt.Fprintf(w, "%d secrets of webhooks or targets of notifications cannot be opened; use `pims-sync webhooks rotate ID`, or add the channel anew.\n", d.LostSecrets)
	}
	for _, u := range d.Unreadable {
		fmt.Fprintf(w, "clinic %s: %s\n", u.ClinicID, u.Reason)
	}
}
