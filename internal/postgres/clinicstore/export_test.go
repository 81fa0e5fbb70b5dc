package clinicstore

import (
	"time"

	"github.com/pims-sync/pims-sync/internal/syncs"
)

// ConditionSQL are the statements of Conditions with their arguments after the clinics'.
func ConditionSQL(at time.Time) map[string][]any {
	return map[string][]any{conditionsSQL: nil, phasesSQL: {syncs.RefusedHere()}, plansSQL: {at}}
}
