package names_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims/names"
)

func TestOnlyLastFirstIsTurned(t *testing.T) { // R7
	t.Parallel()
	for name, want := range map[string]string{
		"Fern, Ada":                "Ada Fern",
		"FERN, ADA":                "ADA FERN",
		" O'Hara-Quill ,  Zoë ":    "Zoë O'Hara-Quill",
		"Fern, Ada B.":             "Ada B. Fern",
		"van der Reed, Jan":        "Jan van der Reed",
		"Fern, Ada & Tom":          "Fern, Ada & Tom", // which of them is "& Tom Fern"?
		"Fern, Dr. Ada":            "Dr. Ada Fern",
		"Fern, Junia":              "Junia Fern",
		"Fern, Coco":               "Coco Fern",
		"Fern":                     "Fern",
		"Ada Fern":                 "Ada Fern",
		"Fern,":                    "Fern,",
		", Ada":                    ", Ada",
		",":                        ",",
		"":                         "",
		"Fern, Ada, DVM":           "Fern, Ada, DVM",
		"Fern, Ada Jr.":            "Fern, Ada Jr.",
		"Oakhollow Farms, LLC":     "Oakhollow Farms, LLC",
		"Oakhollow, The Farm Next": "Oakhollow, The Farm Next",

		"Thistle GmbH, Berlin":                "Thistle GmbH, Berlin",
		"Oakhollow Farms LLC, Barn 3":         "Oakhollow Farms LLC, Barn 3",
		"City of Oakhollow, Animal Control":   "City of Oakhollow, Animal Control",
		"OAKHOLLOW COUNTY, K9 UNIT":           "OAKHOLLOW COUNTY, K9 UNIT",
		"Oakhollow Humane Society, Intake":    "Oakhollow Humane Society, Intake",
		"Tierheim Eichental e.V., Katzenhaus": "Tierheim Eichental e.V., Katzenhaus",
		"Farm, Ada":                           "Ada Farm",
		"Town, Zoë":                           "Zoë Town",
		"Co, Ada":                             "Ada Co",
		"Fern Jr., Ada":                       "Ada Fern Jr.",
	} {
		require.Equal(t, want, names.FirstLast(name), name)
	}
}

func TestASuffixOfAPersonOrACompanyIsNoFirstName(t *testing.T) { // R7
	t.Parallel()
	for _, suffix := range []string{
		"Jr", "Jr.", "Jnr", "Junior", "Sr.", "Senior", "II", "III", "IV", "V", "2nd", "3rd", "fils", "jun.", "sen.",
		"M.D.", "MD", "DVM", "D.V.M.", "VMD", "BVSc", "MRCVS", "Ph.D.", "Esq.", "CPA", "RN", "OBE", "LVT",
		"LLC", "L.L.C.", "Inc", "Inc.", "Incorporated", "Corp.", "Co.", "Company", "& Co.", "Ltd", "Ltd.", "Limited", "LLP", "LP", "PLLC", "PLC", "P.C.",
		"Pty Ltd", "(Pty) Ltd", "Pty. Ltd.", "Pte Ltd", "and Sons", "& Sons", "Bros.", "Trust", "Estate of", "Foundation",
		"GmbH", "gGmbH", "GmbH & Co. KG", "AG", "KG", "OHG", "GbR", "UG (haftungsbeschränkt)", "e.V.", "eG", "e.K.", "Stiftung", "KGaA",
		"SA", "S.A.", "SAS", "SARL", "S.à r.l. SARL", "EURL", "SCI", "GAEC", "EARL", "S.L.", "S.L.U.", "S.r.l.", "S.p.A.", "Lda.",
		"B.V.", "BV", "N.V.", "V.O.F.", "ApS", "A/S", "AB", "Oy", "AS", "SE", "Sp. z o.o. Sp.z.o.o.", "s.r.o.", "d.o.o.", "Kft.",
	} {
		for _, spelling := range []string{suffix, strings.ToUpper(suffix), strings.ToLower(suffix)} {
			name := "Oakhollow Thistle, " + spelling
			require.Equal(t, name, names.FirstLast(name))
		}
	}
}
