package clinicstore

// ConditionSQL are the statements of Conditions with the number of their arguments.
var ConditionSQL = map[string]int{conditionsSQL: 1, phasesSQL: 1, plansSQL: 2}
