package idexxneo

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// The possible values of a living animal, of any species that a clinic treats, with wide
// margins. A value outside is a typing mistake: its text is kept, its number is not (R7).
//
// Pulse: a tortoise in brumation has a few beats in a minute, a canary up to 1000.
// Respiration: a sleeping tortoise breathes about once in a minute, a panting dog up to 400
// times. The sources are the tables of the Merck Veterinary Manual (resting heart rates,
// resting respiratory rates) and of Carpenter's Exotic Animal Formulary, with margins at
// both ends.
var (
	temperatureUnits = []unit{
		{name: "F", spellings: degrees("f", "fahrenheit", "℉"), limits: limits{50, 125}},
		{name: "C", spellings: degrees("c", "celsius", "centigrade", "℃"), limits: limits{10, 52}},
		{name: "", spellings: degrees(""), limits: limits{10, 125}},
	}
	weightUnits = []unit{
		{name: "lb", spellings: []string{"lb", "lbs", "pound", "pounds", "#"}, limits: limits{0.001, 5000}, part: "oz", parts: 16},
		{name: "kg", spellings: []string{
			"kg", "kgs", "kilo", "kilos", "kilogram", "kilograms", "kilogramm", "kilogramme", "kilogrammes", "kilogramo", "kilogramos",
		}, limits: limits{0.001, 2300}, part: "g", parts: 1000},
		{name: "g", spellings: []string{
			"g", "gr", "gm", "gms", "gram", "grams", "gramm", "gramme", "grammes", "gramo", "gramos",
		}, limits: limits{0.1, 2_300_000}},
		{name: "oz", spellings: []string{"oz", "ozs", "ounce", "ounces"}, limits: limits{0.01, 80_000}},
		{name: "", spellings: []string{""}, limits: limits{0.001, 5000}},
	}
	beatsPerMinute   = []unit{{name: "", spellings: perMinute, limits: limits{5, 1000}}}
	breathsPerMinute = []unit{{name: "", spellings: perMinute, limits: limits{1, 400}}}

	perMinute = []string{
		"", "bpm", "rpm", "brpm", "lpm", "/m", "/min", "/minute", "x/min", "b/min", "permin", "perminute", "prominute", "parminute", "porminuto",
		"perminuut", "beats/min", "beats/minute", "beatsperminute", "breaths/min", "breaths/minute", "breathsperminute",
	}
)

// A unit is one unit of a measurement. The unit without a name is for a measurement that
// came without one.
type unit struct {
	name      string
	spellings []string // as plainUnit writes them
	limits

	part  string // the smaller unit that may follow: "12 lbs 4 oz"
	parts float64
}

type limits struct{ min, max float64 }

func (l limits) hold(n float64) bool { return n >= l.min && n <= l.max }

// degrees returns the spellings of a scale, with each of the words for a degree and
// without.
func degrees(scales ...string) []string {
	var spellings []string
	for _, scale := range scales {
		for _, degree := range []string{"", "°", "\u00ba", "\u02da", "deg", "degree", "degrees", "degré", "degrés", "grad", "graden", "grados"} {
			spellings = append(spellings, degree+scale)
		}
	}
	return spellings
}

// unitOf finds the unit that a text names.
func unitOf(text string, units []unit) (unit, bool) {
	text = plainUnit(text)
	for _, u := range units {
		if slices.Contains(u.spellings, text) {
			return u, true
		}
	}
	return unit{}, false
}

// plainUnit returns the form in which units are compared: lower case, without white space
// and full stops.
func plainUnit(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '.' {
			return -1
		}
		return unicode.ToLower(r)
	}, text)
}

// A quantity is a number and its unit, read from one text. The unit has no name where the
// text has none.
type quantity struct {
	number float64
	unit
	added bool // the number is the sum of two: 12 lbs 4 oz
}

// quantityOf reads "38,5 °C", "101.5F", "1.250,5 g", "80/min", "12 lbs 4 oz". Ranges,
// comparisons, signs and remarks are not quantities.
func quantityOf(text string, units []unit) (quantity, bool) {
	number, rest := cutNumber(text)
	n, ok := decimal(number)
	if !ok {
		return quantity{}, false
	}
	next := strings.IndexFunc(rest, isDigit)
	if next < 0 {
		next = len(rest)
	}
	u, ok := unitOf(rest[:next], units)
	if ok && next == len(rest) {
		return quantity{number: n, unit: u}, true
	}
	u, ok = unitOf(strings.TrimRight(rest[:next], " ,"), units)
	if !ok || u.part == "" {
		return quantity{}, false
	}
	smaller, ok := quantityOf(rest[next:], units)
	if !ok || smaller.name != u.part || smaller.number >= u.parts {
		return quantity{}, false
	}
	return quantity{number: n + smaller.number/u.parts, unit: u, added: true}, true
}

// cutNumber splits a text after the last digit of the number at its beginning.
func cutNumber(text string) (number, rest string) {
	text = blanks.Replace(strings.TrimSpace(text))
	end := len(text) - len(strings.TrimLeft(text, "0123456789.,' "))
	end = strings.LastIndexFunc(text[:end], isDigit) + 1
	return text[:end], text[end:]
}

// blanks unifies the blanks and apostrophes that separate thousands.
var blanks = strings.NewReplacer(
	"\u00a0", " ", "\u2007", " ", "\u2009", " ", "\u202f", " ", // no-break, figure, thin, narrow no-break
	"\u2019", "'", "\u02bc", "'",
)

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

var (
	// plainNumber has no separators of thousands.
	plainNumber = regexp.MustCompile(`^(\d*)(?:([.,])(\d+))?$`)

	// groupedNumber has separators of thousands, in each way of English and of continental
	// Europe.
	groupedNumber = regexp.MustCompile(`^[1-9]\d{0,2}(?:(?:,\d{3})+(\.\d+)?|(?:\.\d{3})+(,\d+)?|(?: \d{3})+([.,]\d+)?|(?:'\d{3})+([.,]\d+)?)$`)
)

// decimal reads a number as English and continental Europe write it. A comma followed by
// exactly three digits, and by nothing else, is ambiguous: it separates thousands for some
// and decimals for others. Such a number is refused (R7), unless the digits before it
// cannot be thousands ("0,045", "1250,500"). A point followed by three digits is a decimal
// point.
func decimal(text string) (float64, bool) {
	var whole, fraction string
	if m := plainNumber.FindStringSubmatch(text); m != nil {
		whole, fraction = m[1], m[3]
		thousands := len(whole) >= 1 && len(whole) <= 3 && whole[0] != '0'
		if whole+fraction == "" || m[2] == "," && len(fraction) == 3 && thousands {
			return 0, false
		}
	} else if m := groupedNumber.FindStringSubmatch(text); m != nil {
		decimals := m[1] + m[2] + m[3] + m[4] // one of them at most
		whole, fraction = thousandsMarks.Replace(strings.TrimSuffix(text, decimals)), strings.TrimLeft(decimals, ".,")
	} else {
		return 0, false
	}
	n, err := strconv.ParseFloat(whole+"."+fraction+"0", 64)
	return n, err == nil
}

var thousandsMarks = strings.NewReplacer(",", "", ".", "", " ", "", "'", "")
