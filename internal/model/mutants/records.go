package main

// theRecords is what keeps one record from spoiling the others, what is stored from being
// lost, and notes from being older than they need be (R7, R19, R20, R22).
func theRecords() []mutant {
	const (
		look           = "internal/casesync/look.go"
		consultation   = "internal/cases/consultation.go"
		runner         = "internal/casesync/runner.go"
		options        = "internal/syncs/options.go"
		reconciliation = "internal/casesync/reconciliation.go"
		connection     = "internal/clinic/connection.go"
	)
	looks := tests{sync, "Correction|TheLook|OneRunOfAClinicsDay|Adopted|ALookThatFails"}
	refused := tests{"internal/clinic", "Record|Proof"}
	kept := tests{sync, "CannotBeConfirmed"}
	unusable := tests{sync, "FiveUnusable"}
	parts := tests{sync, "APartThatCannotBeRead|WhatAReadCannot|NotesArrive"}
	return []mutant{
		{"R7", "a part that cannot be read takes what is stored", consultation, "keepPart(&merged.Consultation, &old.Consultation, part)", "_ = part", parts},
		{"R7", "a time that cannot be read takes the stored one", consultation, "merged.At, merged.AtText = old.At, old.AtText", "", parts},
		{"R7", "a status that cannot be read takes the stored one", consultation, "merged.Status, merged.StatusText = old.Status, old.StatusText", "", parts},
		{"R7", "a reason that cannot be read takes the stored one", consultation, "merged.Reason = old.Reason", "", parts},
		{"R7", "a discharge that cannot be read takes the stored one", consultation, "merged.Discharge = old.Discharge", "", parts},
		{"R7", "notes that cannot be read take the stored ones", consultation, "if hasNotes(old) {", "if false {", parts},
		{"R7", "notes that cannot be read for once are never read again", consultation, "if hasNotes(old) {", "if true {", parts},
		{"R7", "a shape without vitals takes the stored ones", consultation, "if read.Vitals == nil {", "if false {", parts},
		{"R7", "a shape without diagnoses takes the stored ones", consultation, "if read.Diagnoses == nil {", "if false {", parts},
		{"R19", "an entry that is the same is viewed", look, " || sameEntry(c, entry)", "", looks},
		{"R19", "an entry that was never kept is viewed", look, `case c.Fingerprint == "":`, "case false:", looks},
		{"R19", "a late correction is adopted and not viewed", look, `case c.Fingerprint == "":`, "case true:", looks},
		{"R19", "a look that failed counts as done", look, "if l.err != nil {", "if false {", looks},
		{"R19", "every run of the day looks", look, "if last == day {", "if last == day && false {", looks},
		{"R19", "the look is never done", look, "if last == day {", "if last == day || true {", looks},
		{"R19", "a dry run uses the look up", options, "o.StartDate == nil && o.EndDate == nil && !o.DryRun", "o.StartDate == nil && o.EndDate == nil", looks},
		{"R19", "a run with a start date uses the look up", options, "o.StartDate == nil && o.EndDate == nil && !o.DryRun", "o.EndDate == nil && !o.DryRun", looks},
		{"R19", "a run with an end date uses the look up", options, "o.StartDate == nil && o.EndDate == nil && !o.DryRun", "o.StartDate == nil && !o.DryRun", looks},
		{"R19", "a run of other days uses the look up", runner, "ok && o.Rolling() && p.approved == nil", "ok && p.approved == nil", looks},
		{"R19", "notes that are another visit's now are not looked for", look, "case found.Lost(c):", "case false:", looks},
		{"R19", "the look reaches back for ever", look, "day.AddDays(-p.correctedFor)", "day.AddDays(-p.correctedFor - 30)", looks},
		{"R19", "the look has no end at the run's own days", look, "End: p.window.Start.AddDays(-1)", "End: p.window.End", looks},
		{"R19", "a case that is listed nowhere is viewed", look, `case !ok || entry.Fingerprint == "" || `, `case !ok && entry.ID != "" || `, looks},
		{"R19", "a case of the run's own days is looked at twice", look, "!ids[c.CaseID]", "true", looks},
		{"R9", "notes that are another visit's now stay until the day's look", look, "case found.Lost(c):", "case l != nil && found.Lost(c):", tests{sync, "AStoredConsultationOfAnotherPatientsVisit"}},
		{"R20", "a view that looks dead renews the session", connection, "read, err := requestRecord(ctx, c, func(ctx context.Context, s pims.Session) (pims.Consultation", "read, err := request(ctx, c, func(ctx context.Context, s pims.Session) (pims.Consultation", refused},
		{"R20", "a lookup that looks dead renews the session", connection, "found, err := requestRecord(ctx, f.connection", "found, err := request(ctx, f.connection", refused},
		{"R20", "a list that looks dead renews a session of this run", connection, "present.session != s || !present.fresh {\n", "present != nil {\n", tests{"internal/clinic", "AListThatLooks"}},
		{"R36", "a kept session that looks dead to a list is not renewed", connection, " || present.session != s || !present.fresh {\n", " || present.session != s {\n", tests{"internal/clinic", "AListThatLooks"}},
		{"R20", "where the proof fails otherwise the record is refused", connection, `return fmt.Errorf("proving the session after an answer that looks like its end: %w", err)`, "return pims.ErrRecordRefused", refused},
		{"R20", "an answer of an earlier session is judged by the present one", connection, "present.session != s || c.isDead()", "c.isDead()", refused},
		{"R20", "a session that is known to be dead is proved again", connection, "present.session != s || c.isDead()", "present.session != s", refused},
		{"R20", "a proof of an earlier session stands for the renewed one", connection, "c.proofs = proofs{}", "", refused},
		{"R20", "one proof stands for any number of later answers", connection, "p.credit--", "", refused},
		{"R20", "a refused record is taken for a dead session", connection, "c.used(present, nil)\n\t\treturn pims.ErrRecordRefused", "c.used(present, nil)\n\t\treturn answer", refused},
		{"R20", "a dead session is taken for a refused record", connection, "c.died(present) // the records that wait for this proof need none of their own\n\t\treturn answer", "return pims.ErrRecordRefused", refused},
		{"R20", "each record that meets a dead session proves it", connection, "c.died(present) // the", "// the", tests{"internal/clinic", "ProvedDeadOnce"}},
		{"R20", "a replay returns what a dead session got", "internal/recordings/replay/player.go", "return 0 < of && of < session", "return of < 0", tests{"internal/recordings/replay", "ADeadSession"}},
		{"R36", "a replay returns the answers of any session", "internal/recordings/replay/player.go", "p.plays[i].Session == session })", "true })", tests{"internal/recordings/replay", "EachSession"}},
		{"R29", "a missed cancellation waits for the next heartbeat", "internal/queue/start.go", "q.syncs.beatAll()", "", tests{"internal/queue", "NoReplicaIsTold"}},
		{"R20", "each refused record is proved", connection, "case p.credit > 0:", "case false:", refused},
		{"R20", "a proof does not stand for what was asked before", connection, "case asked < p.last:", "case false:", refused},
		{"R20", "one lookup that is refused ends the reconciliation", reconciliation, "return lookupRefused\n", "return \"\"\n", kept},
		{"R20", "one lookup that is unusable ends the reconciliation", reconciliation, "return lookupUnusable\n", "return \"\"\n", kept},
		{"R20", "any number of lookups in a row may be unusable", reconciliation, "case unusable.fifth(a.unconfirmed == lookupUnusable):", "case unusable.fifth(false):", unusable},
		{"R20", "five unusable lookups end it, whatever lies between", "internal/casesync/streak.go", "s.n = 0", "s.n--", unusable},
		{"R20", "a session that was not renewed is one lookup's fault", reconciliation, "case endsSession(err):\n\t\treturn \"\"", "case false:\n\t\treturn \"\"", tests{sync, "GoesAstray"}},
		{"R20", "a failed renewal is the fault of the record that met it", connection, "fmt.Errorf(\"%w: %w\", ErrNotRenewed, err)", "err", tests{"internal/clinic", "ARunKeepsItsAccount"}},
		{"R22", "an orphan whose lookup confirms nothing is gone", reconciliation, "case answers[c.PIMSID].unconfirmed != \"\":", "case false:", kept},
	}
}
