package console

import (
	"strconv"
	"strings"
)

// A pager divides a list into pages, which the address names.
type pager struct {
	Page, Pages      int
	First, Last, All int    // which of them the page shows, from 1
	Thing            string // what the list is of, in the singular
	Back, Next       string // addresses; empty: there is no such page

	from, to int
}

// newPager returns the pager of a list for the page that the address names; one beyond the
// end is the last.
func newPager(v *Visit, all, perPage int, thing string) pager {
	p := pager{All: all, Thing: thing, Pages: max(1, (all+perPage-1)/perPage)}
	p.Page = min(v.PageNumber(), p.Pages)
	p.from = (p.Page - 1) * perPage
	p.to = min(p.from+perPage, all)
	p.First, p.Last = min(p.from+1, p.to), p.to
	if p.Page > 1 {
		p.Back = v.Address("page", strconv.Itoa(p.Page-1))
	}
	if p.Page < p.Pages {
		p.Next = v.Address("page", strconv.Itoa(p.Page+1))
	}
	return p
}

// A column is the heading of a table's column.
type column struct {
	Title   string
	Sort    string // its name in the address; empty: one cannot sort by it
	Number  bool   // aligned to the right
	Ticks   string // the form whose boxes a box in the heading ticks; empty: none
	Unseen  bool   // the title is for those who hear the page
	Address string // sorts by it, or the other way round
	Sorted  string // ascending or descending, as aria-sort has it; empty: it is not
}

// columns completes the headings of a table that is sorted by one of them; a "-" before its
// name means descending. An unknown name means the column "state".
func columns(v *Visit, sorted string, all []column) []column {
	by, descending := strings.CutPrefix(sorted, "-")
	for i := range all {
		c := &all[i]
		if c.Sort == "" {
			continue
		}
		c.Address = v.Address("sort", c.Sort)
		if c.Sort != by {
			continue
		}
		if c.Sorted = "ascending"; descending {
			c.Sorted = "descending"
		} else {
			c.Address = v.Address("sort", "-"+c.Sort)
		}
	}
	return all
}
