package syncs

import (
	"context"
	"iter"
	"time"
)

// Follow yields the state of a sync until it is over or the context ends. It yields the
// final state last. It looks once every interval, and sooner where wait returns sooner:
// wait returns once the sync is over, or with its present state when its context ends.
// Follow yields an error of wait, too; if the caller continues the loop, Follow looks
// again.
func Follow(ctx context.Context, every time.Duration, wait func(context.Context) (Audit, error)) iter.Seq2[Audit, error] {
	return func(yield func(Audit, error) bool) {
		for ctx.Err() == nil {
			look, cancel := context.WithTimeout(ctx, every)
			now, err := wait(look)
			over := err == nil && now.Status.Final()
			if err == nil && !over {
				<-look.Done() // for a sync that waits for its next attempt, wait returns at once
			}
			goOn := yield(now, err) && !over
			if goOn && err != nil {
				<-look.Done()
			}
			cancel()
			if !goOn {
				return
			}
		}
	}
}
