package pimshttp_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

// canned is a transport whose every answer has this header and body, which comes a
// byte at a time or at once.
type canned struct {
	contentType, body string
	slowly            bool
}

func (a canned) RoundTrip(r *http.Request) (*http.Response, error) {
	var body io.Reader = strings.NewReader(a.body)
	if a.slowly {
		body = iotest.OneByteReader(body)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Request: r, Body: io.NopCloser(body), Header: http.Header{"Content-Type": {a.contentType}},
	}, nil
}

func (a canned) ask(t *testing.T) (text string, err error) {
	t.Helper()
	client := newClient(t, serve(t, nil), pimshttp.Options{Transport: a})
	err = client.GetJSON(t.Context(), request, func(d *jsontext.Decoder) error {
		token, err := d.ReadToken()
		if err == nil {
			text = token.String()
		}
		return err
	})
	return text, err
}

func encoded(t *testing.T, text string, encode func(string) (string, error)) string {
	t.Helper()
	bytes, err := encode(text)
	require.NoError(t, err)
	return bytes
}

func TestAnAnswerIsDecodedByItsCharset(t *testing.T) { // R7
	t.Parallel()
	const name = `"Zo\u00eb Zoë"`
	utf16 := func(e unicode.Endianness, bom unicode.BOMPolicy) string {
		return encoded(t, name, unicode.UTF16(e, bom).NewEncoder().String)
	}
	latin1 := encoded(t, name, charmap.ISO8859_1.NewEncoder().String)
	long := `"` + strings.Repeat("aë\U0001F415漢", 9000) + `"`
	for title, c := range map[string]struct{ contentType, body, want string }{
		"nothing declared is UTF-8":        {"", name, "Zoë Zoë"},
		"no charset is UTF-8":              {"application/json", name, "Zoë Zoë"},
		"a page's type is UTF-8":           {"text/html", name, "Zoë Zoë"},
		"a header that is none is UTF-8":   {"; charset", name, "Zoë Zoë"},
		"UTF-8":                            {"application/json; charset=UTF-8", name, "Zoë Zoë"},
		"utf8 in quotes":                   {`application/json;charset="utf8"`, name, "Zoë Zoë"},
		"a mark":                           {"application/json", "\uFEFF" + name, "Zoë Zoë"},
		"Latin-1":                          {"application/json; charset=ISO-8859-1", latin1, "Zoë Zoë"},
		"Latin-1 in single quotes":         {"application/json; charset='iso-8859-1'", latin1, "Zoë Zoë"},
		"Latin-1 is windows-1252":          {"application/json; charset=iso-8859-1", "\"\x80 \x93Zo\xeb\x94\"", "€ “Zoë”"},
		"windows-1252":                     {"text/json; charset=Windows-1252", latin1, "Zoë Zoë"},
		"Latin-1 with an escaped U+FFFD":   {"application/json; charset=iso-8859-1", `"\ufffd"`, "\uFFFD"},
		"windows-1251":                     {"application/json; charset=windows-1251", encoded(t, `"Жучка"`, charmap.Windows1251.NewEncoder().String), "Жучка"},
		"Shift_JIS":                        {"application/json; charset=Shift_JIS", encoded(t, `"ポチ"`, japanese.ShiftJIS.NewEncoder().String), "ポチ"},
		"ASCII":                            {"application/json; charset=us-ascii", `"Zo\u00eb"`, "Zoë"},
		"U+FFFD is a character":            {"application/json", "\"\uFFFD\\ufffd\"", "\uFFFD\uFFFD"},
		"UTF-16 with a mark":               {"application/json; charset=utf-16", utf16(unicode.BigEndian, unicode.UseBOM), "Zoë Zoë"},
		"UTF-16 with the other mark":       {"application/json", utf16(unicode.LittleEndian, unicode.UseBOM), "Zoë Zoë"},
		"UTF-16 big without a mark":        {"application/json; charset=utf-16", utf16(unicode.BigEndian, unicode.IgnoreBOM), "Zoë Zoë"},
		"UTF-16 little without a mark":     {"application/json; charset=utf-16", utf16(unicode.LittleEndian, unicode.IgnoreBOM), "Zoë Zoë"},
		"UTF-16BE":                         {"application/json; charset=utf-16be", utf16(unicode.BigEndian, unicode.IgnoreBOM), "Zoë Zoë"},
		"UTF-16 with U+FFFD":               {"application/json; charset=utf-16le", "\"\x00\xfd\xff\"\x00", "\uFFFD"},
		"a mark wins over the declaration": {"application/json; charset=iso-8859-1", "\uFEFF" + name, "Zoë Zoë"},
		"long UTF-8":                       {"", long, strings.Trim(long, `"`)},
		"long UTF-16":                      {"", encoded(t, long, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String), strings.Trim(long, `"`)},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			for _, slowly := range []bool{false, true} {
				text, err := canned{c.contentType, c.body, slowly}.ask(t)
				require.NoError(t, err)
				require.Equal(t, c.want, text)
			}
		})
	}
}

func TestBytesThatAreNoTextInTheirCharsetAreRefused(t *testing.T) { // R7
	t.Parallel()
	for title, c := range map[string]struct{ contentType, body string }{
		"Latin-1 undeclared":               {"application/json", "\"secret Zo\xeb\""},
		"Latin-1 declared as UTF-8":        {"application/json; charset=utf-8", "\"secret Zo\xeb\""},
		"Latin-1 declared as ASCII":        {"application/json; charset=us-ascii", "\"secret Zo\xeb\""},
		"UTF-8 declared as ASCII":          {"application/json; charset=us-ascii", "\"secret Zoë\""},
		"a character cut short":            {"application/json", "\"secret \xf0\x9f\x90\""},
		"a surrogate in UTF-8":             {"application/json", "\"secret \xed\xa0\xbd\""},
		"an overlong character":            {"application/json", "\"secret \xc0\xaf\""},
		"a byte behind much that is good":  {"application/json", `"` + strings.Repeat("secret ", 9000) + "\xeb\""},
		"half a character in Shift_JIS":    {"application/json; charset=shift_jis", "\"secret \x83\""},
		"what windows-1253 does not have":  {"application/json; charset=windows-1253", "\"secret \xd2\""},
		"half a pair in UTF-16":            {"application/json; charset=utf-16le", "\"\x00\x3d\xd8a\x00\"\x00"},
		"the second half alone in UTF-16":  {"application/json; charset=utf-16le", "\"\x00\x15\xdc\"\x00"},
		"a charset that nobody knows":      {"application/json; charset=secret-1", `"a"`},
		"a charset that is no longer safe": {"application/json; charset=hz-gb-2312", `"a"`},
		"UTF-7":                            {"application/json; charset=utf-7", `"a"`},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			for _, slowly := range []bool{false, true} {
				_, err := canned{c.contentType, c.body, slowly}.ask(t)
				require.ErrorIs(t, err, pims.ErrSchemaDrift)
				require.NotContains(t, err.Error(), "secret", "R40")
			}
		})
	}
}

func TestAnAnswerThatBreaksOffInACharacterIsOneThatEndsTooEarly(t *testing.T) { // R7, R32
	t.Parallel()
	for contentType, body := range map[string]string{
		"application/json":                   "\"secret Zo\xc3",
		"application/json; charset=utf-16le": "\"\x00a\x00b",
		"application/json; charset=utf-16be": "\x00\"\x00a\x00",
	} {
		for _, slowly := range []bool{false, true} {
			_, err := canned{contentType, body, slowly}.ask(t)
			require.ErrorContains(t, err, "ends too early", contentType)
			require.ErrorIs(t, err, pims.ErrSchemaDrift)
		}
	}
}

func TestTheLoginPageIsKnownInEveryCharset(t *testing.T) {
	t.Parallel()
	const page = "<title>Zoë</title><input name=password>"
	for title, c := range map[string]canned{
		"UTF-8 with a mark":  {contentType: "text/html", body: "\uFEFF" + page},
		"Latin-1 undeclared": {contentType: "text/html", body: encoded(t, page, charmap.ISO8859_1.NewEncoder().String)},
		"UTF-16":             {contentType: "text/html", body: encoded(t, page, unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().String)},
		"one nobody knows":   {contentType: "text/html; charset=secret-1", body: page},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			_, err := c.ask(t)
			require.ErrorIs(t, err, pims.ErrSessionExpired)
		})
	}
}
