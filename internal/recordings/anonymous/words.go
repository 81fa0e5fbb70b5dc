package anonymous

import (
	"strings"
	"unicode"
)

// set returns the words of lists, in lower case. A name such as "patientName" or
// "patient_name" gives its parts, too.
func set(lists ...[]string) map[string]bool {
	all := make(map[string]bool)
	for _, list := range lists {
		for _, entry := range list {
			for word := range strings.FieldsSeq(entry) {
				all[strings.ToLower(word)] = true
				for _, part := range parts(word) {
					all[part] = true
				}
			}
		}
	}
	return all
}

// exactly returns names as they are.
func exactly(lists ...[]string) map[string]bool {
	all := make(map[string]bool)
	for _, list := range lists {
		for _, entry := range list {
			for name := range strings.FieldsSeq(entry) {
				all[name] = true
			}
		}
	}
	return all
}

// parts splits a name at underscores, points and humps.
func parts(name string) (found []string) {
	runes := []rune(name)
	begin := 0
	for i, r := range runes {
		cut := !unicode.IsLetter(r) && !unicode.IsDigit(r)
		if cut || i > begin && hump(runes, i) {
			if i > begin {
				found = append(found, strings.ToLower(string(runes[begin:i])))
			}
			begin = i
			if cut {
				begin = i + 1
			}
		}
	}
	if begin < len(runes) {
		found = append(found, strings.ToLower(string(runes[begin:])))
	}
	return found
}

// ownWords are values of our own documents, and the marks of a section's letter.
var ownWords = []string{
	"draft pending reviewed checkup surgery other",
	"scheduled checked_in in_progress completed cancelled no_show",
	"Removed from PIMS Cancelled in PIMS",
	"true false null yes no none n a http https www",
	"s o a p subjective objective assessment plan and",
}

// ownFields are the names of fields of our own documents.
var ownFields = []string{
	"appointment consultation reconciliation sync consultationId consultationIdEarlier status normalisedStatus type start end",
	"patientId patientUnproved clientId clientEmail veterinarian room title reason fetchedAt id appointmentId consultedAt",
	"consultedAtText statusText rawNotes notes soapNotes subjective objective assessment plan vitals temperature temperatureUnit",
	"pulse respiration weight weightUnit raw diagnoses dischargeInstructions filtered by word softDeleted deletedAt syncId before",
	"syncStatus statuses types filters rooms",
}

// ownMeasures are the fields of our own documents whose numbers are kept.
var ownMeasures = []string{"vitals"}

// commonFields are words in names of fields that say nothing of anybody.
var commonFields = []string{
	"new old value values data items item list rows row results result events event object list under no json with the whole as",
	"created updated deleted modified at by on of to from is has was can count number total page pages per size limit offset next previous",
	"type kind species breed sex gender color colour birth birthday date time datetime day month year hour minute duration minutes",
	"address street city zip postal code state country region phone mobile fax email mail contact home work first last middle full",
	"name names title label text note notes comment comments description summary html url link image photo avatar file path",
	"room resource location site building doctor vet veterinarian provider staff user users owner owners client clients practice clinic",
	"patient patients pet animal appointment appointments consultation consultations visit visits invoice price amount tax",
	"active inactive enabled disabled visible hidden required default order sort group category reason status word flag block roster",
	"id ids uuid key ref parent child success error errors message messages meta links self version schedule configs config search view",
	"api v calendar get post index show session token neo login sso dashboard welcome include",
}

// pageWords are words of markup and of login pages that a client reads.
var pageWords = []string{
	"html head body doctype title meta link script style form input button label div span p a b i br hr ul ol li table tr td th h h1 h2 h3",
	"name type id class value action method post get href src rel charset utf content lang en text password username email submit hidden login",
	"company_id required http equiv viewport width device initial scale",
}

// attributes are the names of attributes in notes.
var attributes = []string{
	"class style id href src alt title name type value width height align valign border cellpadding cellspacing colspan rowspan color size face",
	"lang dir xmlns target rel content data http equiv",
}
