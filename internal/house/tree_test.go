package house

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const (
	module = "github.com/tg360/tg360"
	root   = "../.." // of the module, seen from here
)

// file is a parsed Go file.
type file struct {
	path string // parted by slashes, relative to the module's root
	fset *token.FileSet
	ast  *ast.File
	code int // lines that hold more than a comment
}

func (f *file) dir() string { return path.Dir(f.path) }

func (f *file) lines() int { return f.fset.File(f.ast.FileStart).LineCount() }

// at is a complaint about a place in the file.
func (f *file) at(pos token.Pos, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", f.path, f.fset.Position(pos).Line, fmt.Sprintf(format, args...))
}

func (f *file) test() bool { return strings.HasSuffix(f.path, "_test.go") }

// library reports whether users run this code in production: it is no test, no
// support for tests and no example.
func (f *file) library() bool { return !f.test() && !support(f.dir()) && !example(f.dir()) }

// support reports whether a package exists for tests: the fakes and the
// conformance suites, whose names end in test, and what they share.
func support(dir string) bool {
	return strings.HasSuffix(dir, "test") || slices.ContainsFunc(shared, func(s string) bool { return within(dir, s) })
}

// shared lists the internal packages that only tests and fakes are made of.
var shared = []string{"internal/fake", "internal/faults", "internal/openapi", "internal/house"}

func example(dir string) bool { return within(dir, "examples") }

// public reports whether others can import a package.
func public(dir string) bool { return !within(dir, "internal") && !example(dir) }

// within reports whether dir is top or below it.
func within(dir, top string) bool { return dir == top || strings.HasPrefix(dir, top+"/") }

func parse(name string, src []byte) (*file, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return &file{path: name, fset: fset, ast: tree, code: codeLines(src)}, nil
}

// codeLines counts the lines that hold code. Comments are asked for, and are not
// held against a file.
func codeLines(src []byte) (n int) {
	pos := token.NewFileSet().AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(pos, src, nil, 0)
	last := 0
	for {
		at, tok, text := s.Scan()
		if tok == token.EOF {
			return n
		}
		if tok == token.SEMICOLON && text == "\n" {
			continue // the scanner's own
		}
		from := pos.Line(at)
		to := from + strings.Count(text, "\n")
		n += to - max(from-1, last)
		last = to
	}
}

// sources parses every Go file of the module.
var sources = sync.OnceValues(func() ([]*file, error) {
	var out []*file
	var errs []error
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return enter(p, d.Name())
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		name, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		src, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		f, err := parse(filepath.ToSlash(name), src)
		if err != nil {
			errs = append(errs, err)
			return nil
		}
		out = append(out, f)
		return nil
	})
	return out, errors.Join(append(errs, err)...)
})

// enter skips what the go command skips: hidden folders, testdata, and modules
// in the module.
func enter(p, name string) error {
	if p == root {
		return nil
	}
	if name == "testdata" || name == "vendor" || name[0] == '.' || name[0] == '_' {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(p, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func load(t *testing.T) []*file {
	t.Helper()
	files, err := sources()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// report fails the test with every complaint.
func report(t *testing.T, complaints []string) {
	t.Helper()
	for _, c := range complaints {
		t.Error(c)
	}
}

// where keeps the files for which keep is true.
func where(files []*file, keep func(*file) bool) []*file {
	return slices.DeleteFunc(slices.Clone(files), func(f *file) bool { return !keep(f) })
}

// each gathers what a rule for single files says.
func each(files []*file, rule func(*file) []string) []string {
	var out []string
	for _, f := range files {
		out = append(out, rule(f)...)
	}
	return out
}
