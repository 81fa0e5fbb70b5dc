package replay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/drift"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/scratch"
	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// A Result is what this program makes of a recording.
type Result struct {
	Outcome     recordings.Outcome      `json:"replayed"`
	Differences []recordings.Difference `json:"differences"` // from what was recorded

	Answered   int      `json:"answered"`             // requests that the recording answered
	Repeated   int      `json:"repeated,omitempty"`   // requests that were sent more often than then, and got the last answer again
	Unanswered []string `json:"unanswered,omitempty"` // endpoints that were not asked for then
	Unasked    int      `json:"unasked,omitempty"`    // answers that nobody asked for now
}

// Options are what a replay needs of the program.
type Options struct {
	// Providers has a constructor of each provider (R53).
	Providers []pims.Constructor

	// Listed is called with the entries of each search for consultations, and Read with each
	// consultation that is read, by several goroutines at a time. They may be nil.
	Listed func([]pims.ConsultationEntry)
	Read   func(pims.Consultation)
}

// ErrUnknownProvider means that the recording is of a PIMS that this program does not know.
var ErrUnknownProvider = errors.New("the recording is of a PIMS that this version does not know")

// Play runs the recorded sync again, and compares.
func Play(ctx context.Context, r *recordings.Recording, o Options) (*Result, error) {
	s := &show{r: r, o: o, player: newPlayer(r), store: scratch.New()}
	return s.play(ctx)
}

// A show is one replay.
type show struct {
	r        *recordings.Recording
	o        Options
	player   *player
	store    *scratch.Store
	practice *scratch.Practice
	run      syncs.Run
}

func (s *show) now() time.Time { return s.r.Began }

func (s *show) play(ctx context.Context) (*Result, error) {
	if err := s.furnish(); err != nil {
		return nil, err
	}
	connector, err := s.connector(ctx)
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	s.player.end = func(cause error) { end(cause) }

	tape := recordings.NewTape(s.run, s.now())
	tape.Of(s.practice.Owner(), s.r.Provider)
	result, err := recordings.Record(ctx, tape, casesync.RunnerOptions{
		Connect: func(ctx context.Context, clinicID uuid.UUID) (casesync.Connection, error) {
			connection, err := connector.Connect(ctx, clinicID)
			if err != nil {
				return nil, err
			}
			return listening{connection, s.o}, nil
		},
		Plan:     func(_ context.Context, _, id uuid.UUID) (syncs.Plan, error) { return s.store.Plan(id) },
		Cases:    s.store,
		Recorder: s.store,
		Forms:    forms(s.r.Before.Forms),
		Now:      s.now,
	}, s.run)
	status, concluded := casesync.Conclude(result, err)
	played := &Result{
		Outcome: tape.End(status, concluded).After, Answered: s.player.answered, Repeated: s.player.repeated,
		Unanswered: s.player.missing, Unasked: s.player.unasked(),
	}
	played.Differences = recordings.Compare(&s.r.After, &played.Outcome)
	return played, nil
}

// furnish puts the state before the sync into the store, and begins the sync.
func (s *show) furnish() error {
	for i := range s.r.Before.Cases {
		c := &s.r.Before.Cases[i]
		s.store.Put(scratch.Row{Case: c.Stored(), Protected: c.Protected})
		if reading, ok := c.Learned(); ok {
			s.store.PutReading(reading)
		}
	}
	if text := s.r.Before.LookedOn; text != "" {
		day, err := pims.ParseDate(text)
		if err != nil {
			return fmt.Errorf("the recording's lookedOn is %w", err)
		}
		s.store.PutLook(day)
	}
	options, err := s.r.Request.Options()
	if err != nil {
		return fmt.Errorf("the recording's request cannot be read: %w", err)
	}
	s.practice = scratch.NewPractice(clinic.Clinic{
		ID: uuid.New(), Name: invented, Timezone: s.r.Zone, Active: true,
		DeletionLimits: clinic.DeletionLimits(s.r.Limits), Settings: settings.Stored(s.r.Settings),
	})
	s.run = s.store.Start(s.practice.Owner().ID, s.r.Request.Type, s.now())
	s.run.Trigger, s.run.Options = s.r.Request.Trigger, options
	return s.approve()
}

// approve stores the plan whose approval started the sync.
func (s *show) approve() error {
	a := s.r.Request.Approved
	if a == nil {
		return nil
	}
	start, err := pims.ParseDate(a.StartDate)
	end, endErr := pims.ParseDate(a.EndDate)
	if err = errors.Join(err, endErr); err != nil {
		return fmt.Errorf("the days of the recording's plan: %w", err)
	}
	plan := syncs.Plan{
		ID: uuid.New(), ClinicID: s.practice.Owner().ID, SyncType: a.Type, Status: syncs.PlanApproved, Code: a.Code,
		Window: pims.Window{Start: start, End: end}, CoversDefault: a.CoversDefault, CreatedAt: s.now(), ExpiresAt: s.now().Add(syncs.PlanLifetime),
	}
	for _, id := range a.Cases {
		plan.Cases = append(plan.Cases, syncs.PlannedCase{CaseID: id})
	}
	s.store.PutPlan(plan)
	s.run.Approval = plan.ID
	return nil
}

// connector returns what signs in to the recording. Where the sync began with a kept
// session, it has one.
func (s *show) connector(ctx context.Context) (*clinic.Connector, error) {
	ring, err := keyring()
	if err != nil {
		return nil, err
	}
	providers := make(map[string]pims.Provider)
	for _, construct := range s.o.Providers {
		p := construct(pims.Environment{
			Browser: &browser{player: s.player, base: s.r.Base, logins: s.r.Logins},
			Hosts:   hostsOf(s.r),
			Now:     s.now,
			Base:    s.player,
			Wrap:    func(next http.RoundTripper) http.RoundTripper { return drift.Transport{Next: next} },
			Backoff: 1, // a nanosecond: nothing recorded changes meanwhile
		})
		providers[p.Declaration().Name] = p
	}
	connector := clinic.NewConnector(clinic.ConnectorOptions{
		Providers: providers, Clinics: s.practice, Credentials: s.practice, Sessions: s.practice, Keyring: ring, Now: s.now,
	})
	name, err := connector.CanonicalProvider(s.r.Provider)
	if err != nil {
		return nil, ErrUnknownProvider
	}
	credentials, err := credentialsFor(providers[name].Declaration(), s.r.Base)
	if err != nil {
		return nil, err
	}
	credential, err := clinic.SealCredential(ring, s.practice.Owner().ID, name, credentials)
	if err != nil {
		return nil, err
	}
	s.practice.SetCredential(credential)
	if s.keptSession() {
		s.rehearse(ctx, connector)
		s.practice.SetCredential(credential) // whatever came of the rehearsal
	}
	return connector, nil
}

// keptSession reports whether the sync sent a request before its first login.
func (s *show) keptSession() bool {
	return len(s.r.Exchanges) > 0 && (len(s.r.Logins) == 0 || s.r.Logins[0].After > 0)
}

// rehearse logs in before the run, so that a session is kept. Where the recording holds no
// good answer to that, the run begins without one.
func (s *show) rehearse(ctx context.Context, connector *clinic.Connector) {
	s.player.rehearsing = true
	defer func() { s.player.rehearsing = false }()
	if connection, err := connector.Connect(ctx, s.practice.Owner().ID); err == nil {
		connection.Close(ctx)
	}
}

// endOf returns why the sync's context ended then; nil: the sync ended by itself.
func endOf(r *recordings.Recording) error {
	switch r.After.Code {
	case syncs.CodeTimeout:
		return syncs.ErrTimeout
	case syncs.CodeCancelled:
		return syncs.ErrCancelled
	case syncs.CodeInterrupted:
		return syncs.ErrShutdown
	default:
		return nil
	}
}

// A listening connection passes on what is listed and read.
type listening struct {
	*clinic.Connection

	o Options
}

// SearchConsultations implements pims.Session.
func (l listening) SearchConsultations(ctx context.Context, window pims.Window) ([]pims.ConsultationEntry, error) {
	entries, err := l.Connection.SearchConsultations(ctx, window)
	if err == nil && l.o.Listed != nil {
		l.o.Listed(entries)
	}
	return entries, err
}

// Consultation implements pims.Session.
func (l listening) Consultation(ctx context.Context, id string) (pims.Consultation, error) {
	read, err := l.Connection.Consultation(ctx, id)
	if err == nil && l.o.Read != nil {
		l.o.Read(read)
	}
	return read, err
}

// forms are the forms of earlier answers. What a replay shows is not kept.
type forms map[syncs.Type]map[string]*drift.Baseline

// Baselines implements driftwatch.Store.
func (f forms) Baselines(_ context.Context, _ uuid.UUID, _ string, kind syncs.Type) (map[string]*drift.Baseline, error) {
	return f[kind], nil
}

// KeepBaselines implements driftwatch.Store.
func (forms) KeepBaselines(context.Context, syncs.Lease, string, syncs.Type, map[string]*drift.Baseline, []string, []drift.Finding) error {
	return nil
}
