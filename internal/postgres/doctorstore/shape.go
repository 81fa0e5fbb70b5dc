package doctorstore

import (
	"context"
	_ "embed"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// shape lists what the migrations make, in the form of shapeSQL. A test writes it:
//
//	go test ./internal/postgres/doctorstore -run Shape -update
//
//go:embed shape.txt
var shape string

// shapeSQL lists tables, columns, valid indexes, enabled triggers and functions.
const shapeSQL = `
	with t as (select oid, relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p'))
	select line from (
	select 'table ' || relname as line from t
	union all
	select format('column %s.%s %s', relname, attname, format_type(atttypid, atttypmod)) from t join pg_attribute on attrelid = t.oid
		where attnum > 0 and not attisdropped
	union all
	select format('index %s of %s', i.relname, t.relname) from t join pg_index x on x.indrelid = t.oid join pg_class i on i.oid = x.indexrelid where x.indisvalid
	union all
	select format('trigger %s of %s', tgname, relname) from t join pg_trigger on tgrelid = t.oid where not tgisinternal and tgenabled in ('O', 'A')
	union all
	select distinct 'function ' || proname from pg_proc where pronamespace = 'public'::regnamespace
	) lines order by line collate "C"`

func (s *Store) present(ctx context.Context) ([]string, error) {
	rows, err := s.db.Pool().Query(ctx, shapeSQL)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// lacks lists what the migrations make and the database does not have. Of a table that is
// missing it lists nothing else.
func (s *Store) lacks(ctx context.Context) (missing []string, err error) {
	present, err := s.present(ctx)
	if err != nil {
		return nil, err
	}
	has := make(map[string]bool, len(present))
	for _, line := range present {
		has[line] = true
	}
	for line := range strings.Lines(shape) {
		if line = strings.TrimSuffix(line, "\n"); !has[line] {
			missing = append(missing, line)
		}
	}
	return slices.DeleteFunc(missing, func(line string) bool {
		kind, rest, _ := strings.Cut(line, " ")
		table, _, _ := strings.Cut(rest, ".")
		if _, of, ok := strings.Cut(rest, " of "); ok {
			table = of
		}
		return kind != "table" && slices.Contains(missing, "table "+table)
	}), nil
}

// locked lists our tables that a transaction of others, which began so long ago, has locked
// against writing, or against reading too.
func (s *Store) locked(ctx context.Context, ago time.Duration) ([]string, error) {
	var names []string
	for line := range strings.Lines(shape) {
		if kind, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " "); kind == "table" {
			names = append(names, name)
		}
	}
	rows, err := s.db.Pool().Query(ctx, `
		select distinct c.relname from pg_locks l join pg_class c on c.oid = l.relation join pg_stat_activity a on a.pid = l.pid
		where l.granted and l.database = (select oid from pg_database where datname = current_database()) and c.relnamespace = 'public'::regnamespace
			and l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
			and l.pid <> pg_backend_pid() and c.relname = any($1) and a.xact_start < statement_timestamp() - $2::interval
		order by c.relname`, names, ago)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}
