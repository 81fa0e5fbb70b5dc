//go:build !race

package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
)

// handedOver are the functions, and the fields, by which a function is handed to a
// library that calls it in a goroutine of its own, where a panic would end the process
// (R58). A file that does so recovers there, and stands in guardedCallbacks.
var (
	handedOver = map[string]string{
		"chromedp.Listen":           "chromedp calls it in its loop",
		"chromedp.ListenBrowser":    "chromedp calls it in its loop",
		"chromedp.ListenTarget":     "chromedp calls it in its loop",
		"prometheus.NewGaugeFunc":   "Prometheus calls it in a goroutine",
		"prometheus.NewCounterFunc": "Prometheus calls it in a goroutine",
		"prometheus.NewUntypedFunc": "Prometheus calls it in a goroutine",
	}
	handedFields = map[string]string{
		"Control":              "net calls it while it dials",
		"ControlContext":       "net calls it while it dials",
		"DialContext":          "net/http calls it in a goroutine",
		"DialTLSContext":       "net/http calls it in a goroutine",
		"VerifyConnection":     "crypto/tls calls it while net/http dials",
		"GetClientCertificate": "crypto/tls calls it while net/http dials",
		"AfterConnect":         "pgxpool calls it in a goroutine",
		"BeforeConnect":        "pgxpool calls it in a goroutine",
		"BeforeClose":          "pgxpool calls it in a goroutine",
		"OnNotice":             "pgx calls it while it reads",
		"OnNotification":       "pgx calls it while it reads",
		"Cancel":               "os/exec calls it in a goroutine",
	}
)

// guardedCallbacks are the files, below the module's folder, in which such functions
// recover.
var guardedCallbacks = map[string][]string{
	"internal/browser/login.go":           {"chromedp.Listen"},
	"internal/browser/process.go":         {"Cancel"},
	"internal/browser/proxy/proxy.go":     {"ControlContext"},
	"internal/pims/pimshttp/transport.go": {"ControlContext", "DialContext"},
	"internal/postgres/db.go":             {"OnNotice"},
}

// unrecovered lists, one sentence each, where what is built starts a goroutine, or
// hands a function to those of others, outside panicsPkg (R58).
func (r rule) unrecovered(g graph) ([]string, error) {
	var found []string
	for _, path := range slices.Sorted(maps.Keys(g.packages)) {
		l, known := r.of(g.short(path))
		if !within(path, g.module) || !known || l.testsOnly || l.pkg == panicsPkg {
			continue
		}
		p := g.packages[path]
		for _, file := range p.GoFiles {
			name := l.pkg + "/" + file
			complaints, err := starts(filepath.Join(p.Dir, file), guardedCallbacks[name])
			if err != nil {
				return nil, err
			}
			for _, complaint := range complaints {
				found = append(found, name+":"+complaint)
			}
		}
	}
	return found, nil
}

// starts lists what a file does that may end the process, as "line: what".
func starts(path string, guarded []string) ([]string, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("looking for goroutines: %w", err)
	}
	var found []string
	complain := func(at ast.Node, what string) {
		found = append(found, fmt.Sprintf("%d: %s", files.Position(at.Pos()).Line, what))
	}
	handed := func(at ast.Node, name string, names map[string]string) {
		if why, ok := names[name]; ok && !slices.Contains(guarded, name) {
			complain(at, fmt.Sprintf("%s hands a function over: %s; recover in it and add the file to guardedCallbacks", name, why))
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			complain(n, "a go statement; use panics.Go")
		case *ast.CallExpr:
			if function, ok := n.Fun.(*ast.SelectorExpr); ok {
				if what := forbidden(n, function); what != "" {
					complain(n, what)
				}
				if library, ok := function.X.(*ast.Ident); ok {
					handed(n, library.Name+"."+function.Sel.Name, handedOver)
				}
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && isFunction(n.Value) {
				handed(n, key.Name, handedFields)
			}
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				if field, ok := left.(*ast.SelectorExpr); ok && i < len(n.Rhs) && isFunction(n.Rhs[i]) {
					handed(n, field.Sel.Name, handedFields)
				}
			}
		}
		return true
	})
	return found, nil
}

// forbidden says what is wrong with a call, or nothing.
func forbidden(call *ast.CallExpr, function *ast.SelectorExpr) string {
	if owner, ok := function.X.(*ast.Ident); ok && owner.Name == "panics" {
		return ""
	}
	switch function.Sel.Name {
	case "Go":
		return "a call of Go; use panics.GoIn or a panics.Group"
	case "AfterFunc":
		last, ok := call.Args[len(call.Args)-1].(*ast.Ident)
		if !ok || last.Name != "cancel" && last.Name != "stop" { // the standard library's own cannot panic
			return "a call of AfterFunc; use panics.AfterFunc or panics.AfterEnd"
		}
	}
	return ""
}

// isFunction reports whether an expression may be a function: a literal, a method, a
// name, or what a call returns.
func isFunction(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.FuncLit, *ast.SelectorExpr, *ast.CallExpr:
		return true
	case *ast.Ident:
		return e.Name != "true" && e.Name != "false" && e.Name != "nil"
	default:
		return false
	}
}
