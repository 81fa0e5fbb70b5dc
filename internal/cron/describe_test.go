package cron_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/cron"
)

func TestAnExpressionIsToldInPlainWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ expression, want string }{
		{"0 6 * * *", "daily at 06:00"},
		{"0 8,14,20 * * *", "daily at 08:00, 14:00 and 20:00"},
		{"0 */6 * * *", "daily at 00:00, 06:00, 12:00 and 18:00"},
		{"0 */2 * * *", "daily at 00:00, 02:00, 04:00, 06:00, 08:00, 10:00, 12:00, 14:00, 16:00, 18:00, 20:00 and 22:00"},
		{"0 9-21 * * *", "every hour from 09:00 to 21:59"},
		{"0 6 * * 1-5", "Mondays to Fridays at 06:00"},
		{"0 6 * * SAT-SUN", "Saturdays and Sundays at 06:00"},
		{"0 6 * * 0,2,4,5,6", "Tuesdays and Thursdays to Sundays at 06:00"},
		{"30 6 * * 0", "Sundays at 06:30"},
		{"0 6 1 * *", "day 1 of the month at 06:00"},
		{"0 6 1,15,20-25 * *", "days 1, 15 and 20 to 25 of the month at 06:00"},
		{"0 6 1 * MON", "day 1 of the month as well as Mondays at 06:00"},
		{"0 6 1 * 0-6", "daily at 06:00"},
		{"0 6 1-31 * MON", "daily at 06:00"},
		{"0 6 */10 * MON", "Mondays that are days 1, 11, 21 and 31 of the month at 06:00"},
		{"0 6 * JUN-AUG *", "daily at 06:00 in June to August"},
		{"0 6 1 1,7 *", "day 1 of the month at 06:00 in January and July"},
		{"* * * * *", "every minute"},
		{"*/15 * * * *", "every 15 minutes"},
		{"0,30 * * * *", "every 30 minutes"},
		{"0 * * * *", "every hour"},
		{"30 * * * *", "at minute 30 of every hour"},
		{"5,35 * * * *", "at minutes 5 and 35 of every hour"},
		{"*/25 * * * *", "at minutes 0, 25 and 50 of every hour"},
		{"*/15 8-18 * * 1-5", "Mondays to Fridays every 15 minutes from 08:00 to 18:59"},
		{"*/10 8-11,14-17 * * *", "every 10 minutes from 08:00 to 11:59 and 14:00 to 17:59"},
		{"10,20 8-18 * 12 *", "at minutes 10 and 20 from 08:00 to 18:59 in December"},
	} {
		require.Equal(t, c.want, parse(t, c.expression).Describe(), c.expression)
	}
	require.Equal(t, "never", cron.Expression{}.Describe())
}
