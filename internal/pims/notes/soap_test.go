package notes

import (
	"html"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func TestNotesAreSplitIntoTheirSections(t *testing.T) { // NEO.md §Consultations
	t.Parallel()
	all := pims.SOAP{Subjective: "itchy", Objective: "red ears", Assessment: "otitis", Plan: "drops"}
	for name, c := range map[string]struct {
		notes string
		soap  pims.SOAP
		rest  string
	}{
		"letters on lines":          {"S: itchy\nO: red ears\nA: otitis\nP: drops", all, ""},
		"letters on one line":       {"S: itchy O: red ears A: otitis P: drops", all, ""},
		"small letters":             {"s: itchy\r\no: red ears\r\na: otitis\r\np: drops\r\n", all, ""},
		"without space":             {"S:itchy O:red ears A:otitis P:drops", all, ""},
		"full words":                {"Subjective: itchy\nObjective: red ears\nAssessment: otitis\nPlan: drops", all, ""},
		"full words in capitals":    {"SUBJECTIVE: itchy OBJECTIVE: red ears ASSESSMENT: otitis PLAN: drops", all, ""},
		"words and letters":         {"sUbJeCtIvE: itchy O: red ears Assessment: otitis p: drops", all, ""},
		"another order":             {"P: drops A: otitis O: red ears S: itchy", all, ""},
		"tabs and unbroken spaces":  {"S:\titchy\u00a0O: red ears\tA: otitis\u2003P: drops", all, ""},
		"a space before the colon":  {"S : itchy O : red ears A : otitis P : drops", all, ""},
		"text before them":          {"Owner is in a hurry.\nS: itchy", pims.SOAP{Subjective: "itchy"}, "Owner is in a hurry."},
		"no sections":               {"Nail trim only.", pims.SOAP{}, "Nail trim only."},
		"nothing":                   {" \n ", pims.SOAP{}, ""},
		"one section":               {"Plan: drops", pims.SOAP{Plan: "drops"}, ""},
		"empty sections":            {"S: O: red ears A: P:", pims.SOAP{Objective: "red ears"}, ""},
		"repeated sections":         {"S: itchy\nO: red\nS: shakes head\nO: smells\ns: ", pims.SOAP{Subjective: "itchy\nshakes head", Objective: "red\nsmells"}, ""},
		"sections of several lines": {"S: itchy\n  since Monday\n\nO: red", pims.SOAP{Subjective: "itchy\n  since Monday", Objective: "red"}, ""},
		"what looks like a head": {
			"S: BP: 120 Meds: none T: 38 (S: no) xA: no O2: 98 P.: no",
			pims.SOAP{Subjective: "BP: 120 Meds: none T: 38 (S: no) xA: no O2: 98 P.: no"},
			"",
		},
		"longer words are none":  {"Subjectively: no Plans: no Planned: no", pims.SOAP{}, "Subjectively: no Plans: no Planned: no"},
		"other letters are none": {"ÄA: no éS: no", pims.SOAP{}, "ÄA: no éS: no"},
		"a wide colon is one":    {"S\uFF1A no at 10:30", pims.SOAP{Subjective: "no at 10:30"}, ""},
		"a colon at the start":   {": x\nS: itchy", pims.SOAP{Subjective: "itchy"}, ": x"},
		"two colons":             {"S:: itchy", pims.SOAP{Subjective: ": itchy"}, ""},
		"paragraphs":             {"<p>S: itchy</p><p>O: red ears</p><p>A: otitis</p><p>P: drops</p>", all, ""},
		"breaks":                 {"S: itchy<br>O: red ears<br/>A: otitis<BR />P: drops", all, ""},
		"bold heads":             {"<b>S:</b> itchy<b>O:</b> red ears<strong>A</strong>: otitis<div><span style=\"color: red\">Plan</span> : drops</div>", all, ""},
		"a table":                {"<table><tr><td>S:</td><td>itchy</td></tr><tr><td>O:</td><td>red ears</td></tr><tr><td nowrap>A: otitis</td></tr></table>P: drops", all, ""},
		"entities":               {"S: itchy&nbsp;O: red ears&#10;A: otitis&#x20;P: drops", all, ""},
		"styles and comments":    {"<style>p:before{content:'S: no'}</style><!-- S: no\n -->S: itchy<p>O: red ears</p>A: otitis P: drops", all, ""},
		"markup that is no markup": {
			"S: WBC <5 and >3, T < 39, <unknown>, a<b and c>d, <3 O: x",
			pims.SOAP{Subjective: "WBC <5 and >3, T < 39, <unknown>, a<b and c>d, <3", Objective: "x"},
			"",
		},
		"markup that is shown":    {"<p>S: &lt;b&gt; is no tag &amp;amp; stays</p>", pims.SOAP{Subjective: "<b> is no tag &amp; stays"}, ""},
		"ampersands":              {"S: R&D, &copyright, &nosuch; &notit; A&amp;E", pims.SOAP{Subjective: "R&D, &copyright, &nosuch; &notit; A&E"}, ""},
		"impossible entities":     {"S: a&#0;b&#xD800;c&#x110000;d", pims.SOAP{Subjective: "a\uFFFDb\uFFFDc\uFFFDd"}, ""},
		"a tag that does not end": {"<p>S: itchy</p><a href=\"x", pims.SOAP{Subjective: "itchy\n<a href=\"x"}, ""},
		"a sign within a tag":     {`<a title="a > b">S:</a> itchy`, pims.SOAP{Subjective: "itchy"}, ""},
		"letters within a word":   {"S: gave H<sub>2</sub>O: yes", pims.SOAP{Subjective: "gave H2O: yes"}, ""},
		"what an office pastes":   {"<p class=MsoNormal style='mso-x: y'>S: itchy<o:p></o:p></p>", pims.SOAP{Subjective: "itchy"}, ""},
		"without a script":        {"<noscript>S: ns</noscript><template>S: no</template>O: red", pims.SOAP{Subjective: "ns", Objective: "red"}, ""},
		"lines in markup":         {"<p>\n  S: itchy\n  ears\n</p>", pims.SOAP{Subjective: "itchy\nears"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			soap, rest := SOAP(c.notes)
			require.Equal(t, c.soap, soap)
			require.Equal(t, c.rest, rest)
		})
	}
}

func TestSectionsThatAreWrittenAreRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var note strings.Builder
		want := make(map[byte][]string)
		markup := rapid.Bool().Draw(t, "markup")
		last := byte(0) // the section before on the line; 0: the line begins
		for range rapid.IntRange(1, 8).Draw(t, "sections") {
			head := rapid.SampledFrom([]string{"S", "O", "A", "P", "Subjective", "OBJECTIVE", "assessment", "plAN"}).Draw(t, "head")
			text := rapid.StringMatching(`[a-zäöü0-9.,;&<>'()/+-]{1,12}( [a-zäöü0-9.,;&<>'()/+-]{1,12}){0,5}`).Draw(t, "text")
			letter := strings.ToLower(head)[0]
			if last != 0 && (order(letter) <= order(last) || len(head) == 1 && order(letter) != order(last)+1) {
				note.WriteString("\n") // within a line, only the next one is sure to count
			}
			want[letter] = append(want[letter], text)
			last = letter
			if writeSection(t, &note, markup, head, text) {
				last = 0
			}
		}
		soap, rest := SOAP(note.String())
		require.Empty(t, rest)
		require.Equal(t, strings.Join(want['s'], "\n"), soap.Subjective)
		require.Equal(t, strings.Join(want['o'], "\n"), soap.Objective)
		require.Equal(t, strings.Join(want['a'], "\n"), soap.Assessment)
		require.Equal(t, strings.Join(want['p'], "\n"), soap.Plan)
	})
}

// writeSection writes a head and its text. ended tells whether the next one begins a
// line.
func writeSection(t *rapid.T, note *strings.Builder, markup bool, head, text string) (ended bool) {
	text = html.EscapeString(text) // entities are decoded with markup and without
	if markup {
		open := rapid.SampledFrom([]string{"<p>", "<br/>", "<div class='x'><b>", "\n<li>"}).Draw(t, "tag")
		note.WriteString(open + head + ": " + text)
		return true
	}
	note.WriteString(head + rapid.SampledFrom([]string{":", ": ", " :\t"}).Draw(t, "colon") + text)
	gap := rapid.SampledFrom([]string{" ", "\n", "\r\n\r\n", "\u00a0"}).Draw(t, "gap")
	note.WriteString(gap)
	return strings.Contains(gap, "\n")
}

func FuzzSOAP(f *testing.F) {
	for _, seed := range []string{
		"S: itchy\nO: red\nA: otitis\nP: drops", "s:a o:b a:c p:d s:e", "no sections", "BP: 120 Meds: none", "",
		"<p>S: itchy</p>", "A&amp;E S: x", "\x00\xffS:", "S : x", "::::", "Subjective:Objective:Assessment:Plan:",
		"\u00a0P: x\u2028O: y", "S\u0130: x",
		"\u200bS\u00ad: x\ufeff", "A / P: x\nplan\nA & P", "- S: x\n2) O: y", "T: 38 P: 120 R: 24", "Assessment and Plan: x", "vitamin A: 500 IU",
		"<h2>S</h2>x<h3>Plan</h3>", "<![if !supportLists]>1.<![endif]>S: x<o:p></o:p>", "<!--[if gte mso 9]><xml>S: x</xml><![endif]-->O: y",
		"<p title=\"S: x>O: y", "<b and c>d S: x", "<script>S: x", "<style/>S: x</style>O: y", "<a a a a a", "<title>S: x", "<![if", "<xml>S: x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, note string) {
		note = pims.Clean(note)
		soap, rest := SOAP(note)
		again, restAgain := SOAP(note)
		require.Equal(t, soap, again, "reading is deterministic")
		require.Equal(t, rest, restAgain)
		for _, text := range []string{soap.Subjective, soap.Objective, soap.Assessment, soap.Plan, rest} {
			require.Equal(t, strings.TrimSpace(text), text)
		}
		if strings.ContainsAny(note, "<&") {
			return
		}
		requireNothingLost(t, note, soap.Subjective+soap.Objective+soap.Assessment+soap.Plan+rest)
	})
}

// requireNothingLost demands that what a note without markup has and its sections
// have not is made of heads: their letters, their colons, the marks of their lists, and
// what is invisible.
func requireNothingLost(t *testing.T, note, sections string) {
	t.Helper()
	lost := make(map[rune]int)
	for _, r := range note {
		lost[r]++
	}
	for _, r := range sections {
		lost[r]--
	}
	for r, n := range lost {
		switch {
		case unicode.IsSpace(r), invisible(r):
		case strings.ContainsRune("SUBJECTIVEOBJECTIVEASSESSMENTPLANDsubjectiveobjectiveassessmentpland:/&+-\u2013\u2014*\u2022\u00b70123456789.)", r):
			require.GreaterOrEqual(t, n, 0, "%q is made up", r)
		default:
			require.Zero(t, n, "%q is lost or made up", r)
		}
	}
}

func FuzzPlainText(f *testing.F) {
	for _, seed := range []string{"", "itchy", "a < b && c > d", "<p>", "&amp;", "\"'", "S: x\nO: y", "<b and c>", "&#x41;", "\u00a0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = pims.Clean(text)
		for _, page := range []string{"<p>" + html.EscapeString(text) + "</p>", "<!-- x --><div\n>" + html.EscapeString(text)} {
			require.Equal(t, withoutSpace(text), withoutSpace(Plain(page)), "what is written in markup is read")
		}
		if !strings.ContainsAny(text, "<&") {
			require.Equal(t, text, Plain(text), "what has no markup stays")
		}
		require.Equal(t, pims.Clean(Plain(text)), Plain(text))
	})
}

func withoutSpace(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
}
