package volume

import (
	"context"
	"log/slog"
	"time"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Store judges the syncs that completed. All methods cross clinics (R41).
type Store interface {
	// Judge judges some syncs that completed since the last call, each once over all
	// replicas, stores those that are unusual, and emits what is news. It returns the
	// unusual runs; more says that there are further syncs.
	Judge(ctx context.Context) (unusual []Unusual, more bool, err error)
}

const lookEvery = 2 * time.Second

// Options configure a Worker.
type Options struct {
	Store   Store
	Logger  *slog.Logger
	Observe func(syncs.Type) // of each unusual run; nil: nobody
}

// A Worker judges syncs after they have completed. It stops and delays none (R49). Many
// replicas may run on one database.
type Worker struct {
	o     Options
	log   *slog.Logger
	loops panics.Loops
}

// NewWorker makes a Worker. It does nothing by itself until Begin.
func NewWorker(o Options) *Worker {
	if o.Observe == nil {
		o.Observe = func(syncs.Type) {}
	}
	log := o.Logger.With("namespace", "pims-sync:volume")
	return &Worker{o: o, log: log, loops: panics.Loops{Log: log}}
}

// Begin starts to judge, until the context ends.
func (w *Worker) Begin(ctx context.Context) {
	w.loops.Begin(ctx, "volume", func(ctx context.Context) {
		w.loops.Try(ctx, "volume", lookEvery, slog.LevelWarn, "Completed syncs were not judged; the next look tries again", func() error {
			return w.Look(ctx)
		})
	})
}

// Wait returns when everything that Begin started has ended.
func (w *Worker) Wait() { w.loops.Wait() }

// Look judges what has completed.
func (w *Worker) Look(ctx context.Context) error {
	for {
		unusual, more, err := w.o.Store.Judge(ctx)
		if err != nil {
			return err
		}
		for i := range unusual {
			w.tell(ctx, &unusual[i])
		}
		if !more {
			return nil
		}
	}
}

func (w *Worker) tell(ctx context.Context, u *Unusual) {
	w.o.Observe(u.Type)
	for _, f := range u.Findings {
		w.log.WarnContext(ctx, "The counts of a sync are unusual; look at what changed in the PIMS",
			"clinic_id", u.ClinicID.String(), "sync_id", u.SyncID.String(), "type", string(u.Type),
			"count", f.Count, "value", f.Value, "usual", f.Usual, "field", u.Field)
	}
}
