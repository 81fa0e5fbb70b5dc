package cron_test

import (
	"fmt"
	"time"

	"github.com/pims-sync/pims-sync/internal/clinic"
	"github.com/pims-sync/pims-sync/internal/cron"
)

// At 02:00 on March 29, 2026, the clocks of Berlin were put forward to 03:00.
func ExampleExpression_Between() {
	berlin, _ := clinic.LoadZone("Europe/Berlin")
	nightly, _ := cron.Parse("30 2 * * *")

	friday := time.Date(2026, 3, 27, 12, 0, 0, 0, berlin)
	for tick := range nightly.Between(friday, friday.AddDate(0, 0, 3), berlin) {
		fmt.Println(tick.Format(time.RFC1123Z))
	}
	// Output:
	// Sat, 28 Mar 2026 02:30:00 +0100
	// Sun, 29 Mar 2026 03:00:00 +0200
	// Mon, 30 Mar 2026 02:30:00 +0200
}

func ExampleExpression_Describe() {
	c, _ := cron.Parse("*/15 8-18 * * MON-FRI")
	fmt.Println(c.Describe())
	// Output: Mondays to Fridays every 15 minutes from 08:00 to 18:59
}
