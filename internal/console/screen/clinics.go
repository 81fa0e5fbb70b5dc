package screen

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/scheduler"
)

// A Judged clinic is one with its state.
type Judged struct {
	scheduler.Condition
	scheduler.Verdict
}

// Matches reports whether every word of a query is in the clinic's name, zone or id.
func (j *Judged) Matches(query string) bool {
	text := strings.ToLower(j.Clinic.Name + " " + j.Clinic.Timezone + " " + j.Clinic.ID.String())
	for word := range strings.FieldsSeq(strings.ToLower(query)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// Seen returns the clinics that exist for the caller (R42).
func (s *Sources) Seen(v *page.Visit) ([]*Judged, error) {
	all, err := s.Conditions(v)
	if err != nil {
		return nil, err
	}
	seen := make([]*Judged, 0, len(all))
	for _, condition := range all {
		if v.Caller.Sees(condition.Clinic.ID) {
			seen = append(seen, &Judged{condition, condition.Verdict()})
		}
	}
	return seen, nil
}

// TheClinic reads the clinic that the address names.
func (s *Sources) TheClinic(v *page.Visit) (*Judged, error) {
	id, err := v.PathID()
	if err != nil {
		return nil, err
	}
	if !v.Caller.Sees(id) {
		return nil, page.ErrNotFound
	}
	condition, err := s.Fleet.Condition(v.Context(), id)
	if err != nil {
		return nil, Told(err)
	}
	return &Judged{condition, condition.Verdict()}, nil
}

// ClinicID returns the clinic that the address names, where the caller may act on it.
func ClinicID(v *page.Visit, p access.Permission) (uuid.UUID, error) {
	id, err := v.PathID()
	if err != nil || !v.Caller.Sees(id) {
		return id, page.ErrNotFound
	}
	return id, v.Allowed(p, id)
}

// ZoneOf returns a clinic's zone, or UTC where it has none that is usable.
func ZoneOf(c *clinic.Clinic) *time.Location {
	if zone, err := c.Location(); err == nil {
		return zone
	}
	return time.UTC
}

// SeenClinics returns the clinics that exist for the caller (R42), by their names.
func (s *Sources) SeenClinics(v *page.Visit) ([]clinic.Clinic, error) {
	all, err := s.Clinics.Clinics(v.Context())
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(x clinic.Clinic) bool { return !v.Caller.Sees(x.ID) }), nil
}

// ClinicsByID returns clinics by their ids.
func ClinicsByID(clinics []clinic.Clinic) map[uuid.UUID]*clinic.Clinic {
	byID := make(map[uuid.UUID]*clinic.Clinic, len(clinics))
	for i := range clinics {
		byID[clinics[i].ID] = &clinics[i]
	}
	return byID
}
