package browser

import (
	"bytes"
	"html/template"
	"image"
	"image/color"
	"image/jpeg"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// seen logs in and returns the picture of the page on which the login failed.
func seen(t *testing.T, c *Chromium, form pims.LoginForm, kind error) image.Image {
	t.Helper()
	var shots [][]byte
	session, err := c.Login(pims.SeeFailedPage(t.Context(), func(shot []byte) { shots = append(shots, shot) }), form)
	requireFailed(t, session, err, kind)
	require.Len(t, shots, 1)
	picture, err := jpeg.Decode(bytes.NewReader(shots[0]))
	require.NoError(t, err)
	require.Equal(t, image.Pt(1024, 768), picture.Bounds().Size())
	return picture
}

// inked counts the pixels of a picture that are clearly not white.
func inked(picture image.Image) (n int) {
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			if color.GrayModel.Convert(picture.At(x, y)).(color.Gray).Y < 160 {
				n++
			}
		}
	}
	return n
}

// Of a page that shows only what was typed, the picture shows nothing, or dots.
func TestAFailedLoginsPictureShowsNothingThatWasTyped(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: 20 * time.Second})
	bare := `<style>* { color: black; border: none; outline: none; resize: none; font-size: 40px } body { background: white } button { color: white; background: white }</style>` + plainForm
	echoes := map[string]string{
		"as a text":            `<p>` + username + `</p>`,
		"without its host":     `<p>` + username[:len(username)-len("@example.com")] + `</p>`,
		"in capitals":          `<p style="text-transform: uppercase">` + username + `</p>`,
		"in parts":             `<p><i>` + username[:4] + `</i><i>` + username[4:] + `</i></p>`,
		"as an attribute":      `<style>p::after { content: attr(title) }</style><p title="` + username + `"></p>`,
		"the password":         `<p>` + password + `</p>`,
		"in a field":           `<input value="` + username + `">`,
		"in an area":           `<textarea>` + password + `</textarea>`,
		"in a frame":           `<iframe style="border: 0" srcdoc="<p style='font-size: 40px'>` + username + `"></iframe>`,
		"in a shadow":          `<div><template shadowrootmode="open"><p>` + username + `</p></template></div>`,
		"in a page that moves": `<p id="p">` + username + `</p><script>setInterval(() => { p.textContent = "` + username + `" }, 1)</script>`,
	}
	after := func(t *testing.T, echo string) int {
		s := newSite(t, routes{"GET /login": html(plainForm), "POST /session": html(bare + echo + `<div class=error-message style="color: white">Invalid username or password</div>`)})
		return inked(seen(t, c, s.form(), pims.ErrAuthRejected))
	}
	dots := after(t, `<p>••••</p>`)
	require.Positive(t, dots)
	for name, echo := range echoes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, []int{0, dots}, after(t, echo))
		})
	}
	t.Run("of a password with every sign", func(t *testing.T) {
		t.Parallel()
		const signs = `!"#$%&'()*+,-./:;<=>?@[\]^_{|}~`
		s := newSite(t, routes{"GET /login": html(plainForm), "POST /session": html(bare + `<p>` + template.HTMLEscapeString(signs) + `</p><div class=error-message style="color: white">Invalid username or password</div>`)})
		form := s.form()
		form.Fields[1].Value = signs
		require.Equal(t, dots, inked(seen(t, c, form, pims.ErrAuthRejected)))
	})
	t.Run("of a login that asks for a person at once", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, routes{"GET /login": html(bare + `<p class=captcha>Which of these are cats?</p>`)})
		require.Greater(t, inked(seen(t, c, s.form(), pims.ErrAuthChallenge)), 500)
	})
	t.Run("and what the page says", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, routes{"GET /login": html(plainForm), "POST /session": html(bare + `<div class=error-message>Invalid username or password</div>`)})
		require.Greater(t, inked(seen(t, c, s.form(), pims.ErrAuthRejected)), 500)
	})
	t.Run("of a login whose time is over", func(t *testing.T) {
		t.Parallel()
		quick, _ := newChromium(t, Options{LoginTimeout: hasty})
		s := newSite(t, routes{"GET /login": html(plainForm), "POST /session": html(bare + `<p>Please wait</p><form><input type="password"></form>`)})
		form := s.form()
		form.Accepted = nil
		require.Greater(t, inked(seen(t, quick, form, pims.ErrLoginFormChanged)), 500)
	})
}

func TestALoginThatNobodyWatchesMakesNoPicture(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: 20 * time.Second})
	s := newSite(t, routes{"GET /login": answer(http.StatusServiceUnavailable, "later")})
	ctx := pims.SeeFailedPage(t.Context(), func([]byte) { t.Error("there is no page with a form to show") })
	_, err := c.Login(ctx, s.form())
	require.Error(t, err)
}
