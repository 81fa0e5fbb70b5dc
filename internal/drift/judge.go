package drift

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// A Kind says how a field or an answer changed.
type Kind string

// The kinds of a Finding.
const (
	Vanished Kind = "vanished" // the field no longer comes
	Emptied  Kind = "emptied"  // it comes and is empty
	Retyped  Kind = "retyped"  // its values are of another kind, or have another form
	Doubled  Kind = "doubled"  // it comes more than once in a row
	New      Kind = "new"      // the field was never seen
	Reformed Kind = "reformed" // the answer has another form
	Risen    Kind = "risen"    // the share is larger than it was, and other rows are missing
)

// Kinds lists all kinds, a closed set.
func Kinds() []Kind { return []Kind{Vanished, Emptied, Retyped, Doubled, New, Reformed, Risen} }

// A Finding is one difference between a profile and its baseline. It holds no value.
type Finding struct {
	Endpoint string
	Field    string // empty: of the answer as a whole
	Kind     Kind
	Decisive bool // the field decides identity, time or presence
}

// Key names a finding, so that it is told once.
func (f Finding) Key() string { return f.Endpoint + " " + f.Field + " " + string(f.Kind) }

// String describes a finding in a few words.
func (f Finding) String() string {
	if f.Field == "" {
		return f.Endpoint + " " + string(f.Kind)
	}
	return f.Endpoint + ": " + f.Field + " " + string(f.Kind)
}

// Words describes a finding as String does, and says of values in another form what they were
// and what they are.
func (f Finding) Words(before *Baseline, now *Profile) string {
	if f.Field == "" {
		return f.Endpoint + ": the answer as a whole has another form"
	}
	if f.Kind != Retyped || before == nil || now == nil || before.Fields[f.Field] == nil || now.Fields[f.Field] == nil {
		return f.String()
	}
	was, is := before.Fields[f.Field].form(), now.Fields[f.Field].form()
	return fmt.Sprintf("%s: %s before, %s now", f, was, is)
}

// form describes the commonest values of a field. It holds no value.
func (f *Field) form() string {
	kind := commonest(f.Kinds)
	if shape := commonest(f.Shapes); shape != "" && (kind == "text" || kind == "number") {
		return fmt.Sprintf("%s like %q", kind, shape)
	}
	return kind
}

func commonest(counts map[string]float64) (name string) {
	for _, candidate := range slices.Sorted(maps.Keys(counts)) {
		if name == "" || counts[candidate] > counts[name] {
			name = candidate
		}
	}
	return name
}

// The thresholds (docs/first-contact.md lists them).
const (
	Decay = 29.0 / 30 // of what was seen, for each day

	minDays  = 5  // on which the endpoint was seen before anything is told
	minRows  = 50 // of the baseline
	minNow   = 5  // rows of a profile that say something of a field which always came
	expected = 14 // filled rows that must be missing: by chance, that happens once in a million times

	always  = 0.995 // the share from which a field counts as always filled
	fewer   = 0.75  // the part of the other rows that may be left where a share has risen
	grown   = 2     // times the expected rows, and as many as expected more, are more than chance
	gone    = 0.02  // the share of the expected rows that may be left
	usual   = 0.99  // the share of one kind of values from which another kind is a change
	foreign = 0.5   // the share of values in a form that was never seen
	minSeen = 100   // values whose forms are known before a new form is told
)

// A Baseline is what the syncs of a clinic have shown of one endpoint.
type Baseline struct {
	Profile

	Days int       // on which it was seen
	Last time.Time // when it was seen last
	Keys []string  // of the findings that were told and still hold
}

// Told returns the keys of what was told. A nil baseline has none.
func (b *Baseline) Told() []string {
	if b == nil {
		return nil
	}
	return b.Keys
}

// Copy returns a baseline whose keys can be changed; nil for nil.
func (b *Baseline) Copy() *Baseline {
	if b == nil {
		return nil
	}
	copied := *b
	return &copied
}

// Judge compares what a sync got of one endpoint with what was there before. decides
// reports whether a field decides identity, time or presence.
func Judge(endpoint string, before *Baseline, now *Profile, decides func(endpoint, field string) bool) (found []Finding) {
	if before == nil || before.Days < minDays || before.Rows < minRows {
		return nil
	}
	if now.Rows > 0 {
		found = before.differs(endpoint, now, decides)
	}
	for _, told := range before.findings(endpoint, decides) {
		again := slices.ContainsFunc(found, func(f Finding) bool { return f.Field == told.Field })
		if !again && (now.Rows == 0 || before.holds(told, now)) {
			found = append(found, told)
		}
	}
	slices.SortFunc(found, func(a, b Finding) int { return cmp.Compare(a.Key(), b.Key()) })
	return found
}

// finding makes a Finding of a field; empty: of the answer as a whole.
func finding(endpoint, field string, kind Kind, decides func(endpoint, field string) bool) Finding {
	return Finding{endpoint, field, kind, kind != New && field != "" && decides(endpoint, field)}
}

// differs returns what a profile with rows shows by itself.
func (b *Baseline) differs(endpoint string, now *Profile, decides func(endpoint, field string) bool) (found []Finding) {
	add := func(field string, kind Kind) {
		found = append(found, finding(endpoint, field, kind, decides))
	}
	for form := range now.Forms {
		if b.Forms[form] == 0 {
			add("", Reformed)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.Fields)) {
		for _, kind := range b.Fields[name].changes(b, now, name) {
			add(name, kind)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now.Fields)) {
		if b.Fields[name] == nil {
			add(name, New)
		}
	}
	return found
}

// findings returns what was told of the endpoint.
func (b *Baseline) findings(endpoint string, decides func(endpoint, field string) bool) (told []Finding) {
	for _, key := range b.Keys {
		if rest, ok := strings.CutPrefix(key, endpoint+" "); ok {
			field, kind, _ := strings.Cut(rest, " ")
			told = append(told, finding(endpoint, field, Kind(kind), decides))
		}
	}
	return told
}

// holds reports whether a change that was told still holds in a profile that does not show
// it by itself. A few rows prove no change, and they do not end one either: it ends when the
// field is seen in its old form, or, where it decides nothing, when the new form is usual.
func (b *Baseline) holds(told Finding, now *Profile) bool {
	was, is := b.Fields[told.Field], now.Fields[told.Field]
	if was == nil {
		return false
	}
	if is == nil {
		is = &Field{}
	}
	switch told.Kind {
	case Vanished, Emptied:
		return is.Filled <= gone*was.Filled/b.Rows*now.Rows && (told.Decisive || was.Filled > b.Rows/2)
	case Retyped:
		return is.Filled == 0 || was.retyped(is) || was.reshaped(is, 1)
	case Doubled:
		return is.Came < minNow
	case Risen:
		return is.Filled > grown*was.Filled/b.Rows*now.Rows
	default:
		return false
	}
}

// changes returns how a field of the baseline differs now.
func (f *Field) changes(before *Baseline, p *Profile, name string) (kinds []Kind) {
	now := p.Fields[name]
	if now == nil {
		now = &Field{}
	}
	rows := p.Rows
	if isShare(name) {
		if f.risen(before, now, p) {
			kinds = append(kinds, Risen)
		}
		return kinds
	}
	if missing(f.Filled/before.Rows, now.Filled, rows) {
		if missing(f.Came/before.Rows, now.Came, rows) {
			return []Kind{Vanished}
		}
		return []Kind{Emptied}
	}
	if now.Twice > 0 && f.Twice == 0 {
		kinds = append(kinds, Doubled)
	}
	if now.Filled >= minNow && (f.retyped(now) || f.reshaped(now, minNow)) {
		kinds = append(kinds, Retyped)
	}
	return kinds
}

// risen reports whether a share is larger than it was: a quarter of the other rows is missing,
// and rows of the share stand in the place of half of them or more. People who add such rows,
// as for a holiday, leave the others, or an emptier calendar. A smaller share says nothing:
// an absence is over.
func (f *Field) risen(before *Baseline, now *Field, p *Profile) bool {
	answers := p.Answers / before.Answers
	others, usually := p.Rows-now.Filled, answers*(before.Rows-f.Filled)
	return now.Filled >= grown*f.Filled/before.Rows*p.Rows+expected &&
		others <= fewer*usually && now.Filled-answers*f.Filled >= (usually-others)/2
}

// missing reports whether a share that was usual before is gone: so many rows are missing
// that it is no chance.
func missing(share, now, rows float64) bool {
	usually := share * rows
	return now <= gone*usually && (usually >= expected || share >= always && rows >= minNow)
}

// retyped reports whether most values are of a kind that hardly any had before.
func (f *Field) retyped(now *Field) bool {
	for kind, n := range now.Kinds {
		if n > foreign*now.Filled && f.Filled > 0 && f.Kinds[kind] < (1-usual)*f.Filled {
			return true
		}
	}
	return false
}

// reshaped reports whether most of at least so many values have a form that none had before,
// although few forms were seen: ids and times have few.
func (f *Field) reshaped(now *Field, least float64) bool {
	var seen, values, strange float64
	for _, n := range f.Shapes {
		seen += n
	}
	for shape, n := range now.Shapes {
		values += n
		if f.Shapes[shape] == 0 {
			strange += n
		}
	}
	return seen >= minSeen && len(f.Shapes) < maxShapes/2 && seen >= usual*f.Filled && values >= least && strange > foreign*values
}

// After returns the baseline after a profile. What was seen before counts less for each day
// between. accepted means that a person accepted the new form: it begins a new baseline,
// which counts at once.
func After(before *Baseline, now *Profile, at time.Time, accepted bool) *Baseline {
	b := &Baseline{Profile: *newProfile(), Days: 1, Last: at}
	weight := 1.0
	switch {
	case accepted:
		b.Days = minDays
		weight = max(1, minSeen/max(1, now.Rows))
	case before != nil:
		b.add(&before.Profile, math.Pow(Decay, max(0, at.Sub(before.Last).Hours()/24)))
		b.forget()
		b.Keys, b.Days = before.Keys, before.Days
		if day := 24 * time.Hour; !at.Truncate(day).Equal(before.Last.Truncate(day)) { // days of UTC
			b.Days++
		}
	}
	b.add(now, weight)
	return b
}

// forget drops what was seen so long ago that it counts for nothing.
func (b *Baseline) forget() {
	const nothing = 0.01
	maps.DeleteFunc(b.Forms, func(_ string, n float64) bool { return n < nothing })
	maps.DeleteFunc(b.Fields, func(_ string, f *Field) bool { return f.Came < nothing })
	for _, f := range b.Fields {
		maps.DeleteFunc(f.Kinds, func(_ string, n float64) bool { return n < nothing })
		maps.DeleteFunc(f.Shapes, func(_ string, n float64) bool { return n < nothing })
	}
}

// Decisive returns the findings that freeze deletions.
func Decisive(found []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(found), func(f Finding) bool { return !f.Decisive })
}

// News returns the findings that were not told yet, and what is told afterwards.
func News(told []string, found []Finding) (news []Finding, after []string) {
	for _, f := range found {
		if !slices.Contains(told, f.Key()) {
			news = append(news, f)
		}
		after = append(after, f.Key())
	}
	return news, after
}
