package main

// theAnswers is what an answer of the PIMS has to be before it is believed (R5-R7), and
// how much of one is taken (R57).
func theAnswers() []mutant {
	const (
		envelope = "internal/pims/idexxneo/envelope.go"
		row      = "internal/pims/idexxneo/rows.go"
		search   = "internal/pims/idexxneo/search.go"
		charset  = "internal/pims/pimshttp/charset.go"
		gauge    = "internal/pims/pimshttp/gauge.go"
		memory   = "internal/pims/memory/memory.go"
	)
	failed := tests{neo, "SaysThat|IsNoRecords|StatusOfARecord|InAnyOtherForm"}
	ids := tests{neo, "WithOneID|AnIDOfZero|OfWhichNoneIsUsable|AUsableRowOfAnyDay|BetweenSlices|AStayOverSlices"}
	pages := tests{neo, "ASearch|PagesThatDoNot|ATotalIs|AnEntry|APageWithout|TheSameEntry|TwoEntriesOfOne|AListThatMoves|AnotherPage"}
	text := tests{"internal/pims/pimshttp", "AnAnswerIsDecoded|BytesThatAreNoText"}
	limits := tests{"internal/pims/pimshttp", "ARowOrAText|AnAnswerIsNoLonger|ALongHeader|ALargeRow"}
	turns := tests{"internal/pims/memory", "."}
	keeps := tests{sync, "OnlyOneSyncKeeps"}
	hostile := func(name string) tests { return tests{neo, "TestAHostileAnswerTakesLittleMemory/^" + name + "$"} }
	return []mutant{
		{"R5", "an answer that says that it failed is believed", envelope, `if member := e.tells(holds()); member != "" {`, `if member := e.tells(holds()); member != "" && false {`, failed},
		{"R5", "success false is overlooked", envelope, "!said.yes || slices.Contains(failures, said.word)", "slices.Contains(failures, said.word)", failed},
		{"R5", "a success of the word error is believed", envelope, "!said.yes || slices.Contains(failures, said.word)", "!said.yes", failed},
		{"R5", "a success of 0.0 is believed", envelope, "err == nil && number == 0", "err == nil && number != number", failed},
		{"R5", "error is overlooked", envelope, `WordSet("error errors `, `WordSet("errors `, failed},
		{"R5", "errors are overlooked", envelope, `WordSet("error errors `, `WordSet("error `, failed},
		{"R5", "an error in a list or an object is overlooked", envelope, "whole.yes = whole.yes || one.yes", "whole.yes = whole.yes || one.yes && false", failed},
		{"R5", "a status is overlooked", envelope, "case statusFails(scalar(e.status), held), ", "case ", failed},
		{"R5", "a clinic's own status is a failure", envelope, "case held != holdsRecord:", "case true:", failed},
		{"R5", "a status that is a code is overlooked", envelope, "err == nil && code >= 400", "err == nil && code != code", failed},
		{"R5", "the code of a record fails its answer", envelope, "held != holdsRecord && e.code", "e.code", failed},
		{"R5", "a message makes an answer with rows a failure", envelope, "held == holdsNothing && e.message", "e.message", failed},
		{"R5", "the status of a record in an object is not checked", "internal/pims/idexxneo/lookup.go", "err == nil && statusFails(inner.statusText(), holdsRecord)", "false", failed},
		{"R5", "a member in capitals is overlooked", envelope, "pims.PlainWord(string(name))", "string(name)", failed},
		{"R5", "a list in an unknown form hides the failure", envelope, "!errors.Is(err, pims.ErrSchemaDrift) || errors.Is(err, pims.ErrOverLimit)", "err != nil || errors.Is(err, pims.ErrOverLimit)", failed},
		{"R5", "a list in an unknown form is believed", envelope, "return e.status, e.unknown", "return e.status, nil", failed},

		{"R6", "an id of zero is an id", "internal/pims/idexxneo/reader.go", `if strings.Trim(id, "-0") == "" || `, `if id == "" || `, ids},
		{"R6", "a word for nothing is an id", "internal/pims/idexxneo/reader.go", " || slices.Contains(nobody, strings.ToLower(id))", " || slices.Contains(nobody, \"\")", ids},
		{"R6", "of two rows the later may count", row, "a.Start.Compare(b.Start), compareIDs(a.PatientID", "compareIDs(a.PatientID", ids},
		{"R6", "of two rows any patient's may count", row, "compareIDs(a.PatientID, b.PatientID), ", "", ids},
		{"R6", "of two rows of one patient the first to come counts", row, "order == 0 && *a != *b", "order == 0 && false", ids},
		{"R6", "patient ids are compared as texts", row, " && len(a) != len(b)", " && false", ids},
		{"R6", "a row without a patient goes before", row, "case a == \"\":\n\t\treturn 1", "case a == \"\":\n\t\treturn -1", ids},
		{"R6", "of two rows of one answer the first to come counts", row, "goesBefore(&a, kept)", "false", ids},
		{"R6", "of rows of two answers the first to come counts", row, "case goesBefore(&a, &m.whole.Appointments[at]):", "case false:", ids},
		{"R6", "a row that comes twice in two answers is not counted", row, "if !a.Start.Before(from) {", "if false && !a.Start.Before(from) {", ids},
		{"R6", "a stay over two answers is a duplicate", row, "if !a.Start.Before(from) {", "if true || !a.Start.Before(from) {", ids},
		{"R6", "an unusable row hides the usable one behind it", row, "if again && at >= 0 {", "if again {\n\t\tif at < 0 {\n\t\t\treturn nil\n\t\t}", ids},
		{"R6", "an unusable row stays beside a usable one", row, "_, again := m.seen[u.ID]; again", "_, again := m.seen[u.ID]; again && false", ids},
		{"R6", "a calendar without a usable row is one", row, "if !recognised && (", "if false && !recognised && (", ids},
		{"R6", "a search without an id is one", search, "l.rows > 0 && len(l.entries) == 0", "false", pages},
		{"R6", "a page without an id ends the search", search, "l.pages++\n", "l.pages++\n\t\tif p.rows > 0 && len(p.entries) == 0 {\n\t\t\treturn drift(\"no entry of the search has an id\")\n\t\t}\n", pages},
		{"R6", "an entry that is no object ends the search", search, "if raw.Kind() != '{' {", "if false {", pages},
		{"R6", "an entry without an id is listed", search, `entry.ID == "" || err != nil`, "err != nil", pages},
		{"R6", "a search without a list is an empty one", search, "!found || p.total < 0", "!found && false || p.total < 0", pages},
		{"R6", "a search without a total is whole", search, "!found || p.total < 0 ||", "!found ||", pages},
		{"R6", "another page is taken", search, "err == nil && page.number != number", "false", pages},
		{"R6", "pages of two totals are one list", search, "p.total != l.first.total || ", "", pages},
		{"R6", "pages of two lengths are one list", search, "p.perPage != l.first.perPage || ", "", pages},
		{"R6", "a page may be longer than it says", search, "p.rows > p.perPage || ", "", pages},
		{"R6", "entries may follow a page that is not full", search, " || l.ended && p.rows > 0", "", pages},
		{"R6", "an entry that comes twice is listed twice", search, "if !again {", "if !again || true {", pages},
		{"R9", "of two entries with one id any visit counts", search, "kept.Fingerprint != e.Fingerprint", "false", pages},
		{"R6", "an entry far from its double is one with it", search, "l.pages > before.page+1", "false", pages},
		{"R6", "an entry of two pages does not make the list be read again", search, "err == nil && len(first.doubled) == 0", "err == nil", pages},
		{"R6", "any doubles of the second reading are believed", search, "len(second.doubled) > 0 && !slices", "false && !slices", pages},
		{"R6", "a total without the doubles ends the list", search, "l.rows+l.doubles > l.first.total", "l.rows > l.first.total", pages},
		{"R6", "a list that changed is not read again", search, "if err != nil && !errors.Is(err, errMoved) {", "if err != nil && (true || !errors.Is(err, errMoved)) {", pages},
		{"R6", "a total that is too small ends the list", search, "return !l.ended && l.rows+l.doubles > l.first.total && l.rows < maxEntries", "return false", pages},
		{"R6", "a page that is not full ends the list", search, "return !l.empty && ", "return !l.ended && ", pages},

		{"R7", "bytes that are no UTF-8 are taken", charset, "return utf8.Valid(p[:whole])", "return true", text},
		{"R7", "a character over two pieces is not checked", charset, "if !utf8.Valid(c.part) {", "if false {", text},
		{"R7", "bytes that are no ASCII are taken", charset, "if b >= utf8.RuneSelf {", "if b >= utf8.RuneSelf && false {", text},
		{"R7", "what the charset lacks becomes U+FFFD", charset, "s.units == nil && bytes.ContainsRune(dst[:nDst], utf8.RuneError)", "s.units == nil && bytes.ContainsRune(dst[:0], utf8.RuneError)", text},
		{"R7", "half of a surrogate pair becomes U+FFFD", charset, "s.units != nil && !pairs(", "s.units != nil && false && !pairs(", text},
		{"R7", "a byte order mark is overlooked", charset, "if bytes.HasPrefix(head, []byte(m.mark)) {", "if false {", text},
		{
			"R7", "an unknown charset is read as UTF-8", charset, `return charset{}, fmt.Errorf("the answer declares a charset that we do not know: %w", pims.ErrSchemaDrift)`,
			`return charset{name: fmt.Sprint(pims.ErrSchemaDrift), valid: (&utf8Check{}).valid}, nil`, text,
		},

		{"R57", "a row or text may have any length", gauge, "case length > MaxRowBytes:", "case false:", limits},
		{"R57", "a row of many texts may have any length", gauge, "if g.rows > 0 && g.depth >= g.rows {", "if false {", limits},
		{"R57", "any number of large rows is read at once", gauge, "case length <= largeBytes || g.placed:", "case length <= largeBytes || g.placed || true:", limits},
		{"R57", "an answer may have any depth", gauge, "if g.depth > maxDepth {", "if false {", limits},
		{"R57", "an answer that is too long is cut off", "internal/pims/pimshttp/body.go", "n, err = int(s.left), ErrTooLarge", "n, err = int(s.left), io.EOF", limits},
		{"R57", "a header may have any length", "internal/pims/pimshttp/transport.go", "MaxResponseHeaderBytes: maxHeaderBytes,", "MaxResponseHeaderBytes: 64 * maxHeaderBytes,", limits},
		{"R57", "a fetch keeps any number of rows", memory, "case held > Large:", "case false:", hostile("rows_of_almost_a_mebibyte")},
		{"R57", "any number of large fetches is done at once", memory, "case !r.tryLarge():", "case !r.tryLarge() && false:", turns},
		{"R57", "a run waits for no turn", memory, "	if r.tryLarge() {\n		return nil\n	}\n	if waiting", "	if r.tryLarge() || true {\n		return nil\n	}\n	if waiting", turns},
		{"R57", "a run keeps its turn for ever", memory, "	if r.large() {\n		<-turn", "	if false {\n		<-turn", turns},
		{"R57", "a wait cannot be cancelled", memory, "case <-ctx.Done():", "case <-context.WithoutCancel(ctx).Done():", turns},
		{"R57", "what a run keeps does not count", memory, "r.take(int64(bytes))\n	if errors", "r.take(0)\n	if errors", turns},
		{"R57", "a sync keeps a calendar that does not count", "internal/casesync/runner.go", "memory.Keep(ctx, snapshot.Size())", "memory.Keep(ctx, 0)", keeps},
		{"R57", "a sync keeps its turn after it has ended", "internal/casesync/runner.go", "	defer end()\n", "	_ = end\n", keeps},
		{"R57", "a sync waits silently", "internal/casesync/remember.go", `p.report(ctx, "wait", 0, 0)`, "", keeps},

		{"R57", "a search keeps any number of entries", search, "return r.held.Take(entry.Size())", "return nil", hostile("a_page_of_a_million_entries")},
		{"R57", "a view may be as long as a calendar", "internal/pims/idexxneo/consultation.go", ", MaxBytes: pimshttp.MaxRowBytes", "", hostile("a_list_without_an_end_in_a_view")},
	}
}

// thePanics is that a panic ends one sync, and for good (R58).
func thePanics() []mutant {
	const worker = "internal/queue/worker.go"
	queue := tests{"internal/queue", "TestAPanicAnywhereInASyncEndsItAlone/^a_consultation.*$"}
	end := tests{"internal/queue", "TestAPanicThatMeets"}
	return []mutant{
		{"R58", "a sync is tried again after a panic", worker, " || panics.In(err) != nil: // R58", ":", end},
		{"R58", "the end of the replica hides a panic", worker, "limited.Err() != nil && panics.In(err) == nil", "limited.Err() != nil", end},
		{"R58", "a panic has the code of any failure", "internal/casesync/failure.go", "if panics.In(err) != nil {", "if panics.In(err) != nil && false {", tests{sync, "EveryErrorOfASync"}},
		{"R58", "a full sync goes on after a panic", "internal/casesync/full.go", " || panics.In(f.err) != nil\n", "\n", queue},
		{"R58", "a panic at one consultation is a failure of its case alone", "internal/casesync/enrichment.go", "case endsSession(err) || panics.In(err) != nil:", "case endsSession(err):", queue},
		{"R58", "another error hides a panic", "internal/panics/group.go", "if e := g.panicked.Load(); e != nil {", "if e := g.panicked.Load(); e != nil && false {", tests{"internal/panics", "AGroup"}},
		{"R58", "a panic that was caught is no failure", "internal/panics/panics.go", "err = e", "_ = e", tests{"internal/panics", "AGroup"}},
	}
}
