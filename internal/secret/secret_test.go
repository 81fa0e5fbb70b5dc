package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"text/template"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/secret"
)

const canary = "Zanzibar-5f1d"

type holder struct {
	Shown  secret.Text
	Behind *secret.Text
	Many   []secret.Text
	ByName map[string]secret.Text
	hidden secret.Text
	nested struct{ deep secret.Text }
}

func newHolder() holder {
	s := secret.New(canary)
	h := holder{Shown: s, Behind: &s, Many: []secret.Text{s}, ByName: map[string]secret.Text{"a": s}, hidden: s}
	h.nested.deep = s
	return h
}

func TestASecretShowsItselfNowhere(t *testing.T) { // R40
	t.Parallel()
	h := newHolder()
	var seen bytes.Buffer
	for _, value := range []any{h.Shown, h.Behind, h.Many, h.ByName, h.hidden, h, &h, []any{h}, errors.Join(fmt.Errorf("failed with %v", h.Shown)), fmt.Errorf("failed with %s and %+v", h.Shown, h)} {
		for _, verb := range "vTtbcdoOqxXUeEfFgGsp" {
			for _, flags := range []string{"", "+", "#", "-20", "020", " ", "#+"} {
				fmt.Fprintf(&seen, "%"+flags+string(verb)+"\n", value)
			}
		}
		fmt.Fprintln(&seen, value)
		for _, handler := range []slog.Handler{slog.NewJSONHandler(&seen, nil), slog.NewTextHandler(&seen, nil)} {
			slog.New(handler).Info("log", "value", value, slog.Group("group", "value", value))
		}
		for _, encode := range []func() ([]byte, error){
			func() ([]byte, error) { return json.Marshal(value) },
			func() ([]byte, error) { return json.MarshalIndent(map[string]any{"x": value}, "", " ") },
			func() ([]byte, error) { return jsonv2.Marshal(value) },
			func() ([]byte, error) { return xml.Marshal(value) },
			func() ([]byte, error) {
				var b bytes.Buffer
				err := gob.NewEncoder(&b).Encode(value)
				return b.Bytes(), err
			},
		} {
			encoded, err := encode()
			seen.Write(encoded)
			fmt.Fprintln(&seen, err)
		}
	}
	require.NoError(t, template.Must(template.New("").Parse("{{.}} {{.Shown}} {{printf \"%q\" .Shown}}")).Execute(&seen, h))
	func() {
		defer func() { fmt.Fprint(&seen, recover()) }()
		panic(h.Shown)
	}()
	require.Contains(t, seen.String(), secret.Shown)
	require.NotContains(t, seen.String(), canary)
	require.NotContains(t, seen.String(), fmt.Sprintf("%x", canary))
	require.NotContains(t, seen.String(), fmt.Sprintf("%X", canary))
	require.NotContains(t, seen.String(), fmt.Sprintf("%d", []byte(canary)))
	require.Equal(t, canary, h.Shown.Reveal())
}

func TestASecretIsReadComparedAndReplaced(t *testing.T) {
	t.Parallel()
	var s secret.Text
	require.True(t, s.Empty())
	require.Empty(t, s.Reveal())
	require.Empty(t, fmt.Sprint(s), "nothing is no secret")
	require.NoError(t, s.UnmarshalText([]byte("a")))
	require.True(t, s.Equal(secret.New("a")))
	require.False(t, s.Equal(secret.New("b")))
	require.False(t, s.Equal(secret.Text{}))
	require.Equal(t, "a", s.Or(secret.New("b")).Reveal())
	require.Equal(t, "b", secret.Text{}.Or(secret.New("b")).Reveal())
	require.NoError(t, json.Unmarshal([]byte(`"c"`), &s))
	require.Equal(t, "c", s.Reveal())
	_, err := s.MarshalBinary()
	require.ErrorContains(t, err, "a secret is not written")
}
