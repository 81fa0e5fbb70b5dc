package neosim

import (
	"fmt"
	"html"
	"strings"
	"time"
)

// time writes a wall-clock time in the style of the practice; layout is that of the shape.
func (w wire) time(t time.Time, layout string) string {
	switch w.times {
	case BlankTimes:
		layout = spaceLayout
	case LetterTimes:
		layout = isoLayout
	case MinuteTimes:
		layout = "2006-01-02 15:04"
	case MilliTimes:
		layout = "2006-01-02T15:04:05.000"
	case TimesOfShape:
	}
	return t.Format(layout)
}

// note writes a plain note in the style of the practice; one that has markup stays as it is.
func (w wire) note(text string) string {
	if text == "" || strings.Contains(text, "<") || w.notes == PlainNotes || w.notes == "" {
		return text
	}
	var out strings.Builder
	if w.notes == WordNotes {
		out.WriteString("<!--[if gte mso 9]><xml><w:View>Normal</w:View></xml><![endif]--><style>p.MsoNormal {margin:0cm}</style>\n")
	}
	for i, line := range strings.Split(strings.ReplaceAll(text, "\r", ""), "\n") {
		switch {
		case w.notes == HiddenNotes:
			out.WriteString("\u200b" + line + "\ufeff\n")
		case strings.TrimSpace(line) != "":
			fmt.Fprintf(&out, "<p class=MsoNormal style='mso-list:l0'><![if !supportLists]>%d.&nbsp;<![endif]>%s<o:p></o:p></p>\n", i+1, html.EscapeString(line))
		}
	}
	return out.String()
}

// odd is the value, or one in a form that nobody can read.
func (w wire) odd(value any) any {
	if w.oddParts {
		return object{{"text", value}}
	}
	return value
}

// named writes the ids of other records under the names of the practice.
func (w wire) named(row object) object {
	if w.names == NamesOfShape || w.names == "" {
		return row
	}
	named := make(object, 0, len(row))
	for _, f := range row {
		of, isReference := referenced[f.name]
		switch {
		case !isReference:
			named = append(named, f)
		case w.names == SnakeNames:
			named = append(named, field{of + "_id", f.value})
		case w.names == CamelNames:
			named = append(named, field{of + "Id", f.value})
		case w.names == NestedNames:
			named = append(named, field{of, object{{"id", f.value}}})
		default:
			named = append(named, field{of + "_id", f.value}, field{of + "Id", nil})
		}
	}
	return named
}

var referenced = map[string]string{
	"patient_id": "patient", "client_id": "client", "appointment_id": "appointment", "consultation_id": "consultation",
	"patientId": "patient", "clientId": "client", "appointmentId": "appointment",
}

func (w wire) vitals(v Vitals) any {
	if v == (Vitals{}) {
		return nil
	}
	return object{
		{"temperature", w.measured(v.Temperature, v.TemperatureUnit, "\u00b0")},
		{"temperatureUnit", optional(v.TemperatureUnit)},
		{"pulse", w.measured(v.Pulse, "/min", "")},
		{"respiration", v.Respiration},
		{"weight", w.measured(v.Weight, v.WeightUnit, "")},
		{"weightUnit", optional(v.WeightUnit)},
	}
}

// measured is a measurement as it is, or a text with its unit inside.
func (w wire) measured(value any, unit, degree string) any {
	if !w.measuredTexts || value == nil {
		return value
	}
	text := fmt.Sprint(value)
	if number, ok := value.(float64); ok {
		text = comma(number)
	}
	return text + " " + degree + unit
}

func (w wire) diagnoses(c *Consultation) any {
	if !c.DiagnosesAsObjects && !w.oddParts {
		return append([]string{}, c.Diagnoses...)
	}
	named := make(list, 0, len(c.Diagnoses)+1)
	if w.oddParts {
		named = append(named, object{{"name", ""}})
	}
	for _, d := range c.Diagnoses {
		named = append(named, object{{"name", d}})
	}
	return named
}
