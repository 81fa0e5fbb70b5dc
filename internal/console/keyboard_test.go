package console

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/console/screen"
)

// mark marks the element that has the focus, and returns whether there is one that was not
// marked before.
const mark = `(() => {
	const at = document.activeElement;
	if (!at || at === document.body) return "none";
	window.tabbed ??= new WeakSet(); // no attribute: a part that refreshes itself would lose it
	if (window.tabbed.has(at) && !["date", "time", "datetime-local"].includes(at.type)) return "again";
	window.tabbed.add(at);
	const style = getComputedStyle(at);
	const shown = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== "none";
	return shown ? "new" : "unseen: " + at.outerHTML.slice(0, 200);
})()`

// unreached lists what a pointer can use and the Tab key did not come to.
const unreached = `[...document.querySelectorAll("a[href], button, input, select, textarea, summary")].filter((e) =>
	!window.tabbed.has(e) && !e.disabled && e.type !== "hidden" && e.checkVisibility({ visibilityProperty: true }) &&
	!(e.type === "radio" && [...document.getElementsByName(e.name)].some((r) => window.tabbed.has(r)))
).map((e) => e.outerHTML.slice(0, 200))`

// tab presses Tab until a selector matches what has the focus, or with none through the whole
// page.
func (w *window) tab(t *testing.T, until string) {
	t.Helper()
	const most = 300
	for range most {
		w.do(t, chromedp.KeyEvent(kb.Tab))
		switch at := evaluate[string](t, w, mark); {
		case at == "none" || at == "again":
			require.Empty(t, until, "the Tab key does not come to it")
			return
		case at != "new":
			require.Fail(t, "the focus is not to be seen", at)
		}
		if until != "" && evaluate[bool](t, w, "document.activeElement.matches(`"+until+"`)") {
			return
		}
	}
	require.Fail(t, "the Tab key comes to no end")
}

func TestTheKeyboardReachesEverything(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 3)
	harbor, tierpraxis := s.clinicNamed(t, "Harbor"), s.clinicNamed(t, "Tierpraxis")
	plan := s.deletions(t, tierpraxis, 2)
	run := selected[uuid.UUID](t, s, "select id from case_sync_audits where clinic_id = $1 limit 1", harbor)[0]
	w := s.window(t)
	w.look(t, 1280, "light")
	w.signIn(t, s.invite(t, peopleOf("ada@example.com", access.RoleAdmin)))
	for _, path := range []string{
		"/console", "/console/needs", screen.PlanAddress(plan), screen.ClinicAddress(harbor), screen.ClinicAddress(harbor) + "/schedule",
		screen.RunAddress(run), "/console/cases", "/console/people", "/console/setup", "/console/webhooks", "/console/notifications",
	} {
		w.open(t, path)
		w.tab(t, "")
		require.Empty(t, evaluate[[]string](t, w, unreached), path)
	}
	w.open(t, screen.PlanAddress(plan))
	w.tab(t, `form:has([value="approve"]) button`)
	w.do(t, chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(".note"))
	require.Equal(t, []string{"approved"}, selected[string](t, s, "select status from deletion_plans where id = $1", plan))
}
