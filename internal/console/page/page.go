package page

import (
	"cmp"
	"encoding/csv"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/people"
)

// A Page is one screen: a function that reads what it shows, and a template. To add one,
// write a file with a function that returns its Page, a template of the same name in
// templates, and a line in Pages of its package (docs/architecture.md).
type Page struct {
	Path     string            // below Root, as http.ServeMux has it: "/runs", "/runs/{id}"; "/" is the first
	Title    string            // of the window and the heading
	Template string            // the name of its file in templates, without .html
	Nav      string            // the icon in the navigation; empty: it is not in the navigation
	Under    string            // the path of the page whose item of the navigation is marked; empty: its own
	Group    string            // the heading of its part of the navigation; empty: the first part
	Needs    access.Permission // what its caller must have

	// Count returns the number that the navigation shows beside the page's title; nil, and 0:
	// none. Every page asks for it, so it must be cheap.
	Count func(*Visit) (int, error)

	// Show returns what the template shows, as .Page. ErrNotFound shows that there is no
	// such page; a Problem shows its text; every other error is hidden and logged.
	Show func(*Visit) (any, error)

	// Acts are what the page's forms do, by the value of their field act. An act returns
	// the notice that is shown on the page afterwards. A Problem shows the page again with
	// its text and what was typed.
	Acts map[string]Act

	// Lives are acts that a person watches, by the value of the field act.
	Lives map[string]LiveAct

	// Searches means that a form without an act searches, and that Show reads what it sends:
	// names and phone numbers stand in no address (R40).
	Searches bool

	// CSV returns the rows of the same page as a file, headings first, at Root/<Template>.csv;
	// nil: there is none.
	CSV func(*Visit) ([][]string, error)
}

// address returns where a page is.
func (p *Page) address() string { return strings.TrimSuffix(Root+p.Path, "/") }

// An Act is what a form does. Needs is what its caller must have.
type Act struct {
	Needs access.Permission
	Do    func(*Visit) (Notice, error)
}

// A Notice is what a page says once, after an act.
type Notice struct {
	Text string
	Warn bool   // nothing was done
	Copy string // something to take away, such as a link or a key; empty: nothing
	Next string // the address that is shown afterwards; empty: the page itself
}

// ErrNotFound means that what a page would show does not exist, or not for this caller.
var ErrNotFound = errors.New("not found")

// A Problem is an error that a person can mend. Its text is shown.
type Problem string

func (p Problem) Error() string { return string(p) }

// A Visit is one request of somebody who is signed in.
type Visit struct {
	*http.Request
	Base    *url.URL // where people find the server
	Session people.Session
	Caller  access.Caller
	Now     time.Time
	Typed   url.Values // the form that was sent, where it is shown again
	Live    bool       // a LiveAct runs: the page has {{live}}
	Problem string     // why it is shown again
	Bare    bool       // the page stands alone, and needs no sign-in

	kept    map[string]any // what the page has read, for its other parts
	failed  bool           // the page says that something went wrong
	unknown Problem        // of a value of the address that the page does not know; empty: there is none
	token   string         // of the session; empty: nobody is signed in
	theme   string
	notice  Notice
}

// Keep keeps what the page has read under a name, for other parts of the same page.
func (v *Visit) Keep(name string, value any) {
	if v.kept == nil {
		v.kept = make(map[string]any)
	}
	v.kept[name] = value
}

// Kept returns what Keep kept; nil: nothing.
func (v *Visit) Kept(name string) any { return v.kept[name] }

// Acted reports whether the page follows an act that said something.
func (v *Visit) Acted() bool { return v.notice.Text != "" }

// Text returns a value of the address without the blanks around it, or of the form that was
// sent.
func (v *Visit) Text(name string) string { return strings.TrimSpace(v.FormValue(name)) }

// PageNumber returns the number of the page of a list that the address names, from 1.
func (v *Visit) PageNumber() int {
	n, err := strconv.Atoi(v.URL.Query().Get("page"))
	if err != nil || n < 1 {
		return 1
	}
	return n
}

// Address returns the present address with other values, in pairs of name and value. An
// empty value removes its name. The page number is removed unless it is named.
func (v *Visit) Address(pairs ...string) string { return v.AddressOf(v.URL.Path, pairs...) }

// AddressOf is Address for another page that understands the same values.
func (v *Visit) AddressOf(path string, pairs ...string) string {
	query := v.URL.Query()
	query.Del("page")
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			query.Del(pairs[i])
		} else {
			query.Set(pairs[i], pairs[i+1])
		}
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// By names the person in whose name an act happens, and from where.
func (v *Visit) By() access.By {
	return access.By{Caller: v.Caller, Origin: Remote(v.Request).String()}
}

// show serves a page.
func (s *Site) show(p Page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, ok := s.Admit(w, r, p.Needs)
		if !ok {
			return
		}
		v.notice = s.takeNotice(w, r)
		s.render(w, v, p, http.StatusOK)
	}
}

// render reads and shows a page.
func (s *Site) render(w http.ResponseWriter, v *Visit, p Page, status int) {
	shown, err := p.Show(v)
	if err == nil {
		err = v.Known()
	}
	problem := Problem("")
	switch {
	case err == nil:
		s.Write(w, v, p.Template, p.Title, status, shown)
	case errors.Is(err, ErrNotFound):
		s.Nothing(w, v.Request)
	case errors.As(err, &problem):
		s.Message(w, v, http.StatusUnprocessableEntity, Message{Title: p.Title, Text: string(problem)})
	default:
		s.Fail(w, v.Request, v, err)
	}
}

// act serves the forms of a page.
func (s *Site) act(p Page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, ok := s.Admit(w, r, p.Needs)
		if !ok || !s.CheckForm(w, v) {
			return
		}
		if p.Searches && v.Text("act") == "" {
			s.render(w, v, p, http.StatusOK)
			return
		}
		if act, ok := p.Lives[v.Text("act")]; ok {
			s.liveAct(w, v, p, act)
			return
		}
		act, ok := p.Acts[v.Text("act")]
		if !ok {
			s.Nothing(w, r)
			return
		}
		if err := v.Caller.Check(act.Needs, uuid.Nil); err != nil {
			s.forbidden(w, v, err)
			return
		}
		notice, err := act.Do(v)
		if err != nil {
			s.refuse(w, v, p, err)
			return
		}
		s.GiveNotice(w, r, notice)
		http.Redirect(w, r, cmp.Or(notice.Next, v.Address("page", v.URL.Query().Get("page"))), http.StatusSeeOther)
	}
}

// refuse shows why an act did nothing: a Problem on the page itself, with what was typed.
func (s *Site) refuse(w http.ResponseWriter, v *Visit, p Page, err error) {
	problem := Problem("")
	switch {
	case errors.As(err, &problem):
		v.Problem, v.Typed = string(problem), v.PostForm
		s.render(w, v, p, http.StatusUnprocessableEntity)
	case errors.Is(err, ErrNotFound):
		s.Nothing(w, v.Request)
	default:
		s.Fail(w, v.Request, v, err)
	}
}

// csv serves the rows of a page as a file.
func (s *Site) csv(p Page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, ok := s.Admit(w, r, p.Needs)
		if !ok {
			return
		}
		rows, err := p.CSV(v)
		if err == nil {
			err = v.Known()
		}
		if problem, ok := errors.AsType[Problem](err); ok {
			s.Message(w, v, http.StatusUnprocessableEntity, Message{Title: p.Title, Text: string(problem)})
			return
		}
		if err != nil {
			s.Fail(w, r, v, err)
			return
		}
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
		w.Header().Set("Content-Disposition", `attachment; filename="`+p.Template+`.csv"`)
		out := csv.NewWriter(w)
		for _, row := range rows {
			for i := range row {
				row[i] = inert(row[i])
			}
			if out.Write(row) != nil {
				return // the reader has gone
			}
		}
		out.Flush()
	}
}

// inert keeps a spreadsheet from reading a text as a formula.
func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// PathID returns the id in a page's address.
func (v *Visit) PathID() (uuid.UUID, error) {
	id, err := uuid.Parse(v.PathValue("id"))
	if err != nil {
		return id, ErrNotFound
	}
	return id, nil
}

// Allowed refuses an act on a clinic that the caller lacks the permission for.
func (v *Visit) Allowed(p access.Permission, clinicID uuid.UUID) error {
	if err := v.Caller.Check(p, clinicID); err != nil {
		return Problem(Sentence(err.Error()))
	}
	return nil
}

// Event begins the record of an action of whoever is signed in (R44).
func (v *Visit) Event(action access.Action, clinicID uuid.UUID, record access.Record) access.Event {
	by := v.By()
	return by.Event(action, clinicID, record)
}
