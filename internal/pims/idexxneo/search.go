package idexxneo

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/pims-sync/pims-sync/internal/panics"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/pims/memory"
	"github.com/pims-sync/pims-sync/internal/pims/pimshttp"
)

const (
	parallelPages = 10      // requests of one search at a time
	maxEntries    = 200_000 // of one search; more is no total
)

// errMoved: entries were added or removed while the pages were read.
var errMoved = fmt.Errorf("the consultations changed while they were listed: %w", pims.ErrSchemaDrift)

// SearchConsultations implements pims.Session. The pages must form one list. Where they do
// not, because the list changed between two pages, it is read once more. An entry on two
// neighbouring pages may also come from such a change, so the list is read once more for
// it, too; if both readings have the same double entries, these count once. NEO.md
// §Consultations.
func (s *session) SearchConsultations(ctx context.Context, window pims.Window) ([]pims.ConsultationEntry, error) {
	read := func(held *memory.Fetching) (list, error) { return s.search(ctx, window, held) }
	first, err := memory.Fetch(ctx, read)
	if err == nil && len(first.doubled) == 0 {
		return first.entries, nil
	}
	if err != nil && !errors.Is(err, errMoved) {
		return nil, err
	}
	second, err := memory.Fetch(ctx, read)
	if err != nil {
		return nil, err
	}
	if len(second.doubled) > 0 && !slices.Equal(first.doubled, second.doubled) {
		return nil, errMoved
	}
	return second.entries, nil
}

// search reads the first page and then the others, several at a time. Where the list ends
// before its total, the total counted entries that are not listed (NEO.md §Consultations).
// Where the list is longer, the pages say where it ends.
func (s *session) search(ctx context.Context, window pims.Window, held *memory.Fetching) (list, error) {
	first, err := s.searchPage(ctx, window, 1, held)
	if err != nil {
		return list{}, err
	}
	l := list{first: first, seen: make(map[string]listed)}
	if err := l.add(first); err != nil {
		return l, err
	}
	for l.goesOn() {
		next := l.pages + 1
		pages := make([]searchPage, max(1, min(parallelPages, first.pages()-next+1)))
		group, ctx := panics.NewGroupWith(ctx, parallelPages)
		for i := range pages {
			group.Do(func() (err error) {
				pages[i], err = s.searchPage(ctx, window, next+i, held)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return l, err
		}
		if err := l.add(pages...); err != nil {
			return l, err
		}
	}
	if l.rows > 0 && len(l.entries) == 0 {
		return l, drift("no entry of the search has an id")
	}
	return l, nil
}

// A list joins the pages. Each page has the same total and length, only the last may be
// shorter. Entries with one id, on one page or on neighbouring ones, count once (R6), also
// where they differ.
type list struct {
	first   searchPage
	entries []pims.ConsultationEntry
	doubled []string // ids of the entries that two neighbouring pages hold, in order
	seen    map[string]listed
	rows    int  // of all pages
	doubles int  // rows that an earlier row equals
	pages   int  // that were read
	ended   bool // a page was not full
	empty   bool // a page was empty
}

// A listed is the position of an entry in a list.
type listed struct {
	at   int // among the entries
	page int // the last one that holds it
}

func (l *list) add(pages ...searchPage) error {
	for _, p := range pages {
		if p.total != l.first.total || p.perPage != l.first.perPage || p.rows > p.perPage || l.ended && p.rows > 0 {
			return errMoved
		}
		l.pages++
		l.rows += p.rows
		l.ended = l.ended || p.rows < p.perPage
		l.empty = l.empty || p.rows == 0
		for _, e := range p.entries {
			if err := l.take(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// take adds an entry of the page that was read last.
func (l *list) take(e pims.ConsultationEntry) error {
	before, again := l.seen[e.ID]
	if !again {
		l.seen[e.ID] = listed{len(l.entries), l.pages}
		l.entries = append(l.entries, e)
		return nil
	}
	if l.pages > before.page+1 {
		return errMoved
	}
	if kept := &l.entries[before.at]; kept.Fingerprint != e.Fingerprint {
		*kept = contradicted(*kept, e)
	}
	if l.pages > before.page {
		l.doubled = append(l.doubled, e.ID)
		l.seen[e.ID] = listed{before.at, l.pages}
	}
	l.doubles++
	return nil
}

// contradicted joins two different entries of one consultation, whatever their order. Where
// they name different visits, the search does not say whose it is (R9, R20).
func contradicted(a, b pims.ConsultationEntry) pims.ConsultationEntry {
	if a.Fingerprint > b.Fingerprint {
		a, b = b, a
	}
	visit := cmp.Or(a.AppointmentID, b.AppointmentID)
	a.Contested = a.Contested || b.Contested || cmp.Or(b.AppointmentID, visit) != visit
	a.AppointmentID = visit
	if a.Contested {
		a.AppointmentID = ""
	}
	return a
}

// goesOn reports whether a further page may hold an entry. As far as the total shows, a
// page that is not full is the last only if the next one is empty. The total may not count
// double entries.
func (l *list) goesOn() bool {
	if l.pages < l.first.pages() {
		return !l.empty && l.rows != l.first.total
	}
	return !l.ended && l.rows+l.doubles > l.first.total && l.rows < maxEntries
}

func (s *session) searchPage(ctx context.Context, window pims.Window, number int, held *memory.Fetching) (searchPage, error) {
	start, end := spanOf(window).bounds(searchLayout)
	request := pimshttp.Request{
		Operation: pims.OpSearch,
		Path:      "/consultations/search",
		Query: url.Values{
			"page":       {strconv.Itoa(number)},
			"date_start": {start},
			"date_end":   {end},
			"order[]":    {"consultedAt:desc"},
		},
	}
	var page searchPage
	kept := held.Share()
	err := s.client.GetJSON(ctx, request, func(d *jsontext.Decoder) (err error) {
		kept.GiveBack()
		r := newReader(d)
		r.held = kept
		page, err = r.searchPage(s.location)
		return err
	})
	if err == nil && page.number != number {
		err = drift("another page came than was asked for")
	}
	return page, err
}

// searchPage is one page of a search.
type searchPage struct {
	entries []pims.ConsultationEntry
	rows    int // entries, doubles, and what has no id
	total   int // entries of all pages
	number  int // of this page, from 1
	perPage int
}

// pages returns how many pages the total needs.
func (p searchPage) pages() int {
	if p.total <= p.perPage {
		return 1
	}
	return (p.total + p.perPage - 1) / p.perPage
}

// searchPage reads one page. Only a complete list may lack the number of the page and its
// length.
func (r *reader) searchPage(location *time.Location) (searchPage, error) {
	p := searchPage{total: -1, number: -1, perPage: -1}
	found := false
	held := func() holding {
		if p.rows > 0 {
			return holdsRows
		}
		return holdsNothing
	}
	_, err := r.envelope(held, func(name []byte) (err error) {
		switch string(name) {
		case "data":
			found = true
			err = r.array(func() error {
				entry, err := r.entry(location)
				p.rows++
				if entry.ID == "" || err != nil {
					return err
				}
				p.entries = append(p.entries, entry)
				return r.held.Take(entry.Size())
			})
		case "total":
			p.total, err = r.count()
		case "page":
			p.number, err = r.count()
		case "perPage":
			p.perPage, err = r.count()
		default:
			err = r.skip()
		}
		return err
	})
	if err != nil {
		return p, err
	}
	whole := p.total == p.rows
	if whole && p.perPage <= 0 {
		p.perPage = p.total
	}
	if whole && p.number < 0 {
		p.number = 1
	}
	if !found || p.total < 0 || p.number < 0 || p.perPage < 0 || p.perPage == 0 && p.total > 0 {
		return p, drift("the search has no list, total, page or perPage")
	}
	return p, nil
}

// count reads a number of entries or pages; -1 where there is none.
func (r *reader) count() (int, error) {
	text, err := r.whole()
	if err != nil {
		return 0, err
	}
	if n, err := strconv.Atoi(text); err == nil && n >= 0 && n <= maxEntries {
		return n, nil
	}
	return -1, nil
}

// entry reads one line of a search and computes its fingerprint. A value that is not an
// object has no id.
func (r *reader) entry(location *time.Location) (pims.ConsultationEntry, error) {
	raw, err := r.decoder.ReadValue()
	if err != nil {
		return pims.ConsultationEntry{}, err
	}
	if raw.Kind() != '{' {
		return pims.ConsultationEntry{}, nil
	}
	raw = raw.Clone()
	var entry pims.ConsultationEntry
	var id, appointmentID reference
	inner := newReader(jsontext.NewDecoder(bytes.NewReader(raw), tolerant()...))
	err = inner.object(func(name []byte) (err error) {
		var at string
		switch string(name) {
		case "id", "consultation_id", "consultationId":
			err = inner.reference(&id)
		case "appointment_id", "appointmentId":
			err = inner.reference(&appointmentID)
		case "appointment":
			err = inner.referenceIn(&appointmentID)
		case "consultedAt":
			at, err = inner.text()
			entry.At = consultedAt(at, location)
		case "status":
			entry.StatusText, err = inner.text()
			entry.Status = consultationStatus(entry.StatusText)
		default:
			err = inner.skip()
		}
		return err
	})
	if err != nil {
		return entry, err
	}
	if !id.torn {
		entry.ID = id.id
	}
	if !appointmentID.torn { // else the entry names no visit, and its view is refused
		entry.AppointmentID = appointmentID.id
	}
	entry.Fingerprint, err = fingerprint(raw)
	return entry, err
}

// fingerprint returns a hash that is equal for equal content, whatever the spacing and the
// order of the fields. It changes raw.
func fingerprint(raw jsontext.Value) (string, error) {
	if err := raw.Format(append(tolerant(), jsontext.ReorderRawObjects(true))...); err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:16]), nil
}
