package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/pims-sync/pims-sync/internal/notify"
)

// named finds the commands in a text for people.
var named = regexp.MustCompile("`pims-sync ([^`]*)`")

func TestTheCommandsThatNotificationsNameCanBeTypedAsTheyStand(t *testing.T) { // R48
	t.Parallel()
	texts := notify.Steps()
	require.Greater(t, len(texts), 20)
	commands := 0
	for _, text := range texts {
		for _, found := range named.FindAllStringSubmatch(text, -1) {
			var grammar CLI
			parser, err := kong.New(&grammar, kong.Vars{"provider": "x", "sim_username": "x", "sim_password": "x"})
			require.NoError(t, err)
			line := strings.NewReplacer("ID", uuid.NewString(), "USER", "ada", "ZONE", "America/Chicago").Replace(found[1])
			_, err = parser.Parse(strings.Fields(line))
			require.NoError(t, err, found[0])
			commands++
		}
	}
	require.Greater(t, commands, 20)
}
