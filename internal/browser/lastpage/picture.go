// Package lastpage shows those who test a login the page on which it failed: its fields and
// buttons, and a picture. Neither shows what was typed into the page.
package lastpage

import (
	"context"
	_ "embed"
	"errors"
	"fmt"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/pims-sync/pims-sync/internal/pims"
)

const (
	width, height = 1024, 768 // of the picture, in CSS pixels
	quality       = 60        // of a JPEG, from 0 to 100
	maxBytes      = 512 << 10
)

//go:embed cover.js
var coverScript string

// picture makes a picture of the tab in which a login failed, and passes it to see, unless see
// is nil or no picture can be made: it is an extra, and the login's error says why it failed.
func picture(ctx context.Context, tab target.ID, form pims.LoginForm, see func(jpeg []byte)) {
	if see == nil {
		return
	}
	if jpeg, err := take(ctx, tab, typed(form)); err == nil {
		see(jpeg)
	}
}

// take returns a JPEG of what a tab shows, of 1024 by 768 pixels and at most 512 KiB. Fields,
// frames and drawings are covered; in texts, each typed value stands as dots. The page's own
// scripts stop before that, and the tab is of no use afterwards.
func take(ctx context.Context, tab target.ID, typed []string) ([]byte, error) {
	ctx, detach := chromedp.NewContext(ctx, chromedp.WithTargetID(tab), chromedp.WithDetachOnCancel())
	defer detach()
	if err := prepare(ctx); err != nil {
		return nil, fmt.Errorf("preparing the page for a picture: %w", err)
	}
	if err := cover(ctx, tab, typed); err != nil {
		return nil, fmt.Errorf("covering what was typed: %w", err)
	}
	shot, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatJpeg, Quality: new(int64(quality))})
	if err != nil {
		return nil, fmt.Errorf("taking the picture: %w", err)
	}
	if len(shot.Data) > maxBytes {
		return nil, fmt.Errorf("the picture has %d bytes, more than %d", len(shot.Data), maxBytes)
	}
	return shot.Data, nil
}

// cover runs cover.js.
func cover(ctx context.Context, tab target.ID, typed []string) error {
	done, err := call[bool](ctx, tab, coverScript, typed)
	if err == nil && !done {
		err = errors.New("the script did not run")
	}
	return err
}

// prepare stops the page's scripts, and gives it the size of the picture.
func prepare(ctx context.Context) error {
	if err := chromedp.Do(ctx); err != nil { // joins the tab
		return err
	}
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		return err
	}
	_, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1})
	return err
}
