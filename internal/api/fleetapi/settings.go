package fleetapi

import (
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/api/sample"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/syncs"
	"github.com/pims-sync/pims-sync/internal/web"
)

// settingsRecord are the settings of a practice (R50), as docs/first-contact.md describes
// them.
type settingsRecord struct {
	Statuses map[string]string `json:"statuses,omitempty" doc:"The meanings of status words: scheduled, checked_in, in_progress, completed, cancelled or no_show."`
	Types    map[string]string `json:"types,omitempty" doc:"The case types that words in an appointment type make: checkup, surgery or other."`
	Filters  *filtersRecord    `json:"filters,omitempty" doc:"Which appointments do not become cases. No filter deletes one."`
}

type filtersRecord struct {
	Types    []string `json:"types,omitempty" doc:"Appointment types."`
	Rooms    []string `json:"rooms,omitempty" doc:"Rooms."`
	Statuses []string `json:"statuses,omitempty" doc:"Status words."`
}

// A SettingsChange is the body of PUT /api/clinics/{clinicId}/settings and of its preview. It
// has a schema of its own: only requests are closed.
type SettingsChange settingsRecord

type wordList struct {
	Items []wordRecord `json:"items" nullable:"false"`
}

type wordRecord struct {
	Kind         string      `json:"kind" enum:"status,type,room"`
	Word         string      `json:"word" doc:"In the spelling of the PIMS."`
	Means        *string     `json:"means" doc:"null: nobody knows."`
	By           *string     `json:"by" enum:"pims,settings" doc:"Who says so."`
	Filtered     bool        `json:"filtered" doc:"Its appointments do not become cases."`
	Appointments int         `json:"appointments" doc:"The most that one sync showed with it."`
	FirstSeen    web.Instant `json:"firstSeen"`
	LastSeen     web.Instant `json:"lastSeen"`
}

// SampleSettings returns the body of the documentation.
func SampleSettings() SettingsChange { return SettingsChange(sampleSettings()) }

func sampleSettings() settingsRecord {
	return settingsRecord{
		Statuses: map[string]string{"In room": string(pims.StatusInProgress)}, Types: map[string]string{"Dental": string(pims.TypeSurgery)},
		Filters: &filtersRecord{Rooms: []string{"Grooming"}},
	}
}

// Replaces makes the body one that must be sent.
func (SettingsChange) Replaces() {}

// settings returns what the body says, or an error that names its bad field.
func (r SettingsChange) settings() (settings.Settings, error) {
	s := settings.Settings{Statuses: make(map[string]pims.Status, len(r.Statuses)), Types: make(map[string]pims.Type, len(r.Types))}
	for word, meaning := range r.Statuses {
		s.Statuses[word] = pims.Status(meaning)
	}
	for word, kind := range r.Types {
		s.Types[word] = pims.Type(kind)
	}
	if r.Filters != nil {
		s.Filters = settings.Filters(*r.Filters)
	}
	if field, ok := errors.AsType[*settings.FieldError](s.Check()); ok { // whose reason repeats a word (R38)
		return s, web.Invalid(field.Field, "%s %s", field.Field, field.Plain)
	}
	return s, nil
}

func settingsOf(s settings.Settings) settingsRecord {
	r := settingsRecord{Statuses: make(map[string]string, len(s.Statuses)), Types: make(map[string]string, len(s.Types))}
	for word, meaning := range s.Statuses {
		r.Statuses[word] = string(meaning)
	}
	for word, kind := range s.Types {
		r.Types[word] = string(kind)
	}
	if f := filtersRecord(s.Filters); len(f.Types)+len(f.Rooms)+len(f.Statuses) > 0 {
		r.Filters = &f
	}
	return r
}

func (o *Options) showSettings() web.Operation {
	return web.Operation{
		Method: http.MethodGet, Path: "/api/clinics/{clinicId}/settings", ID: "showSettings", Tag: TagOneClinic,
		Summary:     "Show a clinic's settings",
		Description: "What the words of the practice mean, and which appointments do not become cases.",
		Needs:       access.ReadClinics,
		Of:          web.OfNamedClinic,
		Params:      []*huma.Param{web.ClinicParam()},
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "The settings.", Example: sampleSettings()}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		Handle:      o.settingsReply,
	}
}

func (o *Options) settingsReply(c *web.Call) (web.Reply, error) {
	owner, err := o.Clinics.Clinic(c.Context(), c.ClinicID)
	if err != nil {
		return web.Reply{}, err
	}
	return web.OK(settingsOf(owner.Settings))
}

func (o *Options) setSettings() web.Operation {
	return web.Operation{
		Method: http.MethodPut, Path: "/api/clinics/{clinicId}/settings", ID: "setSettings", Tag: TagOneClinic,
		Summary:     "Replace a clinic's settings",
		Description: "All settings: what the body leaves out is removed, so a body must be sent. The next sync applies them. `POST …/settings/preview` shows beforehand what it would do.",
		Needs:       access.ChangeClinics,
		Of:          web.OfNamedClinic,
		Params:      []*huma.Param{web.ClinicParam()},
		Body:        SampleSettings(),
		Offers:      []web.Offer{{Status: http.StatusOK, Description: "The settings.", Example: sampleSettings()}},
		Codes:       []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound, web.CodeBodyTooLarge},
		Handle: func(c *web.Call) (web.Reply, error) {
			after, err := ReadSettings(c)
			if err != nil {
				return web.Reply{}, err
			}
			if err := o.Service.SetSettings(c.Context(), c.By(), c.ClinicID, after); err != nil {
				return web.Reply{}, err
			}
			return o.settingsReply(c)
		},
	}
}

// ReadSettings reads the settings in the body of a call.
func ReadSettings(c *web.Call) (settings.Settings, error) {
	var body SettingsChange
	if err := web.ReadBody(c.Request, &body); err != nil {
		return settings.Settings{}, err
	}
	return body.settings()
}

func (o *Options) listWords() web.Operation {
	means, by := string(pims.StatusInProgress), "settings"
	return web.Operation{
		Method: http.MethodGet, Path: "/api/clinics/{clinicId}/words", ID: "listWords", Tag: TagOneClinic,
		Summary:     "List the words of a practice",
		Description: "The status words, type words and rooms that its appointments have, the unknown ones first.",
		Needs:       access.ReadClinics,
		Of:          web.OfNamedClinic,
		Params:      []*huma.Param{web.ClinicParam()},
		Offers: []web.Offer{{Status: http.StatusOK, Description: "The words.", Example: wordList{[]wordRecord{{
			Kind: string(settings.KindStatus), Word: "In room", Means: &means, By: &by, Appointments: 14,
			FirstSeen: web.Instant(sample.Time.Add(-48 * time.Hour)), LastSeen: web.Instant(sample.Time),
		}}}}},
		Codes: []syncs.Code{syncs.CodeInvalidRequest, syncs.CodeNotFound},
		Handle: func(c *web.Call) (web.Reply, error) {
			owner, err := o.Clinics.Clinic(c.Context(), c.ClinicID)
			if err != nil {
				return web.Reply{}, err
			}
			words, err := o.Service.Words(c.Context(), c.ClinicID)
			if err != nil {
				return web.Reply{}, err
			}
			return web.OK(wordList{web.Items(owner.Settings.Uses(words), wordOf)})
		},
	}
}

func wordOf(u *settings.Use) wordRecord {
	return wordRecord{
		Kind: string(u.Kind), Word: u.Word.Word, Means: web.Text(u.Means), By: web.Text(u.By()), Filtered: u.Filtered, Appointments: u.Appointments,
		FirstSeen: web.Instant(u.FirstSeen), LastSeen: web.Instant(u.LastSeen),
	}
}
