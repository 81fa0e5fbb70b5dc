package refusal

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAQuoteHoldsWhatAPersonMustDoAndNoName(t *testing.T) { // R40
	t.Parallel()
	for text, want := range map[string]string{
		"Session in use elsewhere, continue?":                                             "Session in use elsewhere, continue?",
		"Dr. Quill\nSession in use elsewhere by Mara Quill (mara@example.com), continue?": "Session in use elsewhere by … continue?",
		"Ihre Sitzung wird bereits an einem anderen Computer verwendet. Fortfahren?":      "Ihre Sitzung wird bereits an einem anderen Computer verwendet. Fortfahren?",
		"Votre session est déjà ouverte sur un autre poste (Cabinet Loriot). Continuer ?": "Votre session est déjà ouverte sur un autre poste … Continuer ?",
		"You are already logged in on PC-0417 since 08:15. Continue?":                     "You are already logged in on … Continue?",
		"Welcome, Mara. You have 3 patients.":                                             "",
	} {
		require.Equal(t, want, Quote(text, InUse, []string{"mara.quill@clinic.example", "Correct Horse"}), text)
	}
	require.Equal(t, "… in use …", Quote("Session in use elsewhere", InUse, []string{"session", "elsewhere"}))
	require.LessOrEqual(t, len([]rune(Quote("Session in use elsewhere"+repeat(" continue", 100), InUse, nil))), maxQuote+1)
}

func repeat(s string, n int) (text string) {
	for range n {
		text += s
	}
	return text
}

func TestTheVocabularyHasNoNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"will", "mark", "rose", "may", "max", "bella", "luna", "frank", "page", "place", "long", "best", "young", "king", "klein", "gross", "petit", "rey"} {
		require.False(t, vocabulary()[name], name)
	}
	for word := range vocabulary() {
		require.Equal(t, word, fold(word))
	}
}
