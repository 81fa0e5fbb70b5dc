package notes

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func TestWhatIsAHeadAndWhatIsNone(t *testing.T) { // R7, docs/sync-rules.md §Sections of a note
	t.Parallel()
	all := pims.SOAP{Subjective: "itchy", Objective: "red", Assessment: "otitis", Plan: "drops"}
	for note, want := range map[string]struct {
		soap pims.SOAP
		rest string
	}{
		// One line.
		"S: itchy O: red A: otitis P: drops":                              {all, ""},
		"S: itchy. O: red. A: otitis. P: drops":                           {pims.SOAP{Subjective: "itchy.", Objective: "red.", Assessment: "otitis.", Plan: "drops"}, ""},
		"S: itchy P: drops":                                               {pims.SOAP{Subjective: "itchy", Plan: "drops"}, ""},
		"S: itchy O: red":                                                 {pims.SOAP{Subjective: "itchy", Objective: "red"}, ""},
		"A: otitis P: drops":                                              {pims.SOAP{Assessment: "otitis", Plan: "drops"}, ""},
		"S: itchy. A: otitis":                                             {pims.SOAP{Subjective: "itchy.", Assessment: "otitis"}, ""},
		"S: itchy  A: otitis":                                             {pims.SOAP{Subjective: "itchy", Assessment: "otitis"}, ""},
		"P: drops A: otitis O: red S: itchy":                              {all, ""},
		"S: itchy A: otitis P: drops":                                     {pims.SOAP{Subjective: "itchy", Assessment: "otitis", Plan: "drops"}, ""},
		"Seen at 10:15 by phone. S: itchy O: red A: otitis P: drops":      {all, "Seen at 10:15 by phone."},
		"Seen by phone, S: itchy P: drops":                                {pims.SOAP{Subjective: "itchy", Plan: "drops"}, "Seen by phone,"},
		"Healing well. Plan: drops":                                       {pims.SOAP{Plan: "drops"}, "Healing well."},
		"S: itchy Objective: red Assessment: otitis Plan: drops":          {all, ""},
		"S: itchy objective: red plan: drops":                             {pims.SOAP{Subjective: "itchy", Objective: "red", Plan: "drops"}, ""},
		"S: O: red A: P:":                                                 {pims.SOAP{Objective: "red"}, ""},
		"S:itchy O:red A:otitis P:drops":                                  {all, ""},
		"S:itchy;O:red;A:otitis;P:drops":                                  {pims.SOAP{Subjective: "itchy;", Objective: "red;", Assessment: "otitis;", Plan: "drops"}, ""},
		"S:itchy|O:red|A:otitis|P:drops":                                  {pims.SOAP{Subjective: "itchy|", Objective: "red|", Assessment: "otitis|", Plan: "drops"}, ""},
		"by phone;Plan:drops":                                             {pims.SOAP{Plan: "drops"}, "by phone;"},
		"O:K:4.1,P:5.2;Na:140":                                            {pims.SOAP{Objective: "K:4.1,P:5.2;Na:140"}, ""},
		"O:T:38.5;P:120;R:24":                                             {pims.SOAP{Objective: "T:38.5;P:120;R:24"}, ""},
		"gives vitamin A;D:2 cups,A:1,E:3":                                {pims.SOAP{}, "gives vitamin A;D:2 cups,A:1,E:3"},
		"P:continue vitamin,A:500 IU;see http://a.example/x;p:1":          {pims.SOAP{Plan: "continue vitamin,A:500 IU;see http://a.example/x;\n1"}, ""},
		"S\uff1aitchy\nO \uff1a red\nA\ufe55otitis\nPlan\u2236 drops":     {all, ""},
		"S\uff1aitchy O\uff1ared A\uff1aotitis P\uff1adrops":              {all, ""},
		"\u200bS\u200b\uff1aitchy\uff1abadly\nP\uff1a":                    {pims.SOAP{Subjective: "itchy\uff1abadly"}, ""},
		"- S: itchy\n- O: red\n- A: otitis\n- P: drops":                   {all, ""},
		"1. S: itchy\n2. O: red\n3) A: otitis\n\u2022 P: drops":           {all, ""},
		"S: itchy O: T: 38.5 HR: 100 RR: 24 A: otitis P: drops":           {pims.SOAP{Subjective: "itchy", Objective: "T: 38.5 HR: 100 RR: 24", Assessment: "otitis", Plan: "drops"}, ""},
		"S: itchy O: red A: 1. otitis 2. obese P: 1) drops 2) diet":       {pims.SOAP{Subjective: "itchy", Objective: "red", Assessment: "1. otitis 2. obese", Plan: "1) drops 2) diet"}, ""},
		"S: new kitten O: bright A: healthy P: vaccines":                  {pims.SOAP{Subjective: "new kitten", Objective: "bright", Assessment: "healthy", Plan: "vaccines"}, ""},
		"S: new kitten\nO: bright\nA: 5 weeks old\nP: 3 vaccines":         {pims.SOAP{Subjective: "new kitten", Objective: "bright", Assessment: "5 weeks old", Plan: "3 vaccines"}, ""},
		"S: itchy\nO: red\nA: otitis\nP: drops\nS: addendum: called back": {pims.SOAP{Subjective: "itchy\naddendum: called back", Objective: "red", Assessment: "otitis", Plan: "drops"}, ""},

		// A letter that a word names, and letters that measure.
		"Owner gives vitamin A: 500 IU daily.":                                       {pims.SOAP{}, "Owner gives vitamin A: 500 IU daily."},
		"vitamin A: 500 IU":                                                          {pims.SOAP{}, "vitamin A: 500 IU"},
		"Vit. A: 500 IU":                                                             {pims.SOAP{}, "Vit. A: 500 IU"},
		"S: owner gives vitamin A: 500 IU":                                           {pims.SOAP{Subjective: "owner gives vitamin A: 500 IU"}, ""},
		"S: gives vitamin A: 500 IU O: red A: otitis P: drops":                       {pims.SOAP{Subjective: "gives vitamin A: 500 IU", Objective: "red", Assessment: "otitis", Plan: "drops"}, ""},
		"S: itchy\nO: red\nA: otitis\nP: drops, vitamin A: 500 IU":                   {pims.SOAP{Subjective: "itchy", Objective: "red", Assessment: "otitis", Plan: "drops, vitamin A: 500 IU"}, ""},
		"P: continue vitamin A: 500 IU, protein S: low":                              {pims.SOAP{Plan: "continue vitamin A: 500 IU, protein S: low"}, ""},
		"O: blood type A: positive, hepatitis A: negative":                           {pims.SOAP{Objective: "blood type A: positive, hepatitis A: negative"}, ""},
		"S: eats brand A: 2 cups":                                                    {pims.SOAP{Subjective: "eats brand A: 2 cups"}, ""},
		"S: has eaten something A: not sure what":                                    {pims.SOAP{Subjective: "has eaten something A: not sure what"}, ""},
		"P: discussed plan A: fluids, plan B: surgery":                               {pims.SOAP{Plan: "discussed plan A: fluids, plan B: surgery"}, ""},
		"O: kitten A: 200 g, kitten B: 180 g":                                        {pims.SOAP{Objective: "kitten A: 200 g, kitten B: 180 g"}, ""},
		"O: T: 101.5 P: 120 R: 24 A: well P: vaccines":                               {pims.SOAP{Objective: "T: 101.5 P: 120 R: 24", Assessment: "well", Plan: "vaccines"}, ""},
		"O: Na: 140, K: 4.1, P: 5.2, Ca: 10":                                         {pims.SOAP{Objective: "Na: 140, K: 4.1, P: 5.2, Ca: 10"}, ""},
		"O: bright\nT: 101.5\nP: 120\nR: 24\nA: well\nP: vaccines":                   {pims.SOAP{Objective: "bright\nT: 101.5\nP: 120\nR: 24", Assessment: "well", Plan: "vaccines"}, ""},
		"T: 38.5\nP: 120 bpm\nR: 24":                                                 {pims.SOAP{}, "T: 38.5\nP: 120 bpm\nR: 24"},
		"P: 120 R: 24":                                                               {pims.SOAP{}, "P: 120 R: 24"},
		"P: 2 ml drops":                                                              {pims.SOAP{Plan: "2 ml drops"}, ""},
		"O: T: 101.5\nP: 2 vaccines":                                                 {pims.SOAP{Objective: "T: 101.5", Plan: "2 vaccines"}, ""},
		"O: pain assessment: 2/4, nutritional assessment: BCS 5":                     {pims.SOAP{Objective: "pain assessment: 2/4, nutritional assessment: BCS 5"}, ""},
		"S: his plan: wait O: red A: otitis P: drops":                                {pims.SOAP{Subjective: "his", Plan: "wait\ndrops", Objective: "red", Assessment: "otitis"}, ""},
		"BP: 120 Meds: none T: 38 (S: no) xA: no O2: 98 P.: no http://a.example:80/": {pims.SOAP{}, "BP: 120 Meds: none T: 38 (S: no) xA: no O2: 98 P.: no http://a.example:80/"},

		// Assessment and plan in one.
		"S: itchy\nO: red\nA/P: otitis, drops":                      {pims.SOAP{Subjective: "itchy", Objective: "red", Assessment: "otitis, drops"}, ""},
		"S: itchy O: red A/P: otitis, drops":                        {pims.SOAP{Subjective: "itchy", Objective: "red", Assessment: "otitis, drops"}, ""},
		"O: red\nA & P: otitis\nS: itchy":                           {pims.SOAP{Subjective: "itchy", Objective: "red", Assessment: "otitis"}, ""},
		"O: red\na&p: otitis":                                       {pims.SOAP{Objective: "red", Assessment: "otitis"}, ""},
		"O: red\nA + P : otitis":                                    {pims.SOAP{Objective: "red", Assessment: "otitis"}, ""},
		"O: red\nAssessment/Plan: otitis":                           {pims.SOAP{Objective: "red", Assessment: "otitis"}, ""},
		"O: red\nASSESSMENT AND PLAN: otitis":                       {pims.SOAP{Objective: "red", Assessment: "otitis"}, ""},
		"O: red\nAssessment & Plan:\notitis\nP: drops":              {pims.SOAP{Objective: "red", Assessment: "otitis", Plan: "drops"}, ""},
		"O: red\nAssessment / Plan\notitis":                         {pims.SOAP{Objective: "red", Assessment: "otitis"}, ""},
		"<p>O: red</p><p>A &amp; P: otitis</p>":                     {pims.SOAP{Objective: "red", Assessment: "otitis"}, ""},
		"O: red Assessment and plan: otitis":                        {pims.SOAP{Objective: "red", Assessment: "otitis"}, ""},
		"O: red\nTreatment and plan: drops, band and plan: no":      {pims.SOAP{Objective: "red\nTreatment and plan: drops, band and plan: no"}, ""},
		"O: red\nAssessmentandPlan: x\nAPlan: y\nA//P: z\nA/P/S: v": {pims.SOAP{Objective: "red\nAssessmentandPlan: x\nAPlan: y\nA//P: z\nA/P/S: v"}, ""},

		// Without a colon.
		"Subjective\nitchy\nOBJECTIVE\nred\n assessment \notitis\nPlan\ndrops": {all, ""},
		"S\nitchy\nO\nred":                       {pims.SOAP{}, "S\nitchy\nO\nred"},
		"Plan for today\ndrops\nthe plan\nPlan!": {pims.SOAP{}, "Plan for today\ndrops\nthe plan\nPlan!"},
		"<h2>Subjective</h2>itchy<h3>Objective</h3><p>red</p><h4>A</h4>otitis<h5><b>P</b></h5>drops": {all, ""},
		"<h1>S:</h1>itchy<h1>O :</h1>red<h2>A/P</h2>otitis":                                          {pims.SOAP{Subjective: "itchy", Objective: "red", Assessment: "otitis"}, ""},
		"<p>A</p>otitis<h2>Plan for today</h2>drops<p><strong>Plan</strong></p>rest":                 {pims.SOAP{Plan: "rest"}, "A\notitis\nPlan for today\ndrops"},
		"<table><tr><td>Plan</td><td>drops</td></tr></table>":                                        {pims.SOAP{Plan: "drops"}, ""},

		// What is invisible hides no head.
		"\u200bS: itchy\n\ufeffO: red\n\u200eA: otitis\n\u2060P: drops":                                {all, ""},
		"S\u200b: itchy\nO\u00ad:\u200b red\n\u200b \u200bA:\u200f otitis\nP: drops":                   {pims.SOAP{Subjective: "itchy", Objective: "\u200b red", Assessment: "\u200f otitis", Plan: "drops"}, ""},
		"&#8203;S: itchy&#8203; O: red":                                                                {pims.SOAP{Subjective: "itchy\u200b", Objective: "red"}, ""},
		"<p>&#x200B;S: itchy</p><p>&#8203;&#65279;O: red</p><p>&shy;A: otitis</p><p>&lrm;P: drops</p>": {all, ""},
		"Sub\u00adjec\u00adtive: itchy\nPl\u200ban: drops":                                             {pims.SOAP{Subjective: "itchy", Plan: "drops"}, ""},
		"\u200bPlan\u200b\ndrops":                                                                      {pims.SOAP{Plan: "drops"}, ""},
		"S: \U0001F468\u200d\U0001F469\u200d\U0001F467 came":                                           {pims.SOAP{Subjective: "\U0001F468\u200d\U0001F469\u200d\U0001F467 came"}, ""},
		"\u200b": {pims.SOAP{}, "\u200b"},
	} {
		soap, rest := SOAP(note)
		require.Equal(t, want.soap, soap, "%q", note)
		require.Equal(t, want.rest, rest, "%q", note)
	}
}

func TestHostileNotesTakeTimeInProportion(t *testing.T) { // R57
	t.Parallel()
	const size = 1 << 18 // what took quadratic time would take minutes
	for _, part := range []string{
		"S:", ":", " :", "S : ", "a:b ", "P: 1\n", "P: 120\n\n\n", "A/P", "A / ", "\n", "\r", " ", "\u200b", "\u200bS:", "- ", "1. ", "Assessment and ",
		"<", "<b ", "<b x=", "<b x=\"", "<b x='\"", "<p class", "<p a=1 ", "</", "</p", "<!", "<!--", "<!-- -", "<![if", "<![if !supportLists]>", "<![endif]>",
		"<script>", "<script>S:", "<title>", "<textarea>", "<xml>", "<template>", "<xml></xml", "<iframe>", "<?xml", "<div>", "<b>", "<h1>", "<table><tr><td>",
		"<div><p><b>S:</b>", "&", "&amp;", "&#8203;", "&lt;", "<a href=\"<a href='", "<b\"<b'", "<o:p>", "<st1:place w:st=\"on\">S:", "<p/", "<svg><", "\x00",
	} {
		note := strings.Repeat(part, size/len(part))
		if strings.HasPrefix(part, "<") {
			note = " " + note + ">\"'-->"
		}
		soap, rest := SOAP(pims.Clean(note))
		require.LessOrEqual(t, len(soap.Subjective)+len(soap.Objective)+len(soap.Assessment)+len(soap.Plan)+len(rest), 6*size, "%q", part)
	}
}

func TestNoInvisibleCharacterHidesAHead(t *testing.T) { // R7
	t.Parallel()
	hidden := []rune{0xAD, 0x34F, 0x61C, 0x115F, 0x17B4, 0x180E, 0x200B, 0x200F, 0x3164, 0xFE0F, 0xFEFF, 0xFFA0, 0xFFFB, 0xFFFD, 0xE0001, 0xE0100}
	for r := rune(0x202A); r <= 0x202E; r++ {
		hidden = append(hidden, r)
	}
	for r := rune(0x2060); r <= 0x206F; r++ {
		hidden = append(hidden, r)
	}
	for _, r := range hidden {
		soap, rest := SOAP(string(r) + "S: itchy\n" + string(r) + "O" + string(r) + ": red")
		require.Equal(t, pims.SOAP{Subjective: "itchy", Objective: "red"}, soap, "%U", r)
		require.Empty(t, rest, "%U", r)
	}
	require.Equal(t, "A\u0600B", OneLine("A\u0600B"), "a sign of numbers is seen")
	require.Equal(t, "\U0001F3F3\uFE0F\u200D\U0001F308", OneLine("\U0001F3F3\uFE0F\u200D\U0001F308"), "one emoji")
}
