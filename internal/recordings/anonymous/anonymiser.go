package anonymous

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pims-sync/pims-sync/internal/drift"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// An anonymiser replaces what is personal in one recording.
type anonymiser struct {
	m     *mapper
	words map[string]bool // of the wire format, which stay everywhere

	fieldWords, pageWords, tags, attributes, measures, ownKeys map[string]bool

	valueKeys bool // the names of fields may be values, unless they are our own
	weeks     int
	location  *time.Location // of the clinic
	hosts     map[string]string
}

func (a *anonymiser) known(word string) bool { return a.words[word] }

// hold makes a copy of the recording in which everything is replaced, or, before the
// replacements are settled, sees everything.
func (a *anonymiser) hold(r *recordings.Recording) (_ *recordings.Recording, err error) {
	held := *r
	held.Anonymous = true
	held.Began = a.moved(r.Began)
	held.Base = a.origin(r.Base)
	held.Request = a.request(r.Request)
	if held.Settings, err = a.own(r.Settings); err != nil {
		return nil, err
	}
	if held.Before, err = a.before(&r.Before); err != nil {
		return nil, err
	}
	held.Logins = nil
	for _, login := range r.Logins {
		login.Landed = a.origin(login.Landed)
		held.Logins = append(held.Logins, login)
	}
	held.Exchanges = make([]recordings.Exchange, len(r.Exchanges))
	for i := range r.Exchanges {
		if held.Exchanges[i], err = a.exchange(r.Exchanges[i]); err != nil {
			return nil, fmt.Errorf("answer %d: %w", i+1, err)
		}
	}
	held.After = a.outcome(&r.After)
	return &held, nil
}

func (a *anonymiser) request(r recordings.Request) recordings.Request {
	r.StartDate, r.EndDate = a.day(r.StartDate), a.day(r.EndDate)
	r.Settings, _ = a.own(r.Settings) // they were written by this program
	if r.Approved != nil {
		approved := *r.Approved
		approved.StartDate, approved.EndDate = a.day(approved.StartDate), a.day(approved.EndDate)
		approved.Cases = nil
		for _, id := range r.Approved.Cases {
			approved.Cases = append(approved.Cases, a.m.uuid(id))
		}
		r.Approved = &approved
	}
	return r
}

// own replaces what is personal in a document of our own, whose own names stay.
func (a *anonymiser) own(document json.RawMessage) (json.RawMessage, error) {
	if len(document) == 0 {
		return document, nil
	}
	a.valueKeys = true
	defer func() { a.valueKeys = false }()
	replaced := a.json(document, utf8Coding)
	if !json.Valid(replaced) {
		return nil, fmt.Errorf("a stored document is not valid JSON")
	}
	return replaced, nil
}

func (a *anonymiser) before(b *recordings.Before) (held recordings.Before, err error) {
	held.LookedOn = a.day(b.LookedOn)
	for i := range b.Cases {
		c := b.Cases[i]
		c.PIMSID, c.PatientName, c.ClientName, c.PhoneNumber = a.value(c.PIMSID), a.value(c.PatientName), a.value(c.ClientName), a.value(c.PhoneNumber)
		c.ID, c.ScheduledDate = a.m.uuid(c.ID), a.moved(c.ScheduledDate)
		if c.Metadata, err = a.own(c.Metadata); err != nil {
			return held, err
		}
		if c.Reading != nil {
			reading := *c.Reading
			reading.NextTry, reading.ReadAt, reading.Since = a.moved(reading.NextTry), a.moved(reading.ReadAt), a.moved(reading.Since)
			reading.Fingerprint = a.value(reading.Fingerprint)
			c.Reading = &reading
		}
		c.Shown = a.shown(c.Shown)
		held.Cases = append(held.Cases, c)
	}
	held.Forms = make(map[syncs.Type]map[string]*drift.Baseline)
	for kind, endpoints := range b.Forms {
		held.Forms[kind] = make(map[string]*drift.Baseline)
		for endpoint, baseline := range endpoints {
			held.Forms[kind][a.name(endpoint)] = a.baseline(baseline)
		}
	}
	return held, nil
}

func (a *anonymiser) shown(shown map[string]recordings.Whose) map[string]recordings.Whose {
	if shown == nil {
		return nil
	}
	held := make(map[string]recordings.Whose, len(shown))
	for consultation, whose := range shown {
		held[a.value(consultation)] = recordings.Whose{
			PatientID: a.value(whose.PatientID), ClientID: a.value(whose.ClientID), PatientName: a.value(whose.PatientName),
		}
	}
	return held
}

func (a *anonymiser) baseline(b *drift.Baseline) *drift.Baseline {
	held := *b
	held.Last = a.moved(b.Last)
	held.Keys = nil
	for _, key := range b.Keys {
		held.Keys = append(held.Keys, a.finding(key))
	}
	held.Forms = make(map[string]float64)
	for form, n := range b.Forms {
		held.Forms[a.name(form)] += n
	}
	held.Fields = make(map[string]*drift.Field)
	for name, field := range b.Fields {
		held.Fields[a.name(name)] = field
	}
	return &held
}

// finding replaces words of "endpoint field kind".
func (a *anonymiser) finding(key string) string {
	end := strings.LastIndexByte(key, ' ')
	if end < 0 {
		return a.name(key)
	}
	return a.name(key[:end]) + key[end:]
}

// origin replaces the host of an address.
func (a *anonymiser) origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + a.host(u.Host)
}

// host returns another host for each.
func (a *anonymiser) host(name string) string {
	name = strings.ToLower(name)
	if a.hosts[name] == "" {
		a.hosts[name] = fmt.Sprintf("pims%d.invalid", len(a.hosts)+1)
	}
	return a.hosts[name]
}

// address replaces what is personal in an address, each part in the way in which it is
// written.
func (a *anonymiser) address(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	held := ""
	if u.Host != "" {
		held = u.Scheme + "://" + a.host(u.Host)
	}
	parts := strings.Split(u.EscapedPath(), "/")
	for i, part := range parts {
		if plain, err := url.PathUnescape(part); err == nil {
			parts[i] = url.PathEscape(a.name(plain))
		}
	}
	held += strings.Join(parts, "/")
	if u.RawQuery != "" {
		held += "?" + a.form(u.RawQuery)
	}
	return held
}

// form replaces what is personal in a form or query.
func (a *anonymiser) form(text string) string {
	if text == "" {
		return ""
	}
	fields := strings.Split(text, "&")
	for i, field := range fields {
		name, value, given := strings.Cut(field, "=")
		plainName, err := url.QueryUnescape(name)
		plain, valueErr := url.QueryUnescape(value)
		if err != nil || valueErr != nil {
			fields[i] = ""
			continue
		}
		fields[i] = url.QueryEscape(a.name(plainName))
		if given {
			fields[i] += "=" + url.QueryEscape(string(a.text([]rune(plain), place{measured: a.measures[plainName]})))
		}
	}
	return strings.Join(fields, "&")
}

func (a *anonymiser) exchange(e recordings.Exchange) (recordings.Exchange, error) {
	e.URL, e.Form = a.address(e.URL), a.form(e.Form)
	contentType := e.Header["Content-Type"]
	header := make(map[string]string, len(e.Header))
	for name, value := range e.Header {
		switch name {
		case "Location":
			value = a.address(value)
		case "Set-Cookie":
			value = a.name(value)
		case "Content-Type", "Content-Language", "Retry-After":
		default:
			continue
		}
		header[name] = value
	}
	e.Header = header
	content, err := e.Body.Bytes()
	if err != nil {
		return e, err
	}
	c, err := codingOf(contentType, content)
	if err != nil {
		return e, err
	}
	if isPage(content, c) {
		content = a.page(content, c)
	} else {
		content = a.json(content, c)
	}
	e.Body = recordings.NewBody(content)
	return e, nil
}

// isPage reports whether an answer is markup.
func isPage(content []byte, c coding) bool {
	for _, u := range c.split(content[:min(len(content), 64)]) {
		switch u.r {
		case ' ', '\t', '\r', '\n', '\uFEFF', none:
		default:
			return u.r == '<'
		}
	}
	return false
}

func (a *anonymiser) outcome(o *recordings.Outcome) recordings.Outcome {
	held := *o
	held.Error, held.Phases, held.Plans, held.Drift, held.Decisions = "", nil, nil, nil, nil
	for _, p := range o.Phases {
		failures := p.Failures
		p.Failures = nil
		for _, f := range failures {
			f.PIMSID = a.value(f.PIMSID)
			p.Failures = append(p.Failures, f)
		}
		held.Phases = append(held.Phases, p)
	}
	for _, p := range o.Plans {
		p.StartDate, p.EndDate = a.day(p.StartDate), a.day(p.EndDate)
		named := p.Cases
		p.Cases = nil
		for _, id := range named {
			p.Cases = append(p.Cases, a.value(id))
		}
		slices.Sort(p.Cases)
		held.Plans = append(held.Plans, p)
	}
	for _, told := range o.Drift {
		held.Drift = append(held.Drift, a.finding(told))
	}
	for _, d := range o.Decisions {
		d.PIMSID, d.Consultation, d.ScheduledDate = a.value(d.PIMSID), a.value(d.Consultation), a.moved(d.ScheduledDate)
		held.Decisions = append(held.Decisions, d)
	}
	return held
}

// newAnonymiser makes an anonymiser for a recording of a provider.
func newAnonymiser(key []byte, wire pims.Wire, began time.Time, location *time.Location) *anonymiser {
	a := &anonymiser{
		words:      set(wire.Words, ownWords),
		fieldWords: set(wire.Fields, wire.Words, ownFields, commonFields),
		pageWords:  set(pageWords),
		tags:       set(wire.Tags),
		attributes: set(attributes),
		measures:   exactly(wire.Measures, ownMeasures),
		ownKeys:    exactly(ownFields),
		location:   location,
		hosts:      make(map[string]string),
	}
	for name := range exactly(wire.Fields) {
		a.words[strings.ToLower(name)] = true // as in "order=consultedAt:desc"
	}
	a.m = newMapper(key, a.known)
	a.weeks = weeksFor(began, location, a.m.random("weeks").IntN)
	return a
}
