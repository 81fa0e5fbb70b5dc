package browser

import (
	"regexp"
	"runtime"
	"strings"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
)

// An agent is the browser's user agent, for the pages and in a [pims.BrowserSession]. It is
// the one of the same browser with a window, because many sites refuse a browser that says
// "Headless".
type agent struct {
	product string // "Chrome/140.0.7339.80"
	text    string // the User-Agent header; it names the major version only
}

func newAgent(v browser.GetVersionResult) agent {
	return agent{
		product: strings.Replace(v.Product, "Headless", "", 1),
		text:    productInText.ReplaceAllString(v.UserAgent, "Chrome/$1.0.0.0"),
	}
}

var productInText = regexp.MustCompile(`(?:Headless)?Chrome/(\d+)[\d.]*`)

// override makes a tab use the agent in its headers, its client hints and its scripts. It
// asks for English, in which refusals are understood.
func (a agent) override() emulation.SetUserAgentOverrideParams {
	_, version, _ := strings.Cut(a.product, "/")
	major, _, _ := strings.Cut(version, ".")
	platform := "Linux"
	if runtime.GOOS == "darwin" {
		platform = "macOS"
	}
	return emulation.SetUserAgentOverrideParams{
		UserAgent:      a.text,
		AcceptLanguage: "en-US,en",
		UserAgentMetadata: &emulation.UserAgentMetadata{
			Brands: []*emulation.UserAgentBrandVersion{
				{Brand: "Chromium", Version: major},
				{Brand: "Not_A Brand", Version: "99"},
			},
			Platform: platform,
		},
	}
}
