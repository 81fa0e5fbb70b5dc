package page

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/web"
)

// A LiveAct is what a form does while the person watches. The page is sent up to the place
// where its template has {{live}}, then each line as it is told, then the rest. So it needs
// no script, and no replica keeps anything.
type LiveAct struct {
	Needs access.Permission
	Do    func(v *Visit, tell func(Line)) error
}

// A Line is one line of what happens.
type Line struct {
	Badge
	Text, More string
	Begins     bool // the next line says how it ended
	Last       bool
	JPEG       []byte // a picture; nil: none. It is sent with the page and kept nowhere
	PictureOf  string // says what the picture shows
}

// Picture returns the address of the picture, which holds it.
func (l Line) Picture() template.URL {
	return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(l.JPEG)) //nolint:gosec // base64 is safe in an attribute
}

// liveMark stands in a page where the lines come.
const liveMark = "<!-- the lines of a live act -->"

// lineLimit is how long a line may take to reach the reader.
const lineLimit = 30 * time.Second

// liveAct serves a form whose work is watched. An error before the first line shows the page
// of that error. A later one is logged: the lines have said what a person may know.
func (s *Site) liveAct(w http.ResponseWriter, v *Visit, p Page, act LiveAct) {
	if err := v.Caller.Check(act.Needs, uuid.Nil); err != nil {
		s.forbidden(w, v, err)
		return
	}
	v.Live = true
	out := &liveWriter{site: s, visit: v, page: p, w: w, control: http.NewResponseController(w)}
	err := act.Do(v, out.tell)
	if err != nil && !out.begun {
		v.Live = false
		s.refuse(w, v, p, err)
		return
	}
	out.end()
	if err != nil {
		web.EntryOf(v.Context()).Cause = err
	}
}

// A liveWriter sends a page in parts. After its first error it sends nothing more.
type liveWriter struct {
	site    *Site
	visit   *Visit
	page    Page
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
	rest    string
	err     error
}

func (l *liveWriter) tell(line Line) {
	if !l.begun {
		l.begin()
	}
	var text bytes.Buffer
	if l.err == nil {
		l.err = l.site.views[l.page.Template].ExecuteTemplate(&text, "live-line", line)
	}
	l.send(text.String())
}

// begin sends the page up to its mark.
func (l *liveWriter) begin() {
	l.begun = true
	shown, err := l.page.Show(l.visit)
	var page bytes.Buffer
	if err == nil {
		err = l.site.views[l.page.Template].ExecuteTemplate(&page, "layout", l.site.frame(l.visit, l.page.Title, shown))
	}
	if err != nil {
		l.err = fmt.Errorf("making the page %s: %w", l.page.Template, err)
		l.site.Fail(l.w, l.visit.Request, l.visit, l.err)
		return
	}
	head, rest, _ := strings.Cut(page.String(), liveMark)
	l.rest = rest
	l.w.Header().Set("Content-Security-Policy", livePolicy)
	l.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	l.w.Header().Set("X-Accel-Buffering", "no") // some proxies would hold the lines back
	l.w.WriteHeader(http.StatusOK)
	l.send(head)
}

func (l *liveWriter) send(text string) {
	if l.err != nil {
		return
	}
	_ = l.control.SetWriteDeadline(time.Now().Add(lineLimit)) // a recorder in a test has none
	if _, l.err = l.w.Write([]byte(text)); l.err == nil {
		l.err = l.control.Flush()
	}
}

func (l *liveWriter) end() {
	if !l.begun {
		l.begin()
	}
	l.send(l.rest)
	if l.err != nil && l.visit.Context().Err() == nil {
		web.EntryOf(l.visit.Context()).Cause = l.err
	}
}

// live is what a template writes where the lines come.
func live() template.HTML { return liveMark }
