package recordings

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestADocumentThatIsTooLongIsReadNoFurther(t *testing.T) { // R52
	t.Parallel()
	const whole = `{"format":1}`
	var r Recording
	require.NoError(t, json.NewDecoder(&bounded{strings.NewReader(whole), len(whole)}).Decode(&r))
	rest := strings.NewReader(whole)
	err := json.NewDecoder(&bounded{rest, 5}).Decode(&r)
	require.EqualError(t, unreadable(0, err), "this cannot be read as a recording: unpacked, it has more than 128 MiB")
	left, err := io.ReadAll(rest)
	require.NoError(t, err)
	require.Equal(t, whole[5:], string(left))
}
