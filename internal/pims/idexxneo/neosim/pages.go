package neosim

import (
	"html/template"
	"net/http"
)

// formFields are the names of the login form's fields.
type formFields struct{ account, password, company string }

func (l Login) fields() formFields {
	switch {
	case l.Changed:
		return formFields{"neo_account", "neo_secret", "neo_site"}
	case l.EmailField:
		return formFields{"email", "password", "company_id"}
	default:
		return formFields{"username", "password", "company_id"}
	}
}

// loginForm is what loginTemplate shows.
type loginForm struct {
	Login
	Token, Account, Password, Company, ErrorClass string
}

func (c *call) loginForm(token string) loginForm {
	names := c.options.Login.fields()
	form := loginForm{
		Login: c.options.Login, Token: token, Account: names.account, Password: names.password, ErrorClass: "error-message",
	}
	if c.options.Login.AlertDanger {
		form.ErrorClass = "alert alert-danger"
	}
	if c.options.CompanyID != "" {
		form.Company = names.company
	}
	return form
}

// loginTemplate is a page whose form works only with its script: the button is dead before the script has run, the
// script sends the fields itself and then goes where the answer says. Decoys stand before the real fields, as
// Options.accepts expects.
var loginTemplate = template.Must(template.New("login").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Neo – Sign in</title>
{{- if .MetaToken}}
<meta name="csrf-token" content="{{.Token}}">
{{- end}}
{{- if .Decoys}}
<style>
.aside { position: absolute; left: -9999px; }
.tiny { width: 1px; height: 1px; padding: 0; border: 0; }
.clipped { position: absolute; width: 1px; height: 1px; overflow: hidden; clip: rect(0, 0, 0, 0); }
.clear { opacity: 0.01; }
.under { position: relative; height: 2em; width: 20em; }
.under > input { display: block; width: 20em; height: 1em; box-sizing: border-box; }
.under > p { position: absolute; inset: 0; margin: 0; background: #fff; }
</style>
{{- end}}
</head>
<body>
<main>
<h1>Sign in</h1>
<form id="login" autocomplete="off">
{{- if not .MetaToken}}
<input type="hidden" name="_token" value="{{.Token}}">
{{- end}}
{{- if .Decoys}}
<div class="aside"><input name="username"><input name="password" type="password"><button class="decoy" type="submit">No</button></div>
<div class="clipped"><input name="username"><input name="password" type="password"></div>
<div class="clear"><input name="username"><input name="password" type="password"></div>
<div class="under"><input name="username"><input name="password" type="password"><p>Welcome to your practice</p></div>
<input class="tiny" name="username"><input class="tiny" name="password">
<input name="username" tabindex="-1"><div aria-hidden="true"><input name="password" type="password"></div>
<input name="username" disabled><input name="username" readonly>
<div class="aside"><label>Website <input name="website"></label>{{if not .Company}}<input name="company_id">{{end}}</div>
{{- end}}
{{- if .Changed}}
<label>Account <input type="text" name="{{.Account}}"></label>
<label>Secret <input type="text" name="{{.Password}}"></label>
{{- else}}
<label>User <input {{if .EmailField}}type="email"{{else}}type="text"{{end}} name="{{.Account}}"></label>
<label>Password <input type="password" name="{{.Password}}"></label>
{{- end}}
{{- if .Company}}
<label>Company id <input type="text" name="{{.Company}}" inputmode="numeric"></label>
{{- end}}
{{- if .Captcha}}
<div class="g-recaptcha" id="captcha" data-sitekey="neosim">Please confirm that you are human.</div>
{{- end}}
{{- if .InvisibleCaptcha}}
<div class="g-recaptcha" data-sitekey="neosim" data-size="invisible"><div class="grecaptcha-badge" style="position:fixed;right:0;bottom:14px;width:256px;height:60px"><iframe title="reCAPTCHA" width="256" height="60" src="about:blank?captcha&amp;size=invisible"></iframe></div></div>
<p class="recaptcha-terms">This site is protected by reCAPTCHA.</p>
{{- end}}
{{- if .ErrorPlaceholder}}
<div class="{{.ErrorClass}}" hidden></div>
{{- end}}
{{- if .Changed}}
<div role="button" id="go">Continue</div>
{{- else}}
<button type="submit" disabled>Sign in</button>
{{- end}}
</form>
</main>
<script>
(function () {
  var form = document.getElementById('login');
  var button = form.querySelector('button[type=submit]:not(.decoy)');
  var errorClass = {{.ErrorClass}};

  function show(className, text) {
    var selector = '.' + className.split(' ').join('.');
    var box = form.querySelector(selector) || form.appendChild(document.createElement('div'));
    box.className = className;
    box.hidden = false;
    box.textContent = text;
  }

  function send() {
    if (button) { button.disabled = true; }
    var headers = {'Accept': 'application/json', 'X-Requested-With': 'XMLHttpRequest'};
    var meta = document.querySelector('meta[name=csrf-token]');
    if (meta) { headers['X-CSRF-TOKEN'] = meta.content; }
    fetch('/login', {
      method: 'POST', credentials: 'same-origin', headers: headers, body: new URLSearchParams(new FormData(form))
    }).then(function (response) {
      return response.json().then(function (answer) {
        if (answer.redirect) { window.location.assign(answer.redirect); return; }
        if (button) { button.disabled = false; }
        if (answer.refused) { show(errorClass, answer.refused); return; }
        show('notice', answer.message || 'Something went wrong.');
      });
    }).catch(function () {
      if (button) { button.disabled = false; }
      show('notice', 'Neo cannot be reached.');
    });
  }

  form.addEventListener('submit', function (event) { event.preventDefault(); send(); });
  var go = document.getElementById('go');
  if (go) { go.addEventListener('click', send); }
  if (button) { button.disabled = false; }
})();
</script>
</body>
</html>
`))

var mfaTemplate = template.Must(template.New("mfa").Parse(`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Neo – Verification</title></head>
<body>
<main>
<h1>Two-factor authentication</h1>
<form id="mfa">
<label>Verification code <input type="text" name="otp" inputmode="numeric" autocomplete="one-time-code"></label>
<button type="submit">Verify</button>
</form>
</main>
</body>
</html>
`))

var stepTemplate = template.Must(template.New("step").Parse(`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Neo – Welcome</title>
{{- if .Refresh}}<meta http-equiv="refresh" content="{{.Seconds}};url={{.Next}}">{{end}}</head>
<body>
<main><h1>Please wait…</h1><p>Your account and its codes are being prepared.</p></main>
{{- if not .Refresh}}
<script>setTimeout(function () { window.location.replace({{.Next}}); }, {{.Milliseconds}});</script>
{{- end}}
</body>
</html>
`))

var inUseTemplate = template.Must(template.New("in use").Parse(`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Neo – Session</title></head>
<body>
<main>
<h1>Dr. Quill Fennimore</h1>
<p>Session in use elsewhere by {{.Username}} at Harbor Lights, continue?</p>
<form><button type="submit">Continue</button> <button type="button">Cancel</button></form>
</main>
</body>
</html>
`))

var dashboardTemplate = template.Must(template.New("dashboard").Parse(`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Neo – Dashboard</title></head>
<body><main id="dashboard"><h1>Dashboard</h1><a href="/logout">Sign out</a></main></body>
</html>
`))

var notFoundTemplate = template.Must(template.New("not found").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Neo – Not found</title></head><body><h1>404</h1></body></html>
`))

var brokenTemplate = template.Must(template.New("broken").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Neo</title></head><body><h1>Something went wrong</h1></body></html>
`))

var maintenanceTemplate = template.Must(template.New("maintenance").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Neo – Maintenance</title></head>
<body><h1>We will be back soon</h1></body></html>
`))

func writeHTML(w http.ResponseWriter, status int, page *template.Template, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = page.Execute(w, data) // the client may have gone
}

func writeJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}
