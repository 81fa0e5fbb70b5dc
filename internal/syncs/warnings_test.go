package syncs

import (
	"reflect"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEachWarningHasWords(t *testing.T) {
	t.Parallel()
	require.Empty(t, new(Warnings).Words(strconv.Itoa))
	for i := range reflect.TypeFor[Warnings]().NumField() {
		name := reflect.TypeFor[Warnings]().Field(i).Name
		var one, many Warnings
		reflect.ValueOf(&one).Elem().Field(i).SetInt(1)
		reflect.ValueOf(&many).Elem().Field(i).SetInt(23)
		require.Len(t, one.Words(strconv.Itoa), 1, name)
		require.Len(t, many.Words(strconv.Itoa), 1, name)
		require.NotEqual(t, one.Words(strconv.Itoa)[0][2:], many.Words(strconv.Itoa)[0][3:], name)
	}
	require.Equal(t, []string{"2 appointments without an id", "1 appointment that a filter of the clinic keeps from becoming a case"},
		(&Warnings{UnidentifiedRows: 2, Filtered: 1}).Words(strconv.Itoa))
}
