package idexxneo

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

func TestEveryStatusWordOfNeoIsKnown(t *testing.T) { // NEO.md §Calendar, R8
	t.Parallel()
	for word, want := range map[string]pims.Status{
		"Scheduled": pims.StatusScheduled, "Confirmed": pims.StatusScheduled,
		"Checked In": pims.StatusCheckedIn, "In Progress": pims.StatusInProgress,
		"Ready to Pay": pims.StatusCompleted, "Finalized": pims.StatusCompleted,
		"Completed": pims.StatusCompleted, "Discharged": pims.StatusCompleted,
		"Cancelled": pims.StatusCancelled, "Canceled": pims.StatusCancelled, "No Show": pims.StatusNoShow,
	} {
		for _, spelling := range []string{
			word, strings.ToUpper(word), strings.ToLower(word), " " + word + "\n",
			strings.ReplaceAll(word, " ", "-"), strings.ReplaceAll(word, " ", "_"), strings.ReplaceAll(word, " ", ""),
		} {
			require.Equal(t, want, statusOf(spelling), spelling)
		}
	}
	for _, word := range []string{"", " ", "On Hold", "Scheduled?", "Check", "Show"} {
		require.Equal(t, pims.StatusUnknown, statusOf(word), word)
	}
}

func TestEveryConsultationStatusOfNeoIsKnown(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]pims.ConsultationStatus{
		"in_progress": pims.ConsultationInProgress, "In Progress": pims.ConsultationInProgress,
		"completed": pims.ConsultationCompleted, "cancelled": pims.ConsultationCancelled, "Canceled": pims.ConsultationCancelled,
		"": pims.ConsultationUnknown, "open": pims.ConsultationUnknown,
	} {
		require.Equal(t, want, consultationStatus(word), word)
	}
}

func TestTypesMapByWholeWordsInTheOrderOfTheRule(t *testing.T) { // R8, W6
	t.Parallel()
	vocabulary, ok := New(pims.Environment{}).(pims.Vocabulary)
	require.True(t, ok)
	for word, want := range map[string]pims.Type{
		"Exam": "checkup", "Checkup": "checkup", "WELLNESS": "checkup", "Vaccination": "checkup", "vaccine": "checkup",
		"Surgery": "surgery", "Procedure": "surgery", "dental procedure": "surgery", "Emergency": "other", "Urgent": "other",
		"Emergency Surgery": "surgery", "urgent exam": "other", "annual_exam": "checkup", "Exam/Vaccine": "checkup", "wellness-plan": "checkup",
		"Well Visit": "", "Example": "", "Re-examination": "", "Grooming": "", "": "",
	} {
		require.Equal(t, want, vocabulary.TypeOf(word), word)
	}
	require.Equal(t, pims.StatusCheckedIn, vocabulary.StatusOf("CHECKED-IN"))
}

func FuzzStatus(f *testing.F) {
	for _, seed := range []string{"Scheduled", "checked-in", "IN_PROGRESS", "Ready to Pay", "no show", "", "-", "Çanceled", "\xff", "CANCELLED\u0130"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, word string) {
		want := statusOf(word)
		for _, same := range []string{
			" " + word + " ",
			strings.ReplaceAll(word, " ", "_"),
			strings.ReplaceAll(word, "-", " "),
			strings.ReplaceAll(word, "_", "-"),
			strings.ToLower(word),
		} {
			require.Equal(t, want, statusOf(same), "%q and %q", word, same)
		}
		if want != pims.StatusUnknown {
			require.Equal(t, -1, strings.IndexFunc(pims.PlainWord(word), func(r rune) bool { return !unicode.IsLower(r) }))
		}
	})
}

func FuzzWallClock(f *testing.F) {
	for _, seed := range []string{
		"2026-01-17 09:00:00", "2026-01-17T09:00:00", "2026-01-17 09:00", "2026-01-17T09:00:00.123", "2026-01-17T09:00:00Z",
		"2026-03-29 02:30:00", "2026-02-30 09:00:00", "0000-00-00 00:00:00", "2026-01-17", "", "17.01.2026 09:00:00",
		"2026-01-17 24:00:00", " 2026-01-17 09:00:00 ", "2026-01-17 9:00:00", "+2026-01-17 09:00:00", "2026-10-25 02:30:00,5",
	} {
		f.Add(seed)
	}
	berlin := berlin(f)
	f.Fuzz(func(t *testing.T, text string) {
		wall, ok := pims.ParseWall(text)
		if !ok {
			require.Zero(t, wall)
			return
		}
		require.Equal(t, time.UTC, wall.Location())
		again, ok := pims.ParseWall(wall.Format(calendarLayout))
		require.True(t, ok, "what is read can be written")
		require.Equal(t, wall.Truncate(time.Second), again)
		require.Contains(t, digitsOf(text), digitsOf(wall.Format("2006-01-02")), "no digit of the day changes")

		instant := pims.Instant(wall, berlin)
		_, offset := instant.Zone()
		shown := instant.UTC().Add(time.Duration(offset) * time.Second)
		require.Less(t, shown.Sub(wall), 24*time.Hour)
		require.GreaterOrEqual(t, shown.Sub(wall), time.Duration(0), "a clock change only ever shifts forward (R2)")
	})
}

func digitsOf(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return r
		}
		return -1
	}, text)
}
