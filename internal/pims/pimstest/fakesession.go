package pimstest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// fakeSession is a session of a Fake. It lives as long as its generation.
type fakeSession struct {
	fake       *Fake
	generation int
	state      pims.State
}

var (
	_ pims.Session           = (*fakeSession)(nil)
	_ pims.AppointmentFinder = (*fakeSession)(nil)
)

// call counts a call, returns its failure, and runs answer under the Fake's lock.
func (s *fakeSession) call(ctx context.Context, call Call, answer func(*Fake) error) error {
	generation, done, err := s.fake.begin(ctx, call)
	defer done()
	if err != nil {
		return err
	}
	if generation != s.generation {
		return fmt.Errorf("%s: %w", call.Op, pims.ErrSessionExpired)
	}
	s.fake.mu.Lock()
	defer s.fake.mu.Unlock()
	return answer(s.fake)
}

func (s *fakeSession) Prove(ctx context.Context) error {
	return s.call(ctx, Call{Op: OpProve}, func(*Fake) error { return nil })
}

func (s *fakeSession) Appointments(ctx context.Context, window pims.Window) (snapshot pims.Snapshot, err error) {
	err = s.call(ctx, Call{Op: OpAppointments, Window: window}, func(f *Fake) error {
		snapshot = f.snapshot(window)
		return nil
	})
	return snapshot, err
}

func (f *Fake) snapshot(window pims.Window) pims.Snapshot {
	snapshot := pims.Snapshot{
		Window:       window,
		FetchedAt:    f.clock(),
		Unusable:     slices.Clone(f.unusable),
		Blocks:       slices.Clone(f.blocks),
		Unidentified: f.unidentified,
		Duplicates:   f.duplicates,
	}
	for _, a := range f.appointments {
		if !f.hidden[a.ID] && overlaps(window, a.Start, a.End) {
			snapshot.Appointments = append(snapshot.Appointments, a)
		}
	}
	return snapshot
}

// overlaps reports whether a visit lies at least partly in a window. An end that
// is not after the start counts as none.
func overlaps(window pims.Window, start, end time.Time) bool {
	return window.Contains(start) || start.Before(window.From()) && end.After(window.From())
}

func (s *fakeSession) SearchConsultations(ctx context.Context, window pims.Window) (entries []pims.ConsultationEntry, err error) {
	err = s.call(ctx, Call{Op: OpSearch, Window: window}, func(f *Fake) error {
		for _, c := range f.consultations {
			if window.Contains(c.At) {
				entry := EntryOf(c)
				if listed, ok := f.listed[c.ID]; ok {
					entry.AppointmentID = listed
				}
				entries = append(entries, entry)
			}
		}
		return nil
	})
	return entries, err
}

// EntryOf is the line of a search that a Fake lists for a consultation.
func EntryOf(c pims.Consultation) pims.ConsultationEntry {
	content, err := json.Marshal(c)
	if err != nil {
		panic("pimstest: a consultation that is no JSON: " + err.Error())
	}
	sum := sha256.Sum256(content)
	return pims.ConsultationEntry{
		ID:            c.ID,
		AppointmentID: c.AppointmentID,
		At:            c.At,
		Status:        c.Status,
		StatusText:    c.StatusText,
		Fingerprint:   hex.EncodeToString(sum[:8]),
	}
}

func (s *fakeSession) Consultation(ctx context.Context, id string) (consultation pims.Consultation, err error) {
	err = s.call(ctx, Call{Op: OpConsultation, ID: id}, func(f *Fake) error {
		i := slices.IndexFunc(f.consultations, func(c pims.Consultation) bool { return c.ID == id })
		if i < 0 {
			return fmt.Errorf("consultation %s: %w", id, pims.ErrNotFound)
		}
		consultation = f.consultations[i]
		return nil
	})
	return consultation, err
}

func (s *fakeSession) FindAppointment(ctx context.Context, id string) (appointment pims.Appointment, err error) {
	err = s.call(ctx, Call{Op: OpFind, ID: id}, func(f *Fake) error {
		i := slices.IndexFunc(f.appointments, func(a pims.Appointment) bool { return a.ID == id })
		if i < 0 {
			return fmt.Errorf("appointment %s: %w", id, pims.ErrNotFound)
		}
		appointment = f.appointments[i]
		return nil
	})
	return appointment, err
}

func (s *fakeSession) State() (pims.State, error) {
	_, done, err := s.fake.begin(context.Background(), Call{Op: OpState})
	defer done()
	if err != nil {
		return pims.State{}, err
	}
	return s.state, nil
}
