package casesync

import (
	"context"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/memory"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// telling returns a context in which the phase says when it has to wait because another sync
// keeps a large calendar (R57). The wait does not count as work: each of those that are before
// it may take the whole of its time.
func (r *Runner) telling(ctx context.Context, p phase) context.Context {
	return memory.Telling(ctx, func(ctx context.Context) func() {
		p.report(ctx, "wait", 0, 0)
		p.log.InfoContext(ctx, "Waits until another sync no longer keeps a large calendar")
		over, resume := r.o.Waiting(), syncs.PauseWork(ctx)
		return func() {
			resume()
			over()
			p.log.InfoContext(ctx, "Waits no longer for another sync's large calendar")
			p.report(ctx, "fetch", 0, 0)
		}
	})
}

// keepEntries counts the entries of a search until they are dropped (R57).
func keepEntries(ctx context.Context, entries []pims.ConsultationEntry) (drop func(), err error) {
	size := 0
	for i := range entries {
		size += entries[i].Size()
	}
	return memory.Keep(ctx, size)
}
