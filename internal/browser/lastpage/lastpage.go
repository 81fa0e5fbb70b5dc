package lastpage

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"net/url"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// When says how far a login had come when it failed.
type When struct {
	Ours      bool     // a page of an allowed host had come
	Submitted bool     // the PIMS may have seen the login
	Cookies   []string // names of the cookies that the browser had
}

// Tell tells whoever asks through the login's context about the tab in which the login failed
// (pims.SeeFailedForm, pims.SeeFailedPage). What cannot be told is left out. The page is of no use
// afterwards. ctx is one of chromedp with the browser that has the tab.
func Tell(ctx, login context.Context, tab target.ID, form pims.LoginForm, when When) {
	if see := pims.FailedFormSeer(login); see != nil {
		if seen, err := partsOf(ctx, tab); err == nil {
			told := cleaned(seen, typed(form), when.Submitted)
			for _, name := range when.Cookies {
				told.Cookies = append(told.Cookies, masks(typed(form))(name))
			}
			see(told)
		}
	}
	if when.Ours {
		picture(ctx, tab, form, pims.FailedPageSeer(login))
	}
}

//go:embed parts.js
var partsScript string

// A sight is what parts.js returns.
type sight struct {
	URL   string `json:"url"`
	Parts []part `json:"parts"`
	Left  int    `json:"left"`
}

// A part is a pims.PagePart.
type part struct {
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	ID       string `json:"id"`
	Label    string `json:"label"`
	Source   string `json:"source"` // the whole address
	Hidden   bool   `json:"hidden"`
	Disabled bool   `json:"disabled"`
	Shadow   bool   `json:"shadow"`
	Required bool   `json:"required"`
}

func partsOf(ctx context.Context, tab target.ID) (sight, error) {
	ctx, detach := chromedp.NewContext(ctx, chromedp.WithTargetID(tab), chromedp.WithDetachOnCancel())
	defer detach()
	if err := chromedp.Do(ctx); err != nil { // joins the tab
		return sight{}, err
	}
	return call[sight](ctx, tab, partsScript, nil)
}

// cleaned returns what may be told: no typed value, no mail address, no digit, and no text of a
// page after the login was submitted, because it may name its user (R40).
func cleaned(seen sight, typed []string, submitted bool) pims.FailedForm {
	mask := masks(typed)
	told := pims.FailedForm{}
	u, err := url.Parse(seen.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return told // Chromium's own page about an error
	}
	told.Page, told.Left = u.Host+mask(u.Path), seen.Left
	for _, p := range seen.Parts {
		p.Kind, p.Name, p.ID, p.Label = mask(p.Kind), mask(p.Name), mask(p.ID), mask(p.Label)
		if submitted {
			p.Label = ""
		}
		frame, err := url.Parse(p.Source)
		if p.Source = ""; err == nil {
			p.Source = frame.Host
		}
		told.Parts = append(told.Parts, pims.PagePart(p))
	}
	return told
}

func typed(form pims.LoginForm) (values []string) {
	for _, field := range form.Fields {
		values = append(values, field.Value)
	}
	return values
}

// call runs a function in a world of its own, where the page's scripts cannot change it.
func call[T any](ctx context.Context, tab target.ID, script string, argument any) (result T, err error) {
	world, err := chromedp.Call(ctx, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{FrameID: cdp.FrameID(tab), WorldName: "lastpage"})
	if err != nil {
		return result, err
	}
	value, err := json.Marshal(argument)
	if err != nil {
		return result, err
	}
	answer, err := chromedp.Call(ctx, runtime.CallFunctionOn, runtime.CallFunctionOnParams{
		FunctionDeclaration: script,
		ExecutionContextID:  world.ExecutionContextID,
		Arguments:           []*runtime.CallArgument{{Value: value}},
		ReturnByValue:       new(true),
		Silent:              new(true),
	})
	switch {
	case err != nil:
		return result, err
	case answer.ExceptionDetails != nil:
		return result, errors.New("the script failed")
	case answer.Result == nil || len(answer.Result.Value) == 0:
		return result, errors.New("the script returned nothing")
	}
	err = json.Unmarshal(answer.Result.Value, &result)
	return result, err
}
