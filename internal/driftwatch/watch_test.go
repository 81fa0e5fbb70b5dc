package driftwatch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/drift"
	"github.com/pims-sync/pims-sync/internal/driftwatch"
	"github.com/pims-sync/pims-sync/internal/pims"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// shelf is a store in memory.
type shelf struct {
	baselines map[syncs.Type]map[string]*drift.Baseline
	accepted  []string
	news      []drift.Finding
	keeps     int
	readErr   error
	keepErr   error
}

func (s *shelf) Baselines(_ context.Context, _ uuid.UUID, _ string, kind syncs.Type) (map[string]*drift.Baseline, error) {
	return s.baselines[kind], s.readErr
}

func (s *shelf) KeepBaselines(_ context.Context, _ syncs.Lease, _ string, kind syncs.Type, kept map[string]*drift.Baseline, accepted []string, news []drift.Finding) error {
	s.keeps++
	s.accepted, s.news = accepted, append(s.news, news...)
	if s.baselines == nil {
		s.baselines = make(map[syncs.Type]map[string]*drift.Baseline)
	}
	if s.baselines[kind] == nil {
		s.baselines[kind] = make(map[string]*drift.Baseline)
	}
	maps.Copy(s.baselines[kind], kept)
	return s.keepErr
}

// A day of a clinic: its calendar has so many visits and unmarked blocks.
type day struct {
	at               time.Time
	visits, unmarked int
	dryRun           bool
	outcome          error
}

// watch plays a run and returns what it logs.
func watch(t *testing.T, store *shelf, d day) string {
	t.Helper()
	var log bytes.Buffer
	ctx, w := driftwatch.Begin(t.Context(), store, driftwatch.Run{
		Kind: syncs.TypeInbound, Provider: "some_pims", DryRun: d.dryRun, Now: func() time.Time { return d.at },
		Log: slog.New(slog.NewTextHandler(&log, nil)), Drifted: func(string, drift.Kind) {},
	}, nil)
	snapshot := pims.Snapshot{Appointments: make([]pims.Appointment, d.visits), Blocks: []pims.Block{{ID: "lunch", Marked: true}}}
	for range d.unmarked {
		snapshot.Blocks = append(snapshot.Blocks, pims.Block{ID: "b"})
	}
	driftwatch.Calendar(ctx, &snapshot)
	w.Keep(ctx, d.outcome)
	return log.String()
}

// week plays five ordinary days, after which changes are told.
func week(t *testing.T, store *shelf) time.Time {
	t.Helper()
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for range 5 {
		require.Empty(t, watch(t, store, day{at: at, visits: 60}))
		at = at.AddDate(0, 0, 1)
	}
	return at
}

func TestAChangeIsToldOnceAndKept(t *testing.T) { // R51
	t.Parallel()
	store := &shelf{}
	at := week(t, store)
	require.Contains(t, watch(t, store, day{at: at, visits: 30, unmarked: 30}), "The PIMS returns another form than before")
	require.Empty(t, watch(t, store, day{at: at, visits: 30, unmarked: 30}))
	require.Len(t, store.news, 1)
	require.Equal(t, drift.Risen, store.news[0].Kind)
	require.Empty(t, store.accepted)
}

func TestWhatIsNotUnderstoodIsNoExample(t *testing.T) { // R51
	t.Parallel()
	store := &shelf{}
	at := week(t, store)
	before := *store.baselines[syncs.TypeInbound]["calendar"]
	for _, outcome := range []error{pims.ErrSchemaDrift, pims.ErrIncomplete} {
		watch(t, store, day{at: at, visits: 90, outcome: outcome})
		require.Equal(t, before.Rows, store.baselines[syncs.TypeInbound]["calendar"].Rows)
	}
	watch(t, store, day{at: at, visits: 90, outcome: pims.ErrUnreachable})
	require.Greater(t, store.baselines[syncs.TypeInbound]["calendar"].Rows, before.Rows, "the calendar was understood")
}

func TestWhatMustNotBeKeptIsNot(t *testing.T) { // R26, R30, R51
	t.Parallel()
	store := &shelf{}
	watch(t, store, day{visits: 60, dryRun: true})
	watch(t, store, day{visits: 60, outcome: syncs.ErrLeaseLost})
	require.Zero(t, store.keeps)

	ctx, w := driftwatch.Begin(t.Context(), nil, driftwatch.Run{}, nil)
	w.Keep(ctx, nil)
	changed, err := w.Changed(ctx)
	require.NoError(t, err)
	require.Empty(t, changed)
}

func TestAStoreThatFailsCostsTheSyncNothing(t *testing.T) { // R51
	t.Parallel()
	broken := errors.New("broken")
	require.Contains(t, watch(t, &shelf{readErr: broken}, day{visits: 60}), "was not kept")
	require.Contains(t, watch(t, &shelf{keepErr: broken}, day{visits: 60}), "was not kept")
	require.Empty(t, watch(t, &shelf{keepErr: syncs.ErrLeaseLost}, day{visits: 60}), "another attempt keeps it")

	ctx, w := driftwatch.Begin(t.Context(), &shelf{readErr: broken}, driftwatch.Run{Kind: syncs.TypeFull}, nil)
	_, err := w.Changed(ctx)
	require.ErrorIs(t, err, broken, "the guard does not guess")
}

type transport func() string

func (t transport) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(t()))}, nil
}

func TestANameOfAPatientIsNoFieldAndAnUnknownFieldIsOne(t *testing.T) { // R40, R51
	t.Parallel()
	store := &shelf{}
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	names := 0
	// run plays a day on which the rows have a map of patients, and further members.
	run := func(rows int, members string) (log string) {
		var text bytes.Buffer
		ctx, w := driftwatch.Begin(t.Context(), store, driftwatch.Run{
			Kind: syncs.TypeInbound, Provider: "some_pims", Now: func() time.Time { return at },
			Log: slog.New(slog.NewTextHandler(&text, nil)), Drifted: func(string, drift.Kind) {},
		}, nil)
		body := func() string {
			all := make([]string, rows)
			for i := range all {
				names++
				name := "Zz" + strings.Repeat("q", names%7) + string(rune('a'+names%26)) + string(rune('a'+names/26%26)) + string(rune('a'+names/676))
				all[i] = fmt.Sprintf(`{"id":%d,"patients":{%q:{"id":%d,"weight":"4.%d kg"},%q:{"id":%d}}%s}`, names, name, names, i, name+"y", names, members)
			}
			return "[" + strings.Join(all, ",") + "]"
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://pims.example/calendar", http.NoBody)
		require.NoError(t, err)
		response, err := drift.Transport{Next: transport(body)}.RoundTrip(request)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		w.Keep(ctx, nil)
		at = at.AddDate(0, 0, 1)
		return text.String()
	}
	for range 10 {
		require.Empty(t, run(20, `,"quibble":"x"`))
	}
	require.Empty(t, run(3, `,"quibble":"x"`), "a quiet day")
	require.Contains(t, run(20, `,"quibble":"x","quarrel":true`), "field=quarrel kind=new")
	require.Empty(t, run(20, `,"quibble":"x","quarrel":true`))
	require.Contains(t, run(20, `,"quarrel":true`), "field=quibble kind=vanished")

	fields := slices.Sorted(maps.Keys(store.baselines[syncs.TypeInbound]["/calendar"].Fields))
	require.Equal(t, []string{
		"id", "patients", "patients.{other}", "patients.{other}.id", "patients.{other}.weight", "quarrel", "quibble",
	}, slices.DeleteFunc(fields, func(name string) bool { return name == "{other}" }))
}
