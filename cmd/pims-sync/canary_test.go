package main

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/app"
	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/console/signin"
	"github.com/pims-sync/pims-sync/internal/leaving"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/pims/idexxneo/neosim"
	"github.com/pims-sync/pims-sync/internal/postgres/fleetstore"
	"github.com/pims-sync/pims-sync/internal/secret"
	"github.com/pims-sync/pims-sync/internal/tracing"
	"github.com/pims-sync/pims-sync/internal/tracing/tracetest"
)

// A canary is a server with everything switched on, and what it may show nowhere.
type canary struct {
	*testing.T

	world   *world
	clinic  *practice
	traces  *tracetest.Collector
	end     func() // of the server, which sends its last traces
	fleet   string // a key
	browser *http.Client
	secrets map[string]string // by what they are
	heard   bytes.Buffer      // every response but those that show a secret once
	next    string            // where the last response leads
	last    string            // the last response
}

// names are of patients, clients and those who treat them, and what they said.
var names = []string{"Pxatient", "Fxirst", "Lxast", "555-0199-77", "x-mail@example.com", "Rxeason", "Dxoctor", "Txitle", "Nxote", "Dxischarge", "Dxiagnosis"}

// personal are the tables with data of patients and clients: a dry run keeps what it would
// change, for a week, and the words of a practice are what stands in its calendar (R50).
var personal = map[string]bool{"table cases": true, "table case_events": true, "table case_sync_audits": true, "table pims_words": true}

// hashOfPassword names the one secret that a table holds as it is.
const hashOfPassword = "hash of a password"

func newCanary(t *testing.T) *canary {
	t.Helper()
	c := &canary{T: t, traces: tracetest.New(t), secrets: map[string]string{
		"password of the mail server": "mail-Zxanzibar-1", "secret of the OpenID client": "oidc-Zxanzibar-2",
		"password of a person": "person-Zxanzibar-3", "URL of a chat": "chat-Zxanzibar-4", "code of OpenID Connect": "code-Zxanzibar-5",
	}}
	hangsUp := hangUp(t)
	traces, err := tracing.Start(t.Context(), tracing.Options{Endpoint: c.traces.URL, Version: thisBuild().Version})
	require.NoError(t, err)
	c.world = newWorld(t, func(config *cli.Config, o *app.ServerOptions) {
		o.Engine.Tracing = traces
		config.SMTPURL, config.MailFrom = secret.New("smtp://mailer:"+c.secrets["password of the mail server"]+"@"+hangsUp), "sync@example.com"
		o.Console = &app.ConsoleOptions{OpenID: &signin.OpenID{
			Issuer: tellsAll(t), ClientID: "pims-sync", ClientSecret: secret.New(c.secrets["secret of the OpenID client"]),
		}}
	})
	c.end = func() { c.world.replicas[0].end(); traces.Close() }
	t.Cleanup(c.end)
	c.clinic = c.world.practice(t, neosim.Options{})
	c.secrets["API key"] = c.clinic.key[9:]
	row, key := access.IssueFleetKey(access.FleetKey{Name: "portal", Scope: access.FleetAdmin, CreatedBy: "os:root"}, time.Now())
	_, err = fleetstore.New(c.world.store.DB).AddFleetKey(t.Context(), row)
	require.NoError(t, err)
	c.fleet, c.secrets["fleet key"] = key, key[9:]
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	c.browser = &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c
}

// hangUp is the address of a server that ends each connection.
func hangUp(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	return listener.Addr().String()
}

// tellsAll is a provider of OpenID Connect, and a chat, whose refusals repeat all that they
// were sent.
func tellsAll(t *testing.T) string {
	t.Helper()
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "openid-configuration") {
			_ = json.NewEncoder(w).Encode(map[string]any{
				"issuer": server.URL, "authorization_endpoint": server.URL + "/authorize", "token_endpoint": server.URL + "/token", "jwks_uri": server.URL + "/keys",
				"id_token_signing_alg_values_supported": []string{"RS256"},
			})
			return
		}
		body, _ := io.ReadAll(r.Body)
		_, password, _ := r.BasicAuth()
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_grant", "error_description": r.URL.String() + password + string(body)})
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// send sends a request and keeps the response for the end. shown are names of fields that
// hold a secret, once: it is a secret from then on.
func (c *canary) send(method, path, key, body string, shown ...string) (int, map[string]any) {
	c.Helper()
	r, err := http.NewRequestWithContext(c.Context(), method, c.clinic.via.URL()+path, strings.NewReader(body))
	require.NoError(c, err)
	r.Header.Set("X-API-Key", key)
	if strings.HasPrefix(path, "/console") {
		r.Header.Del("X-API-Key")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", c.clinic.via.URL())
	} else if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := c.browser.Do(r)
	require.NoError(c, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(c, err)
	c.next, c.last = response.Header.Get("Location"), string(text)
	var document map[string]any
	_ = json.Unmarshal(text, &document) // a page is none
	for _, field := range shown {
		value, ok := document[field].(string)
		require.True(c, ok, "%s %s: %s", method, path, text)
		c.secrets[field+" of "+method+" "+path] = value
	}
	if len(shown) == 0 {
		c.heard.Write(text)
	}
	return response.StatusCode, document
}

// What is secret, and who somebody is, stands where it belongs and nowhere else: syncs and
// their failures, the console, sign-ins, exports, recordings, webhooks, notifications, and
// requests that have a secret in the wrong place are played, and then everything is searched.
func TestNobodysDataReachesALogAMetricOrAnError(t *testing.T) { // R37, R40
	t.Parallel()
	c := newCanary(t)
	c.sync()
	c.signIn()
	c.look()
	c.tell()
	c.mistake()

	metrics := fetch(t, c.clinic.via.URL()+"/metrics")
	c.end()
	for cookie := range maps.Keys(c.cookies()) {
		c.secrets["session "+cookie] = cookie
	}
	for i, s := range c.world.secrets {
		c.secrets["known to the world "+string(rune('a'+i))] = s
	}
	require.Greater(t, len(c.secrets), 15)
	places := map[string]string{"log": c.world.log.String(), "metrics": metrics, "traces": c.traces.Raw(), "responses": c.heard.String()}
	for table, text := range c.rows() {
		places["table "+table] = text
	}
	for what, value := range c.secrets {
		require.Greater(t, len(value), 8, what)
		for place, text := range places {
			if place == "table people" && what == hashOfPassword || value == neosim.DefaultUsername && strings.HasPrefix(place, "table ") {
				continue // there it may be
			}
			c.requireAbsent(place, text, value, what)
		}
	}
	for _, name := range names {
		require.Contains(t, places["table cases"], name, "the test sees it where it may be")
		for place, text := range places {
			if !personal[place] {
				c.requireAbsent(place, text, name, "name of somebody")
			}
		}
	}
}

// requireAbsent fails where a text holds a value, and shows what is around it.
func (c *canary) requireAbsent(place, text, value, what string) {
	c.Helper()
	if at := strings.Index(text, value); at >= 0 {
		require.Fail(c, "the "+what+" is in the "+place, "…%s…", text[max(0, at-200):min(len(text), at+100)])
	}
}

// sync runs a recorded sync, gives each kind of trouble its chance to say too much, and reads
// the feed.
func (c *canary) sync() {
	c.Helper()
	p := c.clinic
	yesterday := p.Today().AddDate(0, 0, -1).Add(9 * time.Hour)
	full := neosim.Appointment{
		ID: "1", Start: yesterday, ConsultationID: "51", Patient: "Pxatient", FirstName: "Fxirst", LastName: "Lxast", Phone: "555-0199-77",
		Email: "x-mail@example.com", Reason: "Rxeason", Provider: "Dxoctor", Title: "Txitle", Status: "Completed",
	}
	odd, unusable, unknown, headless := full, full, full, full
	odd.ID, odd.ConsultationID = "2", "52"
	unusable.ID, unusable.Raw = "3", map[string]any{"start": "Lxast o'clock"}
	unknown.ID, unknown.Status = "4", "Lxast status"
	headless.Raw = map[string]any{"id": nil, "appointment_id": nil}
	p.SetAppointments(full, odd, unusable, unknown)
	p.AddConsultation(neosim.Consultation{
		ID: "51", AppointmentID: "1", Patient: "Pxatient", Client: "Lxast", At: yesterday, Status: "completed", Notes: "S: Nxote", Discharge: "Dxischarge",
		Diagnoses: []string{"Dxiagnosis"},
	})
	p.AddConsultation(neosim.Consultation{
		ID: "52", AppointmentID: "2", Patient: "Pxatient", Client: "Lxast", At: yesterday, Status: "completed", Unreadable: true, Notes: "S: Nxote",
	})
	said := &c.heard
	for _, body := range []string{strings.Replace(p.sinceYesterday(), "{", `{"record": true, `, 1), `{"dryRun": true}`} {
		a := p.sync(c, "full", body)
		require.Equal(c, 200, a.status, a.body)
	}
	// Each kind of trouble has its chance to say too much.
	p.SetAppointments(full, headless)
	said.WriteString(p.sync(c, "inbound", p.sinceYesterday()).text("error"))
	for _, fault := range []neosim.Fault{
		{Kind: neosim.FaultTruncated},
		{Kind: neosim.FaultRenamed},
		{Kind: neosim.FaultBody, Body: `{"Lxast": ["Pxatient"]}`},
		{Kind: neosim.FaultBody, Body: `[{"id": 1, "start": {"Lxast": "Pxatient"}, "patient_name": ["Pxatient"]}]`},
		{Kind: neosim.FaultDisconnect},
	} {
		fault.Op, fault.Count = neosim.OpCalendar, neosim.Forever
		p.Fail(fault)
		said.WriteString(p.sync(c, "inbound", p.sinceYesterday()).text("error"))
		p.ClearFaults()
	}
	for _, fault := range []neosim.Fault{{Kind: neosim.FaultTruncated}, {Kind: neosim.FaultBody, Body: `{"clinicalNotes": ["Nxote"], "id": "Lxast"}`}} {
		fault.Op, fault.Count = neosim.OpView, neosim.Forever
		p.Fail(fault)
		said.WriteString(p.sync(c, "cases", `{"force": true}`).text("error"))
		p.ClearFaults()
	}
	_, changes := c.send(http.MethodGet, "/api/changes", p.key, "", "cursor")
	cursor, _ := changes["cursor"].(string)
	status, _ := c.send(http.MethodGet, "/api/changes?after="+url.QueryEscape(cursor), p.key, "", "cursor")
	require.Equal(c, http.StatusOK, status)
	status, _ = c.send(http.MethodGet, "/api/changes?after=x"+url.QueryEscape(cursor), p.key, "")
	require.Equal(c, http.StatusBadRequest, status)
}

// signIn signs a person in and out: wrongly, rightly, by OpenID Connect, by a link.
func (c *canary) signIn() {
	c.Helper()
	store := c.world.store
	hash, err := people.HashPassword(c.Context(), c.secrets["password of a person"])
	require.NoError(c, err)
	_, err = store.People().Invite(c.Context(), cli.By(), people.Person{Email: "ada@example.com", Name: "Ada", Role: access.RoleAdmin, Password: secret.New(hash)})
	require.NoError(c, err)
	c.secrets[hashOfPassword] = hash[strings.LastIndex(hash, "$")+1:]
	form := func(password string) string {
		return url.Values{"email": {"ada@example.com"}, "password": {password}}.Encode()
	}
	status, _ := c.send(http.MethodPost, "/console/sign-in", "", form("wrong-"+c.secrets["password of a person"]))
	require.Equal(c, http.StatusUnauthorized, status)
	status, _ = c.send(http.MethodGet, "/console/openid", "", "")
	require.Equal(c, http.StatusSeeOther, status)
	leads, err := url.Parse(c.next)
	require.NoError(c, err)
	back := "/console/openid/callback?" + url.Values{"state": {leads.Query().Get("state")}, "code": {c.secrets["code of OpenID Connect"]}}.Encode()
	status, _ = c.send(http.MethodGet, back, "", "")
	require.Equal(c, http.StatusBadGateway, status)
	link, err := store.People().ConsoleLink(c.Context(), "root")
	require.NoError(c, err)
	c.secrets["link of the console"] = link
	c.send(http.MethodGet, "/console/link?token=x"+link, "", "")
	status, _ = c.send(http.MethodPost, "/console/sign-in", "", form(c.secrets["password of a person"]))
	require.Equal(c, http.StatusSeeOther, status)
	status, _ = c.send(http.MethodGet, "/console", "", "")
	require.Equal(c, http.StatusOK, status)
	c.secrets["link of a practice"] = c.statusLink()
}

func (c *canary) statusLink() string {
	c.Helper()
	_, token, err := c.world.store.Practice().Create(c.Context(), cli.By(), c.clinic.id, "door")
	require.NoError(c, err)
	status, _ := c.send(http.MethodGet, "/status/"+token+".json", "", "")
	require.Equal(c, http.StatusOK, status)
	return token
}

// look searches a patient in the console, reads the case and its history, and exports the
// clinic. The responses show what they should, and are not kept.
func (c *canary) look() {
	c.Helper()
	heard := c.heard.Len()
	status, _ := c.send(http.MethodGet, "/console/cases", "", "")
	require.Equal(c, http.StatusOK, status)
	_, token, _ := strings.Cut(c.last, `name="csrf" value="`)
	token, _, _ = strings.Cut(token, `"`)
	found, _ := c.send(http.MethodPost, "/console/cases", "", url.Values{"csrf": {token}, "clinic": {c.clinic.id.String()}, "q": {"Pxatient"}}.Encode())
	require.Equal(c, http.StatusOK, found)
	var id string
	require.NoError(c, c.world.store.Pool().QueryRow(c.Context(), "select id from cases where pims_id = '1'").Scan(&id))
	require.Contains(c, c.last, "/console/cases/"+id)
	status, _ = c.send(http.MethodGet, "/console/cases/"+id, "", "")
	require.Equal(c, http.StatusOK, status)
	require.Contains(c, c.last, "Nxote")
	for path, shown := range map[string]string{"/api/cases": "Pxatient", "/api/cases/" + id: "Pxatient", "/api/cases/" + id + "/history": "Nxote"} {
		status, body := c.send(http.MethodGet, path, c.clinic.key, "")
		require.Equal(c, http.StatusOK, status, body)
		require.Contains(c, c.last, shown)
	}
	c.heard.Truncate(heard)
	var archive bytes.Buffer
	_, err := c.world.store.Export(c.Context(), cli.By(), &archive, leaving.Subject{ClinicID: c.clinic.id})
	require.NoError(c, err)
}

// tell adds a webhook and channels, none of which takes what it is sent.
func (c *canary) tell() {
	c.Helper()
	chat := tellsAll(c.T) + "/services/" + c.secrets["URL of a chat"]
	status, hook := c.send(http.MethodPost, "/api/webhooks", c.fleet, `{"url": "`+tellsAll(c.T)+`/hook"}`, "secret")
	require.Equal(c, http.StatusCreated, status, hook)
	id, _ := hook["id"].(string)
	c.send(http.MethodPost, "/api/webhooks/"+id+"/test", c.fleet, "")
	c.send(http.MethodPost, "/api/webhooks/"+id+"/rotate", c.fleet, "", "secret")
	for _, channel := range []string{
		`{"type": "slack", "url": "` + chat + `"}`, `{"type": "slack", "url": "http://` + hangUp(c.T) + "/" + c.secrets["URL of a chat"] + `"}`,
		`{"type": "email", "email": "ops@example.com"}`,
	} {
		status, added := c.send(http.MethodPost, "/api/notifications", c.fleet, channel)
		require.Equal(c, http.StatusCreated, status, added)
		id, _ := added["id"].(string)
		status, sent := c.send(http.MethodPost, "/api/notifications/"+id+"/test", c.fleet, "")
		require.Equal(c, http.StatusOK, status, sent)
		require.Equal(c, false, sent["sent"])
	}
	status, _ = c.send(http.MethodPost, "/api/fleet-keys", c.fleet, `{"name": "another", "scope": "fleet:read"}`, "key")
	require.Equal(c, http.StatusCreated, status)
	for _, path := range []string{"/api/webhooks", "/api/notifications", "/api/fleet-keys", "/api/people", "/api/system", "/api/operator-events", "/api/clinics", "/api/syncs"} {
		status, body := c.send(http.MethodGet, path, c.fleet, "")
		require.Equal(c, http.StatusOK, status, body)
	}
}

// mistake puts secrets where they do not belong.
func (c *canary) mistake() {
	c.Helper()
	for what, value := range c.secrets {
		if strings.HasPrefix(what, "secret of POST") {
			continue
		}
		for _, path := range []string{"/api/cases?apiKey=" + value, "/api/cases/" + value, "/" + value, "/api/cases?cursor=" + value, "/status/" + value + "x"} {
			c.send(http.MethodGet, path, c.clinic.key, "")
		}
		heard := c.heard.Len()
		c.send(http.MethodGet, "/console/"+value, "", "")
		c.heard.Truncate(heard) // a page knows its own address
		c.send(http.MethodGet, "/api/cases", "x"+value, "")
		c.send(http.MethodPost, "/api/sync/inbound", c.clinic.key, `{"startDate": "`+value+`"}`)
	}
}

// cookies are the values of the browser's cookies.
func (c *canary) cookies() map[string]bool {
	c.Helper()
	address, err := url.Parse(c.clinic.via.URL())
	require.NoError(c, err)
	values := map[string]bool{}
	for _, cookie := range c.browser.Jar.Cookies(address) {
		if len(cookie.Value) > 8 {
			values[cookie.Value] = true
		}
	}
	require.NotEmpty(c, values)
	return values
}

// rows are all tables, as texts.
func (c *canary) rows() map[string]string {
	c.Helper()
	pool := c.world.store.Pool()
	found, err := pool.Query(c.Context(), "select tablename::text from pg_tables where schemaname = 'public'")
	require.NoError(c, err)
	tables, err := pgx.CollectRows(found, pgx.RowTo[string])
	require.NoError(c, err)
	texts := map[string]string{}
	for _, table := range tables {
		var text bytes.Buffer
		rows, err := pool.Query(c.Context(), "select to_jsonb(t)::text from "+pgx.Identifier{table}.Sanitize()+" t")
		require.NoError(c, err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(c, err)
		for _, line := range lines {
			text.WriteString(line + "\n")
		}
		texts[table] = text.String()
	}
	return texts
}
