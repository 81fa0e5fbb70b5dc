package pimshttp_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

// text is a JSON text that is so long with its quotes.
func text(length int) string { return `"` + strings.Repeat("a", length-2) + `"` }

func TestARowOrATextIsNoLongerThanAMebibyte(t *testing.T) { // R57
	t.Parallel()
	const most = pimshttp.MaxRowBytes
	parts := strings.Repeat(`"a\"]},[{",`, most/11)
	for name, c := range map[string]struct {
		body string
		fits bool
	}{
		"a text that fits":                {text(most), true},
		"one that does not":               {text(most + 1), false},
		"a text in a row":                 {`[{"a":` + text(most-6) + `}]`, true},
		"a text too long for its row":     {`[{"a":` + text(most-5) + `}]`, false},
		"a row in a member":               {`{"data":[{"a":` + text(most-6) + `}],"b":` + text(most) + `}`, true},
		"a row too long in a member":      {`{"data":[{"a":` + text(most-5) + `}]}`, false},
		"a row of many texts":             {`[[` + parts[:len(parts)-1] + `]]`, true},
		"a row of too many":               {`[[` + parts + text(20) + `]]`, false},
		"a row of too many, not the last": {`[[` + parts + text(20) + `],1]`, false},
		"many rows":                       {`[` + strings.Repeat(`["a"],`, most/2) + `1]`, true},
		"many rows in a member":           {`{"data":[` + strings.Repeat(`["a"],`, most/2) + `1]}`, true},
		"many members":                    {`{` + strings.Repeat(`"a":"b",`, most/2) + `"a":1}`, true},
		"a number":                        {strings.Repeat("1", most+1), false},
		"a number in a row":               {`[1,` + strings.Repeat("1", most+1) + `]`, false},
		"blanks before":                   {strings.Repeat(" ", most+1) + `[]`, false},
		"blanks behind":                   {`[]` + strings.Repeat("\n", most+1), false},
		"blanks in between":               {`[1,` + strings.Repeat("\t", most+1) + `2]`, false},
		"blanks that fit":                 {strings.Repeat(" ", most-10) + `[` + strings.Repeat(" ", most-10) + `]`, true},
		"a name":                          {`{` + text(most+1) + `:1}`, false},
		"a text of escapes":               {`["` + strings.Repeat(`\\\"`, most/4) + `"]`, false},
		"a text that never ends":          {`["` + strings.Repeat("a", 3*most), false},
		"sixty levels":                    {strings.Repeat("[", 60) + strings.Repeat("]", 60), true},
		"sixty-five levels":               {strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65), false},
		"a hundred levels side by side":   {`[` + strings.Repeat(`[[],{}],`, 100) + `1]`, true},
		"brackets in a text":              {`"` + strings.Repeat(`[`, 1000) + `"`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, skip := range []bool{false, true} {
				requests := 0
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					requests++
					_, _ = io.WriteString(w, c.body)
				}))
				t.Cleanup(server.Close)
				err := newClient(t, server, pimshttp.Options{}).GetJSON(t.Context(), request, func(d *jsontext.Decoder) error {
					if skip {
						return d.SkipValue()
					}
					return readValue(d)
				})
				require.Equal(t, 1, requests, "R57: it is not tried again")
				if c.fits {
					require.NoError(t, err)
					continue
				}
				require.ErrorIs(t, err, pims.ErrOverLimit)
				require.ErrorIs(t, err, pims.ErrSchemaDrift)
				require.NotErrorIs(t, err, pimshttp.ErrTooLarge, "it is not halved")
			}
		})
	}
}

func TestALongTextInAnotherCharsetIsMeasuredAsUTF8(t *testing.T) { // R57
	t.Parallel()
	body := `"` + strings.Repeat("\xeb", pimshttp.MaxRowBytes/2) + `"`
	_, err := canned{contentType: "application/json; charset=iso-8859-1", body: body}.ask(t)
	require.ErrorIs(t, err, pims.ErrOverLimit)
}

func TestALongHeaderIsRefusedAtOnce(t *testing.T) { // R57
	t.Parallel()
	long := func(w http.ResponseWriter) { w.Header().Set("X-Long", strings.Repeat("a", 900<<10)) }
	many := func(w http.ResponseWriter) {
		for i := range 100 {
			w.Header().Set(fmt.Sprint("X-Many-", i), strings.Repeat("a", 9000))
		}
	}
	for name, c := range map[string]struct {
		set func(http.ResponseWriter)
		tls bool
	}{"one field": {long, false}, "many fields": {many, false}, "one field of HTTP/2": {long, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requests := 0
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				requests++
				c.set(w)
				_, _ = io.WriteString(w, `[]`)
			}))
			options := pimshttp.Options{}
			if c.tls {
				server.EnableHTTP2 = true
				server.StartTLS()
				transport := pimshttp.NewTransport(pims.HostPolicy{Named: []string{server.Listener.Addr().String()}})
				trusting, ok := server.Client().Transport.(*http.Transport)
				require.True(t, ok)
				transport.TLSClientConfig = trusting.TLSClientConfig.Clone()
				options.Transport = transport
			} else {
				server.Start()
			}
			t.Cleanup(server.Close)
			err := newClient(t, server, options).GetJSON(t.Context(), request, readValue)
			require.ErrorIs(t, err, pims.ErrOverLimit)
			require.Equal(t, 1, requests)
		})
	}
}
