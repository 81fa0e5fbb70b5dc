package app

import (
	"log/slog"

	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/postgres"
	"github.com/pims-sync/pims-sync/internal/postgres/feedstore"
)

// NewFeed returns the change feed of a store, for a program that only reads it.
func NewFeed(s *Store, log *slog.Logger) *feed.Feed {
	return feed.New(feed.Options{Store: feedstore.New(s.DB), Logger: log})
}

// newFeed returns the change feed of the engine.
func (e *Engine) newFeed() *feed.Feed {
	return feed.New(feed.Options{
		Store:   feedstore.New(e.Store.DB),
		Changed: func() (<-chan string, func()) { return e.notifier.Subscribe(postgres.ChannelFeed) },
		Logger:  e.log,
		Observe: e.metrics.FeedDelay,
	})
}
