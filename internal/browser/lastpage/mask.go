package lastpage

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// dots stand in the place of what is not told.
const dots = "••••"

var (
	mailAddress = regexp.MustCompile(`[^\s@<>()]+@[^\s@<>()]+`)
	digit       = regexp.MustCompile(`\p{Nd}`)
)

// masks returns a function that takes the typed values, mail addresses and digits out of a text, as
// cover.js does with values. A value of three characters or fewer counts where it stands as a word.
func masks(typed []string) func(string) string {
	var forms []string
	for _, value := range typed {
		user, _, _ := strings.Cut(value, "@")
		for _, form := range []string{value, strings.TrimSpace(value), url.QueryEscape(value), url.PathEscape(value), user} {
			switch {
			case form == "":
			case len([]rune(form)) < 4:
				forms = append(forms, `\b`+regexp.QuoteMeta(form)+`\b`)
			default:
				forms = append(forms, regexp.QuoteMeta(form))
			}
		}
	}
	slices.SortFunc(forms, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	values := regexp.MustCompile(`(?i)` + cmp.Or(strings.Join(forms, "|"), `[^\s\S]`))
	return func(text string) string {
		text = mailAddress.ReplaceAllString(values.ReplaceAllString(text, dots), dots)
		return digit.ReplaceAllString(strings.Map(visible, text), "9")
	}
}

// visible replaces what a terminal or a page obeys instead of showing it.
func visible(r rune) rune {
	if !unicode.IsPrint(r) {
		return unicode.ReplacementChar
	}
	return r
}
