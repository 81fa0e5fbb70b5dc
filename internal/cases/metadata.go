package cases

import (
	"encoding/json"
	"time"

	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/settings"
)

// ownedMetadata are the keys of metadata that syncs own; each is written as a whole
// (R11). An absent key is nil.
type ownedMetadata struct {
	Appointment    *appointmentJSON  `json:"appointment,omitempty"`
	Consultation   *consultationJSON `json:"consultation,omitempty"`
	Reconciliation *deletionJSON     `json:"reconciliation,omitempty"`
	Sync           *syncJSON         `json:"sync,omitempty"`
}

// EncodeMetadata returns the JSON object of the owned keys that a case has.
func EncodeMetadata(c *Case) (string, error) {
	owned := ownedMetadata{
		Appointment:    encodeAppointment(c.Appointment),
		Consultation:   encodeConsultation(c.Consultation),
		Reconciliation: encodeDeletion(c.Deletion),
		Sync:           encodeSync(c.Filtered),
	}
	document, err := json.Marshal(owned)
	return string(document), err
}

// DecodeAppointment reads metadata.appointment. No text gives no appointment.
func DecodeAppointment(document []byte) Appointment {
	return decode[appointmentJSON](document).decode()
}

// DecodeConsultation reads metadata.consultation; nil: none.
func DecodeConsultation(document []byte) *Consultation {
	return decode[consultationJSON](document).decode()
}

// DecodeDeletion reads metadata.reconciliation; nil: none.
func DecodeDeletion(document []byte) *Deletion { return decode[deletionJSON](document).decode() }

// DecodeFiltered reads the filter in metadata.sync; zero: none.
func DecodeFiltered(document []byte) settings.Cause { return decode[syncJSON](document).decode() }

// decode reads an owned key. What cannot be parsed counts as absent: bad data of another
// program must not fail a sync, and the next write replaces it. The library reads as
// encoding/json does, in half its time; a large inbound sync reads every case.
func decode[T any](document []byte) *T {
	var value *T
	if len(document) == 0 || jsonv1.Unmarshal(document, &value) != nil {
		return nil
	}
	return value
}

// appointmentJSON is metadata.appointment (R2, R10, R54).
type appointmentJSON struct {
	ConsultationID string      `json:"consultationId,omitempty"`
	Earlier        bool        `json:"consultationIdEarlier,omitempty"` // R9
	Status         string      `json:"status,omitempty"`
	Meaning        pims.Status `json:"normalisedStatus,omitempty"` // R54
	Type           string      `json:"type,omitempty"`
	Start          string      `json:"start,omitempty"`
	End            string      `json:"end,omitempty"`
	PatientID      string      `json:"patientId,omitempty"`
	Unproved       bool        `json:"patientUnproved,omitempty"` // R7
	ClientID       string      `json:"clientId,omitempty"`
	ClientEmail    string      `json:"clientEmail,omitempty"`
	Veterinarian   string      `json:"veterinarian,omitempty"`
	Room           string      `json:"room,omitempty"`
	Title          string      `json:"title,omitempty"`
	Reason         string      `json:"reason,omitempty"`
}

func encodeAppointment(a Appointment) *appointmentJSON {
	if a == (Appointment{}) {
		return nil
	}
	encoded := appointmentJSON(a)
	return &encoded
}

func (a *appointmentJSON) decode() Appointment {
	if a == nil {
		return Appointment{}
	}
	decoded := Appointment(*a)
	decoded.Start, decoded.End = pims.WallText(a.Start), pims.WallText(a.End) // an older version kept another spelling (R12)
	return decoded
}

// consultationJSON is metadata.consultation. W8; fields that the specification's object
// lacks are added to it.
type consultationJSON struct {
	FetchedAt     time.Time   `json:"fetchedAt,omitzero"`
	ID            string      `json:"id,omitempty"`
	AppointmentID string      `json:"appointmentId,omitempty"`
	PatientID     string      `json:"patientId,omitempty"` // whose it is (R7)
	ClientID      string      `json:"clientId,omitempty"`
	ConsultedAt   time.Time   `json:"consultedAt,omitzero"`
	ConsultedText string      `json:"consultedAtText,omitempty"` // R2, R12
	Status        string      `json:"status,omitempty"`          // what StatusText means
	StatusText    string      `json:"statusText,omitempty"`      // the PIMS's own word
	Reason        string      `json:"reason,omitempty"`
	RawNotes      string      `json:"rawNotes,omitempty"` // R7
	Notes         string      `json:"notes,omitempty"`    // what belongs to no section (R19)
	SOAPNotes     *soapJSON   `json:"soapNotes,omitempty"`
	Vitals        *vitalsJSON `json:"vitals,omitempty"`
	Diagnoses     []string    `json:"diagnoses,omitzero"`
	Discharge     string      `json:"dischargeInstructions,omitempty"`
}

// soapJSON is absent as a whole where no section has any text, so that the specification's
// "soapNotes IS NULL" finds the case (W7).
type soapJSON struct {
	Subjective string `json:"subjective"`
	Objective  string `json:"objective"`
	Assessment string `json:"assessment"`
	Plan       string `json:"plan"`
}

// vitalsJSON has null for what was not measured and for what is impossible. For the
// impossible, Raw has the text (R7).
type vitalsJSON struct {
	Temperature     *float64          `json:"temperature"`
	TemperatureUnit string            `json:"temperatureUnit,omitempty"`
	Pulse           *float64          `json:"pulse"`
	Respiration     *float64          `json:"respiration"`
	Weight          *float64          `json:"weight"`
	WeightUnit      string            `json:"weightUnit,omitempty"`
	Raw             map[string]string `json:"raw,omitempty"`
}

func encodeConsultation(c *Consultation) *consultationJSON {
	if c == nil {
		return nil
	}
	encoded := &consultationJSON{
		FetchedAt:     c.FetchedAt.UTC(),
		ID:            c.ID,
		AppointmentID: c.AppointmentID,
		PatientID:     c.PatientID,
		ClientID:      c.ClientID,
		ConsultedAt:   c.At.UTC(),
		ConsultedText: c.AtText,
		Status:        string(c.Status),
		StatusText:    c.StatusText,
		Reason:        c.Reason,
		RawNotes:      c.RawNotes,
		Notes:         c.Notes,
		Vitals:        (*vitalsJSON)(c.Vitals),
		Diagnoses:     c.Diagnoses,
		Discharge:     c.Discharge,
	}
	if !c.SOAP.Blank() {
		encoded.SOAPNotes = (*soapJSON)(&c.SOAP)
	}
	return encoded
}

func (c *consultationJSON) decode() *Consultation {
	if c == nil {
		return nil
	}
	decoded := &Consultation{
		FetchedAt: c.FetchedAt,
		Consultation: pims.Consultation{
			ID:            c.ID,
			AppointmentID: c.AppointmentID,
			PatientID:     c.PatientID,
			ClientID:      c.ClientID,
			At:            c.ConsultedAt,
			AtText:        pims.WallText(c.ConsultedText),
			Status:        pims.ConsultationStatus(c.Status),
			StatusText:    c.StatusText,
			Reason:        c.Reason,
			RawNotes:      c.RawNotes,
			Notes:         c.Notes,
			Vitals:        (*pims.Vitals)(c.Vitals),
			Diagnoses:     c.Diagnoses,
			Discharge:     c.Discharge,
		},
	}
	if c.SOAPNotes != nil {
		decoded.SOAP = pims.SOAP(*c.SOAPNotes)
	}
	return decoded
}

// syncJSON is metadata.sync.
type syncJSON struct {
	Filtered *filteredJSON `json:"filtered,omitempty"` // the filter that the appointment meets (R50)
}

type filteredJSON struct {
	By   string `json:"by"` // "type", "room" or "status"
	Word string `json:"word"`
}

func encodeSync(filtered settings.Cause) *syncJSON {
	if filtered == (settings.Cause{}) {
		return nil
	}
	return &syncJSON{Filtered: (*filteredJSON)(&filtered)}
}

func (s *syncJSON) decode() settings.Cause {
	if s == nil || s.Filtered == nil {
		return settings.Cause{}
	}
	return settings.Cause(*s.Filtered)
}

// deletionJSON is metadata.reconciliation. W10, R24.
type deletionJSON struct {
	SoftDeleted bool        `json:"softDeleted"`
	Reason      string      `json:"reason,omitempty"`
	DeletedAt   time.Time   `json:"deletedAt,omitzero"`
	SyncID      uuid.UUID   `json:"syncId,omitzero"`
	Before      *beforeJSON `json:"before,omitempty"`
}

// beforeJSON is the state that a restore puts back (R24).
type beforeJSON struct {
	Status     string `json:"status,omitempty"`
	SyncStatus string `json:"syncStatus,omitempty"`
}

func encodeDeletion(d *Deletion) *deletionJSON {
	if d == nil {
		return nil
	}
	encoded := &deletionJSON{SoftDeleted: d.SoftDeleted, Reason: d.Reason, DeletedAt: d.DeletedAt.UTC(), SyncID: d.SyncID}
	if d.StatusBefore != "" || d.SyncStatusBefore != "" {
		encoded.Before = &beforeJSON{d.StatusBefore, d.SyncStatusBefore}
	}
	return encoded
}

func (d *deletionJSON) decode() *Deletion {
	if d == nil {
		return nil
	}
	decoded := &Deletion{SoftDeleted: d.SoftDeleted, Reason: d.Reason, DeletedAt: d.DeletedAt, SyncID: d.SyncID}
	if d.Before != nil {
		decoded.StatusBefore, decoded.SyncStatusBefore = d.Before.Status, d.Before.SyncStatus
	}
	return decoded
}
