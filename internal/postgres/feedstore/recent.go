package feedstore

import (
	"context"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/pims-sync/pims-sync/internal/feed"
	"github.com/pims-sync/pims-sync/internal/postgres/internal/null"
	"github.com/pims-sync/pims-sync/internal/syncs"
)

// recentSQL reads the latest $4 positions before $1 of the clinics $2 and the type $3. Of a
// type it looks at the last 100,000 positions only: some types come a few times a year.
// A position that the erasure of a clinic has emptied is no event any more.
const recentSQL = `
	with chosen as (
		select position, clinic_id, type, at, sequenced_at, data, events from pims_sync_feed
		where position < $1 and type <> 'erased' and ($2::uuid[] is null or clinic_id = any ($2)) and ($3 = '' or type = $3 and position > (select position - 100000 from pims_sync_feed_state))
		order by position desc limit $4
	)
	select f.position, f.clinic_id, f.type, f.at, f.sequenced_at, f.data, c.actor, c.created, c.changed, c.deleted, c.restored, c.removed, c.fields, c.cases
	from chosen f
	left join lateral (
		select (array_agg(actor order by id))[1] as actor,
			count(*) filter (where action = 'created') as created, count(*) filter (where action = 'changed') as changed,
			count(*) filter (where action = 'deleted') as deleted, count(*) filter (where action = 'restored') as restored,
			count(*) filter (where action = 'removed') as removed,
			(array_agg(case_id order by id))[1:3] as cases,
			(select coalesce(array_agg(distinct e.field) filter (where e.field is not null), '{}')
				from unnest(f.events) r join case_events e on e.id >= lower(r) and e.id < upper(r) and e.clinic_id = f.clinic_id) as fields
		from (
			select min(e.id) as id, e.case_id, (array_agg(e.actor order by e.id))[1] as actor, ` + actionSQL + ` as action
			from unnest(f.events) r join case_events e on e.id >= lower(r) and e.id < upper(r) and e.clinic_id = f.clinic_id
			group by e.case_id
		) x
		having count(*) > 0
	) c on f.type = 'case.changed'
	order by f.position desc`

// Recent lists what happened in some clinics, the latest first. The cursor is one of Recent.
func (s *Store) Recent(ctx context.Context, f feed.HappeningFilter) (list syncs.List[feed.Happening], err error) {
	before := int64(feed.End)
	if f.Page.Cursor != "" {
		if before, err = strconv.ParseInt(f.Page.Cursor, 10, 64); err != nil {
			return list, syncs.Invalid("cursor", "the cursor is not one of this list")
		}
	}
	err = s.db.System(ctx, "list what arrived", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, recentSQL, before, f.Clinics, f.Type, f.Page.Limit+1)
		if err != nil {
			return err
		}
		list.Items, err = pgx.CollectRows(rows, scanHappening)
		return err
	})
	if n := f.Page.Limit; err == nil && len(list.Items) > n {
		list.Items = list.Items[:n]
		list.NextCursor = strconv.FormatInt(list.Items[n-1].Position, 10)
	}
	return list, err
}

func scanHappening(row pgx.CollectableRow) (h feed.Happening, err error) {
	var clinicID *uuid.UUID
	var actor *string
	var created, changed, deleted, restored, removed *int
	var fields []string
	var cases []uuid.UUID
	err = row.Scan(&h.Position, &clinicID, &h.Type, &h.At, &h.ArrivedAt, &h.Data, &actor, &created, &changed, &deleted, &restored, &removed, &fields, &cases)
	h.ClinicID = null.Value(clinicID)
	if actor != nil {
		h.Changes = &feed.Changes{
			Actor: *actor, Created: *created, Changed: *changed, Deleted: *deleted, Restored: *restored, Removed: *removed, Fields: fields, Cases: cases,
		}
	}
	return h, err
}
