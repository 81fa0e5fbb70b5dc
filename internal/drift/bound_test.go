package drift

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// called is a name of letters alone that no other number has.
func called(n int) string {
	letters := []byte("qx")
	for ; n > 0; n /= 26 {
		letters = append(letters, byte('a'+n%26))
	}
	return string(letters)
}

// A keyring writes objects whose keys come from the data: none comes twice.
type keyring struct{ n int }

func (k *keyring) object(keys int, value string) string {
	all := make([]string, keys)
	for i := range all {
		k.n++
		all[i] = fmt.Sprintf("%q:%s", called(k.n), value)
	}
	return "{" + strings.Join(all, ",") + "}"
}

func list(rows int, row func() string) string {
	all := make([]string, rows)
	for i := range all {
		all[i] = row()
	}
	return "[" + strings.Join(all, ",") + "]"
}

func times(n int, body func() string) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = body()
	}
	return all
}

// Keys that come from the data crowd out no field, wherever they stand: "id" and "owner" are
// known, "quibble" and those below "visit" are not.
func TestKeysOfTheDataCrowdOutNoField(t *testing.T) { // R51
	t.Parallel()
	const fields = `"id":1,"owner":{"id":2},"quibble":"x","visit":{"quarrel":1,"place":{"quoin":"a1"}}`
	known := func(_, name string) bool { return name == "id" || name == "owner" }
	k := &keyring{}
	record := `{"id":7,"quail":{"quern":1}}`
	for name, bodies := range map[string][]string{
		"a map before the rows": times(1, func() string {
			return `{"patients":` + k.object(1500, record) + `,"data":` + list(20, func() string { return "{" + fields + "}" }) + "}"
		}),
		"a map after the rows": times(1, func() string {
			return `{"data":` + list(20, func() string { return "{" + fields + "}" }) + `,"patients":` + k.object(1500, record) + "}"
		}),
		"keys of the envelope before the rows": times(1, func() string {
			return strings.TrimSuffix(k.object(1500, record), "}") + `,"data":` + list(20, func() string { return "{" + fields + "}" }) + "}"
		}),
		"a large map at the head of each row": times(1, func() string {
			return list(20, func() string { return `{"patients":` + k.object(150, "1") + "," + fields + "}" })
		}),
		"a large map at the end of each row": times(1, func() string {
			return list(20, func() string { return "{" + fields + `,"patients":` + k.object(150, "1") + "}" })
		}),
		"a small map of records in each row": times(1, func() string {
			return list(300, func() string { return `{"patients":` + k.object(3, record) + "," + fields + "}" })
		}),
		"a key among the fields of each row": times(1, func() string {
			return list(900, func() string { return strings.TrimSuffix(k.object(1, record), "}") + "," + fields + "}" })
		}),
		"a deep map in each row": times(1, func() string {
			return list(40, func() string { return `{"all":{"of":{"them":` + k.object(90, "1") + `}},` + fields + "}" })
		}),
		"a map in an answer that is one row": times(15, func() string { return `{"patients":` + k.object(900, record) + "," + fields + "}" }),
		"the same after the fields":          times(15, func() string { return "{" + fields + `,"patients":` + k.object(900, record) + "}" }),
		"small maps in many answers":         times(900, func() string { return `{"patients":` + k.object(3, record) + "," + fields + "}" }),
		"several maps in each answer": times(15, func() string {
			return `{"dogs":` + k.object(120, record) + `,"cats":` + k.object(120, record) + "," + fields + `,"birds":` + k.object(120, record) + "}"
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, c := Collecting(t.Context(), func(_, path, name string) bool { return known(path, name) })
			for _, body := range bodies {
				require.Less(t, len(body), maxBytes)
				c.note(calendar, []byte(body))
			}
			p := c.Profiles()[calendar]
			require.LessOrEqual(t, len(p.Fields), 7*maxFields)
			p.Hide(known, nil)
			for _, field := range []string{"id", "owner", "owner.id", "quibble", "visit", "visit.quarrel", "visit.place", "visit.place.quoin"} {
				require.Contains(t, p.Fields, field)
				require.GreaterOrEqual(t, p.Fields[field].Came, 0.95*p.Rows, field)
				require.InDelta(t, p.Fields[field].Came, p.Fields[field].Filled, 0, field)
			}
			for field := range p.Fields {
				require.False(t, slices.ContainsFunc(strings.Split(field, "."), func(name string) bool { return strings.HasPrefix(name, "qx") }), field)
			}
		})
	}
}

// A known name is kept also where it stands among the keys of the data.
func TestAKnownNameAmongTheKeysOfTheDataIsKept(t *testing.T) { // R51
	t.Parallel()
	known := func(_, name string) bool { return name == "id" || name == "owner" }
	k := &keyring{}
	for range 2 {
		keys := strings.Trim(k.object(3000, "1"), "{}")
		for _, body := range []string{`{"id":1,"owner":{"id":2},` + keys + `}`, `{` + keys + `,"id":1,"owner":{"id":2}}`} {
			p := newProfile()
			p.Read([]byte(body), known)
			p.bound(known)
			for _, field := range []string{"id", "owner", "owner.id"} {
				require.Contains(t, p.Fields, field)
				require.InDelta(t, 1, p.Fields[field].Came, 0)
			}
		}
	}
}

// What counts together is counted all the same, known names below it by their names.
func TestFieldsBeyondTheLimitAreCountedTogether(t *testing.T) {
	t.Parallel()
	k := &keyring{}
	p := newProfile()
	p.Read([]byte(`{"patients":`+k.object(5000, `{"id":7}`)+`}`), func(_, name string) bool { return name == "id" })
	require.LessOrEqual(t, len(p.Fields), 7*maxFields)
	patients, ids := 0.0, 0.0
	for name, f := range p.Fields {
		switch parts := strings.Split(name, "."); {
		case len(parts) == 2:
			patients += f.Came
		case len(parts) == 3:
			require.Equal(t, "id", parts[2])
			ids += f.Came
		}
	}
	require.InDelta(t, 5000, patients, 0)
	require.InDelta(t, 5000, ids, 0)
	require.Greater(t, p.Fields["patients."+other+".id"].Kinds["number"], 4000.0)
}
