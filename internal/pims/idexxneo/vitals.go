package idexxneo

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// vitals reads the measurements. A value that is not an object is kept as text, unless it
// is one of the ways to write null.
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

// measurements turns the received fields into pims.Vitals.
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
	m.Temperature, m.TemperatureUnit = m.measured("temperature", temperatureUnits)
	m.Weight, m.WeightUnit = m.measured("weight", weightUnits)
	m.Pulse, _ = m.measured("pulse", beatsPerMinute)
	m.Respiration, _ = m.measured("respiration", breathsPerMinute)
}

// measured returns a measurement and its unit, which is in its text, beside it, or in both.
// An impossible or ambiguous number is nil, and its text is kept (R7). Where the unit is
// unknown, or two units contradict each other, the number means nothing, and both texts are
// kept.
func (m *measurements) measured(name string, units []unit) (*float64, string) {
	text, beside := m.texts[name], m.texts[name+"Unit"]
	q, ok := quantityOf(text, units)
	u, known := unitOf(beside, units)
	if !known || ok && q.name != "" && u.name != "" && q.name != u.name {
		m.keep(name, text)
		m.keep(name+"Unit", beside)
		return nil, ""
	}
	if ok && q.name != "" {
		u = q.unit
	}
	if !ok || !u.hold(q.number) {
		m.keep(name, text)
		return nil, u.name
	}
	if q.added {
		m.keep(name, text)
	}
	return &q.number, u.name
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

// isScalar reports whether a value is a text, a number, a boolean or null, and not an array
// or object.
func isScalar(raw jsontext.Value) bool { return raw.Kind() != '{' && raw.Kind() != '[' }

// isEmpty reports whether a value is absent or null, or false, or an array or object
// without content; some write null in these ways.
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

// rawText returns a scalar's text, or the JSON of anything else.
func rawText(raw jsontext.Value) string {
	if isScalar(raw) {
		return scalar(raw)
	}
	return pims.Clean(string(raw))
}
