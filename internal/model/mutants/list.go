package main

import "slices"

// The packages whose tests hold the rules.
const (
	sync     = "internal/casesync"
	neo      = "internal/pims/idexxneo"
	database = "internal/postgres"
)

// mutants lists them all, in the order of the rules.
func mutants() []mutant {
	return slices.Concat(theSnapshot(), theCalendarsGuards(), theCourt(), theDeletionGuard(), theStatement(), theRecords(), theBelonging(),
		theAnswers(), theForms(), theSettings(), thePanics())
}

// theSnapshot is what makes a calendar a proof (R5, R6).
func theSnapshot() []mutant {
	const (
		calendar       = "internal/pims/idexxneo/calendar.go"
		row            = "internal/pims/idexxneo/rows.go"
		appointment    = "internal/pims/appointment.go"
		reconciliation = "internal/casesync/reconciliation.go"
		proof          = "if err := s.Prove(ctx); err != nil {\n\t\treturn pims.Snapshot{}, err\n\t}\n\t"
	)
	proved := tests{neo, "Proved|SpoilsIt"}
	rows := tests{neo, "InAnyOtherForm|Blocks|RowsPlace|NeoIsAPIMSLikeAnyOther/calendar|Duplicate|WithOneID|WithoutAStart|AnotherZone"}
	slices := tests{neo, "SlicesOfAWeek|Halved"}
	present := tests{sync, "CannotBeUsed|WithoutAnID|IncompleteCalendar|ProvesNothing|CameTwice"}
	part := tests{"internal/pims", "Part"}
	answer := tests{"internal/pims/pimshttp", "EveryAnswer"}
	return []mutant{
		{"R5", "the session is not proved before the fetch", calendar, proof + "fetchedAt", "fetchedAt", proved},
		{"R5", "the session is not proved after the fetch", calendar, "if err := s.Prove(ctx); err != nil {\n\t\t\treturn pims.Snapshot{}, err\n\t\t}\n\t\treturn merge", "return merge", proved},
		{"R5", "a row of another week is taken", row, `return drift("a row lies outside the days that were asked for")`, "return nil", rows},
		{"R5", "an unknown envelope is an empty calendar", calendar, "lists != 1", "lists > 1", rows},
		{"R5", "blocks are visits", row, "if !e.isVisit() {", "if false {", rows},
		{"R5", "a fetch is one slice", calendar, "window.Slices(maxSliceDays)", "window.Slices(window.Days())", slices},
		{"R5", "an answer over the limit is not halved", calendar, "!errors.Is(err, pimshttp.ErrTooLarge) || days == 1", "!errors.Is(err, pimshttp.ErrTooLarge) || days > 0", slices},
		{"R5", "any failure is halved", calendar, "!errors.Is(err, pimshttp.ErrTooLarge) || days == 1", "errors.Is(err, pimshttp.ErrTooLarge) && days == 1 || days == 1", slices},
		{"R5", "days of another zone are asked for", calendar, "window.Location.String() != s.location.String()", "window.Location == nil", rows},
		{"R5", "an answer that is no 200 is believed", "internal/pims/pimshttp/try.go", "case status == http.StatusOK:", "case status == http.StatusOK, status == http.StatusCreated:", answer},
		{"R32", "a date is measured by our clock", "internal/pims/pimshttp/retry.go", "now = served", "_ = served", tests{"internal/pims/pimshttp", "ARetryAfterDate"}},
		{"R5", "what follows the answer is overlooked", "internal/pims/pimshttp/try.go", `return fmt.Errorf("something follows the JSON value: %w", pims.ErrSchemaDrift)`, "return nil", answer},
		{"R5", "a stay that began before the window becomes a case", "internal/casesync/inbound.go", "(!p.create || !p.window.Contains(a.Start))", "!p.create", tests{sync, "OvernightStay"}},
		{"R5", "a full sync goes on where the fetch failed", "internal/casesync/full.go", "if fetched != nil {", "if false {", tests{sync, "AFailedInbound"}},
		{"R6", "a row without an id is overlooked", row, "\t\ts.unidentified++\n", "", rows},
		{"R6", "the second of two rows with one id is kept, too", row, "case !again:\n\t\t\t\tm.seen", "case !again || true:\n\t\t\t\tm.seen", rows},
		{"R6", "the second of two rows of one answer is not counted", row, "at, again := s.seen[a.ID]\n\tif again {\n\t\ts.duplicates++", "at, again := s.seen[a.ID]\n\tif again && at < 0 {\n\t\ts.duplicates++", rows},
		{"R6", "a row without a date spoils the calendar", row, "return s.refuse(pims.RecordError{ID: id, Field: \"start\", Reason: \"is missing\"})", `return drift("a row has no date")`, rows},
		{"R6", "a row that comes twice is found twice", appointment, "return len(s.Appointments) + len(s.Unusable)", "return len(s.Appointments) + len(s.Unusable) + s.Duplicates", present},
		{"R6", "a row that cannot be used is not counted", "internal/casesync/inbound.go", "result.Stats.CasesSkipped = len(snapshot.Unusable)", "result.Stats.CasesSkipped = 0", present},
		{"R6", "an inbound that left rows out does not say so", "internal/casesync/inbound.go", "if !snapshot.Complete() {", "if false {", present},
		{"R6", "a second reading that lacks rows is believed", reconciliation, "reading the calendar of %s again: %w\", days, err)\n\t\t}\n\t\tpresent, err := snapshot.Present()\n\t\tif err != nil {", "reading the calendar of %s again: %w\", days, err)\n\t\t}\n\t\tpresent, err := snapshot.Present()\n\t\tif false {", present},
		{"R6", "a wide fetch that lacks rows is believed", reconciliation, "looking for missing appointments in %s: %w\", wide, err)\n\t}\n\tpresent, err := snapshot.Present()\n\tif err != nil {", "looking for missing appointments in %s: %w\", wide, err)\n\t}\n\tpresent, err := snapshot.Present()\n\tif false {", present},
		{"R6", "an incomplete snapshot passes for complete", appointment, "return s.Unidentified == 0", "return true", present},
		{"R6", "a row that cannot be used counts as absent", appointment, "ids[s.Unusable[i].ID] = struct{}{}", "_ = i", present},
		{"R6", "a part of a snapshot loses the rows without a day", appointment, "row.Start.IsZero() || ", "", part},
		{"R6", "a part of a snapshot forgets the rows without an id", appointment, "Unidentified: s.Unidentified, ", "", part},
		{"R6", "an orphan whose lookup is unusable is gone", reconciliation, "return a, unsound(pimsID, row.Field+\" \"+row.Reason)", "_ = row\n\t\treturn a, nil", tests{sync, "GoesAstray"}},
		{"R6", "an orphan whose row in the wide fetch is unusable is gone", reconciliation, "row := unusable[c.PIMSID]; row != nil {", "row := unusable[c.PIMSID]; row != nil && false {", tests{sync, "AWideFetch"}},
		{"R5", "an orphan that is a block of another day is gone", reconciliation, "ok && found[c.PIMSID] == nil", "ok && false", tests{sync, "ABlockOfAnotherDay"}},
		{"R6", "a full sync reconciles after an incomplete inbound", "internal/casesync/full.go", `case !clean || inbound.Code != "":`, "case !clean:", tests{sync, "LeftRowsOut"}},
	}
}

// theCalendarsGuards are those against another practice and a wrong zone (R18).
func theCalendarsGuards() []mutant {
	const (
		guards  = "internal/guards/calendar.go"
		inbound = "internal/casesync/inbound.go"
	)
	practice := tests{sync, "AnotherPractice"}
	shift := tests{sync, "MovedAsAWhole|AcrossAClockChange|IntoTheWindow|ChangeOfZone|WithoutADate"}
	approval := tests{sync, "AnApproval|AnApprovedPlan|NobodyApproved"}
	decision := tests{database, "DecidedOnce"}
	return []mutant{
		{"R18", "few known cases are another practice's", guards, "evidence.Known >= wrongPracticeMinimum && ", "", practice},
		{"R18", "five are few", guards, "wrongPracticeMinimum = 5 ", "wrongPracticeMinimum = 6 ", practice},
		{"R18", "few appointments are another practice's", guards, "evidence.Found >= wrongPracticeMinimum && ", "", practice},
		{"R18", "a calendar that shares ids is another practice's", guards, " && evidence.Shared == 0", "", practice},
		{"R18", "what reaches in from the day before counts", guards, "snapshot.Window.Contains(a.Start)", "a.ID != \"\"", practice},
		{"R18", "rows that cannot be used are not shown", guards, "present[snapshot.Unusable[i].ID] = true", "_ = i", practice},
		{"R18", "what was deleted is known", guards, "if s.SoftDeleted {", "if false {", practice},
		{"R18", "few moves are a shift", guards, "evidence.Moved >= massShiftMinimum && ", "", shift},
		{"R18", "ten moves are few", guards, "massShiftMinimum     = 10", "massShiftMinimum     = 11", shift},
		{"R18", "four fifths are not enough", guards, "massShiftShare       = 0.8", "massShiftShare       = 0.81", shift},
		{"R18", "what did not move counts as moved", guards, "if a.Start.Equal(old.ScheduledDate) {", "if false {", shift},
		{"R18", "a case that had no date has moved", guards, "!ok || old.ScheduledDate.IsZero()", "!ok", shift},
		{"R18", "a shift into the window goes unnoticed", inbound, "slices.Concat(stored, elsewhere)", "slices.Concat(stored, elsewhere[:0])", shift},
		{"R18", "reconciliation believes any calendar", "internal/casesync/reconciliation.go", "result.Warnings.VisitsAsBlocks = p.blocked\n\tif err != nil {", "result.Warnings.VisitsAsBlocks = p.blocked\n\tif false {", practice},
		{"R18", "moves by different offsets are a shift", guards, " && float64(most) >= massShiftShare*float64(evidence.Shared)", "", shift},
		{"R18", "a shift over a clock change goes unnoticed", guards, "commonest(walls); n > most", "commonest(walls); n > most && false", shift},
		{"R18", "a zone that changed under the same texts goes unnoticed", guards, "max(most, sameText)", "max(most, min(sameText, 0))", shift},
		{"R18", "another practice's calendar is only remarked upon", inbound, "wrong && !p.lifted(syncs.CodeWrongPractice)", "wrong && false", practice},
		{"R18", "a shifted calendar is only remarked upon", inbound, "shifted && !p.lifted(syncs.CodeShiftGuard)", "shifted && false", shift},
		{"R18", "an approval lifts every guard", "internal/casesync/runner.go", "p.approved != nil && p.approved.Code == guard", "p.approved != nil", approval},
		{"R18", "a plan that nobody approved lifts its guard", "internal/casesync/runner.go", "if plan.Status != syncs.PlanApproved {", "if false {", approval},
		{"R18", "an approval is for any days", "internal/casesync/runner.go", "return syncs.Windows{Inbound: window, Reconciliation: window, CandidatesUntil: window.Until(), Default: map[syncs.Type]bool{plan.SyncType: plan.CoversDefault}}, nil", "return run.Options.Windows(run.Type, r.o.Now(), loc)", approval},
		{"R18", "a plan is decided twice", "internal/postgres/internal/dbsqlc/plans.sql.go", "clinic_id = $5 and status = 'open' and expires_at", "clinic_id = $5 and expires_at", decision},
		{"R18", "a plan is decided after its day", "internal/postgres/internal/dbsqlc/plans.sql.go", " and expires_at > $2::timestamptz", "", decision},
	}
}

// theCourt hears each orphan (R21, R22).
func theCourt() []mutant {
	const (
		reconciliation = "internal/casesync/reconciliation.go"
		full           = "internal/casesync/full.go"
	)
	unproved := tests{sync, "HasNotProvedItself"}
	heard := tests{sync, "MovedOut|CancelledAppointmentThatLeft|SpoilsTheSnapshot"}
	candidates := tests{database, "CandidatesForDeletion|HoweverLate"}
	return []mutant{
		{"R21", "what is created after the PIMS was read is an orphan", "internal/casesync/runner.go", readFirst, readLast, tests{sync, "CreatedAfter"}},
		{"R21", "in a full sync, too", full, "return slices.DeleteFunc(now, func(c cases.Case) bool { return !was[c.ID] }), err", "return slices.Clone(now), err", tests{sync, "WhatTheInboundPhaseWrote"}},
		{"R21", "a case before the window is a candidate", "internal/postgres/casestore/cases.go", "scheduled_date >= $3 and scheduled_date < $4 and scheduled_date < $5", "$3::timestamptz is not null and scheduled_date < $4 and scheduled_date < $5", candidates},
		{"R21", "a case after the window is a candidate", "internal/postgres/casestore/cases.go", "scheduled_date < $4 and scheduled_date < $5", "$4::timestamptz is not null and scheduled_date < $5", candidates},
		{"R21", "a case of the future is a candidate", "internal/postgres/casestore/cases.go", "scheduled_date < $4 and scheduled_date < $5", "scheduled_date < $4 and $5::timestamptz is not null", candidates},
		{"R22", "a lookup that fails is trusted", reconciliation, "return err == nil && a.ID == probe.ID", "return a.ID == probe.ID || err != nil", unproved},
		{"R22", "a lookup that finds another appointment is trusted", reconciliation, "a.ID == probe.ID && ", "", unproved},
		{"R22", "a lookup that finds another time is trusted", reconciliation, " && a.Start.Equal(probe.Start)", "", unproved},
		{"R22", "a lookup that fails says that the orphan is gone", reconciliation, "case err != nil:\n\t\t\treturn nil, err\n\t\t}\n\t\tanswers", "case false:\n\t\t\treturn nil, err\n\t\t}\n\t\tanswers", tests{sync, "GoesAstray"}},
		{"R22", "a second reading that fails is left out", reconciliation, "return nil, nil, fmt.Errorf(\"reading the calendar of %s again: %w\", days, err)\n\t\t}\n\t\tpresent", "return deletions, readings, nil\n\t\t}\n\t\tpresent", tests{sync, "SecondReading"}},
		{"R22", "another appointment's answer is the orphan's", reconciliation, "err == nil && found.ID != pimsID", "err == nil && false", tests{sync, "CannotBeConfirmed"}},
		{"R22", "what moved is deleted", reconciliation, "v.moved = append(v.moved, *a)", "left = append(left, cases.SoftDeletion{Case: c, Reason: cases.ReasonRemoved})", heard},
		{"R22", "what was cancelled is said to be removed", reconciliation, "Reason: cases.ReasonCancelled}", "Reason: cases.ReasonRemoved}", heard},
		{"R22", "a calendar that hides an appointment is trusted", reconciliation, "case p.window.Contains(a.Start):\n\t\t\treturn v,", "case false:\n\t\t\treturn v,", heard},
		{"R22", "what is missing once is deleted", reconciliation, "if left, v.evidence.Rereadings, err = p.readAgain(ctx, left); err != nil {", "if err != nil {", tests{sync, "SecondReading"}},
		{"R22", "any number of orphans is looked up", reconciliation, "len(orphans) > maxUnseen && !p.lifted(syncs.CodeDeletionGuard)", "len(orphans) > maxUnseen && false", tests{sync, "Unseen"}},
		{"R22", "on approval they are refused unseen again", reconciliation, "len(orphans) > maxUnseen && !p.lifted(syncs.CodeDeletionGuard)", "len(orphans) > maxUnseen", tests{sync, "Unseen"}},
		{"R22", "the wide fetch is as wide as the window", reconciliation, "p.window.Start.AddDays(-lookupMargin)", "p.window.Start", tests{sync, "SixtyDays"}},
		{"R22", "the wide fetch ends with the window", reconciliation, "p.window.End.AddDays(lookupMargin)", "p.window.End", tests{sync, "SixtyDays"}},
		{"R22", "an approval believes a calendar that has become empty", reconciliation, "if p.lifted(syncs.CodeDeletionGuard) && snapshot.Found() == 0 &&", "if p.lifted(syncs.CodeDeletionGuard) && false &&", tests{sync, "BecomeEmpty"}},
		{"R22", "a plan over an empty calendar cannot be carried out", reconciliation, " && p.approved.Evidence.Found > 0 {", " {", tests{sync, "AnApproval|AnApprovedPlan"}},
	}
}

// readFirst is the order of R21, readLast the other.
const (
	readFirst = `	candidates, err := c.candidates(ctx) // local rows first (R21)
	if err != nil {
		return syncs.Result{}, err
	}
	snapshot, err := fetch(ctx, p, connection, windows.Reconciliation)
	if err != nil {
		return syncs.Result{}, err
	}
`
	readLast = `	snapshot, err := fetch(ctx, p, connection, windows.Reconciliation)
	if err != nil {
		return syncs.Result{}, err
	}
	candidates, err := c.candidates(ctx)
	if err != nil {
		return syncs.Result{}, err
	}
`
)

// theDeletionGuard looks at what is left (R23).
func theDeletionGuard() []mutant {
	const (
		guard          = "internal/guards/deletions.go"
		reconciliation = "internal/casesync/reconciliation.go"
	)
	edges := tests{sync, "AtItsEdges|ADayOfTheGuard|OwnLimits|NothingToRefuse"}
	return []mutant{
		{"R23", "an empty PIMS deletes", guard, "if found == 0 {", "if false {", edges},
		{"R23", "any share is deleted", guard, "n > limit {", "n > limit && false {", edges},
		{"R23", "there is no cap", guard, "min(most, max(least,", "max(min(most, least), max(least,", edges},
		{"R23", "one more than the limit is deleted", guard, "n > limit {", "n > limit+1 {", edges},
		{"R23", "the limit itself is refused", guard, "n > limit {", "n >= limit {", edges},
		{"R23", "five may be refused as too large a share", guard, "max(least, int(", "max(min(least, 0), int(", edges},
		{"R23", "a tenth counts as the whole number above", guard, "int(share*float64(candidates)+1e-9)", "int(share*float64(candidates)+0.999)", edges},
		{"R23", "a clinic has no limits of its own", guard, "cmp.Or(limits.MaxCases, defaultMaxDeletions)", "cmp.Or(min(limits.MaxCases, 0), defaultMaxDeletions)", edges},
		{"R23", "half is over half", guard, "2*n > all", "2*n >= all", edges},
		{"R23", "where nothing is left to delete, the guard refuses", guard, "if n == 0 {", "if n < 0 {", edges},
		{"R23", "a day of which some is left is a whole day", guard, " && n == total[d]", "", edges},
		{"R23", "a refusal deletes all the same", reconciliation, "if confirmed.refusal != \"\" {", "if confirmed.refusal != \"\" && p.dryRun {", edges},
		{"R23", "over half is deleted", guard, "n >= minOverHalf && 2*n > all", "n >= minOverHalf && false", edges},
		{"R23", "one of one is over half", guard, "n >= minOverHalf && ", "", edges},
		{"R23", "a whole day is deleted", guard, "deletions); whole {", "deletions); whole && false {", edges},
		{"R23", "a day of three is a whole day", guard, "n >= minWholeDay && ", "", edges},
		{"R23", "an approval deletes more than its plan names", reconciliation, "if !p.lifted(syncs.CodeDeletionGuard) {\n\t\treturn candidates", "if true {\n\t\treturn candidates", tests{sync, "AnApprovedPlan"}},
		{"R23", "an approved plan is judged again", reconciliation, "if !p.lifted(syncs.CodeDeletionGuard) {\n\t\tv.refusal", "if true {\n\t\tv.refusal", tests{sync, "AnApprovedPlan"}},
		{"R23", "an approved plan deletes what is back", reconciliation, "if _, ok := present[c.PIMSID]; !ok {", "if _, ok := present[c.PIMSID]; !ok || true {", tests{sync, "AnApprovedPlan"}},
		{"R23", "a newer run leaves the plan open", "internal/casesync/runner.go", "p.dryRun || len(guards) == 0", "p.dryRun || true", tests{sync, "Supersedes"}},
		{"R23", "a lifted guard ends its plan", "internal/casesync/runner.go", "guards = slices.DeleteFunc(guards, p.lifted)", "_ = slices.Clone(guards)", tests{sync, "Supersedes"}},
		{"R23", "a plan lives for ever", "internal/syncs/plan.go", "status == PlanOpen && !now.Before(p.ExpiresAt)", "status == PlanOpen && false", tests{sync, "Plan"}},
	}
}

// theStatement is the one that deletes (R24).
func theStatement() []mutant {
	const (
		statement  = "internal/postgres/casestore/cases_write.go"
		conditions = "internal/postgres/casestore/cases.go"
		restore    = "internal/postgres/casestore/cases_restore.go"
	)
	repeats := tests{database, "SoftDelete|HoweverLate|IsNotDeleted|NoCandidate|CandidatesForDeletion"}
	restored, seen := tests{database, "RestoreIs"}, tests{database, "SeenAgain"}
	return []mutant{
		{"R24", "a row that somebody changed since is deleted", statement, "c.ctid = s.place and (c.xmin = s.version) is true", "c.ctid = s.place", repeats},
		{"R24", "a case before the window is deleted", statement, "c.scheduled_date >= $4", "$4::timestamptz is not null", repeats},
		{"R24", "a case after the window is deleted", statement, "c.scheduled_date < $5", "$5::timestamptz is not null", repeats},
		{"R24", "a future case is deleted", statement, "c.scheduled_date < $6", "$6::timestamptz is not null", repeats},
		{"R24", "the statement does not repeat what makes a candidate", statement, "\tand ` + deletable + `\nreturning c.id`", "returning c.id`", repeats},
		{"R24", "another clinic's case is deleted", statement, "c.clinic_id::text = ($1::uuid)::text and c.provider = $2\n\tand c.scheduled_date", "$1::uuid is not null and c.provider = $2\n\tand c.scheduled_date", repeats},
		{"R24", "another provider's case is deleted", statement, "c.clinic_id::text = ($1::uuid)::text and c.provider = $2\n\tand c.scheduled_date", "c.clinic_id::text = ($1::uuid)::text and $2::text is not null\n\tand c.scheduled_date", repeats},
		{"R24", "the state before is not kept", statement, "jsonb_build_object('status', c.status, 'syncStatus', c.sync_status)", "'{}'::jsonb", repeats},
		{"R24", "a deletion takes the other metadata along", statement, "c.metadata || jsonb_build_object('reconciliation'", "jsonb_build_object('reconciliation'", repeats},
		{"R24", "a case without a PIMS id is a candidate", conditions, "const deletable = `pims_id is not null\n\tand status", "const deletable = `status", repeats},
		{"R24", "a reviewed case is a candidate", conditions, "\n\tand status <> 'reviewed'", "", repeats},
		{"R24", "a deleted case is a candidate", conditions, "\n\tand metadata #>> '{reconciliation,softDeleted}' is distinct from 'true'", "", repeats},
		{"R24", "a case that a person restored is a candidate", conditions, "\n\tand not exists (select from case_restores where case_id = id)", "", tests{database, "NoCandidate"}},
		{"R24", "a restore overwrites what somebody changed since", restore, "cases.RestoreDone && len(changes) == 0:", "cases.RestoreDone:", restored},
		{"R24", "a case whose mark was taken away is passed over", restore, "cases.RestoreDone, unmarked(changes):", "cases.RestoreDone:", tests{database, "TookAway"}},
		{"R24", "changes before the delete are changes since", restore, " and e.id > d.id", "", restored},
		{"R24", "what is not deleted is restored", restore, "metadata #>> '{reconciliation,softDeleted}' is not distinct from 'true'\nfrom", "true\nfrom", restored},
		{"R24", "a restore leaves the status", restore, "coalesce(c.metadata #>> '{reconciliation,before,status}', c.status)", "c.status", restored},
		{"R24", "a restore leaves the sync_status", restore, "sync_status = c.metadata #>> '{reconciliation,before,syncStatus}'", "sync_status = c.sync_status", restored},
		{"R24", "a restore leaves the proof", restore, "'{reconciliation}' end::text[]", "'{}' end::text[]", restored},
		{"R24", "a restored case is protected for ever", restore, "c.pims_id = any($3)", "c.pims_id = any($3) and false", seen},
		{"R24", "the protection ends with any case that is seen", restore, "c.provider = $2 and c.pims_id = any($3)", "c.provider = $2 and $3::text[] is not null", seen},
	}
}
