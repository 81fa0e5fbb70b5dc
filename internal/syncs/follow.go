package syncs

import (
	"context"
	"iter"
	"time"
)

// Follow yields how a sync stands until it is over, which is yielded last, or the context
// ends. It looks every so often, and sooner where wait returns sooner: wait returns once
// the sync is over, or with its present state when its context ends. An error of wait is
// yielded; whoever goes on after it looks again.
func Follow(ctx context.Context, every time.Duration, wait func(context.Context) (Audit, error)) iter.Seq2[Audit, error] {
	return func(yield func(Audit, error) bool) {
		for ctx.Err() == nil {
			look, cancel := context.WithTimeout(ctx, every)
			now, err := wait(look)
			over := err == nil && now.Status.Final()
			if err == nil && !over {
				<-look.Done() // of a sync that waits for its next attempt, wait returns at once
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
