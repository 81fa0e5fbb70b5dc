package common

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPasswordsThatOthersGuessAreTold(t *testing.T) { // R43
	t.Parallel()
	for _, password := range []string{
		"123456789012", "qwertyuiop[]", "abcdefghijklm", "111122223333", "abababababab", "asdfghjklzxcvbnm",
		"1qaz2wsx3edc", "finalfantasy", "FinalFantasy", "passwordpassword", "Password1234!", "P@ssw0rd2026", "!!!dragon2026", "letmeinletmein",
	} {
		why, err := Guessable(password)
		require.NoError(t, err)
		require.NotEmpty(t, why, password)
	}
	for _, password := range []string{
		"a long enough password", "zwölfZeichen", "correct horse battery staple", "kV7-pq2.wLmz", "Margot sings at nine", "9362-kqzv-1174", "пароль которого нет",
	} {
		why, err := Guessable(password)
		require.NoError(t, err)
		require.Empty(t, why, password)
	}
}
