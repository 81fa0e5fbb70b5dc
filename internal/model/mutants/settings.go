package main

// theSettings are what a clinic's settings may do, and what they may not (R50).
func theSettings() []mutant {
	const (
		apply   = "internal/settings/apply.go"
		edges   = "internal/settings/settings.go"
		inbound = "internal/casesync/inbound.go"
		merge   = "internal/cases/merge.go"
		guards  = "internal/guards/calendar.go"
		deletes = "internal/casesync/reconciliation.go"
	)
	words := tests{"internal/settings", "Words|Filter|Edit|Refused"}
	stories := tests{sync, "Filter|AWordOfThePractice|ADryRunTriesSettings"}
	return []mutant{
		{"R50", "a filter keeps a known case from being updated", inbound, "if before == nil && after.Filtered != (settings.Cause{}) {", "if after.Filtered != (settings.Cause{}) {", stories},
		{"R50", "a filtered appointment becomes a case", inbound, "if before == nil && after.Filtered != (settings.Cause{}) {", "if false {", stories},
		{"R50", "a filtered appointment is not skipped", inbound, "result.Stats.CasesSkipped++ // R50", "_ = result", stories},
		{"R50", "a filter leaves no mark", merge, "merged.Filtered = filtered\n", "", stories},
		{"R50", "a mark alone is no change", merge, " && a.Filtered == b.Filtered", "", stories},
		{"R50", "the clinic's words do not count", merge, "a = words.Apply(a)", "_ = words", stories},
		{"R50", "the clinic's status words do not count", apply, "read.Status, read.Type = status, kind", "read.Type = kind", stories},
		{"R50", "the clinic's type words do not count", apply, "read.Status, read.Type = status, kind", "read.Status = status", stories},
		{"R50", "a word that the clinic calls cancelled deletes", deletes, "case a.Status == pims.StatusCancelled:\n\t\t\tleft", "case p.words.Status(a.StatusText, a.Status) == pims.StatusCancelled:\n\t\t\tleft", stories},
		{"R50", "settings that are tried last", "internal/casesync/runner.go", "tried != nil && run.Options.DryRun", "tried == nil && run.Options.DryRun", stories},
		{"R50", "settings are tried outside a dry run", "internal/syncs/options.go", "o.Settings != nil && !o.DryRun", "o.Settings != nil && o.DryRun && !o.DryRun", stories},
		{"R50", "the guard does not say what filters hide", guards, "filtered++", "_ = filtered", tests{sync, "WhatFiltersHide"}},
		{"R50", "a filter compares a part of the word", apply, "word, ok := f.words[Form(f.of(a))]; ok", "word, ok := f.words[Form(f.of(a))]; ok || len(f.words) > 0 && f.of(a) != \"\"", words},
		{"R50", "the shorter phrase decides", apply, "return cmp.Or(-cmp.Compare(strings.Count", "return cmp.Or(cmp.Compare(strings.Count", words},
		{"R50", "spellings are different words", edges, "if unicode.IsSpace(r) || r == '-' || r == '_' {", "if unicode.IsSpace(r) || r == '-' {", words},
	}
}
