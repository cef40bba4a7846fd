package house

import (
	"fmt"
	"go/ast"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The bounds of the house.
const (
	maxFile     = 600    // lines; a file has fewer
	maxFunction = 80     // lines; a function has fewer
	maxLibrary  = 15_000 // lines without tests, fakes and examples
	maxNames    = 350    // exported by the core
)

// short bounds files and functions.
func short(f *file) []string {
	var out []string
	if n := f.lines(); n >= maxFile {
		out = append(out, fmt.Sprintf("%s: has %d lines; a file has fewer than %d", f.path, n, maxFile))
	}
	for _, decl := range f.ast.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if n := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1; n >= maxFunction {
			out = append(out, f.at(fn.Pos(), "%s has %d lines; a function has fewer than %d", fn.Name.Name, n, maxFunction))
		}
	}
	return out
}

// noContextOfOwn demands that a context always comes from the caller.
func noContextOfOwn(f *file) []string {
	return calls(f, "context", "comes from the caller: a library can't be stopped otherwise", "Background", "TODO")
}

// noSleep demands that tests wait for what they mean.
func noSleep(f *file) []string {
	return calls(f, "time", "makes a test slow, or wrong on a slow machine: wait for the event; in a bubble of synctest receive from time.After", "Sleep")
}

// calls complains about every use of one of names of the imported package.
func calls(f *file, importPath, reason string, names ...string) []string {
	local := importName(f, importPath)
	if local == "" {
		return nil
	}
	var out []string
	ast.Inspect(f.ast, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == local && slices.Contains(names, sel.Sel.Name) {
			out = append(out, f.at(sel.Pos(), "%s.%s %s", importPath, sel.Sel.Name, reason))
		}
		return true
	})
	return out
}

// importName returns the name under which a file imports a package whose own
// name is the last part of its path; empty when it does not.
func importName(f *file, importPath string) string {
	for _, imp := range f.ast.Imports {
		if p, err := strconv.Unquote(imp.Path.Value); err != nil || p != importPath {
			continue
		}
		if imp.Name != nil {
			return imp.Name.Name
		}
		return importPath[strings.LastIndexByte(importPath, '/')+1:]
	}
	return ""
}

// name is something that a package exports.
type name struct {
	text  string // such as Client.Call
	node  ast.Node
	doc   bool
	field bool // of a struct; the others are names that code calls or means
}

// exported lists what a file exports: types with their methods and fields,
// functions, constants and variables. Comments of a group count for its members.
func exported(f *file) []name {
	var out []name
	for _, decl := range f.ast.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			recv := receiver(d)
			if d.Name.IsExported() && (recv == "" || ast.IsExported(recv)) {
				out = append(out, name{text: join(recv, d.Name.Name), node: d, doc: d.Doc != nil})
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				out = append(out, fromSpec(spec, d.Doc != nil)...)
			}
		}
	}
	return out
}

func fromSpec(spec ast.Spec, group bool) []name {
	var out []name
	switch s := spec.(type) {
	case *ast.ValueSpec:
		for _, id := range s.Names {
			if id.IsExported() {
				out = append(out, name{text: id.Name, node: id, doc: group || s.Doc != nil || s.Comment != nil})
			}
		}
	case *ast.TypeSpec:
		if !s.Name.IsExported() {
			return nil
		}
		out = append(out, name{text: s.Name.Name, node: s, doc: group || s.Doc != nil || s.Comment != nil})
		switch t := s.Type.(type) {
		case *ast.InterfaceType:
			out = append(out, members(s.Name.Name, t.Methods, false)...)
		case *ast.StructType:
			out = append(out, members(s.Name.Name, t.Fields, true)...)
		}
	}
	return out
}

func members(of string, list *ast.FieldList, field bool) []name {
	var out []name
	for _, m := range list.List {
		for _, id := range m.Names { // none: embedded, and explained where it is declared
			if id.IsExported() {
				out = append(out, name{text: join(of, id.Name), node: m, doc: m.Doc != nil || m.Comment != nil, field: field})
			}
		}
	}
	return out
}

func join(of, what string) string {
	if of == "" {
		return what
	}
	return of + "." + what
}

// receiver returns the type that a method belongs to; empty for a function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return ""
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

// explained demands a comment on everything that a file exports. A field of a
// struct may share one with its neighbours: that is what plain data looks like.
func explained(f *file) []string {
	var out []string
	for _, n := range exported(f) {
		if !n.doc && !n.field {
			out = append(out, f.at(n.node.Pos(), "%s has no comment", n.text))
		}
	}
	return append(out, settings(f)...)
}

// settings demands that each block of a struct of settings, that is fields without
// an empty line between them, is explained.
func settings(f *file) []string {
	var out []string
	ast.Inspect(f.ast, func(n ast.Node) bool {
		s, ok := n.(*ast.TypeSpec)
		if !ok || !(s.Name.Name == "Config" || s.Name.Name == "Settings" || strings.HasSuffix(s.Name.Name, "Options")) {
			return true
		}
		t, ok := s.Type.(*ast.StructType)
		if !ok {
			return true
		}
		for _, block := range blocks(f, t.Fields.List) {
			if !slices.ContainsFunc(block, func(m *ast.Field) bool { return m.Doc != nil || m.Comment != nil }) {
				out = append(out, f.at(block[0].Pos(), "settings in %s without a comment", s.Name.Name))
			}
		}
		return true
	})
	return out
}

// blocks parts fields at empty lines.
func blocks(f *file, fields []*ast.Field) [][]*ast.Field {
	var out [][]*ast.Field
	last := -1
	for _, m := range fields {
		start := m.Pos()
		if m.Doc != nil {
			start = m.Doc.Pos()
		}
		if line := f.fset.Position(start).Line; last < 0 || line > last+1 {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], m)
		last = f.fset.Position(m.End()).Line
	}
	return out
}

// packageComments demands one comment that introduces each package.
func packageComments(files []*file) []string {
	introduced := map[string]bool{}
	for _, f := range files {
		introduced[f.dir()] = introduced[f.dir()] || f.ast.Doc != nil
	}
	var out []string
	for _, dir := range slices.Sorted(maps.Keys(introduced)) {
		if !introduced[dir] {
			out = append(out, dir+": the package has no comment")
		}
	}
	return out
}

// countNames counts, by package, the names that code calls or means; fields of
// structs are data and not counted.
func countNames(files []*file) map[string]int {
	out := map[string]int{}
	for _, f := range files {
		for _, n := range exported(f) {
			if !n.field {
				out[f.dir()]++
			}
		}
	}
	return out
}

// parallel demands that every test runs beside the others. Those in alone may
// not, for the reason given there; a reason that nobody needs is a complaint.
func parallel(files []*file, alone map[string]string) []string {
	var out []string
	needed := map[string]bool{}
	for _, f := range files {
		for _, decl := range f.ast.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || !isTest(fn) || callsParallel(fn) {
				continue
			}
			key := f.path + ":" + fn.Name.Name
			if needed[key] = true; alone[key] == "" {
				out = append(out, f.at(fn.Pos(), "%s does not call t.Parallel", fn.Name.Name))
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(alone)) {
		if !needed[key] {
			out = append(out, key+" needs no exception from t.Parallel")
		}
	}
	return out
}

func isTest(fn *ast.FuncDecl) bool {
	rest, ok := strings.CutPrefix(fn.Name.Name, "Test")
	if !ok || fn.Recv != nil || len(fn.Type.Params.List) != 1 || (rest != "" && rest[0] >= 'a' && rest[0] <= 'z') {
		return false
	}
	star, ok := fn.Type.Params.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	sel, ok := star.X.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "T"
}

// callsParallel looks at the test's own statements, not at those of subtests.
func callsParallel(fn *ast.FuncDecl) bool {
	return slices.ContainsFunc(fn.Body.List, func(s ast.Stmt) bool {
		e, ok := s.(*ast.ExprStmt)
		if !ok {
			return false
		}
		call, ok := e.X.(*ast.CallExpr)
		if !ok {
			return false
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		return ok && sel.Sel.Name == "Parallel"
	})
}
