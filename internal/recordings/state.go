package recordings

import (
	"encoding/json"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/cases"
	"github.com/pims-sync/pims-sync/internal/guards"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

func (t *Tape) provider(name string) {
	defer t.locked()()
	t.r.Provider = name
}

// unknown returns the ids that were not looked for yet, each once.
func (t *Tape) unknown(ids []string) (missing []string) {
	defer t.locked()()
	asked := make(map[string]bool)
	for _, id := range ids {
		if _, kept := t.cases[id]; !kept && !asked[id] {
			asked[id] = true
			missing = append(missing, id)
		}
	}
	return missing
}

// name learns which case has which id in the PIMS.
func (t *Tape) name(found map[string]cases.Case) {
	defer t.locked()()
	for id, c := range found {
		t.pimsIDs[c.ID] = id
	}
}

// keep keeps cases as they are; those of the ids that are missing do not exist.
func (t *Tape) keep(ids []string, found map[uuid.UUID]cases.Case, scheduled []guards.Scheduled) {
	defer t.locked()()
	for _, id := range ids {
		if _, kept := t.cases[id]; !kept {
			t.cases[id] = nil
		}
	}
	for _, c := range found {
		metadata, err := cases.EncodeMetadata(&c)
		if err != nil {
			t.cut("a case before the sync could not be read")
			continue
		}
		t.pimsIDs[c.ID] = c.PIMSID
		t.cases[c.PIMSID] = &Case{
			ID: c.ID, PIMSID: c.PIMSID, PatientName: c.PatientName, ClientName: c.ClientName, PhoneNumber: c.PhoneNumber,
			ScheduledDate: c.ScheduledDate, Status: c.Status, SyncStatus: c.SyncStatus, CaseType: c.CaseType,
			Metadata: json.RawMessage(metadata), Shown: convert(c.Shown, func(w cases.Whose) Whose { return Whose(w) }),
		}
	}
	for i := range scheduled {
		if c := t.cases[scheduled[i].PIMSID]; c != nil {
			c.Protected = scheduled[i].Protected
		}
	}
}

// convert returns a map with other values, or nil where it has none.
func convert[A, B any](from map[string]A, value func(A) B) map[string]B {
	if len(from) == 0 {
		return nil
	}
	to := make(map[string]B, len(from))
	for key, a := range from {
		to[key] = value(a)
	}
	return to
}

// Stored returns the case as syncs know it.
func (c *Case) Stored() cases.Case {
	var owned map[string]json.RawMessage
	_ = json.Unmarshal(c.Metadata, &owned) // what cannot be read counts as absent, as in the database
	return cases.Case{
		ID: c.ID, PIMSID: c.PIMSID, PatientName: c.PatientName, ClientName: c.ClientName, PhoneNumber: c.PhoneNumber,
		ScheduledDate: c.ScheduledDate, Status: c.Status, SyncStatus: c.SyncStatus, CaseType: c.CaseType,
		Appointment:  cases.DecodeAppointment(owned["appointment"]),
		Consultation: cases.DecodeConsultation(owned["consultation"]),
		Deletion:     cases.DecodeDeletion(owned["reconciliation"]),
		Filtered:     cases.DecodeFiltered(owned["sync"]),
		Shown:        convert(c.Shown, func(w Whose) cases.Whose { return cases.Whose(w) }),
	}
}

// Learned returns what earlier attempts learned of the case.
func (c *Case) Learned() (r cases.Reading, ok bool) {
	if c.Reading == nil {
		return r, false
	}
	return cases.Reading{
		CaseID: c.ID, Tries: c.Reading.Tries, NextTry: c.Reading.NextTry, ReadAt: c.Reading.ReadAt,
		Fingerprint: c.Reading.Fingerprint, Since: c.Reading.Since,
	}, true
}

func requestOf(run syncs.Run) Request {
	o := &run.Options
	r := Request{
		Type: run.Type, Trigger: run.Trigger, StartDate: day(o.StartDate), EndDate: day(o.EndDate), DaysAhead: o.DaysAhead,
		LookbackDays: o.LookbackDays, LookaheadDays: o.LookaheadDays, ParallelBatchSize: o.ParallelBatchSize,
		Force: o.Force, DryRun: o.DryRun,
	}
	if o.Settings != nil {
		r.Settings = o.Settings.JSON()
	}
	return r
}

func day(d *pims.Date) string {
	if d == nil {
		return ""
	}
	return d.String()
}

// Options returns the options of the request.
func (r *Request) Options() (o syncs.Options, err error) {
	o = syncs.Options{
		DaysAhead: r.DaysAhead, LookbackDays: r.LookbackDays, LookaheadDays: r.LookaheadDays,
		ParallelBatchSize: r.ParallelBatchSize, Force: r.Force, DryRun: r.DryRun,
	}
	if o.StartDate, err = date(r.StartDate); err != nil {
		return o, err
	}
	if o.EndDate, err = date(r.EndDate); err != nil {
		return o, err
	}
	if len(r.Settings) > 0 {
		tried, err := settings.Parse(r.Settings)
		if err != nil {
			return o, err
		}
		o.Settings = &tried
	}
	return o, nil
}

func date(text string) (*pims.Date, error) {
	if text == "" {
		return nil, nil
	}
	d, err := pims.ParseDate(text)
	return &d, err
}
