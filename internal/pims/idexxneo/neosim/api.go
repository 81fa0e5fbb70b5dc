package neosim

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"iter"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// perPage is the number of consultations on a page of the search.
const perPage = 20

// asksForJSON tells a script's request from a browser's.
func asksForJSON(r *http.Request) bool {
	return r.Header.Get("X-Requested-With") == "XMLHttpRequest" && strings.Contains(r.Header.Get("Accept"), "application/json")
}

func (c *call) wire() wire { return c.options.wire() }

// providers is the cheap proof of a live session.
func (c *call) providers(w http.ResponseWriter, r *http.Request) {
	rows := list{}
	for _, v := range c.book.staff {
		if !v.Active && r.URL.Query().Get("includeInactive") != "true" {
			continue
		}
		rows = append(rows, object{
			{"id", identifier(v.ID)}, {"name", optional(v.Name)}, {"email", optional(v.Email)}, {"active", flag(v.Active)},
		})
	}
	blank := turn(len(rows) % int(turns)) // of a name that a former provider lacks
	c.answer(w, func(out *bufio.Writer) { _, _ = out.Write(c.wire().list(nil, rows, blank)) })
}

// scheduleConfigs serves the same purpose, and tells hours, slots, vets and rooms.
func (c *call) scheduleConfigs(w http.ResponseWriter, _ *http.Request) {
	vets, rooms := list{}, list{}
	for _, v := range c.book.staff {
		vets = append(vets, object{{"id", identifier(v.ID)}, {"name", v.Name}})
	}
	for n := range 3 {
		rooms = append(rooms, object{{"id", identifier(room(n))}, {"name", "Room " + strconv.Itoa(n+1)}})
	}
	config := object{
		{"businessHours", object{{"start", "08:00"}, {"end", "18:00"}}},
		{"slotLength", 15},
		{"providers", vets},
		{"rooms", rooms},
	}
	c.answer(w, func(out *bufio.Writer) { _, _ = out.Write(c.wire().object(nil, config, turnNull)) })
}

// calendar streams the rows that overlap [start, end) of the practice's wall clock; nothing is paged or collected.
func (c *call) calendar(w http.ResponseWriter, r *http.Request) {
	from, errFrom := time.Parse(spaceLayout, r.URL.Query().Get("start"))
	to, errTo := time.Parse(spaceLayout, r.URL.Query().Get("end"))
	if errFrom != nil || errTo != nil {
		writeJSON(w, http.StatusUnprocessableEntity, `{"message":"start and end must be YYYY-MM-DD HH:MM:SS."}`)
		return
	}
	c.answer(w, func(out *bufio.Writer) {
		open, end := c.envelope()
		_, _ = out.WriteString(open)
		c.writeRows(out, c.book.between(from, to))
		_, _ = out.WriteString(end)
	})
}

func (c *call) envelope() (open, end string) {
	name := string(c.options.Envelope)
	switch {
	case c.fault.Kind == FaultRenamed:
		name = "rows"
	case c.options.Envelope == EnvelopeArray:
		return "[", "]"
	}
	return `{"` + name + `":[`, "]}"
}

func (c *call) writeRows(out *bufio.Writer, rows iter.Seq[*Appointment]) {
	var buf []byte
	format, first := c.wire(), true
	for a := range rows {
		if a.Hidden || c.options.HideCancelled && a.is(cancelled) || c.dropped(a.ID) {
			continue
		}
		buf = buf[:0]
		if !first {
			buf = append(buf, ',')
		}
		first = false
		buf = format.appointment(buf, a)
		if _, err := out.Write(buf); err != nil {
			return
		}
	}
}

// dropped reports whether a fault leaves the row out.
func (c *call) dropped(id string) bool {
	switch c.fault.Kind {
	case FaultEmpty:
		return true
	case FaultHalf:
		return hashed(id)%2 == 0
	default:
		return false
	}
}

// appointment is the point lookup.
func (c *call) appointment(w http.ResponseWriter, r *http.Request) {
	a := c.book.lookup(r.URL.Query().Get("id"))
	if c.options.Lookup == LookupBroken {
		writeJSON(w, http.StatusInternalServerError, `{"message":"Server Error"}`)
		return
	}
	if c.options.Lookup == LookupMissing || a == nil {
		notFound(w)
		return
	}
	c.answer(w, func(out *bufio.Writer) { _, _ = out.Write(c.wire().appointment(nil, a)) })
}

func notFound(w http.ResponseWriter) {
	writeJSON(w, http.StatusNotFound, `{"message":"Not Found"}`)
}

// search lists consultations by time, twenty a page.
func (c *call) search(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	from, errFrom := time.Parse(dottedLayout, query.Get("date_start"))
	to, errTo := time.Parse(dottedLayout, query.Get("date_end"))
	page, errPage := strconv.Atoi(cmp.Or(query.Get("page"), "1"))
	if errFrom != nil || errTo != nil || errPage != nil || page < 1 || page > math.MaxInt32 {
		writeJSON(w, http.StatusUnprocessableEntity, `{"message":"date_start and date_end must be DD.MM.YYYY HH:MM:SS, page a number."}`)
		return
	}
	found := c.book.consultationsBetween(from, to)
	found = slices.DeleteFunc(found, func(x *Consultation) bool { return c.dropped(x.ID) })
	slices.SortFunc(found, func(a, b *Consultation) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	if slices.Contains(query["order[]"], "consultedAt:desc") {
		slices.Reverse(found)
	}
	c.answer(w, func(out *bufio.Writer) { c.writePage(out, found, page) })
}

func (c *call) writePage(out *bufio.Writer, found []*Consultation, page int) {
	begin := min((page-1)*perPage, len(found))
	format, name := c.wire(), "data"
	if c.fault.Kind == FaultRenamed {
		name = "rows"
	}
	_, _ = fmt.Fprintf(out, `{"%s":[`, name)
	for i, x := range found[begin:min(begin+perPage, len(found))] {
		if i > 0 {
			_ = out.WriteByte(',')
		}
		entry := format.named(override(format.searched(x), x.Raw))
		_, _ = out.Write(format.object(nil, entry, turn(hashed(x.ID)%uint32(turns))))
	}
	_, _ = fmt.Fprintf(out, `],"total":%d,"page":%d,"perPage":%d}`, len(found), page, perPage)
}

// view is one consultation in the old shape.
func (c *call) view(w http.ResponseWriter, _ *http.Request, id string) {
	exists := c.options.Views == ViewsBoth || c.options.Views == ViewsOld
	c.show(w, id, exists, func(x *Consultation) object { return c.wire().named(override(c.wire().viewed(x), x.Raw)) })
}

// pageData is one consultation in the newer shape.
func (c *call) pageData(w http.ResponseWriter, _ *http.Request, id string) {
	exists := c.options.Views == ViewsBoth || c.options.Views == ViewsPageData
	c.show(w, id, exists, func(x *Consultation) object { return override(c.wire().pageData(x), x.RawPage) })
}

func (c *call) show(w http.ResponseWriter, id string, exists bool, write func(*Consultation) object) {
	x := c.book.consultation(id)
	if !exists || x == nil || x.Unreadable {
		notFound(w)
		return
	}
	row := write(x)
	if c.fault.Kind == FaultRenamed {
		row = object{{"payload", row}}
	}
	c.answer(w, func(out *bufio.Writer) {
		_, _ = out.Write(c.wire().object(nil, row, turn(hashed(x.ID)%uint32(turns))))
	})
}

// answer writes JSON with status 200, whole or as the fault has it.
func (c *call) answer(w http.ResponseWriter, write func(*bufio.Writer)) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	switch c.fault.Kind {
	case FaultTruncated, FaultDisconnect, FaultSaysFailed, FaultCharset:
		c.spoil(w, write)
	default:
		out := bufio.NewWriterSize(c.options.Charset.writer(w), 32<<10)
		write(out)
		_ = out.Flush() // the client may have gone
	}
}

// spoil writes what the fault makes of the whole answer.
func (c *call) spoil(w http.ResponseWriter, write func(*bufio.Writer)) {
	var whole bytes.Buffer
	out := bufio.NewWriter(&whole)
	write(out)
	_ = out.Flush()
	if c.fault.Kind == FaultCharset {
		_, _ = w.Write(bytes.Replace(whole.Bytes(), []byte{'"'}, []byte("\"\xeb"), 1))
		return
	}
	if c.fault.Kind == FaultSaysFailed {
		_, _ = w.Write(saysFailed(whole.Bytes(), cmp.Or(c.fault.Body, `"success":false,"message":"Server Error"`)))
		return
	}
	if c.fault.Kind == FaultDisconnect {
		w.Header().Set("Content-Length", strconv.Itoa(whole.Len()))
	}
	_, _ = w.Write(whole.Bytes()[:whole.Len()/2])
	if c.fault.Kind == FaultDisconnect {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// saysFailed adds members to an answer, behind its own; a list becomes the member data.
func saysFailed(answer []byte, members string) []byte {
	if answer[0] == '[' {
		return fmt.Appendf(nil, `{"data":%s,%s}`, answer, members)
	}
	return fmt.Appendf(nil, `%s,%s}`, answer[:len(answer)-1], members)
}

// failed lets a fault answer, and reports whether it did. Faults that only spoil a right answer are left to answer.
func (c *call) failed(w http.ResponseWriter, r *http.Request) bool {
	f := c.fault
	if !pause(r, f.Delay) {
		return true
	}
	switch f.Kind {
	case FaultStatus:
		f.writeStatus(w, c.sim.options.Now())
	case FaultHTML:
		writeHTML(w, http.StatusOK, brokenTemplate, nil)
	case FaultMaintenance:
		writeHTML(w, http.StatusOK, maintenanceTemplate, nil)
	case FaultBody:
		writeJSON(w, http.StatusOK, cmp.Or(f.Body, "null"))
	case FaultLongText:
		writeJSON(w, http.StatusOK, `[{"reason":"`+strings.Repeat("a", 8<<20)+`"}]`)
	case FaultDeep:
		writeJSON(w, http.StatusOK, strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000))
	case FaultHang:
		select {
		case <-r.Context().Done():
		case <-f.cleared:
			return false
		}
	case FaultSessionDies:
		c.sim.endSession(r)
		c.expired(w, r)
	case FaultLoggedOut:
		c.expired(w, r)
	case FaultOtherPractice:
		c.book = c.sim.otherBook()
		if f.Other != nil {
			c.book = f.Other.book
		}
		return false
	default:
		return false
	}
	return true
}

// writeStatus is a refusal by status code, with Retry-After in one of its two forms: a date is
// one of the practice's clock.
func (f Fault) writeStatus(w http.ResponseWriter, now time.Time) {
	code := cmp.Or(f.Code, http.StatusInternalServerError)
	switch {
	case f.RetryAfter > 0 && f.RetryAfterDate:
		w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
		w.Header().Set("Retry-After", now.Add(f.RetryAfter).UTC().Format(http.TimeFormat))
	case f.RetryAfter > 0:
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	writeJSON(w, code, object{{"message", http.StatusText(code)}}.json())
}
