package cases

import (
	"cmp"
	"maps"
	"slices"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// undamaged returns the appointment with what to take of its damaged texts, where the case
// holds the stored ones (R7). It does not change a.
func undamaged(a *pims.Appointment, stored *Case) *pims.Appointment {
	mended := *a
	for _, t := range []struct {
		text *string
		old  string
	}{
		{&mended.PatientName, stored.PatientName},
		{&mended.ClientName, stored.ClientName},
		{&mended.ClientPhone, stored.PhoneNumber},
		{&mended.ClientEmail, stored.Appointment.ClientEmail},
		{&mended.StatusText, stored.Appointment.Status},
		{&mended.TypeText, stored.Appointment.Type},
		{&mended.EndText, stored.Appointment.End},
		{&mended.Veterinarian, stored.Appointment.Veterinarian},
		{&mended.Room, stored.Appointment.Room},
		{&mended.Title, stored.Appointment.Title},
		{&mended.Reason, stored.Appointment.Reason},
	} {
		*t.text = pims.Undamaged(*t.text, t.old)
	}
	return &mended
}

// mendConsultation replaces the damaged texts of a consultation by what to take of them,
// where old is stored (R7).
func mendConsultation(read, old *pims.Consultation) {
	take := func(text *string, old string) {
		if pims.Damaged(*text) {
			*text = cmp.Or(pims.Undamaged(*text, old), old)
		}
	}
	take(&read.AtText, old.AtText)
	take(&read.Reason, old.Reason)
	take(&read.Discharge, old.Discharge)
	if pims.Damaged(read.StatusText) {
		if pims.Undamaged(read.StatusText, old.StatusText) == "" {
			read.Status = old.Status
		}
		take(&read.StatusText, old.StatusText)
	}
	mendNotes(read, old)
	if slices.ContainsFunc(read.Diagnoses, pims.Damaged) {
		read.Diagnoses = slices.Clone(read.Diagnoses)
		for i := range read.Diagnoses {
			before := ""
			if i < len(old.Diagnoses) && len(old.Diagnoses) == len(read.Diagnoses) {
				before = old.Diagnoses[i]
			}
			take(&read.Diagnoses[i], before)
		}
		read.Diagnoses = slices.DeleteFunc(read.Diagnoses, pims.Blank)
		if len(read.Diagnoses) == 0 {
			read.Diagnoses = old.Diagnoses
		}
	}
	mendVitals(read, old)
}

// mendNotes keeps the stored note whole where the damaged one can be the same.
func mendNotes(read, old *pims.Consultation) {
	texts := func(c *pims.Consultation) []*string {
		return []*string{&c.RawNotes, &c.Notes, &c.SOAP.Subjective, &c.SOAP.Objective, &c.SOAP.Assessment, &c.SOAP.Plan}
	}
	damaged, same := false, true
	for i, text := range texts(read) {
		before := *texts(old)[i]
		damaged = damaged || pims.Damaged(*text)
		same = same && (*text == before || pims.Damaged(*text) && pims.Undamaged(*text, before) == "")
	}
	switch {
	case !damaged:
	case same:
		keepNotes(read, old)
	default:
		for _, text := range texts(read) {
			*text = pims.Undamaged(*text, "")
		}
		if !hasNotes(read) { // a blank rest erases nothing
			keepNotes(read, old)
		}
	}
}

// mendVitals keeps a stored number where the text of the new one is damaged.
func mendVitals(read, old *pims.Consultation) {
	if read.Vitals == nil {
		return
	}
	mended := *read.Vitals
	mended.Raw = maps.Clone(mended.Raw)
	for name, text := range mended.Raw {
		if !pims.Damaged(text) {
			continue
		}
		mended.Raw[name] = pims.Undamaged(text, "")
		if old.Vitals == nil || !keepNumber(name, &mended, old.Vitals) {
			continue
		}
		delete(mended.Raw, name)
		if before, ok := old.Vitals.Raw[name]; ok {
			mended.Raw[name] = before
		}
	}
	read.Vitals = &mended
}

// keepNumber takes the stored number of a measurement and its unit. It reports whether
// there is one.
func keepNumber(name string, v, stored *pims.Vitals) bool {
	switch name {
	case "temperature":
		v.Temperature, v.TemperatureUnit = stored.Temperature, stored.TemperatureUnit
	case "weight":
		v.Weight, v.WeightUnit = stored.Weight, stored.WeightUnit
	case "pulse":
		v.Pulse = stored.Pulse
	case "respiration":
		v.Respiration = stored.Respiration
	}
	return map[string]*float64{"temperature": v.Temperature, "weight": v.Weight, "pulse": v.Pulse, "respiration": v.Respiration}[name] != nil
}
