package cliniccmd

import (
	"cmp"
	"strings"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/check"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/settings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

type checkJSON struct {
	Version  string       `json:"version"` // of pims-sync
	ClinicID uuid.UUID    `json:"clinicId"`
	Timezone string       `json:"timezone"`
	Login    checkLogin   `json:"login"`
	Steps    []checkStep  `json:"steps"`
	Calendar *checkDays   `json:"calendar"` // nil: it was not read
	Words    []checkWord  `json:"unknownWords"`
	Withheld int          `json:"withheldWords"`
	Notes    checkNotes   `json:"consultations"`
	First    checkFirst   `json:"firstSync"`
	Remarks  []string     `json:"remarks"`
	Answers  []checkReply `json:"answers"`
	Code     *syncs.Code  `json:"code"`
	Error    *string      `json:"error"`
}

type checkLogin struct {
	Page    string     `json:"page"`
	Fields  []string   `json:"fields"`
	Asks    []checkAsk `json:"asks"`
	Ended   string     `json:"endedAt"`
	Cookies []string   `json:"cookies"`
	TookMS  int64      `json:"tookMs"`
	Failed  *checkPage `json:"failedPage,omitempty"`
}

// checkPage is the page on which a login failed.
type checkPage struct {
	Page  string      `json:"page"`
	Parts []checkPart `json:"parts"`
	Left  int         `json:"left,omitempty"` // parts that are not listed
}

type checkPart struct {
	Kind     string `json:"kind"`
	Name     string `json:"name,omitempty"`
	ID       string `json:"id,omitempty"`
	Label    string `json:"label,omitempty"`
	Source   string `json:"source,omitempty"` // host of a frame
	Hidden   bool   `json:"hidden,omitempty"`
	Disabled bool   `json:"disabled,omitempty"`
	Shadow   bool   `json:"shadow,omitempty"`
	Required bool   `json:"required,omitempty"`
}

// checkWord is a word that nobody knows.
type checkWord struct {
	Kind         settings.Kind `json:"kind"`
	Word         string        `json:"word"`
	Appointments int           `json:"appointments"`
}

type checkAsk struct {
	AfterMS int64  `json:"afterMs"`
	Page    string `json:"page"`
	Outcome string `json:"outcome"`
}

type checkStep struct {
	Name    string `json:"name"`
	Outcome string `json:"outcome"`
	Said    string `json:"said"`
	TookMS  int64  `json:"tookMs"`
}

type checkDays struct {
	StartDate    string  `json:"startDate"`
	EndDate      string  `json:"endDate"`
	Appointments int     `json:"appointments"`
	Unusable     int     `json:"unusable"`
	Unidentified int     `json:"unidentified"`
	Duplicates   int     `json:"duplicates"`
	WithPatient  int     `json:"withPatientId"`
	WithName     int     `json:"withPatientName"`
	WithClient   int     `json:"withClientName"`
	WithType     int     `json:"withType"`
	WithWord     int     `json:"withStatus"`
	WithStatus   int     `json:"withKnownStatus"`
	Unmarked     int     `json:"unmarkedBlocks"` // rows that are no visits, and do not say so
	ByHour       [24]int `json:"byHour"`
}

type checkNotes struct {
	Found  int  `json:"found"`
	Read   bool `json:"read"`
	SOAP   bool `json:"soapNotes"`
	Vitals bool `json:"vitals"`
}

type checkFirst struct {
	Creates  int            `json:"casesCreated"`
	ByType   map[string]int `json:"byType"`
	Unknown  int            `json:"ofUnknownType"` // that become other
	Filtered int            `json:"filtered"`
}

type checkReply struct {
	Step    string       `json:"step"` // during which it came first
	Path    string       `json:"path"`
	Status  int          `json:"status"`
	Content string       `json:"contentType"`
	Answers int          `json:"answers"`
	Form    string       `json:"form"`
	Rows    int          `json:"rows"`
	Fields  []checkField `json:"fields"`
}

type checkField struct {
	Name   string   `json:"name"`
	Came   int      `json:"came"`
	Filled int      `json:"filled"`
	Kinds  []string `json:"kinds"`
	Shapes []string `json:"shapes,omitempty"` // of texts with a digit: digits as 9, letters as a
}

// checkOf returns the report's document.
func checkOf(owner clinic.Clinic, login check.Login, r *check.Report, answers []check.Answer, err error) checkJSON {
	document := checkJSON{
		ClinicID: owner.ID, Timezone: owner.Timezone, Words: []checkWord{}, Withheld: r.Withheld, Notes: checkNotes(r.Notes),
		Login: checkLogin{Page: login.Page, Fields: append([]string{}, login.Fields...), Asks: []checkAsk{}, Ended: login.Ended, Cookies: append([]string{}, login.Cookies...), TookMS: login.Took.Milliseconds()},
		Steps: []checkStep{}, Answers: []checkReply{},
		First:   checkFirst{r.First.Creates, map[string]int{}, r.First.ByType[pims.TypeUnknown], r.First.Filtered},
		Remarks: append(append([]string{}, r.Remarks...), r.Hints(answers)...),
	}
	if c := &r.Calendar; c.Days.Location != nil {
		document.Calendar = &checkDays{
			c.Days.Start.String(), c.Days.End.String(), c.Appointments, c.Unusable, c.Unidentified, c.Duplicates,
			c.WithPatient, c.WithName, c.WithClient, c.WithType, c.WithWord, c.WithStatus, c.Unmarked, c.ByHour,
		}
	}
	if f := login.Failed; f != nil {
		document.Login.Failed = &checkPage{Page: f.Page, Parts: []checkPart{}, Left: f.Left}
		for _, p := range f.Parts {
			document.Login.Failed.Parts = append(document.Login.Failed.Parts, checkPart(p))
		}
	}
	for _, ask := range login.Asks {
		document.Login.Asks = append(document.Login.Asks, checkAsk{ask.After.Milliseconds(), ask.Page, ask.Outcome})
	}
	for _, s := range r.Steps {
		document.Steps = append(document.Steps, checkStep{s.Name, pims.Kind(s.Err), s.Said, s.Took.Milliseconds()})
	}
	for i := range r.Words {
		word := &r.Words[i].Word
		document.Words = append(document.Words, checkWord{word.Kind, word.Word, word.Appointments})
	}
	for kind, n := range r.First.ByType {
		document.First.ByType[string(cmp.Or(kind, pims.TypeOther))] += n // R8
	}
	for _, reply := range answers {
		told := checkReply{reply.Step, reply.Path, reply.Status, reply.Content, reply.Answers, reply.Form, reply.Rows, []checkField{}}
		for _, f := range reply.Fields {
			told.Fields = append(told.Fields, checkField(f))
		}
		document.Answers = append(document.Answers, told)
	}
	if err != nil {
		failure := casesync.Explain(err)
		document.Code, document.Error = &failure.Code, &failure.Message
		if next := nextOf(failure.Code, err, &login, r, answers); next != "" {
			document.Remarks = append(document.Remarks, next)
		}
	}
	for i, remark := range document.Remarks {
		document.Remarks[i] = strings.ReplaceAll(remark, "{clinic}", owner.ID.String())
	}
	return document
}
