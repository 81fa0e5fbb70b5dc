package cli

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/casesync"
	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// ID is a UUID on the command line.
type ID struct{ uuid.UUID }

// UnmarshalText reads the UUID.
func (i *ID) UnmarshalText(text []byte) error {
	parsed, err := uuid.ParseBytes(text)
	if err != nil {
		return errors.New("not an id such as 0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")
	}
	i.UUID = parsed
	return nil
}

// Date is a civil day on the command line.
type Date struct{ pims.Date }

// UnmarshalText reads the day.
func (d *Date) UnmarshalText(text []byte) (err error) {
	d.Date, err = pims.ParseDate(string(text))
	return err
}

// Pointer returns the date, or nil where the flag is absent.
func (d *Date) Pointer() *pims.Date {
	if d == nil {
		return nil
	}
	return &d.Date
}

// Zone is an IANA time zone on the command line (R1).
type Zone string

// UnmarshalText reads the zone.
func (z *Zone) UnmarshalText(text []byte) error {
	*z = Zone(text)
	_, err := clinic.LoadZone(string(text))
	return err
}

// Label is a name on the command line.
type Label string

// UnmarshalText reads the name, without the blanks around it.
func (l *Label) UnmarshalText(text []byte) error {
	name, err := clinic.CheckName(string(text))
	*l = Label(name)
	return err
}

// Limit is how many items of a list are shown.
type Limit int

// MaxLimit is the most items that --limit may name.
const MaxLimit = 1000

// UnmarshalText reads the number.
func (l *Limit) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n > MaxLimit {
		return fmt.Errorf("must be a whole number between 1 and %d", MaxLimit)
	}
	*l = Limit(n)
	return nil
}

// LimitOrAll is how many items of a list are shown; 0 means all.
type LimitOrAll int

// UnmarshalText reads the number, or "all".
func (l *LimitOrAll) UnmarshalText(text []byte) error {
	if string(text) == "all" {
		*l = 0
		return nil
	}
	var n Limit
	if n.UnmarshalText(text) != nil {
		return fmt.Errorf("must be a whole number between 1 and %d, or all", MaxLimit)
	}
	*l = LimitOrAll(n)
	return nil
}

// Cut returns how many of n items are shown.
func (l LimitOrAll) Cut(n int) int {
	if l == 0 {
		return n
	}
	return min(n, int(l))
}

// NoSuch returns an error for an id that does not exist. It says how to find the right one.
func NoSuch(err error, what string, named uuid.UUID, list string) error {
	if err == nil || !errors.Is(err, clinic.ErrNotFound) && casesync.Explain(err).Code != syncs.CodeNotFound {
		return err
	}
	return fmt.Errorf("there is no %s %s; `pims-sync %s` shows them", what, named, list)
}
