package clinicpages

import (
	"fmt"
	"html/template"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/console/chart"
	"github.com/pims-sync/pims-sync/internal/console/page"
	"github.com/pims-sync/pims-sync/internal/console/screen"
	"github.com/pims-sync/pims-sync/internal/console/syncpages"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

const (
	historyDaysShown = 30
	historyRuns      = 60   // of each type, in its chart
	historyRead      = 1000 // syncs at most, whatever the schedule
)

// A typeHistory is what the syncs of one type did in the last days.
type typeHistory struct {
	Name           string
	Strip, Chart   template.HTML
	Days, Measures string // what the two show, in words
}

// historyOf reads the syncs of the last days, of each type that ran. Dry runs are left out.
func (s *screens) historyOf(v *page.Visit, of *clinic.Clinic) (shown []typeHistory, err error) {
	zone := screen.ZoneOf(of)
	today := v.Now.In(zone)
	since := time.Date(today.Year(), today.Month(), today.Day()-historyDaysShown+1, 0, 0, 0, 0, zone)
	byType := map[syncs.Type][]syncs.Audit{}
	filter := syncs.AuditFilter{Page: syncs.Page{Limit: 200}}
	for read := 0; read < historyRead; read += filter.Limit {
		list, err := s.o.Runs.AuditsAcross(v.Context(), []uuid.UUID{of.ID}, filter)
		if err != nil {
			return nil, screen.Told(err)
		}
		for i := range list.Items {
			a := &list.Items[i]
			if a.CreatedAt.After(since) && a.Status.Final() && a.Status != syncs.StatusCancelled && !a.Options.DryRun {
				byType[a.Type] = append(byType[a.Type], *a)
			}
		}
		last := len(list.Items) - 1
		if filter.Cursor = list.NextCursor; filter.Cursor == "" || list.Items[last].CreatedAt.Before(since) {
			break
		}
	}
	for _, t := range []syncs.Type{syncs.TypeInbound, syncs.TypeCases, syncs.TypeReconciliation, syncs.TypeFull} {
		if runs := byType[t]; len(runs) > 0 {
			slices.Reverse(runs)
			shown = append(shown, typeHistoryOf(screen.TypeName(t), runs, since, zone))
		}
	}
	return shown, nil
}

func typeHistoryOf(name string, runs []syncs.Audit, since time.Time, zone *time.Location) typeHistory {
	h := typeHistory{Name: name}
	h.Strip, h.Days = strip(name, runs, since, zone)
	var twins []chart.Twin
	longest, most := time.Duration(0), 0
	for i := range runs[max(0, len(runs)-historyRuns):] {
		a := &runs[max(0, len(runs)-historyRuns)+i]
		badge, changes := syncpages.StatusBadge(a), changesOf(&a.Result.Stats)
		longest, most = max(longest, a.Duration()), max(most, changes)
		twins = append(twins, chart.Twin{
			Name: fmt.Sprintf("%s: %s, %s, %s", a.CreatedAt.In(zone).Format("Mon 2 Jan 15:04"), badge.Word, page.Length(a.Duration()), page.Counted(changes, "change")),
			Up:   a.Duration().Seconds(), Down: float64(changes), Tone: badge.Tone,
		})
	}
	h.Measures = fmt.Sprintf("%s: the longest took %s, the most changes were %s.", page.Counted(len(twins), "run"), page.Length(longest), page.Number(most))
	h.Chart = chart.Twins(name+", duration upwards and changes downwards. "+h.Measures, twins)
	return h
}

// changesOf returns how many cases a sync changed.
func changesOf(s *syncs.Stats) int {
	return s.CasesCreated + s.CasesUpdated + s.CasesEnriched + s.CasesDeleted + s.CasesRestored
}

// strip draws the days: a full bar for a day without a failure, a low one for a day on which
// every sync failed, one between for the others, a stub for a day without a sync.
func strip(name string, runs []syncs.Audit, since time.Time, zone *time.Location) (template.HTML, string) {
	total, failed := map[string]int{}, map[string]int{}
	for i := range runs {
		day := runs[i].CreatedAt.In(zone).Format(time.DateOnly)
		if total[day]++; runs[i].Status == syncs.StatusFailed {
			failed[day]++
		}
	}
	var parts []chart.Part
	with, good := 0, 0
	for n := range historyDaysShown {
		at := time.Date(since.Year(), since.Month(), since.Day()+n, 12, 0, 0, 0, zone)
		day := at.Format(time.DateOnly)
		part := chart.Part{Name: at.Format("Mon 2 Jan") + ": no sync", Tone: "idle"}
		if total[day] > 0 {
			with++
			part = chart.Part{Name: fmt.Sprintf("%s: %s, %s failed", at.Format("Mon 2 Jan"), page.Counted(total[day], "sync"), page.Number(failed[day])), Value: 1, Tone: "good"}
			switch failed[day] {
			case 0:
				good++
			case total[day]:
				part.Value, part.Tone = .3, "bad"
			default:
				part.Value, part.Tone = .6, "warn"
			}
		}
		parts = append(parts, part)
	}
	said := fmt.Sprintf("%d of %s without a failure.", good, page.Counted(with, "day"))
	return chart.Strip(name+", the last 30 days: "+said, parts), said
}
