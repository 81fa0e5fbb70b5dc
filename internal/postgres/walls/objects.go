package walls

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// An object is something of ours in the database that has an owner and grants.
type object struct {
	kind string // table, sequence, function or type
	name string // as SQL names it, in the schema public
	of   string // the table of a sequence; the plain name of a function
	trig bool   // a function of triggers

	table *Table
}

// readObjects lists what is ours in the schema public. Another program may have tables
// there, too.
func readObjects(ctx context.Context, q querier) ([]object, error) {
	tables := make(map[string]*Table, len(Tables))
	for i := range Tables {
		tables[Tables[i].Name] = &Tables[i]
	}
	rows, err := q.Query(ctx, `
		with ours as (
			select oid, relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relname = any($1)
		)
		select 'table', relname::text, relname::text, false from ours
		union all
		select 'sequence', s.relname::text, t.relname::text, false
		from pg_class s join pg_depend d on d.objid = s.oid and d.classid = 'pg_class'::regclass and d.deptype in ('a', 'i')
		join ours t on t.oid = d.refobjid
		where s.relkind = 'S'
		union all
		select distinct 'function', p.oid::regprocedure::text, p.proname::text, p.prorettype = 'trigger'::regtype
		from pg_proc p
		where p.pronamespace = 'public'::regnamespace and p.prokind = 'f' and (
			p.proname = any($2) or p.proname like 'river\_%'
			or exists (select from pg_trigger g join ours t on t.oid = g.tgrelid where g.tgfoid = p.oid and not g.tgisinternal))
		union all
		select 'type', typname::text, typname::text, false from pg_type
		where typnamespace = 'public'::regnamespace and typname = 'river_job_state'
		order by 1, 2`, Names(), functionNames())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (o object, err error) {
		err = row.Scan(&o.kind, &o.name, &o.of, &o.trig)
		o.table = tables[o.of]
		return o, err
	})
}

// Names lists the tables.
func Names() []string {
	list := make([]string, len(Tables))
	for i, t := range Tables {
		list[i] = t.Name
	}
	return list
}

func functionNames() []string {
	var list []string
	for f := range functions {
		list = append(list, f)
	}
	slices.Sort(list)
	return list
}

// statements returns what brings the object to what is declared.
func (o *object) statements(r Roles, mode Mode, from string) []string {
	switch o.kind {
	case "table":
		return o.tableStatements(r, mode, from)
	case "sequence":
		return o.sequenceStatements(r, mode, from)
	case "function":
		return o.functionStatements(r, mode, from)
	default:
		if mode == ModeRoles {
			return []string{"alter type " + name(o.name) + " owner to " + name(r.Migrator)}
		}
		return []string{"select"}
	}
}

func (o *object) tableStatements(r Roles, mode Mode, from string) []string {
	t, table := o.table, name(o.name)
	list := []string{"revoke all on table " + table + " from " + from}
	if mode == ModeRoles {
		list = append(list, "alter table "+table+" owner to "+name(r.Migrator))
		for _, p := range t.policies(r) {
			list = append(list,
				"drop policy if exists "+name(p.name)+" on "+table,
				fmt.Sprintf("create policy %s on %s to %s using (%s) with check (%s)", name(p.name), table, name(p.role), p.rows, p.rows))
		}
		for _, g := range t.grants(r) {
			list = append(list, fmt.Sprintf("grant %s on table %s to %s", privileges(g.rights), table, name(g.role)))
		}
	}
	return append(list, "alter table "+table+" enable row level security")
}

func (o *object) sequenceStatements(r Roles, mode Mode, from string) []string {
	list := []string{"revoke all on sequence " + name(o.name) + " from " + from}
	if mode == ModeRoles {
		for _, g := range o.table.grants(r) {
			if strings.Contains(g.rights, "a") {
				list = append(list, fmt.Sprintf("grant usage on sequence %s to %s", name(o.name), name(g.role)))
			}
		}
	}
	return list
}

func (o *object) functionStatements(r Roles, mode Mode, from string) []string {
	list := []string{"revoke all on function " + o.name + " from " + from}
	if o.trig && !strings.HasPrefix(o.of, "river_") {
		list = append(list, "alter function "+o.name+" security definer set search_path = pg_catalog, pg_temp")
	}
	if mode != ModeRoles {
		return list
	}
	list = append(list, "alter function "+o.name+" owner to "+name(r.Migrator))
	for _, role := range o.callers(r) {
		list = append(list, fmt.Sprintf("grant execute on function %s to %s", o.name, name(role)))
	}
	return list
}

// callers lists the roles that may call the function.
func (o *object) callers(r Roles) []string {
	if strings.HasPrefix(o.of, "river_") && !o.trig {
		return []string{r.Service, r.Tenant, r.System, r.Operator}
	}
	var roles []string
	if strings.Contains(functions[o.of], "t") {
		roles = append(roles, r.Tenant, r.Operator)
	}
	if strings.Contains(functions[o.of], "s") {
		roles = append(roles, r.System)
	}
	slices.Sort(roles)
	return roles
}

// A policy says which rows a role sees and writes.
type policy struct{ name, role, rows string }

func (t *Table) policies(r Roles) []policy {
	var list []policy
	if t.Tenant != "" && t.Clinic != "" {
		list = append(list, policy{"pims_sync_tenant", r.Tenant, name(t.Clinic) + "::text = " + clinicNow})
	} else if t.Tenant != "" {
		list = append(list, policy{"pims_sync_tenant", r.Tenant, "true"})
	}
	if t.System != "" {
		list = append(list, policy{"pims_sync_system", r.System, "true"})
	}
	if t.Service != "" {
		list = append(list, policy{"pims_sync_service", r.Service, "true"})
	}
	return append(list, policy{"pims_sync_operator", r.Operator, "true"})
}

// A grant is what a role may do with a table.
type grant struct{ role, rights string }

func (t *Table) grants(r Roles) []grant {
	var list []grant
	for _, g := range []grant{{r.Tenant, t.Tenant}, {r.System, t.System}, {r.Service, t.Service}, {r.Operator, union(t.Tenant, t.System, "r")}} {
		if g.rights != "" {
			list = append(list, g)
		}
	}
	return list
}

// union returns the letters of all.
func union(of ...string) (letters string) {
	for _, letter := range "rawd" {
		if strings.ContainsRune(strings.Join(of, ""), letter) {
			letters += string(letter)
		}
	}
	return letters
}

// privileges returns the SQL words of rights.
func privileges(rights string) string {
	words := make([]string, 0, len(rights))
	for _, letter := range rights {
		words = append(words, verbs[letter])
	}
	return strings.Join(words, ", ")
}
