package notify

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Waiting is the state of a clinic with a plan that a person must decide.
const Waiting = "waiting_for_approval"

// troubles are the states that people are told of, in words.
var troubles = map[string]string{
	"login_refused": "the PIMS refuses the login",
	Waiting:         "changes wait for approval",
	"failing":       "syncs fail",
	"stale":         "the data is older than the schedule promises",
}

// Trouble reports whether people are told of a state.
func Trouble(state string) bool { return troubles[state] != "" }

const (
	decide = "Look at the plan, then approve or reject it: `pims-sync plans list --clinic ID --status open`."
	enter  = "Ask the practice for the present user name and password and store them: `pims-sync credentials set --clinic ID --username USER --password-stdin`. The syncs then go on by themselves."
	wait   = "The next sync tries again by itself. If it stays so, see whether the PIMS is down: `pims-sync syncs list --clinic ID --status failed`."
	look   = "See what failed: `pims-sync syncs list --clinic ID --status failed`; the operations guide says what each code means."
)

// steps are what to do about a state, or about a state and its code. ID stands for the
// clinic.
var steps = map[string]string{
	"login_refused":                       enter,
	"login_refused credentials_suspended": enter + " If the stored ones are right: `pims-sync credentials resume --clinic ID`.",
	"login_refused pims_auth_challenge":   "Log in to the PIMS by hand once, or ask the practice for a user without a second step. Then `pims-sync credentials test --clinic ID` and `pims-sync credentials resume --clinic ID`.",
	"login_refused login_form_changed":    "Test the login: `pims-sync credentials test --clinic ID`. If it fails again, the program needs an update.",

	Waiting: decide,

	"stale": "See whether replicas run and what holds the clinic up: `pims-sync doctor`, then `pims-sync clinic show ID`.",

	"failing":                      look,
	"failing credentials_missing":  enter,
	"failing credentials_invalid":  enter,
	"failing pims_auth_rejected":   enter,
	"failing timezone_missing":     "Set the clinic's time zone: `pims-sync clinic set ID --timezone ZONE`.",
	"failing deletion_guard":       decide,
	"failing schedule_shift_guard": decide,
	"failing drift_guard":          decide,
	"failing pims_wrong_practice":  decide,
	"failing pims_unreachable":     wait,
	"failing pims_error":           wait,
	"failing pims_rate_limited":    wait,
	"failing auth_expired":         wait,
	"failing timeout":              wait,
	"failing interrupted":          wait,
	"failing snapshot_unsound":     wait,
	"failing browser_unavailable":  "The browser for logins does not start; look at the machine: `pims-sync doctor`.",
	"failing database_unavailable": "The database was not available; look at it: `pims-sync doctor`.",
}

// Steps lists everything that messages say to do. ID stands for what it is about.
func Steps() (all []string) {
	for _, text := range steps {
		all = append(all, text)
	}
	for state := range troubles {
		all = append(all, step(state, "", nil))
	}
	for _, about := range abouts {
		all = append(all, about.advice)
	}
	return all
}

// step says what to do about the same trouble of some clinics.
func step(state, code string, clinics []Standing) string {
	text, known := steps[state+" "+code]
	if !known {
		text = steps[state]
	}
	if len(clinics) == 1 {
		return withID(text, clinics[0].ClinicID)
	}
	return text + fmt.Sprintf(" ID is each of the clinics: `pims-sync clinic list --state %s`.", state)
}

// withID puts an id where a step has ID.
func withID(text string, id uuid.UUID) string {
	if id == uuid.Nil {
		return text
	}
	return strings.ReplaceAll(text, "ID", id.String())
}

// page returns the address of the console's page about the same trouble of some clinics;
// empty where the console has no address.
func page(base, state string, clinics []Standing) string {
	switch {
	case base == "":
		return ""
	case len(clinics) == 1 && clinics[0].PlanID != uuid.Nil && state == Waiting:
		return base + "/plans/" + clinics[0].PlanID.String()
	case len(clinics) == 1:
		return base + "/clinics/" + clinics[0].ClinicID.String()
	case state == Waiting || state == "login_refused":
		return base + "/needs"
	default:
		return base + "?state=" + url.QueryEscape(state)
	}
}

// overPage is page for trouble that is over.
func overPage(base string, clinics []Standing) string {
	if base != "" && len(clinics) == 1 {
		return base + "/clinics/" + clinics[0].ClinicID.String()
	}
	return base
}

// An aboutEvents says what a type of events means, and what to do. ID stands for the clinic,
// the sync or the endpoint.
type aboutEvents struct{ subject, heading, advice string }

// abouts are the other events that people are told.
var abouts = map[string]aboutEvents{
	"volume.unusual": {
		"a sync with unusual counts", "UNUSUAL COUNTS",
		"Look whether the practice or the vendor changed something: `pims-sync syncs show ID`. Nothing was stopped.",
	},
	"pims.drift": {
		"a field of the PIMS vanished or changed", "THE PIMS CHANGED",
		"Look what the PIMS returns now: `pims-sync clinic check --clinic ID --fields`.",
	},
	"webhook.disabled": {
		"a webhook endpoint is disabled", "WEBHOOK DISABLED",
		"Mend the endpoint, then `pims-sync webhooks enable ID`: it gets what happened since.",
	},
}

func aboutOf(kind string) aboutEvents {
	if w, known := abouts[kind]; known {
		return w
	}
	return aboutEvents{kind, kind, "See the operations guide."}
}

// subjectOf returns the id of what an event is about, and the part of the console that shows
// it.
func subjectOf(e *Event) (uuid.UUID, string) {
	switch e.Type {
	case "volume.unusual":
		return e.SyncID, "/runs/"
	case "webhook.disabled":
		return e.EndpointID, "/webhooks/"
	default:
		return e.ClinicID, "/clinics/"
	}
}

// stepOf says what to do about events that say the same, and where the console shows them.
func stepOf(base string, same []Event) (step, page string) {
	step = aboutOf(same[0].Type).advice
	id, part := subjectOf(&same[0])
	alone := !slices.ContainsFunc(same, func(e Event) bool { other, _ := subjectOf(&e); return other != id })
	switch {
	case alone && id != uuid.Nil:
		step, page = withID(step, id), base+part+id.String()
	default:
		page = base + "/events?type=" + url.QueryEscape(same[0].Type)
	}
	if base == "" {
		page = ""
	}
	return step, page
}
