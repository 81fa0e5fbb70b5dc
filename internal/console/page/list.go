package page

import (
	"strconv"
	"strings"
)

// A Pager divides a list into pages, which the address names.
type Pager struct {
	Page, Pages      int
	First, Last, All int    // which of them the page shows, from 1
	Thing            string // what the list is of, in the singular
	Back, Next       string // addresses; empty: there is no such page
}

// Paged returns those of a list that the page shows which the address names, and the pager. A
// page beyond the end is the last.
func Paged[T any](v *Visit, list []T, perPage int, thing string) ([]T, Pager) {
	all := len(list)
	p := Pager{All: all, Thing: thing, Pages: max(1, (all+perPage-1)/perPage)}
	p.Page = min(v.PageNumber(), p.Pages)
	from := (p.Page - 1) * perPage
	to := min(from+perPage, all)
	p.First, p.Last = min(from+1, to), to
	if p.Page > 1 {
		p.Back = v.Address("page", strconv.Itoa(p.Page-1))
	}
	if p.Page < p.Pages {
		p.Next = v.Address("page", strconv.Itoa(p.Page+1))
	}
	return list[from:to], p
}

// A Total counts the things of one kind in a list, and leads to them.
type Total struct {
	Badge
	Count   int
	Chosen  bool
	Address string
}

// A Column is the heading of a table's column.
type Column struct {
	Title   string
	Sort    string // its name in the address; empty: one cannot sort by it
	Number  bool   // aligned to the right
	Ticks   string // the form whose boxes a box in the heading ticks; empty: none
	Unseen  bool   // the title is for those who hear the page
	Address string // sorts by it, or the other way round
	Sorted  string // ascending or descending, as aria-sort has it; empty: it is not
}

// Columns completes the headings of a table that is sorted by one of them; a "-" before its
// name means descending. With an unknown name none is marked.
func Columns(v *Visit, sorted string, all []Column) []Column {
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
