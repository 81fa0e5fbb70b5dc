package cli

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/clinic"
)

// OfClinic names a clinic on the command line: its id, its name, or the beginning of its
// id (docs/interface.md §Commands). The id is known once WithStore has opened the database.
type OfClinic struct {
	text string
	uuid.UUID
}

// UnmarshalText reads the text.
func (o *OfClinic) UnmarshalText(text []byte) error {
	o.text = strings.TrimSpace(string(text))
	if o.text == "" {
		return errors.New("must not be blank: give the clinic's id or its name")
	}
	if parsed, err := uuid.Parse(o.text); err == nil {
		o.UUID = parsed
	}
	return nil
}

// Given reports whether the command line names a clinic.
func (o *OfClinic) Given() bool { return o.text != "" }

// ClinicsNamed returns the clinics that a parsed command line names.
func ClinicsNamed(command *kong.Context) (named []*OfClinic) {
	add := func(v reflect.Value) {
		if o, ok := reflect.TypeAssert[*OfClinic](v.Addr()); ok && o.Given() {
			named = append(named, o)
		}
	}
	for _, f := range command.Flags() {
		switch f.Target.Kind() {
		case reflect.Struct:
			add(f.Target)
		case reflect.Slice:
			for i := range f.Target.Len() {
				add(f.Target.Index(i))
			}
		default:
		}
	}
	for _, p := range command.Path {
		if p.Positional != nil && p.Positional.Target.Kind() == reflect.Struct {
			add(p.Positional.Target)
		}
	}
	return named
}

// shownMatches is how many clinics an ambiguous text lists.
const shownMatches = 5

// findClinics finds the id of each clinic that the command line names by something else.
func findClinics(ctx context.Context, s *app.Store, named []*OfClinic) error {
	for _, o := range named {
		if o.UUID != uuid.Nil {
			continue
		}
		clinics, err := s.Clinics().Clinics(ctx)
		if err != nil {
			return err
		}
		if o.UUID, err = whichClinic(clinics, o.text); err != nil {
			return err
		}
	}
	return nil
}

// whichClinic returns the one clinic that a text names (clinic.Named).
func whichClinic(clinics []clinic.Clinic, text string) (uuid.UUID, error) {
	found := clinic.Named(clinics, text)
	switch len(found) {
	case 0:
		return uuid.Nil, fmt.Errorf("there is no clinic with the name %q and none whose id begins so; `pims-sync clinic list` shows them", text)
	case 1:
		return found[0].ID, nil
	}
	var list strings.Builder
	for _, x := range found[:min(len(found), shownMatches)] {
		fmt.Fprintf(&list, " %s (%s),", x.ID, x.Name)
	}
	if more := len(found) - shownMatches; more > 0 {
		fmt.Fprintf(&list, " and %d more,", more)
	}
	return uuid.Nil, fmt.Errorf("%q fits %d clinics:%s give the id of one", text, len(found), strings.TrimSuffix(list.String(), ",")+";")
}
