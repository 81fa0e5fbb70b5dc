// Package names reads the names of clients as practices write them: "LAST, FIRST", with
// suffixes, and those of companies and public bodies (R7).
package names

import (
	"maps"
	"slices"
	"strings"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// AreSuffixes reports whether all of the words are suffixes.
func AreSuffixes(words string) bool {
	fields := strings.Fields(words)
	return len(fields) > 0 && !slices.ContainsFunc(fields, func(word string) bool { return !hasSuffixWord(word) })
}

// FirstLast turns "LAST, FIRST" into "FIRST LAST" (R7). Every other name stays as it is: one
// with more than one comma, one with a suffix of a person or company after the comma, and the
// name of an institution ("Thistle GmbH, Berlin", "City of Springfield, Animal Control").
func FirstLast(name string) string {
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

// Words lists the words by which names are recognised, in lower case.
func Words() []string {
	return slices.Sorted(maps.Keys(joined(suffixes, companies, publicBodies)))
}
