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
		`{}`:                          {},
		`{"unknown":[{"a":1}]}`:       {},
		`{"pulse":0,"respiration":0}`: {Pulse: new(0.0), Respiration: new(0.0)},
		`{"pulse":-80,"respiration":"NaN","weight":"0","temperature":"hot"}`: {
			Raw: map[string]string{"pulse": "-80", "respiration": "NaN", "weight": "0", "temperature": "hot"},
		},
		`{"pulse":1e2,"respiration":"panting","weight":"1,234.5","temperature":"101.5 F"}`: {
			Raw: map[string]string{"pulse": "1e2", "respiration": "panting", "weight": "1,234.5", "temperature": "101.5 F"},
		},
		`{"pulse":1001,"weight":5001,"weightUnit":"lb","temperature":38.5,"temperatureUnit":"F"}`: {
			TemperatureUnit: "F", WeightUnit: "lb",
			Raw: map[string]string{"pulse": "1001", "weight": "5001", "temperature": "38.5"},
		},
		`{"temperature":101.5,"temperatureUnit":"C","weight":2301,"weightUnit":"kg"}`: {
			TemperatureUnit: "C", WeightUnit: "kg", Raw: map[string]string{"temperature": "101.5", "weight": "2301"},
		},
		`{"temperature":311,"temperatureUnit":"K","weight":250,"weightUnit":"g"}`: { // 250 without its unit would mislead
			Raw: map[string]string{"temperature": "311", "temperatureUnit": "K", "weight": "250", "weightUnit": "g"},
		},
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

func FuzzDecimal(f *testing.F) {
	for _, seed := range []string{
		"", "0", "38.5", "38,5", ".5", ",5", "5.", "-1", "+1", "NaN", "Inf", "1e3", "0x10", "1_000", "1,234.5", "1.2.3",
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
		require.Empty(t, strings.Trim(strings.TrimSpace(text), "0123456789.,"), "only digits make a number")
		same, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(text), ",", "."), 64)
		require.NoError(t, err)
		require.Equal(t, same, n)
	})
}
