package apitest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// petShop describes an API that is not ours.
const petShop = `{
  "openapi": "3.1.0",
  "paths": {
    "/pets": {"post": {
      "parameters": [{"name": "loud", "in": "query", "schema": {"type": "boolean"}}],
      "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}},
      "responses": {
        "201": {
          "description": "Made.",
          "headers": {"Location": {"required": true, "schema": {"type": "string"}}, "Retry-After": {"schema": {"type": "string"}}},
          "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}, "example": {"name": "Biscuit", "born": null}}}
        },
        "409": {"description": "` + "`taken`" + `", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
      }
    }},
    "/pets/{id}/events": {"get": {"responses": {"200": {"description": "Events.", "content": {"text/event-stream": {"schema": {"$ref": "#/components/schemas/Pet"}}}}}}},
    "/metrics": {"get": {"responses": {"200": {"description": "Metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}}}}
  },
  "components": {"schemas": {
    "Pet": {"type": "object", "required": ["name"], "properties": {
      "name": {"type": "string", "examples": ["Biscuit"]}, "born": {"type": ["string", "null"], "format": "date"}
    }},
    "Problem": {"type": "object", "required": ["code"], "properties": {"code": {"type": "string"}}}
  }}
}`

// An exchange is a request and its answer.
type exchange struct {
	method, path, sent string
	status             int
	headers            map[string]string
	body               string
}

// made is an exchange that the description allows.
func made(change func(*exchange)) exchange {
	e := exchange{
		method: http.MethodPost, path: "/pets?loud=true", sent: `{"name":"Biscuit"}`, status: http.StatusCreated,
		headers: map[string]string{"Content-Type": "application/json", "Location": "/pets/1", "Date": "now"},
		body:    `{"name":"Biscuit","born":"2020-02-29"}`,
	}
	change(&e)
	return e
}

func taken(code string) exchange {
	return made(func(e *exchange) {
		e.status, e.body = http.StatusConflict, `{"code":"`+code+`"}`
		delete(e.headers, "Location")
	})
}

func followed(body string) exchange {
	return exchange{
		method: http.MethodGet, path: "/pets/1/events", status: http.StatusOK, body: body,
		headers: map[string]string{"Content-Type": "text/event-stream"},
	}
}

func elsewhere(method, path string, status int, body string) exchange {
	e := exchange{method: method, path: path, status: status, body: body, headers: map[string]string{"Content-Type": "application/json"}}
	if status == http.StatusMethodNotAllowed {
		e.headers["Allow"] = "POST"
	}
	return e
}

// Each is either what the description allows, or wrong in one thing.
var exchanges = map[string]struct {
	exchange
	wrong string // empty: nothing is
}{
	"as described":                   {exchange: made(func(*exchange) {})},
	"with null":                      {exchange: made(func(e *exchange) { e.body = `{"name":"Biscuit","born":null}` })},
	"with an optional header":        {exchange: made(func(e *exchange) { e.headers["Retry-After"] = "1" })},
	"without a body in the request":  {exchange: made(func(e *exchange) { e.sent = "" })},
	"an unknown status":              {made(func(e *exchange) { e.status = http.StatusOK }), "no such status"},
	"an unknown header":              {made(func(e *exchange) { e.headers["X-Pets"] = "1" }), "no such header: X-Pets"},
	"a missing header":               {made(func(e *exchange) { delete(e.headers, "Location") }), "lacks the header Location"},
	"another content type":           {made(func(e *exchange) { e.headers["Content-Type"] = "text/html" }), "no such content type: text/html"},
	"no content type":                {made(func(e *exchange) { delete(e.headers, "Content-Type") }), "content type"},
	"no JSON":                        {made(func(e *exchange) { e.body = `{"name"` }), "no JSON"},
	"a field too many":               {made(func(e *exchange) { e.body = `{"name":"Biscuit","age":3}` }), "age"},
	"a field too few":                {made(func(e *exchange) { e.body = `{}` }), "name"},
	"a null that is not allowed":     {made(func(e *exchange) { e.body = `{"name":null}` }), "null"},
	"a format that does not hold":    {made(func(e *exchange) { e.body = `{"name":"Biscuit","born":"spring"}` }), "date"},
	"a request that is not allowed":  {made(func(e *exchange) { e.sent = `{"name":3}` }), "should have been refused"},
	"an unknown parameter":           {made(func(e *exchange) { e.path = "/pets?quiet=true" }), "parameter quiet"},
	"a documented code":              {exchange: taken("taken")},
	"an unknown code":                {taken("tired"), "no such code: tired"},
	"events":                         {exchange: followed("event: x\ndata: {\"name\":\"Biscuit\"}\n\n: still here\n\n")},
	"events that are cut off":        {exchange: followed("data: {\"name\":\"Biscuit\"}\n\ndata: {\"na")},
	"an event that is not described": {followed("data: {\"age\":3}\n\n"), "an event's data"},
	"text":                           {exchange: exchange{method: http.MethodGet, path: "/metrics", status: http.StatusOK, headers: map[string]string{"Content-Type": "text/plain; version=0.0.4"}}},
	"no address":                     {exchange: elsewhere(http.MethodGet, "/cats", http.StatusNotFound, `{"code":"not_found"}`)},
	"no address, another shape":      {elsewhere(http.MethodGet, "/cats", http.StatusNotFound, `{"message":"no"}`), "code"},
	"no method":                      {exchange: elsewhere(http.MethodPut, "/pets", http.StatusMethodNotAllowed, `{"code":"method_not_allowed"}`)},
	"an undescribed operation":       {elsewhere(http.MethodPut, "/pets", http.StatusOK, `{}`), "no such operation"},
}

func (e exchange) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header()["Content-Type"] = nil // net/http would guess
	for name, value := range e.headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(e.status)
	_, _ = io.WriteString(w, e.body)
}

func TestAnAnswerThatTheDescriptionDoesNotAllowIsAnError(t *testing.T) {
	t.Parallel()
	c, err := Read([]byte(petShop))
	require.NoError(t, err)
	for name, e := range exchanges {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			site := httptest.NewServer(e.exchange)
			defer site.Close()
			request, err := http.NewRequestWithContext(t.Context(), e.method, site.URL+e.path, strings.NewReader(e.sent))
			require.NoError(t, err)
			body, err := fetch(&http.Client{Transport: c.Transport(http.DefaultTransport)}, request)
			if e.wrong != "" {
				require.ErrorContains(t, err, e.wrong)
				return
			}
			require.NoError(t, err)
			require.Equal(t, e.body, body, "the answer is passed on as it is")
		})
	}
}

func fetch(client *http.Client, request *http.Request) (string, error) {
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

func TestAnExampleThatIsNotOfItsSchemaIsAnError(t *testing.T) {
	t.Parallel()
	c, err := Read([]byte(petShop))
	require.NoError(t, err)
	seen, err := c.Examples()
	require.NoError(t, err)
	require.Equal(t, 2, seen)

	for _, wrong := range []string{`"example": {"name": 3}`, `"example": {"born": null}`} {
		c, err := Read([]byte(strings.Replace(petShop, `"example": {"name": "Biscuit", "born": null}`, wrong, 1)))
		require.NoError(t, err)
		_, err = c.Examples()
		require.ErrorContains(t, err, "the example of /paths/~1pets/post/responses/201")
	}
	c, err = Read([]byte(strings.Replace(petShop, `"examples": ["Biscuit"]`, `"examples": [3]`, 1)))
	require.NoError(t, err)
	_, err = c.Examples()
	require.ErrorContains(t, err, "the example of /components/schemas/Pet/properties/name")
}

func TestADescriptionThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	for _, broken := range []string{`{`, strings.Replace(petShop, "#/components/schemas/Pet", "#/components/schemas/Cat", 1), strings.Replace(petShop, `"201"`, `"2xx"`, 1)} {
		_, err := Read([]byte(broken))
		require.Error(t, err)
	}
}
