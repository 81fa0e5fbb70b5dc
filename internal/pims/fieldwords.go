package pims

import (
	"strings"
	"unicode"
)

// FieldWords returns the words, in lower case, of which names of fields are made: those of the
// wire format, and those that records of clinics have everywhere. None of them is a name of
// somebody.
func (w Wire) FieldWords() map[string]bool {
	known := make(map[string]bool)
	for _, line := range append([]string{fieldWords}, w.Fields...) {
		for name := range strings.FieldsSeq(line) {
			for _, part := range PartsOfName(name) {
				known[part] = true
			}
		}
	}
	return known
}

// PartsOfName returns the words of a field's name in lower case: of patientID and patient_id,
// patient and id.
func PartsOfName(name string) []string {
	var apart strings.Builder
	letters := []rune(name)
	for i, letter := range letters {
		begins := i > 0 && unicode.IsUpper(letter) && (unicode.IsLower(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1]))
		if begins {
			apart.WriteByte(' ')
		}
		apart.WriteRune(unicode.ToLower(letter))
	}
	return strings.FieldsFunc(apart.String(), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

const fieldWords = `
	id ids uid uuid guid key keys ref refs reference external internal code codes number no num index seq version revision
	name names first last middle given family full display call called nick label labels caption title text note notes comment comments
	description desc detail details summary reason reasons subject body content contents message messages memo
	firstname lastname fullname surname username petname phonenumber emailaddress zipcode
	type types kind kinds category categories class classes status statuses state states stage flag flags tag tags level priority
	start end begin finish from to until at on date dates time times datetime timestamp day days week month year hour minute duration length
	created updated modified deleted changed closed opened completed cancelled canceled confirmed checked arrived finished done by in out off
	when where who what
	patient patients animal animals pet pets species breed sex gender age birth birthday born weight microchip chip color colour
	client clients owner owners customer customers contact contacts person people user users account accounts member members
	address addresses street city zip postal country region phone phones tel telephone mobile cell fax email emails mail web url urls link links
	provider providers doctor doctors vet vets veterinarian veterinarians staff employee employees assistant technician resource resources
	room rooms table column location locations branch practice practices clinic clinics company site organization organisation department terminal
	appointment appointments appt visit visits event events booking bookings slot slots calendar schedule schedules roster block blocks reminder reminders
	consult consultation consultations exam exams encounter encounters case cases record records history soap subjective objective assessment plan
	vitals vital temperature temp pulse respiration rate heart blood pressure unit units diagnosis diagnoses medication medications treatment treatments
	procedure procedures service services product products item items invoice invoices payment payments price total amount balance count size
	page pages per limit offset next prev previous cursor has more current filter filters order sort query search hits hit
	data result results list lists row rows entry entries node nodes edge edges payload response responses value values object objects meta metadata
	error errors success ok failed failure exception custom extra other others options settings config attributes properties params
	is are was can be not all any new old active inactive enabled disabled visible hidden required public private deceased alive dead
	parent child children group groups series recurring recurrence repeat all source target origin color colour background border editable icon image photo file files
`
