package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/web"
)

// standalone are the templates that belong to no Page.
var standalone = []string{"sign-in", "link", "message", "practice", "you"}

// parseViews parses every template once.
func (s *Site) parseViews() (map[string]*template.Template, error) {
	common, err := template.New("").Funcs(functions).Funcs(template.FuncMap{"static": s.staticAddress}).ParseFS(s.files, "templates/layout.html", "templates/parts*.html")
	if err != nil {
		return nil, fmt.Errorf("reading the layout: %w", err)
	}
	names := standalone
	for _, p := range s.pages {
		names = append(names, p.Template)
	}
	views := make(map[string]*template.Template, len(names))
	for _, name := range names {
		own, err := common.Clone()
		if err == nil {
			_, err = own.ParseFS(s.files, "templates/"+name+".html")
		}
		if err != nil {
			return nil, fmt.Errorf("reading the template %s: %w", name, err)
		}
		views[name] = own
	}
	return views, nil
}

// functions are what the templates call.
var functions = template.FuncMap{
	"icon":    Icon,
	"icons":   iconSheet,
	"number":  Number,
	"counted": Counted,
	"live":    live,
	"add":     func(a, b int) int { return a + b },
	"pick":    func(name, label string, choices []Choice) picked { return picked{name, label, choices} },
	"menuOf":  func(place string, f frame) menu { return menu{f, place} },
	"badge":   func(word, icon, tone string) Badge { return Badge{word, icon, tone} },
}

// A frame is what the layout shows around a page.
type frame struct {
	Title   string
	Nav     []navItem
	Waiting int    // the sum of the counts in the navigation
	Who     string // empty: nobody is signed in
	Role    access.Role
	CSRF    string
	Theme   string // light or dark; empty: what the system says
	Bare    bool   // the page stands alone, and needs no sign-in
	Here    string // the present address
	Path    string // the present address without its query
	Notice  Notice
	Problem string
	Live    bool                // the page has {{live}}
	Typed   func(string) string // what was typed into a field of a form that is shown again
	May     func(access.Permission) bool
	Version string
	Page    any
}

type navItem struct {
	Title, Icon, Address string
	Current              bool
	Counts               bool   // it may have a count
	Count                int    // beside the title; 0: none
	Group                string // of which it is the first; empty: it is not the first, or has none
}

// A menu is the navigation in one of the two places of the layout: beside the page, and in the
// menu of narrow windows.
type menu struct {
	frame

	Place string
}

// GroupInstallation is the part of the navigation with what belongs to no clinic.
const GroupInstallation = "Installation"

// frame makes the frame of a page.
func (s *Site) frame(v *Visit, title string, shown any) frame {
	f := frame{
		Title: title, Bare: v.Bare, Theme: v.theme, Notice: v.notice, Problem: v.Problem, Live: v.Live, Version: s.o.Version,
		Path: v.URL.Path, Here: LocalPath(v.URL.RequestURI()), Page: shown, Typed: v.Typed.Get,
		May: func(p access.Permission) bool { return v.Caller.Check(p, uuid.Nil) == nil },
	}
	if v.token == "" {
		return f
	}
	f.Who, f.Role, f.CSRF = v.Caller.Name, v.Caller.Role, people.CSRFToken(v.token)
	under, group := s.under(v.Request), ""
	for _, p := range s.pages {
		address := p.address()
		if p.Nav != "" && f.May(p.Needs) {
			current := v.URL.Path == address || p.Path == under || p.Path != "/" && strings.HasPrefix(v.URL.Path, address+"/")
			item := navItem{Title: p.Title, Icon: p.Nav, Address: address, Current: current}
			if p.Group != group {
				group, item.Group = p.Group, p.Group
			}
			if p.Count != nil {
				item.Counts, item.Count = true, s.count(v, &p)
				f.Waiting += item.Count
			}
			f.Nav = append(f.Nav, item)
		}
	}
	return f
}

// count returns the number beside a page's title. A page that can be shown without it is.
func (s *Site) count(v *Visit, p *Page) int {
	if v.failed {
		return 0
	}
	n, err := p.Count(v)
	if err != nil {
		web.EntryOf(v.Context()).Cause = fmt.Errorf("counting for the navigation: %w", err)
	}
	return n
}

// under returns the path of the page under which the navigation has the present one.
func (s *Site) under(r *http.Request) string {
	_, pattern := s.mux.Handler(r)
	for _, p := range s.pages {
		if p.Under != "" && strings.HasSuffix(pattern, " "+Root+p.Path) {
			return p.Under
		}
	}
	return ""
}

// Write shows a page. It makes the whole page first, so that a failure gives an error page
// and not half a page.
func (s *Site) Write(w http.ResponseWriter, v *Visit, name, title string, status int, shown any) {
	var page bytes.Buffer
	if err := s.views[name].ExecuteTemplate(&page, "layout", s.frame(v, title, shown)); err != nil {
		web.EntryOf(v.Context()).Cause = fmt.Errorf("making the page %s: %w", name, err)
		http.Error(w, "the page cannot be made; the log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(page.Bytes()) //nolint:errcheck // nobody is left to be told
}

// A Message is a page that only says something.
type Message struct{ Title, Text, Extra string }

// Message shows a page that only says something.
func (s *Site) Message(w http.ResponseWriter, v *Visit, status int, m Message) {
	s.Write(w, v, "message", m.Title, status, m)
}

// staticAddress returns the address of a file in static. It changes with the file, so that
// browsers may keep the file for ever.
func (s *Site) staticAddress(name string) (string, error) {
	hash, ok := s.hashes[name]
	if !ok {
		return "", fmt.Errorf("there is no file static/%s", name)
	}
	return Root + "/static/" + name + "?" + hash, nil
}

// staticHashes returns the names and hashes of the files in static.
func staticHashes(files fs.FS) (map[string]string, error) {
	names, err := fs.Glob(files, "static/*")
	if err != nil {
		return nil, err
	}
	hashes := map[string]string{}
	for _, name := range names {
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(content)
		hashes[path.Base(name)] = hex.EncodeToString(sum[:6])
	}
	return hashes, nil
}

// static serves a file.
func (s *Site) static(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	hash, ok := s.hashes[name]
	if !ok {
		s.Nothing(w, r)
		return
	}
	if r.URL.RawQuery == hash {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeFileFS(w, r, s.files, "static/"+name)
}
