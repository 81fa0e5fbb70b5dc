package main

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheVersionIsTheLinkersElseThatOfTheBuildInfo(t *testing.T) {
	t.Parallel()
	const whole = "4be3de42c9da0f1f4bd61a5b8b6e4ec5a8f3e0d1"
	vcs := []debug.BuildSetting{{Key: "vcs", Value: "git"}, {Key: "vcs.revision", Value: whole}, {Key: "vcs.modified", Value: "true"}}
	for name, test := range map[string]struct {
		linkedVersion, linkedCommit string
		main                        string
		settings                    []debug.BuildSetting
		version, commit             string
	}{
		"make build at a tag":          {linkedVersion: "v1.2.3", linkedCommit: whole, main: "(devel)", version: "v1.2.3", commit: whole},
		"make build without git":       {linkedVersion: "dev", main: "(devel)", version: "dev"},
		"the linker wins":              {linkedVersion: "v1.2.3-4-g4be3de4", main: "v1.2.3", settings: vcs, version: "v1.2.3-4-g4be3de4", commit: whole},
		"go install at a tag":          {main: "v1.2.3", version: "v1.2.3"},
		"go install at a pre-release":  {main: "v1.3.0-rc.1", version: "v1.3.0-rc.1"},
		"go install before any tag":    {main: "v0.0.0-20261129031118-4be3de42c9da", version: "v0.0.0-20261129031118-4be3de42c9da", commit: "4be3de42c9da"},
		"go install after a tag":       {main: "v1.2.4-0.20261129031118-4be3de42c9da", version: "v1.2.4-0.20261129031118-4be3de42c9da", commit: "4be3de42c9da"},
		"go install after a candidate": {main: "v1.3.0-rc.1.0.20261129031118-4be3de42c9da", version: "v1.3.0-rc.1.0.20261129031118-4be3de42c9da", commit: "4be3de42c9da"},
		"go build in a changed checkout": {
			main: "v1.2.4-0.20261129031118-4be3de42c9da+dirty", settings: vcs,
			version: "v1.2.4-0.20261129031118-4be3de42c9da+dirty", commit: whole,
		},
		"go build without git": {main: "(devel)", version: "dev"},
		"go test":              {version: "dev"},
	} {
		info := &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: test.main}, Settings: test.settings}
		require.Equal(t, build{Version: test.version, Commit: test.commit, Go: "go1.26.8", Platform: runtime.GOOS + "/" + runtime.GOARCH},
			describe(test.linkedVersion, test.linkedCommit, info), name)
	}
	require.Equal(t, runtime.Version(), describe("", "", &debug.BuildInfo{}).Go)
}
