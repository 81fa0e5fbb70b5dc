//go:build !race

package archtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A graph is who imports whom: the packages of one module and all that they
// need, by import path, as they are built (no test files).
type graph struct {
	module   string // the path of the module
	packages map[string]pkg
}

// A pkg is one package of a graph, in the words of go list.
type pkg struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
	Standard   bool // of the standard library
}

// load asks the go command for the graph of the module that stands in a folder.
func load(ctx context.Context, root string) (graph, error) {
	if err := markAsRead(root); err != nil {
		return graph{}, err
	}
	module, err := goList(ctx, root, "-m")
	if err != nil {
		return graph{}, err
	}
	packages, err := goList(ctx, root, "-deps", "-json=ImportPath,Dir,GoFiles,Imports,Standard", "./...")
	if err != nil {
		return graph{}, err
	}
	g := graph{module: string(bytes.TrimSpace(module)), packages: map[string]pkg{}}
	decoder := json.NewDecoder(bytes.NewReader(packages))
	for {
		var p pkg
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return g, nil
		case err != nil:
			return graph{}, fmt.Errorf("reading what go list says of %s: %w", root, err)
		}
		g.packages[p.ImportPath] = p
	}
}

func goList(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"list"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w\n%s", dir, err, stderr.Bytes())
	}
	return out, nil
}

// markAsRead looks into every folder of the module, so that go test sees that
// this test depends on them: what the go command reads for us it does not see,
// and would answer from its cache after an import has changed.
func markAsRead(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), ".") {
			return filepath.SkipDir
		}
		return nil
	})
}
