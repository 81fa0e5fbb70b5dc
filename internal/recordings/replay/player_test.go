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
