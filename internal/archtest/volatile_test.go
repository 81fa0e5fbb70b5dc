package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A condition with a volatile function can use no index, and a subquery with one runs once
// for each row: a sweep of ten thousand queued syncs never ended. statement_timestamp() is
// as true, and stable.
func TestNoStatementComparesWithAVolatileFunction(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	var read int
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		texts, err := statements(path)
		for _, text := range texts {
			read++
			require.Empty(t, volatileConditions(text), "%s: %s", path, text)
		}
		return err
	})
	require.NoError(t, err)
	require.Greater(t, read, 20, "the statements are found")
}

// statements returns the SQL of a file that names a volatile function; of a program, the
// literals that do.
func statements(path string) ([]string, error) {
	if !strings.HasSuffix(path, ".sql") && !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil || !volatileFunction.Match(text) {
		return nil, err
	}
	if strings.HasSuffix(path, ".sql") {
		return strings.Split(string(text), ";"), nil
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, text, 0)
	if err != nil {
		return nil, err
	}
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING && volatileFunction.MatchString(literal.Value) {
			if s, err := strconv.Unquote(literal.Value); err == nil {
				found = append(found, s)
			}
		}
		return true
	})
	return found, nil
}

var (
	volatileFunction = regexp.MustCompile(`(?i)\b(clock_timestamp|timeofday|random|gen_random_uuid|nextval)\s*\(`)
	sqlComment       = regexp.MustCompile(`--[^\n]*`)
	sqlText          = regexp.MustCompile(`'[^']*'`)
	sqlToken         = regexp.MustCompile(`[A-Za-z_]+|[()]`)
)

// volatileConditions returns the volatile functions that stand in a condition of a
// statement: after where, on or having, before the next clause.
func volatileConditions(sql string) (found []string) {
	sql = sqlText.ReplaceAllString(sqlComment.ReplaceAllString(sql, ""), "''")
	conditions := []bool{false} // of each open parenthesis, whether a condition is in it
	for _, at := range sqlToken.FindAllStringIndex(sql, -1) {
		here := &conditions[len(conditions)-1]
		switch word := strings.ToLower(sql[at[0]:at[1]]); word {
		case "(":
			conditions = append(conditions, *here)
		case ")":
			if len(conditions) > 1 {
				conditions = conditions[:len(conditions)-1]
			}
		case "where", "on", "having":
			*here = true
		case "select", "set", "values", "returning", "from", "do", "default", "limit":
			*here = false
		default:
			if *here && volatileFunction.MatchString(sql[at[0]:min(len(sql), at[1]+2)]) {
				found = append(found, word)
			}
		}
	}
	return found
}

func TestAVolatileConditionIsTold(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]int{
		"select from a where b < clock_timestamp()": 1,
		"select from a where not exists (select from j where j.at > clock_timestamp () - interval '1 minute' or random() < 1)": 2,
		"delete from a using b on (b.x = gen_random_uuid())":                                                                   1,
		"select (x < clock_timestamp()) as late from a where y = 1":                                                            0,
		"insert into a values (clock_timestamp()) on conflict (k) do update set t = clock_timestamp()":                         0,
		"update a set t = clock_timestamp() where id in (select id from b where c) returning t":                                0,
		"select from a where b < statement_timestamp() -- not clock_timestamp()\n and c = 'clock_timestamp()'":                 0,
		"with x as (delete from a where t < clock_timestamp()) insert into b values (clock_timestamp())":                       1,
		"create table a (t timestamptz default clock_timestamp()); create index on a (t) where t < random()::int":              1,
	} {
		require.Len(t, volatileConditions(sql), want, sql)
	}
}
