package queue

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/pims-sync/pims-sync/internal/panics"
)

const houseEvery = time.Hour

// A housekeeper does the work of each hour, such as the removal of old rows.
type housekeeper struct {
	work  []func(ctx context.Context, now time.Time) error
	now   func() time.Time
	loops *panics.Loops
}

// loop works every hour. Work that fails does not keep the rest from being done.
func (h *housekeeper) loop(ctx context.Context) {
	h.loops.Try(ctx, "housekeeping", houseEvery, slog.LevelWarn, "Housekeeping failed", func() (err error) {
		for _, work := range h.work {
			err = errors.Join(err, work(ctx, h.now()))
		}
		return err
	})
}
