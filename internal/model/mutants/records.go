package main

// theRecords is what keeps one record from spoiling the others, and notes from being
// older than they need be (R19, R20, R22).
func theRecords() []mutant {
	const (
		look       = "internal/casesync/look.go"
		runner     = "internal/casesync/runner.go"
		court      = "internal/casesync/reconciliation.go"
		connection = "internal/clinic/connection.go"
	)
	looks := tests{sync, "Correction|TheLook|OneRunOfAClinicsDay|Adopted|ALookThatFails"}
	refused := tests{"internal/clinic", "Record|Proof"}
	kept := tests{sync, "CannotBeConfirmed"}
	return []mutant{
		{"R19", "an entry that is the same is viewed", look, " || sameEntry(c, entry)", "", looks},
		{"R19", "an entry that was never kept is viewed", look, `case c.Fingerprint == "":`, "case false:", looks},
		{"R19", "a late correction is adopted and not viewed", look, `case c.Fingerprint == "":`, "case true:", looks},
		{"R19", "a look that failed counts as done", look, "if l.err != nil {", "if false {", looks},
		{"R19", "every run of the day looks", look, "if last == day {", "if last == day && false {", looks},
		{"R19", "the look is never done", look, "if last == day {", "if last == day || true {", looks},
		{"R19", "a dry run uses the look up", runner, "ok && !o.DryRun && o.StartDate == nil", "ok && o.StartDate == nil", looks},
		{"R19", "a run with a start date uses the look up", runner, "o.StartDate == nil && o.EndDate == nil && p.approved", "o.EndDate == nil && p.approved", looks},
		{"R20", "a refused record is taken for a dead session", connection, "c.used(present, nil)\n\t\treturn pims.ErrRecordRefused", "c.used(present, nil)\n\t\treturn answer", refused},
		{"R20", "a dead session is taken for a refused record", connection, "case errors.Is(err, pims.ErrSessionExpired):\n\t\treturn answer", "case errors.Is(err, pims.ErrSessionExpired):\n\t\treturn pims.ErrRecordRefused", refused},
		{"R20", "each refused record is proved", connection, "case p.credit > 0:", "case false:", refused},
		{"R20", "a proof does not stand for what was asked before", connection, "case asked < p.last:", "case false:", refused},
		{"R22", "an orphan whose lookup is refused is gone", court, "case answers[c.PIMSID].refused:", "case false:", kept},
	}
}
