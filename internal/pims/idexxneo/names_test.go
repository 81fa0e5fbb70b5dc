package idexxneo

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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
		require.Equal(t, want, firstLast(name), name)
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
			require.Equal(t, name, firstLast(name))
		}
	}
}

func TestOnlyTheCamelCaseGenerationNamesPeopleInTitles(t *testing.T) { // R7, NEO.md §Calendar
	t.Parallel()
	for row, want := range map[string][2]string{
		`"title":"Pip; Fern, Ada","status":"Confirmed"`:                                                        {"Pip", "Ada Fern"},
		`"title":"Pip; Oakhollow Farms, LLC","status":"Confirmed"`:                                             {"Pip", "Oakhollow Farms, LLC"},
		`"title":"Pip; Thistle, Jr.","status":"Confirmed"`:                                                     {"Pip", "Thistle, Jr."},
		`"title":"Pip; Fern, Ada","patientName":"Zoë","clientName":""`:                                         {"Zoë", "Ada Fern"},
		`"title":"Pip; Fern, Ada","patientName":null,"clientName":"Oakhollow Farms, LLC","status":"Confirmed"`: {"Pip", "Oakhollow Farms, LLC"},
		`"title":"Pip; Fern, Ada","patientName":"Pip","clientName":"Reed, Tom"`:                                {"Pip", "Tom Reed"},
		`"title":"fasted; bring records","status":"Confirmed"`:                                                 {"", ""},
		`"title":"Pip; Fern, Ada, DVM","status":"Confirmed"`:                                                   {"Pip", "Fern, Ada, DVM"},
		`"title":"Pip; Fern, Ada, RN","patientName":"Pip"`:                                                     {"Pip", "Fern, Ada, RN"},
		`"title":"Pip; FERN, JR., ADA","status":"Confirmed"`:                                                   {"Pip", "FERN, JR., ADA"},
		`"title":"Pip; Thistle GmbH, Berlin","status":"Confirmed"`:                                             {"Pip", "Thistle GmbH, Berlin"},
		`"title":"fasted; bring records, food, and the cage","status":"Confirmed"`:                             {"", ""},
		`"title":"Pip; Fern, Ada","patient_name":null,"current_status":"Confirmed"`:                            {"", ""},
		`"title":"Pip; Fern, Ada","patient_name":"Pip","last_name":"Oakhollow Farms, LLC"`:                     {"Pip", "Oakhollow Farms, LLC"},
	} {
		body := `[{"id":1,"start":"2026-01-17T09:00:00",` + row + `}]`
		snapshot, err := dial(t, wire{calendarPath: says(body)}).Appointments(t.Context(), january(t, 17, 17))
		require.NoError(t, err)
		require.Len(t, snapshot.Appointments, 1, row)
		require.Equal(t, want, [2]string{snapshot.Appointments[0].PatientName, snapshot.Appointments[0].ClientName}, row)
	}
}
