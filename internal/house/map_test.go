package house

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// link is a package in a doc comment, as in [github.com/tg360/tg360/queue].
var link = regexp.MustCompile(`\[` + regexp.QuoteMeta(module) + `/([a-z0-9/]+)(?:\.[A-Z]\w*)*\]`)

// mapped demands that the comment of the root package names every public package
// and program, and none that is not there.
func mapped(files []*file) []string {
	shown, there := map[string]bool{}, map[string]bool{}
	for _, f := range files {
		switch dir := f.dir(); {
		case f.test():
		case dir == "." && f.ast.Doc != nil:
			for _, m := range link.FindAllStringSubmatch(f.ast.Doc.Text(), -1) {
				shown[m[1]] = true
			}
		case public(dir) || (example(dir) && f.ast.Name.Name == "main"):
			there[dir] = true
		}
	}
	var out []string
	for _, dir := range slices.Sorted(maps.Keys(there)) {
		if !shown[dir] {
			out = append(out, "doc.go: does not show "+dir)
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(shown)) {
		if !there[dir] {
			out = append(out, "doc.go: shows "+dir+", which is not there")
		}
	}
	return out
}

// overBudget compares sums with their bounds.
func overBudget(lines, names int) []string {
	var out []string
	if lines > maxLibrary {
		out = append(out, fmt.Sprintf("the library has %d lines of code, more than %d", lines, maxLibrary))
	}
	if names > maxNames {
		out = append(out, fmt.Sprintf("the core exports %d names, more than %d", names, maxNames))
	}
	return out
}
