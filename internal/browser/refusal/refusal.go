// Package refusal reads what a login page says when it lets nobody in: whether the password or
// the user is wrong, whether a person must act, and what of the text may be quoted (R32, R40).
// It knows words of several languages and no page, no browser and no provider.
package refusal

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// Meaning decides what a page's text means (R32), in the languages of tongues:
//   - pims.ErrAuthRejected where a sentence says that the password or the user is wrong,
//     whatever else the text says. It suspends the credentials, so a sentence does not
//     count that says what may be wrong, what was tried too often, or that something else
//     is wrong.
//   - pims.ErrAuthChallenge where a person must act: a locked account, an expired password,
//     a captcha, a code, a device to be confirmed, a session in use.
//   - pims.ErrRateLimited where it says that requests come too often.
//   - nil where it says none of these.
//
// It also reads the text without what was typed into the form: a page may say which user it
// does not know. The text itself is not passed on, because it may contain that (R40).
func Meaning(text string, typed []string) error {
	sentences := slices.Concat(sentencesOf(text), sentencesOf(without(text, typed)))
	for _, s := range sentences {
		s = masked(s, func(t tongue) *regexp.Regexp { return t.masks })
		if slices.ContainsFunc(tongues(), func(t tongue) bool { return t.rejects(s) }) {
			return pims.ErrAuthRejected
		}
	}
	if slices.ContainsFunc(sentences, AsksPerson) {
		return pims.ErrAuthChallenge
	}
	if slices.ContainsFunc(sentences, tooManyRequests.MatchString) {
		return pims.ErrRateLimited
	}
	return nil
}

var tooManyRequests = regexp.MustCompile(`\btoo many requests\b|\bzu viele anfragen\b|\btrop de requetes\b|\bdemasiadas (solicitudes|peticiones)\b|\bte veel (verzoeken|aanvragen)\b`)

// A tongue holds the wording of refusals in one language, as patterns of folded text.
type tongue struct {
	blame   []*regexp.Regexp // names the password or the user's name as wrong
	maybe   []*regexp.Regexp // the same, where nothing else in the sentence may be to blame
	others  *regexp.Regexp   // what else may be to blame
	masks   *regexp.Regexp   // what sounds like a refusal but is not one
	persons *regexp.Regexp   // a person has to act
	inUse   *regexp.Regexp   // a person has to say whether to end another session
	threats *regexp.Regexp   // what has not happened yet, and codes that are no second factor
}

// words are the words of a tongue: alternatives of regular expressions, without the marks
// above and below letters.
type words struct {
	secret  string // names of the password and the user's name
	broad   string // what else identifies who logs in: user, account, practice
	fill    string // what may stand between a name and what is wrong with it
	wrong   string // adjectives, before or after a name
	not     string // what says the same after a name
	verbs   string // what says the same before a name
	slips   string // what says the same before a name of the password or the user alone
	given   string // before what somebody entered, which may be any words
	check   string // asks to look at a name again
	checked string // the names of those; empty: secret
	more    string // whole phrases
	others  string // see tongue
	masks   string
	persons string
	inUse   string
	threats string
}

// never is a pattern that matches nothing.
const never = `[^\s\S]`

func newTongue(w words) tongue {
	either := func(alternatives ...string) string {
		return `(?:` + strings.Join(alternatives, "|") + `)`
	}
	orNever := func(pattern string) *regexp.Regexp {
		if pattern == "" {
			pattern = never
		}
		return regexp.MustCompile(`(?:^|[^\p{L}])(?:` + pattern + `)(?:$|[^\p{L}])`)
	}
	between := `(?:(?:[ld]'|\()?` + either(w.fill, w.secret, w.broad) + `\)? )*`
	bound := func(name, verbs string) []*regexp.Regexp {
		return []*regexp.Regexp{
			orNever(either(w.wrong, verbs) + ` ` + between + `(?:[ld]'|\()?` + either(name)),
			orNever(either(name) + `\)? ` + between + either(w.wrong, w.not)),
		}
	}
	t := tongue{
		blame:   bound(w.secret, either(w.verbs, cmp.Or(w.slips, never))),
		maybe:   bound(w.broad, w.verbs),
		others:  orNever(w.others),
		masks:   orNever(w.masks),
		persons: orNever(either(w.persons, w.inUse)),
		inUse:   orNever(w.inUse),
		threats: orNever(w.threats),
	}
	t.maybe = append(t.maybe, orNever(either(w.secret)+` `+w.given+` (?:\S+ ){1,12}`+either(w.wrong, w.not)), orNever(w.check+` `+between+`(?:[ld]'|\()?`+either(cmp.Or(w.checked, w.secret))), orNever(w.more))
	return t
}

func (t tongue) rejects(sentence string) bool {
	return anyMatches(t.blame, sentence) || anyMatches(t.maybe, sentence) && !t.others.MatchString(sentence)
}

// AsksPerson reports whether a sentence asks a person to act.
func AsksPerson(sentence string) bool {
	sentence = masked(fold(sentence), func(t tongue) *regexp.Regexp { return t.threats })
	return slices.ContainsFunc(tongues(), func(t tongue) bool { return t.persons.MatchString(sentence) })
}

// InUse reports whether a sentence says that the user is logged in elsewhere.
func InUse(sentence string) bool {
	sentence = masked(fold(sentence), func(t tongue) *regexp.Regexp { return t.threats })
	return slices.ContainsFunc(tongues(), func(t tongue) bool { return t.inUse.MatchString(sentence) })
}

// masked replaces what does not count, in any language, by a character that is no word. All
// languages are tried, because a text does not say which one it is in.
func masked(sentence string, pattern func(tongue) *regexp.Regexp) string {
	for _, t := range tongues() {
		sentence = pattern(t).ReplaceAllString(sentence, " ~ ")
	}
	return sentence
}

func anyMatches(patterns []*regexp.Regexp, sentence string) bool {
	return slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(sentence) })
}

// without returns a text without the words that were typed.
func without(text string, typed []string) string {
	words := strings.Fields(text)
	for i, word := range words {
		core := strings.TrimFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if slices.ContainsFunc(typed, func(value string) bool { return core != "" && strings.EqualFold(value, core) }) {
			words[i] = strings.Trim(strings.Replace(word, core, "", 1), `'’‘"“”„«»()<>`)
		}
	}
	return strings.Join(words, " ")
}

// sentencesOf folds a text and splits it into its sentences. A clause that begins with
// "but" is a sentence of its own.
func sentencesOf(text string) []string {
	text = strings.NewReplacer(", ", " ", ": ", " ", `"`, "", "“", "", "”", "", "«", "", "»", "", "„", "", "*", "", "[", "", "]", "", "_", " ").Replace(fold(text) + " ")
	return sentenceEnd.Split(text, -1)
}

var sentenceEnd = regexp.MustCompile(`[.!?;•|¡¿…]+\s|[¡¿]| (?:but|however|although|aber|jedoch|allerdings|mais|cependant|toutefois|pero|sino|aunque|maar|echter) `)

// fold makes texts comparable: lower case, one kind of apostrophe, hyphen and blank,
// and none of the marks of ü, é or ñ. What cannot be seen is dropped.
func fold(text string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(text)) {
		switch {
		case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Cf, r):
		case strings.ContainsRune("’‘ʼ`´′", r):
			b.WriteByte('\'')
		case unicode.Is(unicode.Pd, r):
			b.WriteByte('-')
		case r == 'ß':
			b.WriteString("ss")
		default:
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
