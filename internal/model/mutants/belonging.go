package main

const model = "internal/model"

// theBelonging is what keeps notes with their patient and their visit (R7, R9, R16,
// R19).
func theBelonging() []mutant {
	const (
		belonging    = "internal/cases/belonging.go"
		consultation = "internal/ownership/ownership.go"
		merging      = "internal/cases/consultation.go"
		storing      = "internal/casesync/enrichment_store.go"
		reference    = "internal/pims/idexxneo/reference.go"
		shown        = "internal/postgres/migrations/00080_notes_shown.sql"
		before       = "internal/postgres/migrations/00081_notes_shown_before.sql"
		onceMore     = "internal/postgres/migrations/00084_notes_shown_once_more.sql"
		suspicion    = "internal/postgres/casestore/suspicion.go"
		visits       = "internal/casesync/visits.go"
		whose        = "internal/cases/whose.go"
		present      = "internal/casesync/present.go"
		holding      = "internal/postgres/migrations/00082_consultation_cases.sql"
	)
	spelled := tests{neo, "EverySpelling|ContradictEachOther"}
	never := tests{sync, "OfAnotherPatientIsNeverStored"}
	returned := tests{sync, "ASoftDeletedCaseKeepsItsNotes"}
	replaced := tests{sync, "AnotherConsultationReplaces"}
	null := tests{sync, "ANullClears"}
	late := tests{sync, "ReadForTheEarlierPatient"}
	unproved := tests{sync, "AnotherNameWithoutAPatientID"}
	merge := tests{model, "TheMerge"}
	strange := tests{sync, "AConsultationOfAnotherPatientsVisit"}
	stays := tests{sync, "AStoredConsultationOfAnotherPatientsVisit"}
	owners := tests{sync, "WhoseTheOtherVisitIs"}
	becomes := tests{sync, "BecomesAnotherClients"}
	cleared := tests{sync, "ClearedNotes"}
	contested := tests{sync, "NamesForTwoPatients"}
	decides := tests{sync, "WhatASharedConsultationNames"}
	twins := tests{sync, "ThatAnotherPatientsVisitHas"}
	nobodys := tests{sync, "ThatNamesNobody"}
	unread := tests{sync, "CannotBeReadAgain"}
	return []mutant{
		{"R7", "a patient that becomes known is another one", belonging, "return !pims.Blank(a) && !pims.Blank(b) && a != b", "return a != b", tests{sync, "BecomesKnown"}},
		{"R7", "notes stay where the patient becomes another one", belonging, "case old.becomes(a), stored", "case stored", becomes},
		{"R7", "notes stay where the visit names another consultation", belonging, "case !now.Earlier && Differ(stored.ConsultationID, now.ConsultationID):", "case false:", replaced},
		{"R7", "notes stay where the visit has no consultation any more", belonging, "return !none || stored.ConsultationID", "return !none || true || stored.ConsultationID", null},
		{"R7", "a null says nothing", "internal/cases/merge.go", `consultationID == "" && !a.NoConsultation`, `consultationID == ""`, null},
		{"R7", "an absent field is a null", "internal/cases/merge.go", `consultationID == "" && !a.NoConsultation`, `false`, null},
		{"R7", "Neo's null says nothing", reference, `f.given(identified(id), kind`, `f.given(identified(id), false && kind`, tests{neo, "Generations|Tolerantly"}},
		{"R7", "Neo's newer shape does not say whose it is", "internal/pims/idexxneo/consultation.go", `err = r.referenceIn(&c.patientID, "patient_id", "patientId")`, "err = r.skip()", tests{neo, "BothShapes"}},
		{"R7", "Neo's consultation has no further spelling of its patient", "internal/pims/idexxneo/consultation.go", `, "patientId", "PatientID":`, `, "patientId":`, tests{neo, "InFurtherSpellings"}},
		{"R7", "Neo's patient is named by id alone", reference, `string(name) != "id" && !slices.Contains(others, string(name))`, `string(name) != "id" && !slices.Contains(others[:0], string(name))`, tests{neo, "InFurtherSpellings"}},
		{"R9", "Neo's consultation does not say whose patient it is", "internal/pims/idexxneo/consultation.go", "ClientID:      c.clientID.id,", "", tests{neo, "EverySpelling"}},
		{"R7", "a later blank erases Neo's id", reference, `f.none = f.none || none`, `f.id = ""`, spelled},
		{"R7", "the first of two ids that contradict each other counts", reference, "f.torn = true", "", spelled},
		{"R7", "the last of two ids that contradict each other counts", reference, "f.torn = true", "f.id = id", spelled},
		{"R7", "what stands around a consultation may contradict it", "internal/pims/idexxneo/consultation.go", "inner.patientID.join(c.patientID)", "", spelled},
		{"R7", "a row that names two patients is used", "internal/pims/idexxneo/rows.go", `case e.torn() != "":`, "case false:", spelled},
		{"R7", "a consultation of another patient is stored", belonging, "case others || named.Another(c.Whose()):", "case others:", never},
		{"R7", "what is stored of another patient's consultation stays", belonging, "if c.Holds(consultationID) {", "if false {", never},
		{"R7", "what was hidden comes back without naming the patient", belonging, "case others || named.Another(c.Whose()):", "case others && false || named.Another(c.Whose()):", tests{sync, "NeverComesBackUnnamed"}},
		{"R7", "what the case showed is forgotten", shown, "where o.metadata #>> '{consultation,id}' <> ''", "where false", tests{sync, "NeverComesBackUnnamed"}},
		{"R7", "what a person put back before the upgrade is hidden", before, "where gone.id > undone.id", "where true", tests{database, "ForWhomCasesShowed"}},
		{"R7", "what a person put back stays hidden by the first 00080", onceMore, "using case_events back\nwhere ", "using case_events back\nwhere false and ", tests{database, "ForWhomCasesShowed"}},
		{"R7", "what was hidden after a person put it back is shown", onceMore, "and gone.id > back.id", "and false", tests{database, "ForWhomCasesShowed"}},
		{"R7", "another name is no other patient where the patient id becomes known", whose, "return named != thanNamed && otherName(w.PatientName, than.PatientName)", "return false", becomes},
		{"R7", "a client that stays proves nothing", whose, "case !pims.Blank(w.ClientID) && !pims.Blank(than.ClientID):", "case Differ(w.ClientID, than.ClientID):", becomes},
		{"R7", "another client of a patient whose id is lost is none", belonging, " ||\n\t\tknown && Differ(c.Appointment.ClientID, a.ClientID))", ")", becomes},
		{"R7", "a patient keeps the client of the one before", belonging, "c.Appointment.ClientID = \"\"", "", becomes},
		{"R7", "what a clearing hid comes back", suspicion, "tx.Exec(ctx, keepShown, shownArgs(clinicID, checked, at)...)", "tx.Exec(ctx, keepShown, shownArgs(clinicID, nil, at)...)", cleared},
		{"R7", "what an undoing put back is hidden", suspicion, "m.case_id = r.id and m.consultation_id = r.consultation_id", "false", cleared},
		{"R7", "the history shows no other patient", "internal/cases/suspicion.go", "add(SuspectPatient, read.Another(c.Whose()))", "_ = read", tests{"internal/cases", "ForeignNotes"}},
		{"R7", "another consultation without notes keeps the notes", merging, "old.ID != read.ID || ", "", replaced},
		{"R7", "another patient's consultation without notes keeps the notes", merging, " || old.Belonging().whose().Another(old.stillNames(read))", "", merge},
		{"R7", "another patient keeps the name", belonging, "\t\tc.PatientName = \"\"\n", "", merge},
		{"R7", "another client keeps the phone number", belonging, "if Differ(old.Appointment.ClientID, a.ClientID) {", "if false {", merge},
		{"R7", "another name without a patient id keeps the notes", belonging, "case now.Unproved:", "case false:", unproved},
		{"R7", "notes come back to a name without a patient id", belonging, "case c.Appointment.Unproved:", "case false:", unproved},
		{"R7", "a patient id that is named again is not due", belonging, "&& !proved(w.Before, &w.After) {", "{", unproved},
		{"R7", "another spelling of a name is another patient", belonging, "return Differ(plain(a), plain(b))", "_ = plain\n\treturn Differ(a, b)", tests{sync, "ThatIsTheSameHidesNothing"}},
		{"R7", "what was read for the earlier patient lands", storing, "a.PatientID == c.PatientID && ", "", late},
		{"R7", "what was read of the earlier consultation lands", storing, "a.ConsultationID == c.ConsultationID && ", "", late},
		{"R7", "a restore puts another patient's notes back", "internal/postgres/casestore/cases_restore.go", "case when ` + anothersNotes + ` then", "case when false then", tests{sync, "ARestoreByHandPutsNoOther"}},
		{"R9", "the id stored earlier decides against the search", consultation, "if c.ConsultationID != \"\" && !c.Earlier {", "if c.ConsultationID != \"\" {", tests{sync, "TheIDStoredEarlier"}},
		{"R9", "a consultation that the search lists for another visit stays", consultation, "!named && l.anothers(c.StoredID, c)", "false && !named && l.anothers(c.StoredID, c)", tests{sync, "ListedForAnotherVisitNow"}},
		{"R9", "another patient's visit is not another one", whose, "return w.PatientID != than.PatientID", "return false", strange},
		{"R9", "another client's visit is not another one", whose, "return w.ClientID != than.ClientID", "return false", owners},
		{"R9", "one patient of two clients is two patients", whose, "return w.PatientID != than.PatientID", "return w.PatientID != than.PatientID || Differ(w.ClientID, than.ClientID)", owners},
		{"R9", "what the search lists for another patient's visit is read", consultation, "case l.listedForeign(c.ConsultationID, c):", "case false:", strange},
		{"R9", "what the search lists for another patient's visit stays", consultation, "l.listedForeign(c.StoredID, c) ||", "false ||", stays},
		{"R9", "what is stored of another patient's visit stays", consultation, "l.foreign(c.StoredAppointmentID, c.WhoseByIDs())", "false", stays},
		{"R9", "what says itself that it is another patient's visit's is stored", consultation, "if l.foreign(read.AppointmentID, c.WhoseByIDs()) {", "if false {", strange},
		{"R9", "visits that only the consultation names are not read", visits, "p.found.SetVisit(id, c.WhoseByIDs())", "_, _ = id, c", owners},
		{"R9", "what two patients' cases have is stored", consultation, "return l.shared(read.ID", "_ = read.ID\n\treturn nil\n\treturn l.shared(read.ID", contested},
		{"R9", "what two patients' cases have stays", consultation, "|| l.ownerless(c)", "", contested},
		{"R9", "a visit that it names decides nothing between two patients", consultation, "|| l.own(appointmentID, pimsID, own) ", "", decides},
		{"R9", "a visit that the search names decides nothing between two patients", consultation, "|| l.own(l.byID[id].AppointmentID, pimsID, own)", "", decides},
		{"R9", "a visit that nobody knows decides between two patients", consultation, "(appointmentID == pimsID || other != nil && other.Same(w))", "(appointmentID == pimsID || other == nil || other.Same(w))", decides},
		{"R9", "another visit of the patient decides nothing", consultation, "other != nil && other.Same(w)", "other != nil && false && other.Same(w)", decides},
		{"R9", "a patient that it names decides nothing between two", consultation, "return names.Same(own) || ", "return ", decides},
		{"R9", "a client that it names rules nobody out", consultation, " && !names.Another(h.Whose)", "", decides},
		{"R9", "one patient's visits may not share a consultation", consultation, " && h.Another(own)", "", tests{sync, "TheSamePatientsVisits"}},
		{"R9", "what names nobody is taken by the calendar's former word", storing, "if err == nil && !p.found.Proved(", "if false && !p.found.Proved(", nobodys},
		{"R9", "the calendar is read again although something names the visit", storing, "err == nil && !p.found.Proved(&v.consultation, before)", "err == nil", tests{sync, "OnlyWhereNothingElse"}},
		{"R9", "the calendar is read again for what is refused", storing, "err == nil && !p.found.Proved(&v.consultation, before)", "!p.found.Proved(&v.consultation, before)", tests{sync, "OnlyWhereNothingElse"}},
		{"R9", "a visit that the calendar no longer shows has its consultation", present, "case !ok || row", "case ok && row", nobodys},
		{"R9", "a visit that the calendar shows for another patient has its consultation", present, " || row.whose.Another(before.WhoseByIDs()):", ":", nobodys},
		{"R9", "a null of the calendar as it is now says nothing", present, "case row.none || ", "case ", nobodys},
		{"R9", "another consultation of the calendar as it is now says nothing", present, "case row.none || cases.Differ(row.consultationID, id):", "case row.none:", nobodys},
		{"R9", "a field that the calendar as it is now leaves out is a null", present, "a.NoConsultation && pims.Blank(a.ConsultationID)", "pims.Blank(a.ConsultationID)", nobodys},
		{"R9", "other visits of the calendar as it is now have no consultation", present, "if consultations[a.ConsultationID] {", "if false {", nobodys},
		{"R9", "a calendar that the sync has read is read again", present, "; i >= 0 {", "; i > 99 {", nobodys},
		{"R9", "a calendar that cannot be read again says that the visit is gone", present, "if err := p.ask(ctx); err != nil {", "if err := p.ask(ctx); err != nil && ctx == nil {", unread},
		{"R19", "a late correction that names nobody waits for the calendar", present, "days = append(days, pims", "_ = append(days, pims", tests{sync, "ALateCorrectionThatNames"}},
		{"R36", "a session that ends while the calendar is read again is no end", present, "if endsSession(p.err) {", "if false {", tests{sync, "EndsWhileTheCalendar"}},
		{"R9", "cases that are no candidates have no consultation", consultation, "for _, h := range l.holders[id] {", "for _, h := range l.holders[\"\"] {", twins},
		{"R9", "a later twin takes nothing away", holding, "where n.pims_id is not null and v.id <> ''\n    ) as m", "where false\n    ) as m", twins},
		{"R9", "a cancelled visit keeps what another patient's has", "internal/casesync/enrichment.go", "slices.Concat(due, closed), &result", "due, &result", tests{sync, "ACancelledVisitShowsNo"}},
		{"R9", "a cancelled visit is judged for ever", "internal/casesync/enrichment.go", "adopted, settleClosed(closed))", "adopted)", tests{sync, "ACancelledVisitShowsNo"}},
		{"R9", "a conflict that ends brings nothing back", holding, "cross join lateral public.pims_sync_twins(n.clinic_id, n.provider, v.id, n.id, o.metadata -> 'appointment') as twin\n        where n.id = any(ids)", "cross join lateral public.pims_sync_twins(n.clinic_id, n.provider, v.id, n.id, o.metadata -> 'appointment') as twin\n        where false", tests{sync, "ACancelledVisitShowsNo|ThatAnotherPatientsVisitHas"}},
		{"R9", "a restore brings another patient's consultation back", "internal/postgres/casestore/cases_restore.go", "and exists (select from pims_sync_twins(", "and false and exists (select from pims_sync_twins(", tests{sync, "BringsNoShared"}},
		{"R9", "a visit that gets another consultation waits", belonging, "&& !anotherConsultation(w.Before, &w.After) ", "", tests{sync, "SwappedConsultationsShowNothing"}},
		{"R9", "swapped consultations are read for the wrong visits", consultation, "cases.Differ(l.byAppointment[c.PIMSID].ID, c.ConsultationID)", "false", tests{sync, "SwappedConsultationsShowNothing"}},
		{"R9", "what nobody names any more stays unseen", "internal/casesync/enrichment.go", "if !ok && c.Stored && c.StoredID != \"\" {", "if false {", tests{sync, "NobodyNamesAnyMore"}},
		{"R16", "an id that is given out again keeps names", belonging, "case old.returning() && another:", "case false:", tests{sync, "GivenOutAgain"}},
		{"R16", "an id that returns needs no proof", belonging, "case old.returning() && !old.provedSame(a):", "case false:", returned},
		{"R7", "an id that was gone brings its notes to another name", belonging, "|| c.returning()) && otherName", ") && otherName", tests{sync, "UnderAnotherNameWithoutIDs"}},
		{"R16", "an id that a person restored needs no proof", belonging, "return c.SoftDeleted() || c.Returning", "return c.SoftDeleted()", returned},
		{"R19", "another patient's case waits for its window", "internal/postgres/casestore/cases_enrich.go", "clinic_id = $1 and changed_at is not null\n", "clinic_id = $1 and false\n", tests{sync, "WhateverTheWindow"}},
		{"R19", "another patient's case is not due", "internal/cases/candidate.go", "case !c.Since.IsZero():", "case false:", tests{sync, "ACaseIsDueUntil"}},
	}
}
