package idexxneo

import (
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// What a living animal can have, of any species that a clinic treats, generously.
// A value beyond is a slip of the pen: its text is kept, its number is not (R7).
// A pulse or a respiration of 0 is possible; a temperature or a weight is not.
var (
	temperatureUnits = []unit{
		{"F", []string{"f", "fahrenheit"}, limits{50, 125}},
		{"C", []string{"c", "celsius"}, limits{10, 52}},
		{"", []string{""}, limits{10, 125}},
	}
	weightUnits = []unit{
		{"lb", []string{"lb", "lbs"}, limits{0.001, 5000}},
		{"kg", []string{"kg", "kgs"}, limits{0.001, 2300}},
		{"", []string{""}, limits{0.001, 5000}},
	}
	perMinute = limits{0, 1000}
)

// A unit is one of a measurement's. The one without a name is for a measurement
// that came without.
type unit struct {
	name      string
	spellings []string
	limits
}

type limits struct{ min, max float64 }

func (l limits) hold(n float64) bool { return n >= l.min && n <= l.max }

// vitals reads the measurements. What is no object is kept as text, or is how
// some write null.
func (r *reader) vitals() (*pims.Vitals, error) {
	m := measurements{}
	if r.decoder.PeekKind() != '{' {
		raw, err := r.decoder.ReadValue()
		if err == nil && !isEmpty(raw) {
			m.keep("vitals", rawText(raw))
		}
		return &m.Vitals, err
	}
	err := r.object(func(name []byte) error {
		switch name := string(name); name {
		case "temperature", "temperatureUnit", "pulse", "respiration", "weight", "weightUnit":
			raw, err := r.decoder.ReadValue()
			m.given(name, raw)
			return err
		default:
			return r.skip()
		}
	})
	if err != nil {
		return nil, err
	}
	m.measure()
	return &m.Vitals, nil
}

// measurements turns what was given into pims.Vitals.
type measurements struct {
	pims.Vitals
	texts map[string]string
}

func (m *measurements) given(name string, raw jsontext.Value) {
	if m.texts == nil {
		m.texts = make(map[string]string)
	}
	m.texts[name] = ""
	if !isEmpty(raw) {
		m.texts[name] = rawText(raw)
	}
}

func (m *measurements) measure() {
	m.Temperature, m.TemperatureUnit = m.withUnit("temperature", temperatureUnits)
	m.Weight, m.WeightUnit = m.withUnit("weight", weightUnits)
	m.Pulse = m.number("pulse", perMinute)
	m.Respiration = m.number("respiration", perMinute)
}

// withUnit is a measurement and its unit. A number in an unknown unit means
// nothing: then both texts are kept.
func (m *measurements) withUnit(name string, units []unit) (*float64, string) {
	text := strings.ToLower(strings.Trim(m.texts[name+"Unit"], " °."))
	for _, u := range units {
		if slices.Contains(u.spellings, text) {
			return m.number(name, u.limits), u.name
		}
	}
	m.keep(name, m.texts[name])
	m.keep(name+"Unit", m.texts[name+"Unit"])
	return nil, ""
}

// number is a measurement, or nil and its text kept.
func (m *measurements) number(name string, possible limits) *float64 {
	text := m.texts[name]
	if n, ok := decimal(text); ok && possible.hold(n) {
		return &n
	}
	m.keep(name, text)
	return nil
}

func (m *measurements) keep(name, text string) {
	if pims.Blank(text) {
		return
	}
	if m.Raw == nil {
		m.Raw = make(map[string]string)
	}
	m.Raw[name] = text
}

// decimal reads a number with a decimal point or comma. It knows no thousands
// separators, signs, units, infinities or hexadecimals.
func decimal(text string) (float64, bool) {
	text = strings.TrimSpace(text)
	whole, fraction, ok := strings.Cut(strings.Replace(text, ",", ".", 1), ".")
	if whole != "" && !digits(whole) || ok && !digits(fraction) || !ok && whole == "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(whole+"."+fraction+"0", 64)
	return n, err == nil
}

func digits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// isScalar tells texts, numbers, booleans and null from arrays and objects.
func isScalar(raw jsontext.Value) bool { return raw.Kind() != '{' && raw.Kind() != '[' }

// isEmpty tells whether a value is absent or null, or false or an array or object without
// content, which is how some write null.
func isEmpty(raw jsontext.Value) bool {
	switch raw.Kind() {
	case jsontext.KindInvalid, 'n', 'f':
		return true
	case '{', '[':
		return strings.TrimSpace(string(raw[1:len(raw)-1])) == ""
	default:
		return false
	}
}

// rawText is a scalar's text, or the JSON of anything else.
func rawText(raw jsontext.Value) string {
	if isScalar(raw) {
		return scalar(raw)
	}
	return pims.Clean(string(raw))
}
