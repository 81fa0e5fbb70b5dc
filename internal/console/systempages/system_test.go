package systempages

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestASizeIsToldInItsUnit(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0.0 MiB", 8_808_038: "8.4 MiB", 1_288_490_189: "1.2 GiB", 5 << 40: "5.0 TiB", 9000 << 40: "9000.0 TiB"} {
		require.Equal(t, want, size(n))
	}
}
