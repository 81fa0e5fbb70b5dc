package memory

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/pims"
)

// collect makes a fetch that holds so many bytes and counts how often it begins.
func collect(bytes int, begun *int) func(*Fetching) (int, error) {
	return func(f *Fetching) (int, error) {
		*begun++
		share := f.Share()
		for left := bytes; left > 0; left -= 1 << 20 {
			if err := share.Take(min(left, 1<<20)); err != nil {
				return 0, err
			}
		}
		return bytes, nil
	}
}

// fetched fetches so many bytes in a context, and returns how often it began.
func fetched(ctx context.Context, bytes int) (begun int, err error) {
	err = promptly(func() error {
		_, err := Fetch(ctx, collect(bytes, &begun))
		return err
	})
	return begun, err
}

// promptly returns what a function returns, or errHangs if that takes half a minute: no call
// of these tests waits for another.
func promptly(call func() error) error {
	returned := make(chan error, 1)
	go func() { returned <- call() }()
	select {
	case err := <-returned:
		return err
	case <-time.After(30 * time.Second):
		return errHangs
	}
}

var errHangs = errors.New("the call hangs")

// The tests of this package share the process's one turn, so none is parallel to another.

func TestASmallRunNeedsNoTurn(t *testing.T) { //nolint:paralleltest // R57; see above
	hold(t) // another run's
	defer func() { <-turn }()
	ctx, end := Begin(t.Context())
	defer end()
	for range 10 { // what a fetch held is given back
		begun, err := fetched(ctx, Small)
		require.NoError(t, err)
		require.Equal(t, 1, begun)
	}
	drop, err := Keep(ctx, Small-1)
	require.NoError(t, err)
	_, err = fetched(ctx, 1)
	require.NoError(t, err, "together they are small")
	_, err = fetched(cancelled(ctx), 2)
	require.ErrorIs(t, err, context.Canceled)
	drop()
	drop() // counts once
	_, err = fetched(ctx, Small)
	require.NoError(t, err)
	_, err = fetched(cancelled(ctx), Small+1)
	require.ErrorIs(t, err, context.Canceled)
}

// hold takes the turn, which no test may have left taken.
func hold(t *testing.T) {
	t.Helper()
	select {
	case turn <- struct{}{}:
	default:
		require.FailNow(t, "the turn was not given back")
	}
}

// cancelled returns a context in which no wait goes on.
func cancelled(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

func TestALargeRunTakesItsTurnAndKeepsItToItsEnd(t *testing.T) { //nolint:paralleltest // R57
	ctx, end := Begin(t.Context())
	begun, err := fetched(cancelled(ctx), Large)
	require.NoError(t, err)
	require.Equal(t, 1, begun, "the turn was free: nothing is dropped")
	_, err = Keep(ctx, Large-1)
	require.NoError(t, err)
	begun, err = fetched(ctx, 2)
	require.ErrorIs(t, err, pims.ErrTooManyRows, "what it keeps and what it fetches count together")
	require.Equal(t, 1, begun)
	_, err = Keep(ctx, 2)
	require.ErrorIs(t, err, pims.ErrTooManyRows)
	_, err = fetched(ctx, 1)
	require.NoError(t, err, "what was refused does not count")

	other, endOther := Begin(t.Context())
	defer endOther()
	_, err = fetched(cancelled(other), Small+1)
	require.ErrorIs(t, err, context.Canceled, "it is not its turn")
	end()
	end()
	begun, err = fetched(cancelled(other), Large)
	require.NoError(t, err)
	require.Equal(t, 1, begun)
}

func TestAWaitEndsWithItsContextOrWithTheTurnOfTheOther(t *testing.T) { //nolint:paralleltest // R57
	first, endFirst := Begin(t.Context())
	_, err := fetched(cancelled(first), Large)
	require.NoError(t, err)

	for name, ask := range map[string]func(context.Context) error{
		"a fetch": func(ctx context.Context) error { _, err := fetched(ctx, Small+1); return err },
		"rows that it kept": func(ctx context.Context) error {
			return promptly(func() error { _, err := Keep(ctx, Small+1); return err })
		},
	} {
		for range 32 {
			ctx, end := Begin(t.Context())
			ctx, cancel := context.WithCancel(ctx)
			over := false
			ctx = Telling(ctx, func(context.Context) func() {
				cancel()
				return func() { over = true }
			})
			require.ErrorIs(t, ask(ctx), context.Canceled, name)
			require.True(t, over, "it tells that the wait is over")
			end()
		}
	}

	waits := make(chan struct{})
	second, endSecond := Begin(t.Context())
	defer endSecond()
	second = Telling(second, func(context.Context) func() {
		close(waits)
		return func() {}
	})
	begun, ended := 0, make(chan error)
	go func() {
		_, err := Fetch(second, collect(Large, &begun))
		ended <- err
	}()
	<-waits
	require.Equal(t, 1, begun, "it dropped its rows and waits")
	endFirst()
	require.NoError(t, <-ended)
	require.Equal(t, 2, begun)
	_, err = Keep(second, Large)
	require.NoError(t, err, "it is its turn until it ends")
}

func TestAFetchWithoutARunIsARunOfItsOwn(t *testing.T) { //nolint:paralleltest // R57
	for range 2 { // the turn is given back
		_, err := fetched(cancelled(t.Context()), Large)
		require.NoError(t, err)
	}
	_, err := fetched(cancelled(t.Context()), Large+1)
	require.ErrorIs(t, err, pims.ErrTooManyRows)
	drop, err := Keep(t.Context(), Large+1)
	require.NoError(t, err, "nobody counts it")
	drop()
	require.NoError(t, new(Share).Take(Large+1), "the zero share has no limit")
	new(Share).GiveBack()
}

func TestAnAnswerThatIsNotKeptGivesItsShareBack(t *testing.T) { //nolint:paralleltest // R57
	hold(t)
	defer func() { <-turn }()
	_, err := Fetch(t.Context(), func(f *Fetching) (int, error) {
		for range 3 { // an answer that is read three times
			share := f.Share()
			if err := share.Take(Small); err != nil {
				return 0, err
			}
			share.GiveBack()
		}
		return 0, nil
	})
	require.NoError(t, err)
}

func TestAPracticesNumbersFitAsThePagesSay(t *testing.T) { //nolint:paralleltest // R57
	visit := pims.Appointment{
		ID: "10000001", ConsultationID: "20000001", PatientID: "30000001", PatientName: "Hildegard", ClientID: "40000001",
		ClientName: "Cassandra Worthington", ClientPhone: "555-0199 ext. 12", ClientEmail: "worthington@example.com", Veterinarian: "Dr. Abernathy",
		Room: "Exam 2", Title: "Annual examination", TypeText: "Annual examination", Reason: "Due for vaccines, limps on the left",
		StatusText: "checked in", StartText: "2026-03-02T08:00:00", EndText: "2026-03-02T08:30:00",
	}
	entry := pims.ConsultationEntry{ID: "20000001", AppointmentID: "10000001", StatusText: "completed", Fingerprint: "00112233445566778899aabbccddeeff"}
	require.Less(t, 100_000*visit.Size(), Large)
	require.Less(t, 70_000*(visit.Size()+entry.Size()), Large)
	require.ErrorIs(t, errLarge, pims.ErrOverLimit, "it is final")
	for _, err := range []error{errLarge, errBusy} { // else a wait would look like a change of the answers
		require.Equal(t, "too_many_rows", pims.Kind(err))
	}
}
