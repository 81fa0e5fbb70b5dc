package clinicpages

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/fleet"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

type (
	settingsView struct {
		screen.Head
		ClinicName, ClinicZone      string
		Active                      bool
		MaxCases, MinAllowed, Share string
		Words                       []wordRow
		Statuses, Types             []page.Choice // meanings that a word can have
		CanChange                   bool
	}

	// A wordRow is a word that the practice uses, and what it means.
	wordRow struct {
		N            int
		Kind, Word   string
		KindName     string
		Means        []page.Choice // empty: a room has no meaning
		By           page.Badge
		Filtered     bool
		Appointments int // 0: it has not been seen
		Seen         page.Moment
	}
)

// settingsPage shows and changes what is different about a clinic.
func (s *screens) settingsPage() page.Page {
	return page.Page{
		Path: "/clinics/{id}/settings", Title: "Settings", Template: "clinic-settings", Needs: access.ReadClinics, Under: "/",
		Show: func(v *page.Visit) (any, error) { return s.settings(v) },
		Acts: map[string]page.Act{
			"clinic": {Needs: access.ChangeClinics, Do: s.setClinic},
			"on":     {Needs: access.ChangeClinics, Do: s.switchClinic(true)},
			"off":    {Needs: access.ChangeClinics, Do: s.switchClinic(false)},
			"limits": {Needs: access.ChangeClinics, Do: s.setLimits},
			"words":  {Needs: access.ChangeClinics, Do: s.setWords},
			"try":    {Needs: access.SyncFull, Do: s.tryWords},
		},
	}
}

func (s *screens) settings(v *page.Visit) (*settingsView, error) {
	x, err := s.o.TheClinic(v)
	if err != nil {
		return nil, err
	}
	of, err := s.o.Clinics.Clinic(v.Context(), x.Clinic.ID)
	if err != nil {
		return nil, screen.Told(err)
	}
	typed := func(name, stored string) string {
		if v.Typed != nil && v.Typed.Has(name) {
			return v.Typed.Get(name)
		}
		return stored
	}
	limit := func(n int) string {
		if n == 0 {
			return "" // the default
		}
		return strconv.Itoa(n)
	}
	shown := &settingsView{
		Head: screen.HeadOf(v, x), ClinicName: typed("name", of.Name), ClinicZone: typed("timezone", of.Timezone), Active: of.Active,
		MaxCases: typed("maxCases", limit(of.DeletionLimits.MaxCases)), MinAllowed: typed("minAllowed", limit(of.DeletionLimits.MinAllowed)),
		CanChange: v.Caller.Check(access.ChangeClinics, of.ID) == nil,
	}
	if share := of.DeletionLimits.Share; share > 0 {
		shown.Share = strconv.FormatFloat(share*100, 'g', 4, 64)
	}
	shown.Share = typed("share", shown.Share)
	words, err := s.o.Service.Words(v.Context(), of.ID)
	if err != nil {
		return nil, err
	}
	shown.Statuses, shown.Types = meanings(settings.Statuses()), meanings(settings.Types())
	for i, u := range withUnseen(of.Settings, words) {
		shown.Words = append(shown.Words, wordRowOf(v, &of, i, &u))
	}
	return shown, nil
}

// withUnseen returns what the words mean, with those that the settings name and that no sync
// has seen yet.
func withUnseen(s settings.Settings, seen []settings.Word) []settings.Use {
	known := map[string]bool{}
	for _, w := range seen {
		known[string(w.Kind)+"\n"+settings.Form(w.Word)] = true
	}
	add := func(kind settings.Kind, word string) {
		if key := string(kind) + "\n" + settings.Form(word); !known[key] {
			known[key] = true
			seen = append(seen, settings.Word{Kind: kind, Word: word})
		}
	}
	for _, word := range slices.Sorted(maps.Keys(s.Statuses)) {
		add(settings.KindStatus, word)
	}
	for _, word := range slices.Sorted(maps.Keys(s.Types)) {
		add(settings.KindType, word)
	}
	for _, list := range []struct {
		kind  settings.Kind
		words []string
	}{{settings.KindStatus, s.Filters.Statuses}, {settings.KindType, s.Filters.Types}, {settings.KindRoom, s.Filters.Rooms}} {
		for _, word := range list.words {
			add(list.kind, word)
		}
	}
	return s.Uses(seen)
}

// kindNames are the kinds of words for people.
var kindNames = map[settings.Kind]string{settings.KindStatus: "Status", settings.KindType: "Type of visit", settings.KindRoom: "Room"}

func wordRowOf(v *page.Visit, of *clinic.Clinic, n int, u *settings.Use) wordRow {
	row := wordRow{
		N: n, Kind: string(u.Kind), KindName: kindNames[u.Kind], Word: u.Word.Word, Filtered: u.Filtered, Appointments: u.Appointments,
		Seen: v.Moment(u.LastSeen, screen.ZoneOf(of)), By: page.Quiet("as the PIMS says", "check"),
	}
	switch {
	case u.Own:
		row.By = page.Info("this clinic's", "people")
	case u.Unknown():
		row.By = page.Warn("unknown", "hand")
	case u.Kind == settings.KindRoom:
		row.By = page.Quiet("", "dash")
	}
	switch u.Kind {
	case settings.KindStatus:
		row.Means = meanings(settings.Statuses())
	case settings.KindType:
		row.Means = meanings(settings.Types())
	default:
		return row
	}
	all, chosen := "as the PIMS says", ""
	if u.Meaning == "" {
		all = "unknown"
	} else {
		all += ": " + strings.ReplaceAll(u.Meaning, "_", " ")
	}
	if u.Own {
		chosen = u.Means
	}
	for i := range row.Means {
		row.Means[i].Chosen = row.Means[i].Value == chosen
	}
	row.Means = append([]page.Choice{{Value: "", Title: all, Chosen: chosen == ""}}, row.Means...)
	return row
}

// meanings are what a word can mean.
func meanings[T ~string](all []T) (offered []page.Choice) {
	for _, x := range all {
		offered = append(offered, page.Choice{Value: string(x), Title: strings.ReplaceAll(string(x), "_", " ")})
	}
	return offered
}

// typedSettings returns the settings that the form with the words says. A meaning or filter
// of a word that the form does not list stays.
func typedSettings(v *page.Visit, present settings.Settings) (settings.Settings, error) {
	edit := settings.Edit{Statuses: map[string]pims.Status{}, Types: map[string]pims.Type{}}
	for n := 0; v.PostForm.Has("kind." + strconv.Itoa(n)); n++ {
		at := func(name string) string { return strings.TrimSpace(v.PostForm.Get(name + "." + strconv.Itoa(n))) }
		word, kind := at("word"), settings.Kind(at("kind"))
		if word == "" {
			continue
		}
		present = forget(present, kind, word)
		addWord(&edit, kind, word, at("means"), at("filter") != "")
	}
	after, err := edit.Apply(present)
	if err != nil {
		return after, page.Problem(page.Sentence(err.Error()))
	}
	return after, nil
}

// addWord adds to an edit what the form says of one word.
func addWord(edit *settings.Edit, kind settings.Kind, word, means string, filtered bool) {
	filters := map[settings.Kind]*[]string{
		settings.KindStatus: &edit.Filters.Statuses, settings.KindType: &edit.Filters.Types, settings.KindRoom: &edit.Filters.Rooms,
	}[kind]
	if filtered && filters != nil {
		*filters = append(*filters, word)
	}
	switch {
	case means == "":
	case kind == settings.KindStatus:
		edit.Statuses[word] = pims.Status(means)
	case kind == settings.KindType:
		edit.Types[word] = pims.Type(means)
	}
}

// forget removes a word of one kind.
func forget(s settings.Settings, kind settings.Kind, word string) settings.Settings {
	same := func(other string) bool { return settings.Form(other) == settings.Form(word) }
	s.Statuses, s.Types = maps.Clone(s.Statuses), maps.Clone(s.Types)
	switch kind {
	case settings.KindStatus:
		maps.DeleteFunc(s.Statuses, func(w string, _ pims.Status) bool { return same(w) })
		s.Filters.Statuses = slices.DeleteFunc(slices.Clone(s.Filters.Statuses), same)
	case settings.KindType:
		maps.DeleteFunc(s.Types, func(w string, _ pims.Type) bool { return same(w) })
		s.Filters.Types = slices.DeleteFunc(slices.Clone(s.Filters.Types), same)
	case settings.KindRoom:
		s.Filters.Rooms = slices.DeleteFunc(slices.Clone(s.Filters.Rooms), same)
	}
	return s
}

func (s *screens) setClinic(v *page.Visit) (page.Notice, error) {
	id, err := screen.ClinicID(v, access.ChangeClinics)
	if err != nil {
		return page.Notice{}, err
	}
	if _, err := s.o.Service.SetClinic(v.Context(), v.By(), id, fleet.ClinicChange{Name: new(v.Text("name")), Timezone: new(v.Text("timezone"))}); err != nil {
		return page.Notice{}, screen.Told(err)
	}
	return page.Notice{Text: "Stored."}, nil
}

// switchClinic turns the syncs of a clinic on or off. Nothing is deleted.
func (s *screens) switchClinic(on bool) func(*page.Visit) (page.Notice, error) {
	return func(v *page.Visit) (page.Notice, error) {
		id, err := screen.ClinicID(v, access.ChangeClinics)
		if err != nil {
			return page.Notice{}, err
		}
		if _, err := s.o.Service.SetClinic(v.Context(), v.By(), id, fleet.ClinicChange{Active: &on}); err != nil {
			return page.Notice{}, screen.Told(err)
		}
		if on {
			return page.Notice{Text: "The clinic is on. Its schedule runs again."}, nil
		}
		return page.Notice{Text: "The clinic is off. Nothing is synced, and nothing was deleted."}, nil
	}
}

func (s *screens) setLimits(v *page.Visit) (page.Notice, error) {
	id, err := screen.ClinicID(v, access.ChangeClinics)
	if err != nil {
		return page.Notice{}, err
	}
	var limits clinic.DeletionLimits
	for name, to := range map[string]*int{"maxCases": &limits.MaxCases, "minAllowed": &limits.MinAllowed} {
		if *to, err = strconv.Atoi(cmp.Or(v.Text(name), "0")); err != nil {
			return page.Notice{}, page.Problem("The limits are whole numbers. Nothing was stored.")
		}
	}
	share, err := strconv.ParseFloat(cmp.Or(v.Text("share"), "0"), 64)
	if err != nil {
		return page.Notice{}, page.Problem("The share is a number of percent. Nothing was stored.")
	}
	limits.Share = share / 100
	if _, err := s.o.Service.SetClinic(v.Context(), v.By(), id, fleet.ClinicChange{Limits: &limits}); err != nil {
		return page.Notice{}, screen.Told(err)
	}
	return page.Notice{Text: "Stored. The next reconciliation uses these limits."}, nil
}

// sentSettings returns the clinic that the address names, where the caller may act on it, and
// its settings with what the form says of words.
func (s *screens) sentSettings(v *page.Visit, p access.Permission) (id uuid.UUID, after settings.Settings, err error) {
	if id, err = screen.ClinicID(v, p); err != nil {
		return id, after, err
	}
	of, err := s.o.Clinics.Clinic(v.Context(), id)
	if err != nil {
		return id, after, screen.Told(err)
	}
	after, err = typedSettings(v, of.Settings)
	return id, after, err
}

// setWords stores meanings and filters (R50).
func (s *screens) setWords(v *page.Visit) (page.Notice, error) {
	id, after, err := s.sentSettings(v, access.ChangeClinics)
	if err != nil {
		return page.Notice{}, err
	}
	if err := s.o.Service.SetSettings(v.Context(), v.By(), id, after); err != nil {
		return page.Notice{}, screen.Told(err)
	}
	return page.Notice{Text: "Stored. The next sync applies them. No setting deletes a case."}, nil
}

// tryWords starts a dry run with the settings of the form, which stores none of them.
func (s *screens) tryWords(v *page.Visit) (page.Notice, error) {
	id, after, err := s.sentSettings(v, access.SyncFull)
	if err != nil {
		return page.Notice{}, err
	}
	started, err := s.o.Start(v, syncs.Request{ClinicID: id, Type: syncs.TypeFull, Options: syncs.Options{DryRun: true, Settings: &after}})
	if err != nil {
		return page.Notice{}, screen.Told(err)
	}
	return page.Notice{Text: "This dry run tries the settings. Nothing was stored: go back to store them.", Next: screen.RunAddress(started.ID)}, nil
}
