package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/postgres/webhookstore"
	"github.com/pims-sync/pims-sync/internal/seal"
	"github.com/pims-sync/pims-sync/internal/webhooks"
)

// Webhooks returns the webhook endpoints of a store. The ring may be nil where no secret is
// made, read or sent with.
func Webhooks(s *Store, ring *seal.Keyring) *webhookstore.Store { return webhookstore.New(s.DB, ring) }

// NewSender returns what sends webhooks, for a program with these settings.
func NewSender(settings Settings) *webhooks.Sender {
	return webhooks.NewSender(settings.Hosts, settings.Version, time.Now)
}

// WebhookService returns what people do with the webhook endpoints of a store.
func WebhookService(s *Store, settings Settings, ring *seal.Keyring, log *slog.Logger) *webhooks.Service {
	return webhooks.NewService(webhooks.ServiceOptions{
		Log:       s.OperatorLog(),
		Registry:  Webhooks(s, ring),
		HasClinic: s.hasClinic,
		Sequence:  NewFeed(s, log).Sequence,
		Send:      NewSender(settings).Send,
		Hosts:     settings.Hosts,
	})
}

// hasClinic reports whether there is a clinic with an id.
func (s *Store) hasClinic(ctx context.Context, id uuid.UUID) (bool, error) {
	_, err := s.Clinics().Clinic(ctx, id)
	if errors.Is(err, clinic.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// newWebhooks returns the worker that sends the engine's webhooks.
func (e *Engine) newWebhooks(settings Settings, ring *seal.Keyring, lease time.Duration, now func() time.Time) *webhooks.Worker {
	return webhooks.NewWorker(webhooks.Options{
		Store:   Webhooks(e.Store, ring),
		Send:    webhooks.NewSender(settings.Hosts, settings.Version, now).Send,
		Logger:  e.log,
		Lease:   lease,
		Now:     now,
		Observe: e.metrics.Webhook,
		Count:   func(b webhooks.Backlog) { e.metrics.WebhookBacklog(b.Pending, b.OldestDue, b.Endpoints) },
	})
}
