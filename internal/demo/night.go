package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/render"
)

// The practices that are added at the end: one whose first sync runs, and one that nobody has
// set up.
var (
	syncing   = demoClinic{name: "Fjord & Fell Veterinary Hospital", zone: "Europe/Oslo", seed: 67}
	newcomers = demoClinic{name: "Old Mill Small Animal Practice", zone: "Europe/London", seed: 71}
)

const (
	newPassword = "another-horse-battery"
	slowNotes   = 12 * time.Second // of the practice whose first sync a person can watch
)

// A trouble is what waits for a person at the end of the demo.
type trouble struct {
	Clinic   string `json:"clinic"`
	Happened string `json:"happened"`
	Said     string `json:"said"`
	Right    bool   `json:"right"`
}

// night leaves something to see and to decide in the console: a plan of deletions, a refused
// login, a sync that runs, and a clinic that is not set up. The first clinic stays as it is;
// the second and the third have the troubles.
func (p *Play) night(ctx context.Context) ([]trouble, error) {
	p.stage.chapter("A night passes: not everything goes well, and two practices are new")
	troubles := []func(context.Context) (trouble, error){p.newClinics}
	if len(p.clinics) > 1 {
		troubles = append(troubles, p.clinics[1].cleansUp)
	}
	if len(p.clinics) > 2 {
		troubles = append(troubles, p.clinics[2].changesPassword)
	}
	seen := make([]trouble, len(troubles))
	group, ctx := panics.NewGroupWith(ctx, len(troubles))
	for i, happens := range troubles {
		group.Do(func() (err error) {
			seen[i], err = happens(ctx)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("playing the night: %w", err)
	}
	p.stage.troubles(seen)
	return seen, nil
}

// cleansUp removes more appointments from the practice than the guard lets pass (R23).
func (m *demoClinic) cleansUp(ctx context.Context) (trouble, error) {
	t := &teller{demoClinic: m}
	removed, err := t.remove(ctx)
	if err != nil {
		return trouble{}, err
	}
	refused, err := t.reconcile(ctx)
	return trouble{
		m.name, render.Counted(len(removed), "past appointment") + " removed from the PIMS", "a plan waits: " + refused.Code,
		refused.PlanID != uuid.Nil,
	}, err
}

// changesPassword changes the password in the PIMS, where it ends every session.
func (m *demoClinic) changesPassword(ctx context.Context) (trouble, error) {
	m.sim.SetPassword(newPassword)
	m.sim.ExpireSessions()
	done, err := m.sync(ctx, func(progressJSON) {})
	if err != nil {
		return trouble{}, err
	}
	return trouble{m.name, "password changed in the PIMS", "the login is refused: " + done.Code, done.Code == "pims_auth_rejected"}, nil
}

// newClinics adds a clinic that nobody has set up, and one whose first sync takes a while.
func (p *Play) newClinics(ctx context.Context) (trouble, error) {
	if _, err := p.store.Clinics().Add(ctx, clinic.Clinic{Name: p.newcomer.name, Timezone: p.newcomer.zone, Active: true}); err != nil {
		return trouble{}, err
	}
	m := p.syncing
	if err := p.enrol(ctx, m, "http://"+m.host); err != nil {
		return trouble{}, err
	}
	m.sim.Fail(neosim.Fault{Op: neosim.OpView, Kind: neosim.FaultSlow, Delay: slowNotes, Count: neosim.Forever})
	m.api.async = true
	var started syncJSON
	status, err := m.api.call(ctx, http.MethodPost, "/api/sync/full", bytes.NewReader(m.weeks()), &started)
	if err == nil && started.ID == uuid.Nil {
		err = errors.New(started.Error)
	}
	return trouble{m.name, "added, and " + p.newcomer.name + " without a login", "its first sync runs", status == http.StatusAccepted}, err
}
