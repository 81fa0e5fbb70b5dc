package idexxneo

import (
	"maps"
	"slices"
	"strings"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// names returns the patient's and the client's name. Where a row of the camel-case
// generation has no names, its title may: "PATIENT; LAST, FIRST".
func (e *event) names() (patient, client string) {
	patient, client = e.patient, e.clientName()
	if e.snake || !pims.Blank(patient) && client != "" {
		return patient, client
	}
	titlePatient, titleClient, ok := strings.Cut(e.title, ";")
	if !ok || !isLastFirst(titleClient) {
		return patient, client
	}
	if pims.Blank(patient) {
		patient = strings.TrimSpace(titlePatient)
	}
	if client == "" {
		client = firstLast(titleClient)
	}
	return patient, client
}

// isLastFirst reports whether a caption's second part is a client's name: it has one comma,
// or two and a suffix between or after them ("Fern, Ada, DVM"). "bring records, food, and
// the cage" is not a name.
func isLastFirst(text string) bool {
	parts := strings.Split(text, ",")
	return len(parts) == 2 || len(parts) == 3 && (isSuffix(parts[1]) || isSuffix(parts[2]))
}

// isSuffix reports whether all of the words are suffixes.
func isSuffix(words string) bool {
	fields := strings.Fields(words)
	return len(fields) > 0 && !slices.ContainsFunc(fields, func(word string) bool { return !hasSuffixWord(word) })
}

// clientName joins first and last name with one space. A name in only one of the two fields
// is kept as given (R7).
func (e *event) clientName() string {
	first, last := strings.TrimSpace(e.firstName), strings.TrimSpace(e.lastName)
	switch {
	case first != "" && last != "":
		return first + " " + last
	case first != "" || last != "":
		return first + last
	default:
		return firstLast(e.client)
	}
}

// firstLast turns the "LAST, FIRST" of the camel-case generation into "FIRST LAST". Every
// other name stays as it is: one with more than one comma, one with a suffix of a person or
// company after the comma, and the name of an institution ("Thistle GmbH, Berlin", "City of
// Springfield, Animal Control").
func firstLast(name string) string {
	last, first, ok := strings.Cut(name, ",")
	first, last = strings.TrimSpace(first), strings.TrimSpace(last)
	if !ok || first == "" || last == "" || strings.Contains(first, ",") || hasSuffixWord(first) || isInstitution(last) {
		return strings.TrimSpace(name)
	}
	return first + " " + last
}

// hasSuffixWord reports whether one of the words is a suffix. A given name that looks like
// one ("Co", "Sa") keeps the name as given, which loses nothing.
func hasSuffixWord(words string) bool {
	return slices.ContainsFunc(strings.Fields(words), func(word string) bool {
		return suffixes[strings.ToLower(suffixMarks.Replace(word))]
	})
}

// isInstitution reports whether several words name a company or a public body. A single
// word is a family name.
func isInstitution(words string) bool {
	fields := strings.Fields(words)
	return len(fields) > 1 && slices.ContainsFunc(fields, func(word string) bool {
		word = strings.ToLower(suffixMarks.Replace(word))
		return companies[word] || publicBodies[word]
	})
}

// suffixMarks are the characters in and around a suffix: "L.L.C.", "(Pty)", "A/S".
var suffixMarks = strings.NewReplacer(".", "", "(", "", ")", "", "/", "", "\u2019", "", "'", "", "-", "")

// suffixes are the words that follow a name after a comma, in lower case and without marks.
var suffixes = joined(companies, pims.WordSet(
	// Persons: generations, degrees, orders. A single "I" or "X" is an initial.
	"jr jnr jun junior sr snr sen senior ii iii iv v vi vii viii ix 1st 2nd 3rd 4th 5th fils pere père filho neto",
	"md do dvm vmd dmv mv bvsc bvms bvm bvms&s bvetmed mrcvs frcvs phd dphil dds dmd dpm od pharmd edd jd llb llm esq esquire cpa mba rn np pa pac lvt cvt rvt",
	"ba bs bsc ma ms msc med mfa obe mbe cbe kbe om qc kc jp ret usmc usn usaf usa emeritus dacvim dacvs decvim",
))

// companies are the words in names of companies, associations and trusts.
var companies = pims.WordSet(
	"llc lllp llp lp pllc plc pc pa inc incorporated corp corporation co company cie ltd limited ltée ltee pty pte pvt trust trustee trustees estate foundation dba & and son sons bros brothers partners associates group holdings farms farm ranch kennel kennels stables rescue",
	"gmbh ggmbh mbh ag kg kgaa ohg gbr ug ev eg ek ekfr ekfm egbr partg partgmbb stiftung verein söhne soehne",
	"sa sas sasu sarl eurl snc sci scp scea gaec earl selarl scm sprl srl asbl",
	"sl slu sll slp sc scoop cb spa sapa sas snc ss lda unipessoal",
	"bv nv vof cv ua ba aps as is ks ab hb kb oy oyj ky asa ans da enk se sce",
	"spzoo zoo spj spk sro doo dd kft bt zrt nyrt ehf hf eood ood ead ad",
)

// publicBodies are the words in names of towns, authorities, schools and charities.
var publicBodies = pims.WordSet(
	"city county town township village borough municipality department dept university college school society shelter rescue sanctuary humane",
	"stadt gemeinde landkreis universität tierheim tierschutz ville commune mairie université refuge ayuntamiento universidad gemeente",
)

func joined(sets ...map[string]bool) map[string]bool {
	all := make(map[string]bool)
	for _, set := range sets {
		maps.Copy(all, set)
	}
	return all
}
