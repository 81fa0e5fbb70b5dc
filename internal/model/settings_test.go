package model_test

import (
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/settings"
)

// changeSettings gives the clinic other settings (R50). Whatever they are, requireProof and
// requireGuard demand of every deletion what they demand without settings, and no deletion
// happens here.
func (m *machine) changeSettings() {
	before := m.byID()
	document := []string{
		`{}`,
		`{"statuses":{"Levitating":"cancelled"}}`,
		`{"statuses":{"Levitating":"completed","Scheduled":"cancelled"}}`,
		`{"statuses":{"Cancelled":"scheduled"},"types":{"exam":"surgery"}}`,
		`{"filters":{"types":["exam"]}}`,
		`{"filters":{"rooms":["grooming"]}}`,
		`{"filters":{"rooms":["Room 1"],"statuses":["Cancelled","levitating"]},"statuses":{"Levitating":"no_show"}}`,
	}[m.draw("settings", 0, 6)]
	var err error
	m.settings, err = settings.Parse([]byte(document))
	require.NoError(m, err)
	m.seen["settings "+document]++
	require.Equal(m, before, m.byID())
}
