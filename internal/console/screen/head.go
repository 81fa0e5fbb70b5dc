package screen

import (
	"github.com/pims-sync/pims-sync/internal/access"
	"github.com/pims-sync/pims-sync/internal/console/page"
)

// A Head stands above each page of a clinic.
type Head struct {
	Name, Zone, Address string
	State               page.Badge
	Since               page.Moment
	Tabs                []tab
}

// A tab leads to one of several pages about the same thing.
type tab struct {
	Title, Address string
	Current        bool
}

// clinicTabs are the pages of a clinic: the end of their address, and their title.
var clinicTabs = []struct{ path, title string }{
	{"", "Overview"},
	{"/login", "Login"},
	{"/schedule", "Schedule"},
	{"/settings", "Settings"},
	{"/keys", "Keys"},
	{"/practice", "Practice's page"},
}

// HeadOf returns the head of a clinic's page.
func HeadOf(v *page.Visit, x *Judged) Head {
	address := ClinicAddress(x.Clinic.ID)
	head := Head{
		Name: x.Clinic.Name, Zone: x.Clinic.Timezone, Address: address, State: StateBadges[x.State], Since: v.Moment(x.Since, ZoneOf(&x.Clinic)),
	}
	for _, t := range clinicTabs {
		head.Tabs = append(head.Tabs, tab{t.title, address + t.path, v.URL.Path == address+t.path})
	}
	if v.Caller.Check(access.ChangeClinics, x.Clinic.ID) == nil {
		head.Tabs = append(head.Tabs, tab{Title: "Log", Address: page.Root + "/log?clinic=" + x.Clinic.ID.String()})
	}
	return head
}
