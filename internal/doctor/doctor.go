// Package doctor examines an installation: database, keys, browser, clocks, disk, network,
// and what hangs or waits. Each finding says what is so and what to do next. A check changes
// nothing, and its findings hold nothing personal (R40).
package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pims-sync/pims-sync/internal/panics"
)

// A State says how a thing is.
type State string

// The states of a Finding.
const (
	OK      State = "ok"
	Warning State = "warning" // it works, and will cause trouble or already costs something
	Wrong   State = "wrong"   // it does not work
)

// A Finding is what a check found.
type Finding struct {
	Check string // the check's name, a closed set
	State State
	Said  string // one sentence
	Next  string // what to do; empty where nothing is
}

// A Check is one thing to look at.
type Check struct {
	Name string
	Look func(ctx context.Context) []Finding
}

// checkTime bounds one check. A login ends by itself within a minute, with a reason.
const checkTime = 90 * time.Second

// Run makes the checks in their order. A check that panics or takes longer than a minute and a half is
// a finding of its own.
func Run(ctx context.Context, checks []Check) (all []Finding) {
	for _, c := range checks {
		all = append(all, look(ctx, c)...)
	}
	return all
}

func look(ctx context.Context, c Check) (found []Finding) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	err := panics.Catch(func() error {
		found = c.Look(ctx)
		return nil
	})
	if err != nil {
		found = append(found, say("the check itself failed: %v", err).wrong("send this line with the version of pims-sync"))
	}
	for i := range found {
		found[i].Check = c.Name
	}
	return found
}

// AnyWrong reports whether a finding is Wrong.
func AnyWrong(all []Finding) bool {
	return slices.ContainsFunc(all, func(f Finding) bool { return f.State == Wrong })
}

func ok(format string, args ...any) []Finding {
	return []Finding{{State: OK, Said: fmt.Sprintf(format, args...)}}
}

// say begins a finding; wrong and warning end it with the next step.
func say(format string, args ...any) sentence { return sentence(fmt.Sprintf(format, args...)) }

type sentence string

func (s sentence) wrong(next string) Finding {
	return Finding{State: Wrong, Said: string(s), Next: next}
}

func (s sentence) warning(next string) Finding {
	return Finding{State: Warning, Said: string(s), Next: next}
}

// Failed is the finding of something that ended with an error. What to do is what the error says
// after its first semicolon, as errors of this program do, or else next.
func Failed(what string, err error, next string) []Finding {
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("it took too long")
	}
	said, advice, advised := strings.Cut(err.Error(), "; ")
	if advised {
		next = advice
	}
	if what != "" {
		said = what + ": " + said
	}
	return []Finding{say("%s", said).wrong(next)}
}

// orOK returns what was found, or a finding that all is well.
func orOK(found []Finding, format string, args ...any) []Finding {
	if len(found) == 0 {
		return ok(format, args...)
	}
	return found
}

func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
