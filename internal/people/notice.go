package people

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/access"
)

// A Notice is a mail to a person about their own sign-in, so that a stranger who has it does
// not stay unseen (R43).
type Notice struct {
	To, Subject, Text string
}

// knownFor is how long a network counts as known after a sign-in from it.
const knownFor = 90 * 24 * time.Hour

// tell sends a notice if there is a way to.
func (s *Service) tell(ctx context.Context, to, what string, by access.By) {
	if s.o.Tell == nil {
		return
	}
	who := "you"
	if by.Name != to {
		who = by.Name
	}
	s.o.Tell(ctx, Notice{
		To: to, Subject: "Your sign-in to PIMS Sync: " + what,
		Text: fmt.Sprintf("This happened to the sign-in of %s: %s.\n\nWhen: %s\nBy: %s\nFrom: %s\n\nIf you do not know of it, ask an admin to reset your sign-in at once (the page People of the console). That ends all your sessions.\n",
			to, what, s.o.Now().UTC().Format("2006-01-02 15:04 MST"), who, by.Origin),
	})
}

// tellOfChange tells a person what was changed. A new address and the one before both learn it.
func (s *Service) tellOfChange(ctx context.Context, before, after *Person, by access.By) {
	var what []string
	for _, x := range []struct {
		word    string
		changed bool
	}{
		{"e-mail address", before.Email != after.Email},
		{"password", !before.Password.Equal(after.Password)},
		{"account at the sign-in provider", before.Issuer != after.Issuer || before.Subject != after.Subject},
		{"role", before.Role != after.Role},
		{"list of clinics", before.Limited != after.Limited || !slices.Equal(before.Clinics, after.Clinics)},
	} {
		if x.changed {
			what = append(what, x.word)
		}
	}
	if len(what) == 0 {
		return
	}
	said := "the " + strings.Join(what, " and the ") + " changed"
	s.tell(ctx, before.Email, said, by)
	if after.Email != before.Email {
		s.tell(ctx, after.Email, said, by)
	}
}

// fromNewPlace reports whether a person has not signed in from a network for long: an IPv4 /24
// or an IPv6 /64. Where nobody can be told it asks nothing.
func (s *Service) fromNewPlace(ctx context.Context, id uuid.UUID, from netip.Addr) (bool, error) {
	if s.o.Tell == nil {
		return false, nil
	}
	known, err := s.o.Store.SignedInFrom(ctx, id, s.o.Now().Add(-knownFor))
	return !slices.ContainsFunc(known, func(a netip.Addr) bool { return place(a) == place(from) }), err
}

func place(a netip.Addr) netip.Prefix {
	a = a.Unmap()
	bits := 64
	if a.Is4() {
		bits = 24
	}
	p, _ := a.Prefix(bits) // the zero address has none
	return p
}
