package main

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"runtime/debug"

	"github.com/pims-sync/pims-sync/internal/cli"
	"github.com/pims-sync/pims-sync/internal/render"
)

// The linker sets both (Makefile, .goreleaser.yaml). Where it does not, as with `go install
// …@version`, Go's build info has them.
var version, commit string

// build describes the origin of a binary.
type build struct {
	Version  string `json:"version"`          // a tag, a pseudo-version, or "dev"
	Commit   string `json:"commit,omitempty"` // in full, or its first 12 digits
	Go       string `json:"go"`
	Platform string `json:"platform"` // GOOS/GOARCH
}

// thisBuild describes the running binary.
func thisBuild() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return describe(version, commit, info)
}

// pseudoVersion ends with the first 12 digits of a commit.
var pseudoVersion = regexp.MustCompile(`[-.][0-9]{14}-([0-9a-f]{12})(?:\+.*)?$`)

// describe combines the linker's values with the build info, which counts only where the
// linker set nothing.
func describe(version, commit string, info *debug.BuildInfo) build {
	b := build{
		Version:  version,
		Commit:   commit,
		Go:       cmp.Or(info.GoVersion, runtime.Version()),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	if b.Version == "" && info.Main.Version != "(devel)" {
		b.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			b.Commit = cmp.Or(b.Commit, setting.Value)
		}
	}
	if match := pseudoVersion.FindStringSubmatch(b.Version); match != nil {
		b.Commit = cmp.Or(b.Commit, match[1])
	}
	b.Version = cmp.Or(b.Version, "dev")
	return b
}

// VersionCmd prints the version.
type VersionCmd struct{}

// Run prints the version alone on the first line, then the other details.
func (VersionCmd) Run(std cli.Streams, c *cli.Config) error {
	b := thisBuild()
	return cli.Show(std, c, b, func(w io.Writer) {
		fmt.Fprintln(w, b.Version)
		render.Fields(w, "commit", cmp.Or(b.Commit, "unknown"), "go", b.Go, "platform", b.Platform)
	})
}
