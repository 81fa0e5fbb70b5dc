package idexxneo

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func TestVitalsAreKeptAsGiven(t *testing.T) { // R7
	t.Parallel()
	for body, want := range map[string]pims.Vitals{
		`{"temperature":101.5,"temperatureUnit":"F","pulse":80,"respiration":20,"weight":25.3,"weightUnit":"lb"}`: {
			Temperature: new(101.5), TemperatureUnit: "F", Pulse: new(80.0), Respiration: new(20.0),
			Weight: new(25.3), WeightUnit: "lb",
		},
		`{"temperature":"38,5","temperatureUnit":" °c ","pulse":"80","respiration":" 20 ","weight":"0,045","weightUnit":"KG."}`: {
			Temperature: new(38.5), TemperatureUnit: "C", Pulse: new(80.0), Respiration: new(20.0),
			Weight: new(0.045), WeightUnit: "kg",
		},
		`{"temperature":101.5,"weight":"25"}`:                   {Temperature: new(101.5), Weight: new(25.0)},
		`{"temperature":null,"temperatureUnit":"F","pulse":""}`: {TemperatureUnit: "F"},
		`{}`:                                  {},
		`{"unknown":[{"a":1}]}`:               {},
		`{"pulse":0,"respiration":0}`:         {Raw: map[string]string{"pulse": "0", "respiration": "0"}},
		`{"pulse":4,"respiration":"401/min"}`: {Raw: map[string]string{"pulse": "4", "respiration": "401/min"}},
		`{"pulse":"900","respiration":900}`:   {Pulse: new(900.0), Raw: map[string]string{"respiration": "900"}},
		`{"pulse":5,"respiration":1}`:         {Pulse: new(5.0), Respiration: new(1.0)},
		`{"pulse":1000,"respiration":400}`:    {Pulse: new(1000.0), Respiration: new(400.0)},
		`{"pulse":-80,"respiration":"NaN","weight":"0","temperature":"hot"}`: {
			Raw: map[string]string{"pulse": "-80", "respiration": "NaN", "weight": "0", "temperature": "hot"},
		},
		`{"pulse":1e2,"respiration":"panting","weight":"1,250","temperature":"101.5 or so"}`: {
			Raw: map[string]string{"pulse": "1e2", "respiration": "panting", "weight": "1,250", "temperature": "101.5 or so"},
		},
		`{"pulse":1001,"weight":5001,"weightUnit":"lb","temperature":38.5,"temperatureUnit":"F"}`: {
			TemperatureUnit: "F", WeightUnit: "lb",
			Raw: map[string]string{"pulse": "1001", "weight": "5001", "temperature": "38.5"},
		},
		`{"temperature":101.5,"temperatureUnit":"C","weight":2301,"weightUnit":"kg"}`: {
			TemperatureUnit: "C", WeightUnit: "kg", Raw: map[string]string{"temperature": "101.5", "weight": "2301"},
		},
		`{"temperature":311,"temperatureUnit":"K","weight":2,"weightUnit":"stone"}`: { // a number without its unit would mislead
			Raw: map[string]string{"temperature": "311", "temperatureUnit": "K", "weight": "2", "weightUnit": "stone"},
		},
		`{"weight":250,"weightUnit":"g","temperature":"38,5 \u00b0C","pulse":"80 bpm","respiration":"24/min"}`: {
			Weight: new(250.0), WeightUnit: "g", Temperature: new(38.5), TemperatureUnit: "C", Pulse: new(80.0), Respiration: new(24.0),
		},
		`{"weight":"12 lbs 4 oz","temperature":"101.5F","temperatureUnit":"F"}`: {
			Weight: new(12.25), WeightUnit: "lb", Temperature: new(101.5), TemperatureUnit: "F", Raw: map[string]string{"weight": "12 lbs 4 oz"},
		},
		`{"weight":"12 kg","weightUnit":"lb","temperature":"38.5 C","temperatureUnit":"F"}`: { // which of the two is right?
			Raw: map[string]string{"weight": "12 kg", "weightUnit": "lb", "temperature": "38.5 C", "temperatureUnit": "F"},
		},
		`{"weight":"1,250 lb","temperature":"101,500","temperatureUnit":"F"}`: {
			TemperatureUnit: "F", Raw: map[string]string{"weight": "1,250 lb", "temperature": "101,500"},
		},
		`{"pulse":false,"weight":false,"temperatureUnit":"\u00b0C"}`: {TemperatureUnit: "C"},
		`{"pulse":{"value":80},"respiration":[20],"weight":true}`: {
			Raw: map[string]string{"pulse": `{"value":80}`, "respiration": "[20]", "weight": "true"},
		},
		`"normal"`:      {Raw: map[string]string{"vitals": "normal"}},
		`[{"pulse":1}]`: {Raw: map[string]string{"vitals": `[{"pulse":1}]`}},
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			c, err := viewOf(t, `"vitals":`+body)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(&want, c.Vitals))
		})
	}
}

// numbers are the number forms of English and continental Europe; nil is no number.
var numbers = map[string]*float64{
	"0": new(0.0), "7": new(7.0), "80": new(80.0), "1250": new(1250.0), "007": new(7.0),
	"38.5": new(38.5), "38,5": new(38.5), "38.50": new(38.5), "38,50": new(38.5), ".5": new(0.5), ",5": new(0.5), "0,5": new(0.5),

	// Three digits after a point are decimals; after a comma they are either.
	"1.250": new(1.25), "25.300": new(25.3), "0.045": new(0.045), "1,250": nil, "25,300": nil, "125,000": nil,
	"0,045": new(0.045), "00,045": new(0.045), ",045": new(0.045), "1250,500": new(1250.5), "1,2500": new(1.25), "1,25": new(1.25),

	// Two separators of different kinds, or one that comes twice, tell what they are.
	"1,250.5": new(1250.5), "1,250.500": new(1250.5), "1.250,5": new(1250.5), "1.250,500": new(1250.5), "1,250,500": new(1250500.0),
	"1.250.500": new(1250500.0), "1,250,500.25": new(1250500.25), "1.250.500,25": new(1250500.25),
	"1 250": new(1250.0), "1 250,5": new(1250.5), "1 250.5": new(1250.5), "1 250,500": new(1250.5), "12 345 678": new(12345678.0),
	"1\u00a0250": new(1250.0), "1\u202f250,5": new(1250.5), "1\u2009250": new(1250.0), "1\u2007250": new(1250.0),
	"1'250": new(1250.0), "1\u2019250.5": new(1250.5), "1'250,5": new(1250.5), "1'250'500": new(1250500.0),
	" 38.5 ": new(38.5), "\u00a038,5\t": new(38.5),

	// No number.
	"": nil, " ": nil, ".": nil, ",": nil, "1.2.3": nil, "1,2,3": nil, "1,25,000": nil, "12,34.5": nil, "1 25": nil, "12 4": nil, "1  250": nil,
	"1234,567.8": nil, "0,250.5": nil, "1,250 500": nil, "1.250'500": nil, "1 250 5": nil, "1'25": nil, "1,250,50": nil, "1.250.50": nil,
	"-38.5": nil, "+38.5": nil, "\u221238.5": nil, "38.5-39": nil, "38.5 - 39": nil, "38\u201339": nil, "38..39": nil, "38 to 39": nil,
	">40": nil, "< 35": nil, "\u226540": nil, "~38.5": nil, "ca. 38": nil, "38.5?": nil, "38.5*": nil, "(38.5)": nil, "38,5,": nil, "120/80": nil,
	"1/2": nil, "\u00bd": nil, "12\u00bd": nil, "1e3": nil, "1E3": nil, "0x10": nil, "1_000": nil, "NaN": nil, "Inf": nil, "\uff13\uff18": nil, "\u0663\u0668": nil,
	"38 5": nil, "38.5 38.7": nil, "38:5": nil, "normal": nil, "wnl": nil, "38.5 rectal": nil, "1\x00": nil,
}

func TestNumbersAreReadAsEnglishAndContinentalEuropeWriteThem(t *testing.T) { // R7
	t.Parallel()
	anything := []unit{{spellings: []string{""}, limits: limits{0, 1e9}}}
	for text, want := range numbers {
		q, ok := quantityOf(text, anything)
		require.Equal(t, want != nil, ok, "%q", text)
		if ok {
			require.InDelta(t, *want, q.number, 0, "%q", text)
		}
	}
}

func TestUnitsInsideATextAreRead(t *testing.T) { // R7
	t.Parallel()
	type want struct {
		number float64
		unit   string
	}
	for _, c := range []struct {
		units []unit
		read  map[string]want
		other []string
	}{
		{temperatureUnits, map[string]want{
			"38,5 \u00b0C": {38.5, "C"}, "38.5C": {38.5, "C"}, "38.5 c.": {38.5, "C"}, "38,5\u00a0\u00b0 C": {38.5, "C"}, "38.5 \u00baC": {38.5, "C"},
			"38.5\u2103": {38.5, "C"}, "38.5 degrees C": {38.5, "C"}, "38,5 Grad Celsius": {38.5, "C"}, "38.5 deg. C": {38.5, "C"},
			"38,5 degr\u00e9s C": {38.5, "C"}, "38.5 celsius": {38.5, "C"}, "38,5 graden": {38.5, ""}, "38.5\u00b0": {38.5, ""}, "101.5": {101.5, ""},
			"101.5F": {101.5, "F"}, "101.5 \u00b0F": {101.5, "F"}, "101.5 \u2109": {101.5, "F"}, "101.5 Fahrenheit": {101.5, "F"}, "101.5 DEG F": {101.5, "F"},
		}, []string{"38.5 K", "38.5 C F", "38.5 C 4", "38.5 kg", "C 38.5", "38.5 C rectal", "38.5 C?", "101.5 \u00b0F (rectal)", "38.5-39 C", ">40 C", "38,500 C"}},
		{weightUnits, map[string]want{
			"12 kg": {12, "kg"}, "12,5kg": {12.5, "kg"}, "12.5 Kgs.": {12.5, "kg"}, "12 kilos": {12, "kg"}, "12 Kilogramm": {12, "kg"},
			"55 lb": {55, "lb"}, "55 lbs": {55, "lb"}, "55lbs.": {55, "lb"}, "55#": {55, "lb"}, "1,250.5 pounds": {1250.5, "lb"},
			"1.250,5 g": {1250.5, "g"}, "250 g": {250, "g"}, "250gr": {250, "g"}, "1 250 grammes": {1250, "g"}, "1'250 g": {1250, "g"}, "85 Gramm": {85, "g"},
			"8 oz": {8, "oz"}, "8.5 ounces": {8.5, "oz"}, "1 250 kg": {1250, "kg"}, "0,045 kg": {0.045, "kg"},
			"12 lbs 4 oz": {12.25, "lb"}, "12 lb, 4 oz": {12.25, "lb"}, "12lb4oz": {12.25, "lb"}, "12 lbs. 4 oz.": {12.25, "lb"}, "12 pounds 4.5 ounces": {12.28125, "lb"},
			"1 kg 250 g": {1.25, "kg"}, "1kg 50g": {1.05, "kg"}, "12 lb 0 oz": {12, "lb"},
		}, []string{
			"12 stone", "12 lbs 4", "12 lbs 16 oz", "12 lbs 4 oz 2", "12 lbs 4 kg", "4 oz 12 lbs", "12 lb 4 lb", "1 kg 1000 g", "1 kg 8 oz", "12 lbs -4 oz",
			"12 kg 3 g 2 g", "12-13 kg", "12 kg?", "12 kg (est.)", "~12 kg", "12 4 kg", "kg 12", "1,250 kg", "12 \u00b0", "12 Pfund", "12 kg/lb",
		}},
		{beatsPerMinute, map[string]want{
			"80": {80, ""}, "80 bpm": {80, ""}, "80/min": {80, ""}, "80 / min.": {80, ""}, "24 rpm": {24, ""}, "24 breaths/min": {24, ""},
			"80 per minute": {80, ""}, "80 beats per minute": {80, ""}, "0": {0, ""},
		}, []string{"80-100", "80/90", "120+", "80 kg", "panting", "80 x", "80 bpm 90"}},
	} {
		for text, want := range c.read {
			q, ok := quantityOf(text, c.units)
			require.True(t, ok, "%q", text)
			require.InDelta(t, want.number, q.number, 1e-9, "%q", text)
			require.Equal(t, want.unit, q.name, "%q", text)
		}
		for _, text := range c.other {
			_, ok := quantityOf(text, c.units)
			require.False(t, ok, "%q", text)
		}
	}
}

func FuzzDecimal(f *testing.F) {
	for _, seed := range []string{
		"", "0", "38.5", "38,5", ".5", ",5", "5.", "-1", "+1", "NaN", "Inf", "1e3", "0x10", "1_000", "1,234.5", "1.2.3", "1,250", "1.250", "1 250,5", "1'250", "1.250,5", "0,045",
		"99999999999999999999999999", "0." + strings.Repeat("0", 400) + "1", " 7 ", "７", "1\x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, ok := decimal(text)
		if !ok {
			require.Zero(t, n)
			return
		}
		require.False(t, math.IsNaN(n) || math.IsInf(n, 0) || n < 0)
		require.Empty(t, strings.Trim(text, "0123456789.,' "), "only digits and their separators make a number")
		last := strings.LastIndexAny(text, ".,") // the decimal one, or none
		candidates := []string{digitsOf(text)}
		if last >= 0 {
			candidates = append(candidates, digitsOf(text[:last])+"."+digitsOf(text[last:])+"0")
		}
		var values []float64
		for _, c := range candidates {
			value, err := strconv.ParseFloat(c, 64)
			require.NoError(t, err)
			values = append(values, value)
		}
		require.Contains(t, values, n, "the digits and their order stay")
	})
}
