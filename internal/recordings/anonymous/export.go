package anonymous

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/recordings"
	"github.com/pims-sync/pims-sync/internal/recordings/replay"
)

// keySize is the size of the key from which the replacements follow.
const keySize = 32

// ErrLeak means that an export would still hold a text of the original. Nothing is given
// away then.
var ErrLeak = errors.New("the export would still hold texts of the recording")

// Export returns an anonymous copy of a recording, under a key that nobody keeps. The copy
// is searched for what was replaced before it is returned.
func Export(ctx context.Context, r *recordings.Recording, o replay.Options) (*recordings.Recording, error) {
	key := make([]byte, keySize)
	rand.Read(key)
	return ExportWith(ctx, key, r, o)
}

// ExportWith is Export under a given key, so that the same recording gives the same copy.
func ExportWith(ctx context.Context, key []byte, r *recordings.Recording, o replay.Options) (*recordings.Recording, error) {
	wire, err := wireOf(r.Provider, o.Providers)
	if err != nil {
		return nil, err
	}
	location, err := clinic.LoadZone(r.Zone)
	if err != nil {
		return nil, fmt.Errorf("the recording's zone: %w", err)
	}
	a := newAnonymiser(key, wire, r.Began, location)
	if _, err := a.hold(r); err != nil { // it sees everything
		return nil, err
	}
	a.m.settle()
	held, err := a.hold(r)
	if err != nil {
		return nil, err
	}
	if err := a.follow(ctx, r, held, o); err != nil {
		return nil, err
	}
	return held, a.search(held)
}

// wireOf returns the words of a provider's wire format.
func wireOf(name string, providers []pims.Constructor) (pims.Wire, error) {
	for _, construct := range providers {
		d := construct(pims.Environment{}).Declaration()
		for _, known := range append([]string{d.Name}, d.Aliases...) {
			if strings.EqualFold(known, name) {
				return d.Wire, nil
			}
		}
	}
	return pims.Wire{}, replay.ErrUnknownProvider
}

// The shortest words and numbers that a search looks for. Shorter ones occur by chance.
const (
	shortestWord   = 4
	shortestNumber = 5
)

// search looks in a copy for what was to be replaced.
func (a *anonymiser) search(held *recordings.Recording) error {
	found := 0
	err := texts(held, func(text string) {
		for _, token := range strings.FieldsFunc(text, func(r rune) bool { return !wordRune(r) }) {
			if a.personal(token) {
				found++
			}
		}
	})
	if err == nil && found > 0 {
		err = fmt.Errorf("%w, in %d places", ErrLeak, found)
	}
	return err
}

// personal reports whether a word was to be replaced. What stands in the names of fields
// and in markup stays there.
func (a *anonymiser) personal(token string) bool {
	folded := fold([]rune(token))
	if strings.Trim(folded, "0123456789") == "" {
		return len(folded) >= shortestNumber && a.m.lengths[len(folded)][folded]
	}
	kept := a.fieldWords[folded] || a.pageWords[folded] || a.tags[folded] || a.attributes[folded]
	return a.m.seen[folded] && !kept && len([]rune(folded)) >= shortestWord && strings.IndexFunc(folded, unicode.IsLetter) >= 0
}

// withoutOrigin returns an address without scheme and host, which are invented.
func withoutOrigin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Path + "?" + u.RawQuery
}

// escapes are the escapes of JSON that hold a letter.
var escapes = strings.NewReplacer(`\n`, " ", `\r`, " ", `\t`, " ", `\b`, " ", `\f`, " ")

// texts calls look with every text of a copy that comes from the PIMS.
func texts(r *recordings.Recording, look func(string)) error {
	for i := range r.Exchanges {
		e := &r.Exchanges[i]
		content, err := e.Body.Bytes()
		if err != nil {
			return err
		}
		c, err := codingOf(e.Header["Content-Type"], content)
		if err != nil {
			return err
		}
		look(escapes.Replace(runesOf(c.split(content))))
		look(strings.Join([]string{withoutOrigin(e.URL), e.Form, withoutOrigin(e.Header["Location"]), e.Header["Set-Cookie"]}, "\n"))
	}
	for i := range r.Before.Cases {
		c := &r.Before.Cases[i]
		look(strings.Join([]string{c.PIMSID, c.PatientName, c.ClientName, c.PhoneNumber, string(c.Metadata)}, "\n"))
		for consultation, whose := range c.Shown {
			look(strings.Join([]string{consultation, whose.PatientID, whose.ClientID, whose.PatientName}, "\n"))
		}
	}
	for i := range r.After.Decisions {
		look(r.After.Decisions[i].PIMSID + "\n" + r.After.Decisions[i].Consultation)
	}
	look(strings.Join(r.After.Drift, "\n") + string(r.Settings) + string(r.Request.Settings))
	return nil
}
