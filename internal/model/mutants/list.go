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
	return slices.Concat(theSnapshot(), theCalendarsGuards(), theCourt(), theDeletionGuard(), theStatement())
}

// theSnapshot is what makes a calendar a proof (R5, R6).
func theSnapshot() []mutant {
	const (
		calendar    = "internal/pims/idexxneo/calendar.go"
		appointment = "internal/pims/appointment.go"
		court       = "internal/casesync/reconciliation.go"
		proof       = "if err := s.Prove(ctx); err != nil {\n\t\treturn pims.Snapshot{}, err\n\t}\n\t"
	)
	proved := tests{neo, "Proved|SpoilsIt"}
	rows := tests{neo, "InAnyOtherForm|Blocks|RowsPlace|NeoIsAPIMSLikeAnyOther/calendar|Duplicate"}
	present := tests{sync, "CannotBeUsed|WithoutAnID|IncompleteCalendar|ProvesNothing"}
	return []mutant{
		{"R5", "the session is not proved before the fetch", calendar, proof + "fetchedAt", "fetchedAt", proved},
		{"R5", "the session is not proved after the fetch", calendar, proof + "snapshot := merge", "snapshot := merge", proved},
		{"R5", "a row of another week is taken", calendar, `return drift("a row lies outside the days that were asked for")`, "return nil", rows},
		{"R5", "an unknown envelope is an empty calendar", calendar, "lists != 1", "lists > 1", rows},
		{"R5", "blocks are visits", calendar, "if !e.isVisit() {", "if false {", rows},
		{"R5", "an answer over the limit is not halved", calendar, "!errors.Is(err, pimshttp.ErrTooLarge) || days == 1", "!errors.Is(err, pimshttp.ErrTooLarge) || days > 0", tests{neo, "Halved"}},
		{"R6", "a row without an id is overlooked", calendar, "\t\ts.unidentified++\n", "", rows},
		{"R6", "the second of two rows with one id is kept, too", calendar, "if m.first(a.ID) {", "if m.first(a.ID) || true {", rows},
		{"R6", "an incomplete snapshot passes for complete", appointment, "return s.Unidentified == 0", "return true", present},
		{"R6", "a row that cannot be used counts as absent", appointment, "ids[s.Unusable[i].ID] = struct{}{}", "_ = i", present},
		{"R6", "a part of a snapshot loses the rows without a day", appointment, "row.Start.IsZero() || ", "", tests{"internal/model", "Decisions"}},
		{"R6", "an orphan whose lookup is unusable is gone", court, "case errors.As(err, &unusable):\n\t\t\treturn nil, unsound(c.PIMSID, unusable.Field+\" \"+unusable.Reason)", "case errors.As(err, &unusable):", tests{sync, "GoesAstray"}},
		{"R6", "an orphan whose row in the wide fetch is unusable is gone", court, "ok && found[c.PIMSID] == nil", "ok && false", tests{sync, "AWideFetch"}},
		{"R6", "a full sync reconciles after an incomplete inbound", "internal/casesync/full.go", `case !clean || inbound.Code != "":`, "case !clean:", tests{sync, "LeftRowsOut"}},
	}
}

// theCalendarsGuards are those against another practice and a wrong zone (R18).
func theCalendarsGuards() []mutant {
	const (
		guards  = "internal/casesync/guards.go"
		inbound = "internal/casesync/inbound.go"
	)
	practice := tests{sync, "AnotherPractice"}
	shift := tests{sync, "MovedAsAWhole|AcrossAClockChange|ChangeOfZone|WithoutADate"}
	approval := tests{sync, "AnApprovalLifts|AnApprovedPlan"}
	return []mutant{
		{"R18", "few known cases are another practice's", guards, "evidence.Known >= wrongPracticeMinimum && ", "", practice},
		{"R18", "few appointments are another practice's", guards, "evidence.Found >= wrongPracticeMinimum && ", "", practice},
		{"R18", "a calendar that shares ids is another practice's", guards, " && evidence.Shared == 0", "", practice},
		{"R18", "what reaches in from the day before counts", guards, "snapshot.Window.Contains(a.Start)", "a.ID != \"\"", practice},
		{"R18", "rows that cannot be used are not shown", guards, "present[snapshot.Unusable[i].ID] = true", "_ = i", practice},
		{"R18", "what was deleted is known", guards, "if s.SoftDeleted {", "if false {", practice},
		{"R18", "few moves are a shift", guards, "evidence.Moved >= massShiftMinimum && ", "", shift},
		{"R18", "moves by different offsets are a shift", guards, " && float64(most) >= massShiftShare*float64(evidence.Shared)", "", shift},
		{"R18", "a shift over a clock change goes unnoticed", guards, "commonest(walls); n > most", "commonest(walls); n > most && false", shift},
		{"R18", "a zone that changed under the same texts goes unnoticed", guards, "max(most, sameText)", "max(most, min(sameText, 0))", shift},
		{"R18", "another practice's calendar is only remarked upon", inbound, "wrong && !p.lifted(CodeWrongPractice)", "wrong && false", practice},
		{"R18", "a shifted calendar is only remarked upon", inbound, "shifted && !p.lifted(CodeShiftGuard)", "shifted && false", shift},
		{"R18", "an approval lifts every guard", "internal/casesync/runner.go", "p.approved != nil && p.approved.Code == guard", "p.approved != nil", approval},
	}
}

// theCourt hears each orphan (R21, R22).
func theCourt() []mutant {
	const (
		court = "internal/casesync/reconciliation.go"
		full  = "internal/casesync/full.go"
	)
	unproved := tests{sync, "HasNotProvedItself"}
	heard := tests{sync, "MovedOut|CancelledAppointmentThatLeft|SpoilsTheSnapshot"}
	return []mutant{
		{"R21", "what is created after the PIMS was read is an orphan", "internal/casesync/runner.go", readFirst, readLast, tests{sync, "CreatedAfter"}},
		{"R21", "in a full sync, too", full, "return slices.DeleteFunc(fresh, func(c Case) bool { return !was[c.ID] })", "return slices.Clone(fresh)", tests{sync, "WhatTheInboundPhaseWrote"}},
		{"R22", "a lookup that fails is trusted", court, "return err == nil && a.ID == probe.ID", "return a.ID == probe.ID || err != nil", unproved},
		{"R22", "a lookup that finds another appointment is trusted", court, "a.ID == probe.ID && ", "", unproved},
		{"R22", "a lookup that finds another time is trusted", court, " && a.Start.Equal(probe.Start)", "", unproved},
		{"R22", "another appointment's answer is the orphan's", court, "case a.ID != c.PIMSID:", "case false:", tests{sync, "GoesAstray"}},
		{"R22", "what moved is deleted", court, "v.moved = append(v.moved, *a)", "left = append(left, SoftDeletion{Case: c, Reason: ReasonRemoved})", heard},
		{"R22", "what was cancelled is said to be removed", court, "Reason: ReasonCancelled}", "Reason: ReasonRemoved}", heard},
		{"R22", "a calendar that hides an appointment is trusted", court, "case p.window.Contains(a.Start):\n\t\t\treturn v,", "case false:\n\t\t\treturn v,", heard},
		{"R22", "what is missing once is deleted", court, "if left, err = p.readAgain(ctx, left); err != nil {", "if err != nil {", tests{sync, "SecondReading"}},
		{"R22", "any number of orphans is looked up", court, "len(orphans) > maxUnseen && !p.lifted(CodeDeletionGuard)", "len(orphans) > maxUnseen && false", tests{sync, "Unseen"}},
		{"R22", "on approval they are refused unseen again", court, "len(orphans) > maxUnseen && !p.lifted(CodeDeletionGuard)", "len(orphans) > maxUnseen", tests{sync, "Unseen"}},
		{"R22", "the wide fetch is as wide as the window", court, "p.window.Start.AddDays(-lookupMargin)", "p.window.Start", tests{sync, "SixtyDays"}},
	}
}

// readFirst is the order of R21, readLast the other.
const (
	readFirst = `	candidates, err := c.candidates(ctx) // local rows first (R21)
	if err != nil {
		return Result{}, err
	}
	snapshot, err := fetch(ctx, p, connection, windows.Reconciliation)
	if err != nil {
		return Result{}, err
	}
`
	readLast = `	snapshot, err := fetch(ctx, p, connection, windows.Reconciliation)
	if err != nil {
		return Result{}, err
	}
	candidates, err := c.candidates(ctx)
	if err != nil {
		return Result{}, err
	}
`
)

// theDeletionGuard looks at what is left (R23).
func theDeletionGuard() []mutant {
	const (
		guard = "internal/casesync/deletionguard.go"
		court = "internal/casesync/reconciliation.go"
	)
	edges := tests{sync, "AtItsEdges|ADayOfTheGuard|OwnLimits"}
	return []mutant{
		{"R23", "an empty PIMS deletes", guard, "if found == 0 {", "if false {", edges},
		{"R23", "any share is deleted", guard, "n > limit {", "n > limit && false {", edges},
		{"R23", "there is no cap", guard, "min(most, max(least,", "max(min(most, least), max(least,", edges},
		{"R23", "over half is deleted", guard, "n >= minOverHalf && 2*n > all", "n >= minOverHalf && false", edges},
		{"R23", "one of one is over half", guard, "n >= minOverHalf && ", "", edges},
		{"R23", "a whole day is deleted", guard, "deletions); whole {", "deletions); whole && false {", edges},
		{"R23", "a day of three is a whole day", guard, "n >= minWholeDay && ", "", edges},
		{"R23", "an approval deletes more than its plan names", court, "if !p.lifted(CodeDeletionGuard) {\n\t\treturn cases", "if true {\n\t\treturn cases", tests{sync, "AnApprovedPlan"}},
		{"R23", "a newer run leaves the plan open", court, "p.dryRun || p.approved != nil", "p.dryRun || true", tests{sync, "Supersedes"}},
		{"R23", "a plan lives for ever", "internal/casesync/plan.go", "status == PlanOpen && !now.Before(p.ExpiresAt)", "status == PlanOpen && false", tests{sync, "Plan"}},
	}
}

// theStatement is the one that deletes (R24).
func theStatement() []mutant {
	const (
		statement  = "internal/postgres/cases_write.go"
		conditions = "internal/postgres/cases.go"
	)
	repeats := tests{database, "SoftDelete|IsNotDeleted|NoCandidate|CandidatesForDeletion"}
	return []mutant{
		{"R24", "a row that somebody changed since is deleted", statement, " and (c.xmin = s.version) is true\n\tand c.scheduled_date", "\n\tand c.scheduled_date", repeats},
		{"R24", "a case before the window is deleted", statement, "c.scheduled_date >= $4", "$4::timestamptz is not null", repeats},
		{"R24", "a case after the window is deleted", statement, "c.scheduled_date < $5", "$5::timestamptz is not null", repeats},
		{"R24", "a future case is deleted", statement, "c.scheduled_date < $6", "$6::timestamptz is not null", repeats},
		{"R24", "the statement does not repeat what makes a candidate", statement, "\tand ` + deletable + `\nreturning c.id`", "returning c.id`", repeats},
		{"R24", "another clinic's case is deleted", statement, "cross join lateral (select ctid as place from cases where id = s.case_id and clinic_id = $1 and provider = $2 offset 0)", "cross join lateral (select ctid as place from cases where id = s.case_id and $1::uuid is not null and $2::text is not null offset 0)", repeats},
		{"R24", "the state before is not kept", statement, "jsonb_build_object('status', c.status, 'syncStatus', c.sync_status)", "'{}'::jsonb", repeats},
		{"R24", "a reviewed case is a candidate", conditions, "\n\tand status <> 'reviewed'", "", repeats},
		{"R24", "a deleted case is a candidate", conditions, "\n\tand metadata #>> '{reconciliation,softDeleted}' is distinct from 'true'", "", repeats},
		{"R24", "a case that a person restored is a candidate", conditions, "\n\tand not exists (select from case_restores where case_id = id)", "", tests{database, "NoCandidate"}},
		{"R24", "a restore overwrites what somebody changed since", "internal/postgres/cases_restore.go", "if len(r.Changes) > 0 {", "if false {", tests{database, "RestoreIs"}},
	}
}
