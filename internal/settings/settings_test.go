package settings_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/settings"
)

func parse(t *testing.T, document string) settings.Settings {
	t.Helper()
	s, err := settings.Parse([]byte(document))
	require.NoError(t, err)
	return s
}

func TestSettingsSurviveTheirJSONForm(t *testing.T) { // R50
	t.Parallel()
	const document = `{"statuses":{"In room":"in_progress"},"types":{"Dental":"surgery"},"filters":{"types":["Staff lunch"],"rooms":["Grooming"],"statuses":["Draft"]}}`
	s := parse(t, document)
	require.JSONEq(t, document, string(s.JSON()))
	require.False(t, s.IsZero())
	require.Equal(t, `{}`, string(settings.Settings{}.JSON()))
	require.True(t, parse(t, `{}`).IsZero())
	require.Equal(t, s, settings.Stored([]byte(document)))
	require.True(t, settings.Stored([]byte(`[]`)).IsZero())
}

func TestWrongSettingsAreRefusedByTheNameOfTheField(t *testing.T) { // R50
	t.Parallel()
	many := `["w` + strings.Join(strings.Split(strings.Repeat("x", settings.MaxWords+1), ""), `","w`) + `"]`
	for document, want := range map[string]string{
		`[]`:                           "settings are not",
		`{} {}`:                        "settings must be one JSON object",
		`{"statusse":{}}`:              `unknown field "statusse"`,
		`{"statuses":{"In":"away"}}`:   `statuses has no meaning "away"; the meanings are scheduled,`,
		`{"types":{"Dental":"tooth"}}`: `types has no case type "tooth"`,
		`{"statuses":{"In room":"completed","in-room":"scheduled"}}`: "statuses has one word twice",
		`{"types":{"Dental care":"other","dental-care":"surgery"}}`:  "types has one word twice",
		`{"filters":{"rooms":["Room 1","room_1"]}}`:                  "filters.rooms has one word twice",
		`{"filters":{"types":[" - "]}}`:                              "filters.types has a word without a letter or digit",
		`{"filters":{"statuses":["a\u0007b"]}}`:                      "filters.statuses has a word with a control character",
		`{"filters":{"types":["` + strings.Repeat("w", 101) + `"]}}`: "more than 100 characters",
		`{"filters":{"types":` + many + `}}`:                         "more than 200 words",
		`{"filters":{"types":"Lunch"}}`:                              "filters.types cannot be a JSON string",
		`{"statuses":{"In":"completed","In":"scheduled"}}`:           "settings list one name twice",
		`{"types":{},"types":{}}`:                                    "settings list one name twice",
	} {
		_, err := settings.Parse([]byte(document))
		require.ErrorContains(t, err, want, document)
		var field *settings.FieldError
		require.ErrorAs(t, err, &field, document)
		require.NotRegexp(t, "away|tooth|n room|Dental|oom.1", field.Plain, "without the word")
	}
}

func TestWordsOfThePracticePrecedeTheProviders(t *testing.T) { // R8, R50
	t.Parallel()
	r := parse(t, `{"statuses":{"In room":"in_progress","Completed":"scheduled"},"types":{"dental":"surgery","dental check":"checkup"}}`).Reader()
	for word, want := range map[string]pims.Status{
		"IN-ROOM": pims.StatusInProgress, "in_room": pims.StatusInProgress, "Completed": pims.StatusScheduled,
		"No Show": pims.StatusNoShow, "in room 2": pims.StatusNoShow, "": pims.StatusNoShow,
	} {
		require.Equal(t, want, r.Status(word, pims.StatusNoShow), word)
	}
	for text, want := range map[string]pims.Type{
		"Dental": "surgery", "Dental cleaning": "surgery", "dental-check, 20 min": "checkup", "Accidental": "", "check dental": "surgery", "": "",
	} {
		require.Equal(t, want, r.Type(text, pims.TypeUnknown), text)
	}
	var none *settings.Reader
	require.Equal(t, pims.StatusCompleted, none.Status("In room", pims.StatusCompleted))
	require.Equal(t, pims.TypeOther, none.Type("dental", pims.TypeOther))
	require.Zero(t, none.Filtered(&pims.Appointment{TypeText: "dental"}))
	a := &pims.Appointment{StatusText: "in room", TypeText: "dental", Type: pims.TypeOther}
	require.Same(t, a, none.Apply(a))
	read := r.Apply(a)
	require.Equal(t, pims.Appointment{StatusText: "in room", Status: pims.StatusInProgress, TypeText: "dental", Type: pims.TypeSurgery}, *read)
	require.Equal(t, pims.StatusUnknown, a.Status, "the appointment itself stays")
}

func TestAFilterComparesTheWholeWord(t *testing.T) { // R50
	t.Parallel()
	r := parse(t, `{"filters":{"types":["Block"],"rooms":["Grooming 1"],"statuses":["On hold"]}}`).Reader()
	require.Equal(t, settings.Cause{By: "type", Word: "Block"}, r.Filtered(&pims.Appointment{TypeText: " block "}))
	require.Equal(t, settings.Cause{By: "room", Word: "Grooming 1"}, r.Filtered(&pims.Appointment{TypeText: "Nerve block surgery", Room: "GROOMING-1"}))
	require.Equal(t, `the status "On hold"`, r.Filtered(&pims.Appointment{StatusText: "on_hold"}).Told())
	require.Zero(t, r.Filtered(&pims.Appointment{TypeText: "Nerve block surgery", Room: "Grooming 11", StatusText: "hold"}))
	require.Zero(t, r.Filtered(&pims.Appointment{}))
}

func TestAnEditChangesOneWordInAnySpelling(t *testing.T) { // R50
	t.Parallel()
	s := parse(t, `{"statuses":{"In room":"in_progress"},"filters":{"rooms":["Grooming"]}}`)
	after, err := settings.Edit{
		Statuses: map[string]pims.Status{"in-room": pims.StatusCheckedIn}, Types: map[string]pims.Type{"Dental": "surgery"},
		Filters: settings.Filters{Rooms: []string{"GROOMING", "Lab"}},
	}.Apply(s)
	require.NoError(t, err)
	require.JSONEq(t, `{"statuses":{"in-room":"checked_in"},"types":{"Dental":"surgery"},"filters":{"rooms":["Grooming","Lab"]}}`, string(after.JSON()))
	after, err = settings.Edit{Forget: []string{"in_room", "lab"}}.Apply(after)
	require.NoError(t, err)
	require.JSONEq(t, `{"types":{"Dental":"surgery"},"filters":{"rooms":["Grooming"]}}`, string(after.JSON()))
	_, err = settings.Edit{Forget: []string{"Kennel"}}.Apply(after)
	require.ErrorContains(t, err, `have no word "Kennel"`)
	_, err = settings.Edit{Types: map[string]pims.Type{"Dental": "teeth"}}.Apply(after)
	require.ErrorContains(t, err, "no case type")
	_, err = settings.Edit{Statuses: map[string]pims.Status{"In room": "completed", "in-room": "scheduled"}}.Apply(after)
	require.ErrorContains(t, err, "has one word twice")
	_, err = settings.Edit{Filters: settings.Filters{Rooms: []string{"Lab", "LAB"}}}.Apply(after)
	require.ErrorContains(t, err, "has one word twice")
	require.JSONEq(t, `{"statuses":{"In room":"in_progress"},"filters":{"rooms":["Grooming"]}}`, string(s.JSON()), "the settings before")
}

func TestTheWordsOfACalendarAreCollected(t *testing.T) { // R50
	t.Parallel()
	var calendar []pims.Appointment
	for range 3 {
		calendar = append(calendar, pims.Appointment{StatusText: "In Room", TypeText: "Exam", Type: pims.TypeCheckup, Room: "2"})
	}
	calendar = append(calendar,
		pims.Appointment{StatusText: "in-room", TypeText: "Lump", Status: pims.StatusUnknown},
		pims.Appointment{StatusText: "Completed", Status: pims.StatusCompleted, TypeText: "zz@example.com", Room: " "},
		pims.Appointment{TypeText: strings.Repeat("notes ", 40)},
	)
	words := settings.Collect(calendar)
	require.Equal(t, []settings.Word{
		{Kind: settings.KindStatus, Word: "In Room", Appointments: 4},
		{Kind: settings.KindStatus, Word: "Completed", Meaning: "completed", Appointments: 1},
		{Kind: settings.KindType, Word: "Exam", Meaning: "checkup", Appointments: 3},
		{Kind: settings.KindType, Word: "Lump", Appointments: 1},
		{Kind: settings.KindRoom, Word: "2", Appointments: 3},
	}, words)

	uses := parse(t, `{"types":{"exam":"other"},"filters":{"rooms":["2"],"types":["lump"]}}`).Uses(words)
	var told []string
	for _, u := range uses {
		line := u.Word.Word + ":" + u.Means
		for mark, is := range map[string]bool{" unknown": u.Unknown(), " own": u.Own, " filtered": u.Filtered} {
			if is {
				line += mark
			}
		}
		told = append(told, line)
	}
	require.Equal(t, []string{"In Room: unknown", "Completed:completed", "Exam:other own", "Lump: filtered", "2: filtered"}, told)
}

func TestAFloodOfWordsIsCut(t *testing.T) { // R50
	t.Parallel()
	calendar := make([]pims.Appointment, 500)
	for i := range calendar {
		calendar[i].StatusText = "w" + strings.Repeat("x", i%90) + string(rune('a'+i/90))
	}
	require.Len(t, settings.Collect(calendar), 100)
}
