package clinic

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/seal"
)

// A Step is one part of a test of credentials, in the order of the constants.
type Step string

// The steps of Connector.Test.
const (
	StepLogin    Step = "login"    // the stored credentials are opened, and the browser signs in
	StepSession  Step = "session"  // a request shows that the session is this practice's
	StepCalendar Step = "calendar" // today's calendar is read
)

// A StepWatcher is told when a step begins and, unless it failed, when it is over.
type StepWatcher func(step Step, over bool, took time.Duration)

type stepWatcherKey struct{}

// WatchSteps lets somebody follow the tests that are made with the context.
func WatchSteps(ctx context.Context, told StepWatcher) context.Context {
	return context.WithValue(ctx, stepWatcherKey{}, told)
}

// step runs one step of a test.
func (c *Connector) step(ctx context.Context, s Step, run func() error) error {
	told, _ := ctx.Value(stepWatcherKey{}).(StepWatcher)
	if told == nil {
		return run()
	}
	began := c.o.Now()
	told(s, false, 0)
	err := run()
	if err == nil {
		told(s, true, c.o.Now().Sub(began))
	}
	return err
}

// PublicFields returns the fields of the clinic's credentials that are no secret, also of
// suspended ones. The error is ErrCredentialsMissing where there are none, and that of
// StoredCredential.Open where they cannot be read.
func (c *Connector) PublicFields(ctx context.Context, clinicID uuid.UUID) (map[string]string, error) {
	stored, err := c.o.Credentials.Credential(ctx, clinicID)
	if err != nil {
		return nil, err
	}
	name, err := c.CanonicalProvider(stored.Provider)
	if err != nil {
		return nil, err
	}
	opened, err := stored.Open(c.o.Keyring)
	if err != nil {
		return nil, err
	}
	declared := c.o.Providers[name].Declaration()
	return declared.Public(declared.Complete(opened)), nil
}

// draftSubject is where a draft of credentials may be opened: in a form of the same person.
func draftSubject(of uuid.UUID) seal.Subject { return seal.Subject{Table: "draft", RowID: of} }

// SealDraft seals a text with secrets that a person has sent and not stored yet (R37).
func (c *Connector) SealDraft(of uuid.UUID, text string) ([]byte, error) {
	return c.o.Keyring.Seal([]byte(text), draftSubject(of))
}

// OpenDraft opens what SealDraft made for the same person.
func (c *Connector) OpenDraft(of uuid.UUID, sealed []byte) (string, error) {
	text, err := c.o.Keyring.Open(sealed, draftSubject(of))
	return string(text), err
}
