package systempages

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAWeekIsComparedWithTheOneBefore(t *testing.T) {
	t.Parallel()
	for want, week := range map[string][2]float64{
		"as the week before":              {100, 100.4},
		"1 % more than the week before":   {101, 100},
		"199 % more than the week before": {299, 100},
		"3 times the week before":         {300, 100},
		"15 times the week before":        {30, 2},
		"13 % less than the week before":  {87, 100},
		"100 % less than the week before": {0, 5},
	} {
		require.Equal(t, want, change(week[0], week[1]))
	}
}
