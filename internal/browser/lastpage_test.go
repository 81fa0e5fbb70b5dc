package browser

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// toldOf logs in, and returns what is told of the page on which the login failed.
func toldOf(t *testing.T, c *Chromium, form pims.LoginForm, kind error) pims.FailedForm {
	t.Helper()
	var told []pims.FailedForm
	session, err := c.Login(pims.SeeFailedForm(t.Context(), func(f pims.FailedForm) { told = append(told, f) }), form)
	requireFailed(t, session, err, kind)
	require.Len(t, told, 1)
	return told[0]
}

func TestAFailedLoginTellsWhatThePageShows(t *testing.T) { // R40
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: hasty})
	t.Run("of a form that is not known", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, routes{"GET /login": html(`<script>HTMLFormElement.prototype.querySelectorAll = document.querySelectorAll = () => []</script>
			<form><label for=box>Mail or` + "\n" + `user</label><input id=box name=mailbox1 required value="` + username + `">
			<input name=_token type=hidden value=s3cret><input name=password type=password placeholder="Secret of ` + username + `"><textarea name=note>s3cret</textarea>
			<select name=site style="display: none"><option>s3cret</select><label>Branch <select name=branch><option>s3cret</select></label><button disabled>Go on</button><input type=submit value="Cancel"></form>
			<div><template shadowrootmode=open><span id=l>Code</span><input name=code aria-labelledby=l></template></div>
			<iframe src="//` + "localhost:1" + `/sso?user=s3cret"></iframe><div role=button>Help</div>`)})
		form := s.form()
		form.Fields = form.Fields[:2]
		form.Fields[0].Selectors = []string{"input[name=username]"}
		require.Equal(t, pims.FailedForm{Page: s.host() + "/login", Parts: []pims.PagePart{
			{Kind: "text", Name: "mailbox9", ID: "box", Label: "Mail or user", Required: true},
			{Kind: "password", Name: "password", Label: "Secret of ••••"},
			{Kind: "textarea", Name: "note"},
			{Kind: "select", Name: "site", Hidden: true},
			{Kind: "select", Name: "branch", Label: "Branch"},
			{Kind: "submit button", Label: "Go on", Disabled: true},
			{Kind: "submit", Label: "Cancel"},
			{Kind: "text", Name: "code", Label: "Code", Shadow: true},
			{Kind: "iframe", Source: "localhost:1"},
			{Kind: "button", Label: "Help"},
		}}, toldOf(t, c, form, pims.ErrLoginFormChanged))
	})
	t.Run("after the login without its texts", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, routes{"GET /login": html(plainForm), "POST /session": html(`<script>document.cookie="theme=dark"</script><div class=alert-danger>Invalid username or password</div>` + plainForm + `<button type=button>Ada Quill</button>`)})
		told := toldOf(t, c, s.form(), pims.ErrAuthRejected)
		require.Equal(t, s.host()+"/session", told.Page)
		require.Equal(t, []string{"theme"}, told.Cookies)
		require.Equal(t, []pims.PagePart{{Kind: "text", Name: "username"}, {Kind: "password", Name: "password"}, {Kind: "submit button"}, {Kind: "button"}}, told.Parts)
	})
	t.Run("of another host, which is named", func(t *testing.T) {
		t.Parallel()
		other := newSite(t, nil)
		s := newSite(t, routes{"GET /login": redirect(other.alias() + "/login")})
		form := s.form()
		form.Hosts.Named = append(form.Hosts.Named, other.host()) // under its other name it is not allowed
		var told *pims.FailedForm
		_, err := c.Login(pims.SeeFailedForm(t.Context(), func(f pims.FailedForm) { told = &f }), form)
		require.ErrorIs(t, err, pims.ErrHostNotAllowed)
		require.NotNil(t, told)
		require.Empty(t, told.Parts, "it was not loaded")
	})
}
