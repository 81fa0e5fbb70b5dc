// Package signin has the pages on which people sign in: with a password, by a one-time link,
// and with OpenID Connect (R43). It also signs them out, shows them their own
// sessions, changes passwords, and remembers the theme.
//
// It knows no screen. Package people decides who may sign in, and what a session is.
package signin

import (
	"time"

	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/people"
)

// Options are what signing in needs.
type Options struct {
	People *people.Service
	OpenID *OpenID          // nil: nobody signs in with OpenID Connect
	Now    func() time.Time // checks the age of an ID token; nil: time.Now
}

type screens struct {
	o    Options
	site *page.Site
}

// Mount serves the pages.
func Mount(site *page.Site, o Options) {
	s := &screens{o, site}
	site.Handle("GET", page.Root+"/sign-in", s.signInPage)
	site.Handle("POST", page.Root+"/sign-in", s.signIn)
	site.Handle("GET", page.Root+"/link", s.linkPage)
	site.Handle("POST", page.Root+"/link", s.followLink)
	site.Handle("POST", page.Root+"/sign-out", s.signOut)
	site.Handle("POST", page.Root+"/theme", s.setTheme)
	site.Handle("GET", youAddress, s.youPage)
	site.Handle("POST", youAddress, s.you)
	site.Handle("GET", page.Root+"/openid", s.openIDStart)
	site.Handle("GET", openIDCallback, s.openIDCallback)
}
