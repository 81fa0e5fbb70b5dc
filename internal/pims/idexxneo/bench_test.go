package idexxneo

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// BenchmarkCalendar decodes 100,000 rows of a single answer.
func BenchmarkCalendar(b *testing.B) {
	const rows = 100_000
	answer := manyRows(rows)
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(b, err)
	day := pims.Date{Year: 2026, Month: time.January, Day: 17}
	days := spanOf(pims.Window{Start: day, End: day, Location: berlin})
	b.SetBytes(int64(len(answer)))
	b.ReportAllocs()
	for b.Loop() {
		s := newSlice(days, berlin)
		err := newReader(jsontext.NewDecoder(bytes.NewBuffer(answer), tolerant()...)).calendar(s.add)
		require.NoError(b, err)
		snapshot, err := merge([]*slice{s})
		require.NoError(b, err)
		require.Len(b, snapshot.Appointments, rows)
	}
}

func manyRows(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"appointments":[`)
	for i := 1; i <= n; i++ { // 0 is no id
		if i > 1 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"appointment_id":%d,"consultation_id":null,"start":"2026-01-17 10:00:00","end":"2026-01-17 10:30:00",`+
			`"patient_id":%d,"patient_name":"Patient %d","client_id":"%d","first_name":"Zoë","last_name":"Müller","email":"a%d@example.com",`+
			`"phone_number":"+49 30 %d","provider":"Dr. Vet","resourceId":4,"title":"Patient %d; MÜLLER, ZOË","type_description":"Exam",`+
			`"reason":"itchy ears for two weeks","current_status":"Scheduled","status_label":"Scheduled","is_block":0,"is_roster":false,`+
			`"color":"#aabbcc","extra":{"a":[1,2,3]}}`, i, i, i, i, i, i, i, i)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}
