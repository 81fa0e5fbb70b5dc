package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/people"
	"github.com/pims-sync/pims-sync/internal/web"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static
var staticFiles embed.FS

// standalone are the templates that belong to no Page.
var standalone = []string{"sign-in", "link", "message", "practice"}

// parseViews parses every template once.
func parseViews(pages []Page) (map[string]*template.Template, error) {
	common, err := template.New("").Funcs(functions).ParseFS(templateFiles, "templates/layout.html", "templates/parts*.html")
	if err != nil {
		return nil, fmt.Errorf("reading the layout: %w", err)
	}
	names := standalone
	for _, p := range pages {
		names = append(names, p.Template)
	}
	views := make(map[string]*template.Template, len(names))
	for _, name := range names {
		own, err := common.Clone()
		if err == nil {
			_, err = own.ParseFS(templateFiles, "templates/"+name+".html")
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
	"icon":    icon,
	"icons":   iconSheet,
	"number":  number,
	"counted": counted,
	"static":  staticAddress,
	"live":    live,
	"add":     func(a, b int) int { return a + b },
	"pick":    func(name, label string, choices []choice) picked { return picked{name, label, choices} },
	"badge":   func(word, icon, tone string) Badge { return Badge{word, icon, tone} },
}

// A frame is what the layout shows around a page.
type frame struct {
	Title   string
	Nav     []navItem
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
	Group                string // of which it is the first; empty: it is not the first, or has none
}

// groupInstallation is the part of the navigation with what belongs to no clinic.
const groupInstallation = "Installation"

// frame makes the frame of a page.
func (c *console) frame(v *Visit, title string, shown any) frame {
	f := frame{
		Title: title, Bare: v.bare, Theme: v.theme, Notice: v.notice, Problem: v.Problem, Live: v.Live, Version: c.o.Version,
		Path: v.URL.Path, Here: localPath(v.URL.RequestURI()), Page: shown, Typed: v.Typed.Get,
		May: func(p access.Permission) bool { return v.Caller.Check(p, uuid.Nil) == nil },
	}
	if v.token == "" {
		return f
	}
	f.Who, f.Role, f.CSRF = v.Caller.Name, v.Caller.Role, people.CSRFToken(v.token)
	under, group := c.under(v.Request), ""
	for _, p := range c.pages {
		address := strings.TrimSuffix(Root+p.Path, "/")
		if p.Nav != "" && f.May(p.Needs) {
			current := v.URL.Path == address || p.Path == under || p.Path != "/" && strings.HasPrefix(v.URL.Path, address+"/")
			item := navItem{Title: p.Title, Icon: p.Nav, Address: address, Current: current}
			if p.Group != group {
				group, item.Group = p.Group, p.Group
			}
			f.Nav = append(f.Nav, item)
		}
	}
	return f
}

// under returns the path of the page under which the navigation has the present one.
func (c *console) under(r *http.Request) string {
	_, pattern := c.mux.Handler(r)
	for _, p := range c.pages {
		if p.Under != "" && strings.HasSuffix(pattern, " "+Root+p.Path) {
			return p.Under
		}
	}
	return ""
}

// write shows a page. It makes the whole page first, so that a failure gives an error page
// and not half a page.
func (c *console) write(w http.ResponseWriter, v *Visit, name, title string, status int, shown any) {
	var page bytes.Buffer
	if err := c.views[name].ExecuteTemplate(&page, "layout", c.frame(v, title, shown)); err != nil {
		web.EntryOf(v.Context()).Cause = fmt.Errorf("making the page %s: %w", name, err)
		http.Error(w, "the page cannot be made; the log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(page.Bytes()) //nolint:errcheck // nobody is left to be told
}

// A message is a page that only says something.
type message struct{ Title, Text, Extra string }

func (c *console) message(w http.ResponseWriter, v *Visit, status int, m message) {
	c.write(w, v, "message", m.Title, status, m)
}

// staticAddress returns the address of a file in static. It changes with the file, so that
// browsers may keep the file for ever.
func staticAddress(name string) (string, error) {
	files, err := staticHashes()
	if err != nil {
		return "", err
	}
	hash, ok := files[name]
	if !ok {
		return "", fmt.Errorf("there is no file static/%s", name)
	}
	return Root + "/static/" + name + "?" + hash, nil
}

// staticHashes returns the names and hashes of the files in static.
var staticHashes = sync.OnceValues(func() (map[string]string, error) {
	names, err := fs.Glob(staticFiles, "static/*")
	if err != nil {
		return nil, err
	}
	hashes := map[string]string{}
	for _, name := range names {
		content, err := staticFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(content)
		hashes[path.Base(name)] = hex.EncodeToString(sum[:6])
	}
	return hashes, nil
})

// static serves a file.
func (c *console) static(w http.ResponseWriter, r *http.Request) {
	hashes, err := staticHashes()
	name := r.PathValue("file")
	hash, ok := hashes[name]
	if err != nil || !ok {
		c.nothing(w, r)
		return
	}
	if r.URL.RawQuery == hash {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeFileFS(w, r, staticFiles, "static/"+name)
}
