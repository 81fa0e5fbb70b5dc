package replay

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/recordings"
)

func recorded(urls ...string) *player {
	r := &recordings.Recording{}
	for _, url := range urls {
		r.Exchanges = append(r.Exchanges, recordings.Exchange{Method: http.MethodGet, URL: url, Status: http.StatusOK})
	}
	return newPlayer(r)
}

func (p *player) get(ctx context.Context, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := p.RoundTrip(r)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// Two parts of a calendar are asked for at once. The first answer was refused before the
// second request was sent.
func TestARequestThatTheRecordedRunDidNotComeToSendDoesNotDecide(t *testing.T) { // R52
	t.Parallel()
	for range 20 {
		p := recorded("https://neo.example/calendar?part=1")
		p.patience = time.Minute // this machine may be busy
		parts, ctx := errgroup.WithContext(t.Context())
		asked := make(chan struct{})
		parts.Go(func() error { close(asked); return p.get(ctx, "https://neo.example/calendar?part=2") })
		parts.Go(func() error {
			<-asked
			if err := p.get(ctx, "https://neo.example/calendar?part=1"); err != nil {
				return err
			}
			return pims.ErrSchemaDrift
		})
		require.ErrorIs(t, parts.Wait(), pims.ErrSchemaDrift)
		require.Empty(t, p.missing)
	}
}

// A record was asked for in a session that had died, and again in the next one. Now the first
// request comes late.
func TestAnAnswerOfADeadSessionDoesNotComeInTheNextOne(t *testing.T) { // R20, R52
	t.Parallel()
	const view, calendar = "https://neo.example/view/1", "https://neo.example/calendar"
	p := recorded(view, calendar, view)
	p.patience = time.Minute
	p.plays[0].Session, p.plays[0].Status = 1, http.StatusUnauthorized
	p.plays[1].Session, p.plays[2].Session = 1, 2

	i, first := p.take(keyOf(http.MethodGet, view, ""), 2)
	require.Equal(t, 2, i)
	require.True(t, first)
	require.NoError(t, p.get(pims.InSession(t.Context(), 1), calendar), "nothing waits for what nobody will ask for")
	require.True(t, p.turn(2))
	i, first = p.take(keyOf(http.MethodGet, view, ""), 2)
	require.Equal(t, 2, i, "the last answer again")
	require.False(t, first)
	require.Equal(t, 1, p.unasked())

	p = recorded(view)
	p.plays[0].Session = 1
	require.NoError(t, p.get(pims.InSession(t.Context(), 1), view))
	i, _ = p.take(keyOf(http.MethodGet, view, ""), 2)
	require.Equal(t, -1, i, "no answer again of a session that has died")
}

// A login asks for what a session asks for, too.
func TestEachSessionHasItsOwnAnswers(t *testing.T) { // R36, R52
	t.Parallel()
	const proof = "https://neo.example/proof"
	p := recorded(proof, proof, proof, proof)
	for i, session := range []int{1, 0, 1, 2} {
		p.plays[i].Session = session
	}
	var taken []int
	for _, session := range []int{0, 1, 1, 2, 2, 0} {
		i, _ := p.take(keyOf(http.MethodGet, proof, ""), session)
		taken = append(taken, i)
	}
	require.Equal(t, []int{1, 0, 2, 3, 3, 3}, taken)

	earlier := recorded(proof, proof) // a version that did not note sessions
	for n := range 2 {
		i, first := earlier.take(keyOf(http.MethodGet, proof, ""), 2-n)
		require.Equal(t, n, i)
		require.True(t, first)
	}
}

func TestARequestThatIsNotRecordedFailsAndIsNamed(t *testing.T) { // R52
	t.Parallel()
	p := recorded("https://neo.example/calendar")
	p.patience = time.Millisecond
	for range 2 {
		require.ErrorIs(t, p.get(t.Context(), "https://neo.example/consultations/view/12345"), errNotRecorded)
	}
	require.Equal(t, []string{"/consultations/view/{id}", "/consultations/view/{id}"}, p.missing)
	require.NoError(t, p.get(t.Context(), "https://neo.example/calendar"))

	ended, end := context.WithCancelCause(t.Context())
	end(errors.New("over"))
	require.ErrorIs(t, p.get(ended, "https://neo.example/other"), context.Canceled)
	require.Len(t, p.missing, 2)
}
