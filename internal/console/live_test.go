package console

import (
	"maps"
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/people"
)

func TestTheFleetFollowsWhatOneTypesAndWhatHappens(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fleet(t, 3)
	w := s.window(t)
	w.look(t, 1280, "light")
	w.signIn(t, s.invite(t, peopleOf("ada@example.com", access.RoleOperator)))
	const shown = `[...document.querySelectorAll("#fleet .name")].map(e => e.textContent).join("|")`
	w.do(t, chromedp.SendKeys("#q", "harbor"))
	_, err := chromedp.Run(w.ctx, chromedp.Poll[bool](shown+` === "Harbor Lights Animal Clinic"`))
	require.NoError(t, err)
	require.Equal(t, s.URL+"/console?q=harbor", evaluate[string](t, w, `location.href`), "what is shown can be sent to others")
	require.Equal(t, "q", evaluate[string](t, w, `document.activeElement.id`), "the cursor stays")

	// The page's own refresh. It keeps what was searched for, and what was ticked.
	w.do(t, chromedp.Click("thead .tick"))
	s.sql(t, `update clinics set name = 'Harbor Lights Pet Hospital' where name like 'Harbor%'`)
	evaluate[chromedp.Void](t, w, `htmx.trigger("#fleet", "refresh")`)
	_, err = chromedp.Run(w.ctx, chromedp.Poll[bool](shown+` === "Harbor Lights Pet Hospital"`))
	require.NoError(t, err)
	require.Contains(t, evaluate[string](t, w, `document.querySelector("#fleet time").title`), "yours", "a refreshed time knows the viewer's zone")
	require.True(t, evaluate[bool](t, w, `document.querySelector("input[form=many]").checked`))

	// So does the count beside Needs you, in narrow windows beside Menu.
	const beside = `document.querySelector("#waiting-side").textContent`
	require.Equal(t, "5", evaluate[string](t, w, beside))
	s.sql(t, `update clinics set is_active = false where name like 'Wattle%'`)
	s.syncing(t, "Harbor", "full", false)
	evaluate[chromedp.Void](t, w, `htmx.trigger("#fleet", "refresh")`)
	_, err = chromedp.Run(w.ctx, chromedp.Poll[bool](beside+` === "4"`))
	require.NoError(t, err)
	w.look(t, 390, "dark")
	w.do(t, chromedp.WaitVisible("#waiting"), chromedp.WaitVisible("a.syncing"))
	require.Equal(t, "Menu4", evaluate[string](t, w, `document.querySelector(".side-menu > summary").innerText.replace(/\s/g, "")`))
	w.look(t, 1280, "light")
	w.do(t, chromedp.Click("a.syncing"), chromedp.WaitVisible("#run"))
	s.sql(t, `delete from case_sync_audits where status = 'in_progress'`)

	// The menu of a row.
	w.open(t, "/console?q=harbor")
	w.do(t, chromedp.Click("a[data-menu]"), chromedp.Click(`#row-menu [value="dry"]`), chromedp.WaitVisible("#run"))
	require.Equal(t, []string{"true"}, selected[string](t, s, `select request->>'dryRun' from case_sync_audits where status = 'queued'`))
	w.open(t, "/console")

	// Another theme leaves the person where they are.
	w.open(t, "/console?q=harbor")
	w.do(t, chromedp.Click(`.side-body [value="dark"]`), chromedp.WaitVisible(`:root[data-theme="dark"]`))
	require.Equal(t, s.URL+"/console?q=harbor", evaluate[string](t, w, `location.href`))
	w.open(t, "/console")

	// A session that has ended leads to the sign-in page.
	s.sql(t, `delete from people_sessions`)
	evaluate[chromedp.Void](t, w, `htmx.trigger("#fleet", "refresh")`)
	w.do(t, chromedp.WaitVisible("#password"))
	s.requireNoFault(t)
}

func TestPeopleAreInvitedChangedAndRemovedOnTheirPage(t *testing.T) { // R42, R43, R44
	t.Parallel()
	s := newSite(t)
	v := s.as(t, access.RoleAdmin)
	sam := s.invite(t, people.Person{Email: "sam@example.com", Name: "<b>Sam</b>", Role: access.RoleViewer})
	signedIn := s.signedIn(t, sam)
	page := v.get(t, "/console/people")
	require.NotContains(t, page.body, "<b>Sam", "names are escaped")
	do := func(act string, more url.Values) reply {
		form := url.Values{"act": {act}, "person": {sam.ID.String()}}
		maps.Copy(form, more)
		v.get(t, "/console/people")
		return v.send(t, "/console/people", form)
	}
	require.Equal(t, 422, do("invite", url.Values{"email": {"sam@example.com"}, "role": {"viewer"}, "name": {"Samantha"}}).status)
	require.Contains(t, v.page.body, "exists already")
	require.Contains(t, v.page.body, `value="Samantha"`, "what was typed stays")
	require.Equal(t, 422, do("role", url.Values{"role": {"root"}}).status)

	require.Contains(t, do("role", url.Values{"role": {"operator"}}).body, "role operator now")
	require.Equal(t, "/console/sign-in", signedIn.get(t, "/console").path, "another role ends the sessions")
	s.fleet(t, 3)
	one := "Harbor Lights Animal Clinic"
	require.Contains(t, do("clinics", url.Values{"clinics": {one + "\nNo Such Clinic"}}).body, "No clinic has the name")
	require.Contains(t, do("clinics", url.Values{"clinics": {one + "\n" + one}}).body, "sees 1 clinic now")
	require.Contains(t, v.get(t, "/console/people").body, ">"+one+"</textarea>")
	limited, err := s.people.Find(t.Context(), sam.Email)
	require.NoError(t, err)
	require.True(t, limited.Limited)
	require.Len(t, limited.Clinics, 1)
	require.Contains(t, do("clinics", url.Values{"clinics": {" "}}).body, "sees all clinics now")
	require.Contains(t, do("reset", nil).body, "/console/link?token=")
	require.Equal(t, 401, s.visitor(t).send(t, "/console/sign-in", url.Values{"email": {sam.Email}, "password": {password}}).status)
	require.Contains(t, do("remove", nil).body, "removed and signed out")
	require.Equal(t, 404, do("remove", nil).status)
	require.Equal(t, 404, do("explode", nil).status)

	admin, err := s.people.Find(t.Context(), "admin@example.com")
	require.NoError(t, err)
	for _, act := range []string{"role", "clinics", "remove"} {
		require.Equal(t, 422, do(act, url.Values{"person": {admin.ID.String()}, "role": {"viewer"}}).status, "nobody does this to themselves")
	}
	var recorded []string
	rows, err := s.db.Pool().Query(t.Context(), `select action || ' ' || outcome from operator_events where who_kind = 'person' order by id`)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var event string
		require.NoError(t, rows.Scan(&event))
		recorded = append(recorded, event)
	}
	require.Subset(t, recorded, []string{"person.set done", "person.remove done", "person.sign_in failed", "person.add failed"})
	s.requireNoFault(t)
}
