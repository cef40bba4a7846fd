package house

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// alone lists the tests that can't run beside others, and why.
var alone = map[string]string{}

func TestHouse(t *testing.T) {
	t.Parallel()
	rules := []struct {
		name  string
		check func(*testing.T) []string
	}{
		{"imports point down", func(t *testing.T) []string { return pointDown(packages(t)) }},
		{"clients and back ends stay apart", func(t *testing.T) []string { return keepApart(packages(t)) }},
		{"the core brings few modules", func(t *testing.T) []string { return fewModules(packages(t)) }},
		{"files and functions are short", func(t *testing.T) []string {
			return each(where(load(t), func(f *file) bool { return !f.test() }), short)
		}},
		{"contexts come from callers", func(t *testing.T) []string {
			return each(where(load(t), (*file).library), noContextOfOwn)
		}},
		{"tests don't sleep", func(t *testing.T) []string {
			return each(where(load(t), func(f *file) bool { return f.test() || support(f.dir()) }), noSleep)
		}},
		{"tests run in parallel", func(t *testing.T) []string {
			return parallel(where(load(t), (*file).test), alone)
		}},
		{"public names are explained", func(t *testing.T) []string {
			return each(where(load(t), published), explained)
		}},
		{"packages are introduced", func(t *testing.T) []string {
			return packageComments(where(load(t), func(f *file) bool { return !f.test() }))
		}},
		{"the map shows what there is", func(t *testing.T) []string { return mapped(load(t)) }},
		{"the library stays small", func(t *testing.T) []string { return withinBudget(t, load(t)) }},
	}
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			report(t, rule.check(t))
		})
	}
}

// published reports whether a file's exported names are seen by importers.
func published(f *file) bool { return !f.test() && public(f.dir()) }

// withinBudget adds up the library and prints the sums.
func withinBudget(t *testing.T, files []*file) []string {
	t.Helper()
	library := where(files, (*file).library)
	lines := map[string]int{}
	for _, f := range library {
		lines[f.dir()] += f.code
	}
	names := countNames(where(library, func(f *file) bool { return slices.Contains(core, f.dir()) }))
	for _, dir := range slices.Sorted(maps.Keys(lines)) {
		t.Logf("%-20s %6d lines of code %s", dir, lines[dir], count(names[dir]))
	}
	t.Logf("%-20s %6d lines of code %s", "together", sum(lines), count(sum(names)))
	return overBudget(sum(lines), sum(names))
}

// count says how many names there are, of a package where they are counted.
func count(names int) string {
	if names == 0 {
		return ""
	}
	return fmt.Sprintf("%4d exported names", names)
}

func sum(m map[string]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}
