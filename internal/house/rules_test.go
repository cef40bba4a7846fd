package house

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// source parses what would stand in a file of that name.
func source(t *testing.T, name, src string) *file {
	t.Helper()
	f, err := parse(name, []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSourceRules(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("\n", n) }
	one := func(rule func(*file) []string) func([]*file) []string {
		return func(files []*file) []string { return each(files, rule) }
	}
	tests := []struct {
		name string
		rule func([]*file) []string
		path string
		src  string
		want []string
	}{
		{"a short file", one(short), "a/a.go", "package a\n" + long(maxFile-2), nil},
		{"a long file", one(short), "a/a.go", "package a\n" + long(maxFile-1), []string{"a/a.go: has 600 lines; a file has fewer than 600"}},
		{"a short function", one(short), "a/a.go", "package a\n\nfunc f() {" + long(maxFunction-2) + "}\n", nil},
		{"a long function", one(short), "a/a.go", "package a\n\nfunc f() {" + long(maxFunction-1) + "}\n",
			[]string{"a/a.go:3: f has 80 lines; a function has fewer than 80"}},

		{"the caller's context", one(noContextOfOwn), "a/a.go", "package a\nimport \"context\"\nfunc f(c context.Context) { g(context.WithoutCancel(c)) }", nil},
		{"a context of its own", one(noContextOfOwn), "a/a.go", "package a\nimport \"context\"\nvar c = context.Background()",
			[]string{"a/a.go:3: context.Background comes from the caller: a library can't be stopped otherwise"}},
		{"under another name", one(noContextOfOwn), "a/a.go", "package a\nimport ctx \"context\"\nfunc f() { g(ctx.TODO) }",
			[]string{"a/a.go:3: context.TODO comes from the caller: a library can't be stopped otherwise"}},
		{"another package's Background", one(noContextOfOwn), "a/a.go", "package a\nimport \"image\"\nvar c = image.Background()", nil},

		{"a timer", one(noSleep), "a/a_test.go", "package a\nimport \"time\"\nvar c = time.After(1)", nil},
		{"a sleep", one(noSleep), "a/a_test.go", "package a\nimport \"time\"\nfunc f() { go time.Sleep(1) }",
			[]string{"a/a_test.go:3: time.Sleep makes a test slow, or wrong on a slow machine: wait for the event; in a bubble of synctest receive from time.After"}},

		{"all explained", one(explained), "a/a.go", `package a
// Group.
const (
	A = 1
	B = 2
)
var C int // a line's end will do
// T is a type.
type T[V any] struct { Plain int }
// M is a method.
func (t *T[V]) M() {}
type hidden struct{ X int }
func (hidden) Y() {}
func z() {}
`, nil},
		{"nothing explained", one(explained), "a/a.go", `package a
const A = 1
var B, c = 1, 2
type T struct{}
func (t *T) M() {}
func (t T) hidden() {}
func F() {}
// I is.
type I interface { N() }
`, []string{"a/a.go:2: A has no comment", "a/a.go:3: B has no comment", "a/a.go:4: T has no comment",
			"a/a.go:5: T.M has no comment", "a/a.go:7: F has no comment", "a/a.go:9: I.N has no comment"}},
		{"settings explained by block", one(explained), "a/a.go", `package a
// Config is.
type Config struct {
	Host string // where
	Port int

	// Name and
	Name string
	Nick string
}
`, nil},
		{"settings without", one(explained), "a/a.go", `package a
// ListOptions are.
type ListOptions struct {
	Host string // where

	Port int
}
`, []string{"a/a.go:6: settings in ListOptions without a comment"}},

		{"introduced", packageComments, "a/a.go", "// Package a is.\npackage a", nil},
		{"not introduced", packageComments, "a/a.go", "package a", []string{"a: the package has no comment"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := tt.rule([]*file{source(t, tt.path, tt.src)})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("complaints (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParallelRule(t *testing.T) {
	t.Parallel()
	files := []*file{source(t, "a/a_test.go", `package a
func TestGood(t *testing.T) { t.Parallel() }
func TestAfterSkip(t *testing.T) { if testing.Short() { t.Skip() }; t.Parallel() }
func TestOnlyInside(t *testing.T) { t.Run("x", func(t *testing.T) { t.Parallel() }) }
func TestAlone(t *testing.T) { t.Setenv("A", "b") }
func TestMain(m *testing.M) {}
func Testament(t *testing.T) {}
func TestHelper(t *testing.T, n int) {}
func (s *suite) TestMethod(t *testing.T) {}
`)}
	got := parallel(files, map[string]string{"a/a_test.go:TestAlone": "sets the environment", "a/a_test.go:TestGood": "no reason at all"})
	want := []string{"a/a_test.go:4: TestOnlyInside does not call t.Parallel", "a/a_test.go:TestGood needs no exception from t.Parallel"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("complaints (-want +got):\n%s", diff)
	}
}

func TestMapRule(t *testing.T) {
	t.Parallel()
	doc := fmt.Sprintf("// Package m: [%[1]s/queue], [%[1]s/queue.Job] and [%[1]s/gone].\npackage m", module)
	got := mapped([]*file{
		source(t, "doc.go", doc),
		source(t, "queue/queue.go", "package queue"),
		source(t, "syncer/syncer.go", "package syncer"),
		source(t, "syncer/only_test.go", "package syncer"),
		source(t, "internal/wire/wire.go", "package wire"),
		source(t, "examples/try/main.go", "package main"),
		source(t, "examples/try/internal/part/part.go", "package part"),
	})
	want := []string{"doc.go: does not show examples/try", "doc.go: does not show syncer", "doc.go: shows gone, which is not there"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("complaints (-want +got):\n%s", diff)
	}
}

func TestBudgetRule(t *testing.T) {
	t.Parallel()
	if got := overBudget(maxLibrary, maxNames); got != nil {
		t.Errorf("within the budget, and yet: %v", got)
	}
	want := []string{"the library has 15001 lines of code, more than 15000", "the core exports 351 names, more than 350"}
	if diff := cmp.Diff(want, overBudget(maxLibrary+1, maxNames+1)); diff != "" {
		t.Errorf("complaints (-want +got):\n%s", diff)
	}
}

func TestCountNames(t *testing.T) {
	t.Parallel()
	got := countNames([]*file{source(t, "a/a.go", `package a
const A, b = 1, 2
type T struct { Field int }
type I interface { M(); n() }
func (T) M() {}
func F() {}
type hidden struct{}
func (hidden) M() {}
`)})
	if diff := cmp.Diff(map[string]int{"a": 6}, got); diff != "" { // A, T, I, I.M, T.M, F
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestFileKinds(t *testing.T) {
	t.Parallel()
	for path, library := range map[string]bool{
		"doc.go": true, "queue/queue.go": true, "internal/wire/codec.go": true,
		"queue/queue_test.go": false, "queue/queuetest/work.go": false, "totalgest/totalgesttest/server.go": false,
		"internal/faults/faults.go": false, "examples/quickstart/main.go": false,
	} {
		if got := source(t, path, "package a").library(); got != library {
			t.Errorf("%s: library = %v, want %v", path, got, library)
		}
	}
}

func TestLayerRules(t *testing.T) {
	t.Parallel()
	in := func(dir string) string { return module + "/" + dir }
	foreign := func(path, mod string) pkg {
		return pkg{ImportPath: path, Module: &struct{ Path string }{mod}}
	}
	// home completes a list by the packages that the rules look for.
	home := func(pkgs ...pkg) []pkg {
		have := map[string]bool{}
		for _, p := range pkgs {
			have[p.ImportPath] = true
		}
		for _, dir := range core {
			if !have[in(dir)] {
				pkgs = append(pkgs, pkg{ImportPath: in(dir)})
			}
		}
		return pkgs
	}
	tests := []struct {
		name string
		rule func([]pkg) []string
		pkgs []pkg
		want []string
	}{
		{"down, and within a house", pointDown, []pkg{
			{ImportPath: in("syncer"), Imports: []string{"context", in("queue"), in("totalgest"), in("internal/wire")}},
			{ImportPath: in("totalgest/totalgesttest"), Imports: []string{in("totalgest"), in("internal/faults")}},
			{ImportPath: in("internal/api"), Imports: []string{in("internal/wire")}},
			{ImportPath: in("examples/quickstart"), Imports: []string{in("syncer"), in("totalgest/totalgesttest")}},
			{ImportPath: module, XTestImports: []string{in("syncer")}},
			{ImportPath: "golang.org/x/time/rate", Imports: []string{"time"}},
		}, nil},
		{"up", pointDown, []pkg{{ImportPath: in("internal/wire"), Imports: []string{in("totalgest")}}, {ImportPath: in("queue"), Imports: []string{in("syncer")}}},
			[]string{"internal/wire (floor 1) imports totalgest (floor 2): imports only point down",
				"queue (floor 2) imports syncer (floor 3): imports only point down"}},
		{"sideways", pointDown, []pkg{{ImportPath: in("totalgest"), Imports: []string{in("queue")}}, {ImportPath: in("syncer/console"), Imports: []string{in("syncer/sqlstore"), in("syncer")}}},
			[]string{"totalgest (floor 2) imports queue (floor 2): imports only point down",
				"syncer/console (floor 4) imports syncer/sqlstore (floor 4): imports only point down"}},
		{"a fake in the library", pointDown, []pkg{{ImportPath: in("syncer"), Imports: []string{in("queue/queuetest")}}, {ImportPath: in("internal/api"), Imports: []string{in("internal/faults")}}},
			[]string{"syncer imports queue/queuetest, which is for tests", "internal/api imports internal/faults, which is for tests"}},
		{"a new house", pointDown, []pkg{{ImportPath: in("shed")}}, []string{"shed: has no floor in the house"}},

		{"apart", keepApart, []pkg{{ImportPath: in("syncer"), Deps: []string{in("queue"), in("totalgest")}}, {ImportPath: in("totalgest"), Deps: []string{in("internal/wire")}}}, nil},
		{"a client that knows the other", keepApart, []pkg{{ImportPath: in("totalgest"), Deps: []string{in("internal/api"), in("framework360")}}},
			[]string{"totalgest reaches framework360: a client stands alone"}},
		{"also in a test", keepApart, []pkg{{ImportPath: in("framework360"), XTestImports: []string{in("queue/queuetest")}}},
			[]string{"framework360 reaches queue/queuetest: a client stands alone"}},
		{"a back end in the syncer", keepApart, []pkg{{ImportPath: in("syncer"), Deps: []string{in("syncer/sqlstore")}}, {ImportPath: in("syncer/storetest"), Deps: []string{in("syncer/sqlstore")}}},
			[]string{"syncer reaches syncer/sqlstore: back ends are plugged in from outside"}},

		{"permitted modules", fewModules, home(
			pkg{ImportPath: in("queue"), Deps: []string{"time", "golang.org/x/sync/errgroup", in("internal/wire")}, TestImports: []string{"testing", "github.com/google/go-cmp/cmp"}},
			pkg{ImportPath: "time", Standard: true}, foreign("golang.org/x/sync/errgroup", "golang.org/x/sync"), foreign(in("internal/wire"), module)), nil},
		{"one module too many", fewModules, home(pkg{ImportPath: in("queue"), Deps: []string{"example.org/db/driver", "example.org/db/sql"}},
			foreign("example.org/db/driver", "example.org/db"), foreign("example.org/db/sql", "example.org/db")),
			[]string{"queue reaches example.org/db/driver of module example.org/db"}},
		{"one too many in a test", fewModules, home(pkg{ImportPath: in("syncer"), XTestImports: []string{"example.org/assert", "golang.org/x/synchro"}}),
			[]string{"a test of syncer imports example.org/assert", "a test of syncer imports golang.org/x/synchro"}},
		{"a part of the core is gone", fewModules, home()[1:], []string{"totalgest: there is no such package"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.rule(tt.pkgs)); diff != "" {
				t.Errorf("complaints (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCodeLines(t *testing.T) {
	t.Parallel()
	src := "package a\n\n// A comment.\nvar b = `two\nlines` // and more\n\n/* a\nb */\nfunc f() {\n\n}\n"
	if n := source(t, "a/a.go", src).code; n != 5 {
		t.Errorf("%d lines of code, want 5", n)
	}
}
