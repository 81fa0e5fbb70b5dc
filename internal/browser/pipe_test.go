package browser

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMessagesThatAreTooLongAreLeftOut(t *testing.T) {
	t.Parallel()
	short, longest := `{"id":1}`+"\x00", strings.Repeat("x", maxMessage-1)+"\x00"
	for _, test := range []struct{ in, want string }{
		{short + longest + short, short + longest + short},
		{short + "x" + longest + short, short + short},
		{strings.Repeat("x", 3*maxMessage) + "\x00" + short, short},
		{short + `{"id":`, short},
	} {
		var out bytes.Buffer
		passMessages(&out, strings.NewReader(test.in))
		require.Equal(t, len(test.want), out.Len())
		require.Equal(t, test.want, out.String())
	}
}
