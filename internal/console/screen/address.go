package screen

import (
	"net/url"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/console/page"
)

// ClinicAddress returns the address of a clinic's page.
func ClinicAddress(id uuid.UUID) string { return page.Root + "/clinics/" + id.String() }

// RunsOf returns the address of a clinic's syncs.
func RunsOf(id uuid.UUID) string { return page.Root + "/runs?clinic=" + id.String() }

// CasesOf returns the address of a clinic's cases.
func CasesOf(id uuid.UUID) string {
	return page.Root + "/cases?" + url.Values{"clinic": {id.String()}}.Encode()
}

// RunAddress returns the address of a sync.
func RunAddress(id uuid.UUID) string { return page.Root + "/runs/" + id.String() }

// CaseAddress returns the address of a case.
func CaseAddress(id uuid.UUID) string { return page.Root + "/cases/" + id.String() }

// PlanAddress returns the address of a plan.
func PlanAddress(id uuid.UUID) string { return page.Root + "/plans/" + id.String() }

// EventsOf returns the address of a clinic's events of a type.
func EventsOf(id uuid.UUID, kind string) string {
	return page.Root + "/events?" + url.Values{"clinic": {id.String()}, "type": {kind}}.Encode()
}

// SetupRoot is where clinics are added.
const SetupRoot = page.Root + "/setup"

// SetupAddress returns the address of the steps that set up a clinic.
func SetupAddress(id uuid.UUID) string { return SetupRoot + "/" + id.String() }
