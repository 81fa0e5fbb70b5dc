package quota

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var testTime = time.Date(2026, 1, 17, 12, 0, 0, 0, time.UTC)

// ten a minute, ten at once.
func slow() *Rate[int] { return NewRate[int](1.0/6, 10) }

func TestACallerDoesABurstAndThenItsRate(t *testing.T) {
	t.Parallel()
	r := slow()
	for range 10 {
		require.Zero(t, r.Take(1, testTime))
	}
	require.Equal(t, 6*time.Second, r.Take(1, testTime))
	require.Equal(t, 6*time.Second, r.Take(1, testTime), "who is refused pays nothing")
	require.Zero(t, r.Take(2, testTime), "others have buckets of their own")
	require.Zero(t, r.Take(1, testTime.Add(6*time.Second)))
	require.Positive(t, r.Take(1, testTime.Add(6*time.Second)))

	free := NewRate[int](0, 0)
	for range 100 {
		require.Zero(t, free.Take(1, testTime))
	}
	require.Empty(t, free.buckets)
}

func TestARateRemembersOnlySoManyCallers(t *testing.T) {
	t.Parallel()
	r := slow()
	for i := range 3 * maxCallers {
		r.Take(i, testTime.Add(time.Duration(i)*time.Millisecond))
		require.LessOrEqual(t, len(r.buckets), maxCallers)
	}
}

func TestARateForgetsWhoBehavesBeforeWhoDoesNot(t *testing.T) {
	t.Parallel()
	r := slow()
	for i := range maxCallers - 1 {
		r.Take(i, testTime)
	}
	later := testTime.Add(6 * time.Second)
	for range 10 {
		require.Zero(t, r.Take(-1, later))
	}
	require.Zero(t, r.Take(-2, later), "makes room")
	require.Len(t, r.buckets, 2)
	require.Positive(t, r.Take(-1, later))
}

func TestOneCallerHoldsAQuarterOfThePlacesAndAllHoldAllOfThem(t *testing.T) {
	t.Parallel()
	p := NewPlaces[int](8)
	first, second := p.Take(1), p.Take(1)
	require.NotNil(t, first)
	require.NotNil(t, second)
	require.Nil(t, p.Take(1), "its share is two")
	first()
	first() // once is enough
	require.NotNil(t, p.Take(1))
	for caller := range 3 {
		require.NotNil(t, p.Take(caller+2))
		require.NotNil(t, p.Take(caller+2))
	}
	require.Nil(t, p.Take(5), "all are taken")
	second()
	require.NotNil(t, p.Take(5))

	require.NotNil(t, NewPlaces[int](1).Take(1), "a share is one at least")
	free := NewPlaces[int](0)
	for range 100 {
		free.Take(1)()
	}
	require.Empty(t, free.held)
}

func TestPlacesAreCountedRightlyByManyAtOnce(t *testing.T) {
	t.Parallel()
	p := NewPlaces[int](16)
	var all sync.WaitGroup
	for caller := range 8 {
		all.Go(func() {
			for range 200 {
				if giveBack := p.Take(caller % 4); giveBack != nil {
					giveBack()
				}
			}
		})
	}
	all.Wait()
	require.Zero(t, p.all)
	require.Empty(t, p.held)
}
