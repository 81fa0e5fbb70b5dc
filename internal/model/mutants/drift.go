package main

// theForms are what holds deletions while the PIMS returns another form than it did (R51),
// and what notices that a calendar is not whole (R5).
func theForms() []mutant {
	const (
		reconciliation = "internal/casesync/reconciliation.go"
		watch          = "internal/driftwatch/watch.go"
		judge          = "internal/drift/judge.go"
		hide           = "internal/drift/hide.go"
		paging         = "internal/pims/paging/paging.go"
	)
	freezes := tests{sync, "AnotherFormOfTheAnswers|TheFormThatAFullSync"}
	told := tests{neo, "EveryChangeOfTheAnswers"}
	named := tests{"internal/driftwatch", "ANameOfAPatient"}
	return []mutant{
		{"R51", "deletions go on in another form", reconciliation, "if p.forms == nil || p.lifted(syncs.CodeDriftGuard) {", "if true {", freezes},
		{"R51", "an approval accepts no form", reconciliation, "p.forms == nil || p.lifted(syncs.CodeDriftGuard)", "p.forms == nil", freezes},
		{"R51", "the plan stays where the old form is back", reconciliation, "return p.supersede(ctx, p.window, syncs.CodeDriftGuard)", "return nil", freezes},
		{"R51", "a changed form becomes the usual one", watch, "case frozen, outcome != nil && refusesForm(outcome):", "case outcome != nil && refusesForm(outcome):", freezes},
		{"R51", "another type of sync gets around the guard", watch, "if !slices.Contains(findings, f) {", "if false {", freezes},
		{"R51", "a change is told again and again", watch, "fresh, told := drift.News(before.Told(), found[endpoint])", "fresh, told := drift.News(nil, found[endpoint])", freezes},
		{"R51", "another shape of values is no change", judge, "f.retyped(now) || f.reshaped(now, minNow)", "f.retyped(now)", tests{"internal/drift", "ChangesAreFound"}},
		{"R51", "the name of a patient is a field", watch, "profile.Hide(isField, w.usual(endpoint))", "_ = isField", named},
		{"R51", "a field in most rows is nobody's until it is known", hide, "has(p, path, 0.9) || ", "", named},
		{"R51", "a field is somebody's on a quiet day", hide, " || has(usual, path, 0.02)", "", named},
		{"R5", "a calendar in pages is whole", paging, "return t.more || t.total > rows", "return false", told},
		{"R5", "a total says nothing", paging, "return t.more || t.total > rows", "return t.more", told},
		{"R5", "a further page says nothing", paging, "return t.more || t.total > rows", "return t.total > rows", told},
	}
}
