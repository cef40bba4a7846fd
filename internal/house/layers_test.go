package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

// floors is the house from the top down: a package imports only from floors
// below its own. Packages of one line may import those that they are in, and
// internal ones each other.
var floors = []struct {
	dir   string // with all below it
	floor int
}{
	{"examples", 5},         // whole programs
	{"syncer/console", 4},   // back ends
	{"syncer/sqlstore", 4},  //
	{"queue/riverqueue", 4}, //
	{"syncer", 3},           // pipelines, and the suite for stores
	{"queue", 2},            // wake-ups, and the suite for queues
	{"totalgest", 2},        // a client and its fake
	{"framework360", 2},     // a client and its fake
	{"internal", 1},         // what they share
	{".", 0},                // the map
}

// apart lists who must not reach whom, by whatever way and in tests as well.
var apart = []struct {
	dir    string
	not    []string
	reason string
}{
	{"totalgest", []string{"framework360", "queue", "syncer"}, "a client stands alone"},
	{"framework360", []string{"totalgest", "queue", "syncer"}, "a client stands alone"},
	{"syncer", []string{"syncer/sqlstore", "syncer/console", "queue/riverqueue"}, "back ends are plugged in from outside"},
}

// core lists the packages that people import for themselves.
var core = []string{"totalgest", "framework360", "queue", "syncer"}

// coreModules are all modules that the core may bring to its importer.
var coreModules = []string{
	"github.com/hashicorp/go-retryablehttp",
	"github.com/hashicorp/go-cleanhttp",
	"golang.org/x/time",
	"golang.org/x/sync",
	"github.com/tidwall/gjson",
	"github.com/tidwall/match",
	"github.com/tidwall/pretty",
	"github.com/shopspring/decimal",
}

// testModules are those that the core's own tests may import beside them.
var testModules = []string{
	"github.com/google/go-cmp",
	"github.com/jarcoal/httpmock",
	"github.com/getkin/kin-openapi",
	"pgregory.net/rapid",
	"go.uber.org/goleak",
}

// pkg is a package as the go command describes it.
type pkg struct {
	ImportPath   string
	Standard     bool
	Module       *struct{ Path string }
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
}

// local returns the folder of a package of this module.
func local(importPath string) (dir string, ok bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

var goList = sync.OnceValues(func() ([]pkg, error) {
	cmd := exec.Command("go", "list", "-deps",
		"-json=ImportPath,Standard,Module,Imports,TestImports,XTestImports,Deps", "./...")
	cmd.Dir = root
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, complaint.String())
	}
	var pkgs []pkg
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var p pkg
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return pkgs, nil
		case err != nil:
			return nil, err
		}
		pkgs = append(pkgs, p)
	}
})

func packages(t *testing.T) []pkg {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("the go command is not on PATH")
	}
	pkgs, err := goList()
	if err != nil {
		t.Fatal(err)
	}
	return pkgs
}

// floorOf returns the floor of a folder; the root's line stands for itself only.
func floorOf(dir string) (int, bool) {
	for _, f := range floors {
		if within(dir, f.dir) {
			return f.floor, true
		}
	}
	return 0, false
}

// pointDown demands that imports point down the floors, and that what people
// run imports nothing that is there for tests.
func pointDown(pkgs []pkg) []string {
	var out []string
	for _, p := range pkgs {
		from, ok := local(p.ImportPath)
		if !ok {
			continue
		}
		upper, ok := floorOf(from)
		if !ok {
			out = append(out, from+": has no floor in the house")
			continue
		}
		for _, imp := range p.Imports {
			to, ok := local(imp)
			if !ok {
				continue
			}
			lower, _ := floorOf(to)
			// An example may be made of several packages, which are its own.
			neighbours := within(from, to) || (within(from, "internal") && within(to, "internal")) || (example(from) && within(to, from))
			if lower > upper || (lower == upper && !neighbours) {
				out = append(out, fmt.Sprintf("%s (floor %d) imports %s (floor %d): imports only point down", from, upper, to, lower))
			}
			if support(to) && !support(from) && !example(from) {
				out = append(out, fmt.Sprintf("%s imports %s, which is for tests", from, to))
			}
		}
	}
	return out
}

// keepApart holds the list apart.
func keepApart(pkgs []pkg) []string {
	var out []string
	for _, rule := range apart {
		for _, p := range pkgs {
			from, ok := local(p.ImportPath)
			if !ok || from != rule.dir {
				continue
			}
			for _, imp := range slices.Concat(p.Deps, p.TestImports, p.XTestImports) {
				to, ok := local(imp)
				if ok && slices.ContainsFunc(rule.not, func(n string) bool { return within(to, n) }) {
					out = append(out, fmt.Sprintf("%s reaches %s: %s", from, to, rule.reason))
				}
			}
		}
	}
	return out
}

// fewModules holds the core to its modules.
func fewModules(pkgs []pkg) []string {
	byPath := make(map[string]pkg, len(pkgs))
	for _, p := range pkgs {
		byPath[p.ImportPath] = p
	}
	var out []string
	for _, dir := range core {
		p, ok := byPath[module+"/"+dir]
		if !ok {
			out = append(out, dir+": there is no such package")
			continue
		}
		told := map[string]bool{module: true}
		for _, dep := range p.Deps {
			d := byPath[dep]
			if d.Standard || d.Module == nil || told[d.Module.Path] || slices.Contains(coreModules, d.Module.Path) {
				continue
			}
			told[d.Module.Path] = true // once will do
			out = append(out, fmt.Sprintf("%s reaches %s of module %s", dir, dep, d.Module.Path))
		}
		for _, imp := range slices.Concat(p.TestImports, p.XTestImports) {
			if !permittedInTests(imp) {
				out = append(out, fmt.Sprintf("a test of %s imports %s", dir, imp))
			}
		}
	}
	return out
}

func permittedInTests(importPath string) bool {
	host, _, _ := strings.Cut(importPath, "/")
	if _, ok := local(importPath); ok || !strings.Contains(host, ".") { // the standard library has no host
		return true
	}
	return slices.ContainsFunc(slices.Concat(coreModules, testModules), func(m string) bool { return within(importPath, m) })
}
