package syncpages

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAMoveIsToldInHoursAndMinutes(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		time.Hour: "1 h", -time.Hour: "-1 h", -30 * time.Minute: "-30 min", 10 * time.Minute: "10 min", 90 * time.Minute: "1 h 30 min",
		20 * time.Second: "20 s", 14*time.Hour + 5*time.Second: "14 h 5 s",
	} {
		require.Equal(t, want, duration(d))
	}
}
