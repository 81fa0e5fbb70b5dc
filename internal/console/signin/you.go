package signin

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/people"
)

// youAddress is the page of whoever is signed in.
const youAddress = page.Root + "/you"

type (
	youView struct {
		Email    string // empty: a user of the operating system
		Password bool   // there is one, which can be changed
		Least    int    // characters of a password
		Sessions []ownSession
		Others   int
	}

	ownSession struct {
		How, From   string // From: an address, or words where it is unknown
		Began, Seen page.Moment
		Present     bool
	}
)

// methods are the ways of signing in, in words.
var methods = map[people.Method]string{
	people.ByPassword: "Password", people.ByOpenID: "OpenID Connect", people.ByLink: "Link of the command line",
}

// youPage shows a person's own sessions, and changes the password.
func (s *screens) youPage(w http.ResponseWriter, r *http.Request) {
	if v, ok := s.site.Admit(w, r, access.ReadClinics); ok {
		s.site.TakeNotice(w, v)
		s.writeYou(w, v, http.StatusOK)
	}
}

func (s *screens) writeYou(w http.ResponseWriter, v *page.Visit, status int) {
	sessions, err := s.o.People.Sessions(v.Context(), v.Session, s.site.Cookie(v.Request, page.CookieSession))
	if err != nil {
		s.site.Fail(w, v.Request, v, err)
		return
	}
	p := &v.Session.Person
	shown := youView{Email: p.Email, Password: p.Password.Reveal() != "", Least: people.MinPassword}
	for _, x := range sessions {
		shown.Sessions = append(shown.Sessions, ownSession{methods[x.Method], cmp.Or(x.From, "unknown"), v.Moment(x.Began, nil), v.Moment(x.Seen, nil), x.Present})
		if !x.Present {
			shown.Others++
		}
	}
	s.site.Write(w, v, "you", "Your sign-in", status, shown)
}

// you does what the forms of the page say.
func (s *screens) you(w http.ResponseWriter, r *http.Request) {
	v, ok := s.site.Admit(w, r, access.ReadClinics)
	if !ok || !s.site.CheckForm(w, v) {
		return
	}
	switch v.Text("act") {
	case "others":
		s.signOutOthers(w, v)
	case "password":
		s.changePassword(w, v)
	default:
		s.site.Nothing(w, r)
	}
}

// signOutOthers ends the person's other sessions.
func (s *screens) signOutOthers(w http.ResponseWriter, v *page.Visit) {
	ended, err := s.o.People.SignOutOthers(v.Context(), v.Session, s.site.Cookie(v.Request, page.CookieSession), page.Remote(v.Request))
	if err != nil {
		s.site.Fail(w, v.Request, v, err)
		return
	}
	s.site.GiveNotice(w, v.Request, page.Notice{Text: fmt.Sprintf("Ended %s. Only this one is left.", page.Counted(ended, "other session"))})
	http.Redirect(w, v.Request, youAddress, http.StatusSeeOther)
}

// changePassword replaces the person's password, which ends all other sessions.
func (s *screens) changePassword(w http.ResponseWriter, v *page.Visit) {
	v.Problem = typedTwice(v.Request)
	var token string
	if v.Problem == "" {
		var err error
		token, err = s.o.People.ChangePassword(v.Context(), v.Session, v.PostFormValue("old"), v.PostFormValue("password"), page.Remote(v.Request))
		switch {
		case errors.Is(err, people.ErrRefused):
			v.Problem = "The present password is wrong."
		case errors.Is(err, people.ErrPassword):
			v.Problem = page.Sentence(err.Error())
		case refusal(err) != "":
			v.Problem = refusal(err)
		case err != nil:
			s.site.Fail(w, v.Request, v, err)
			return
		}
	}
	if v.Problem != "" {
		s.writeYou(w, v, http.StatusUnprocessableEntity)
		return
	}
	s.site.GiveNotice(w, v.Request, page.Notice{Text: "The password is changed. All your other sessions have ended."})
	s.enter(w, v.Request, token, youAddress)
}
