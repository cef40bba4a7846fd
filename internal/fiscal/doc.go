// Package fiscal holds the rules by which the fiscal side of an order is judged in
// Italy and Switzerland: who the buyer is ([CheckParty]), whether lines, VAT and
// totals fit together ([Check]), and what of a text an invoice can hold ([Latin1]).
//
// Everything is pure and safe for concurrent use. A [Finding] holds a stable code
// and figures, never what somebody typed; [Text] says it, with its remedy, in six
// languages. Rates, lists and texts are data files. The validators are our own
// because the core brings its importers no module for them, and each is a few
// lines of arithmetic.
package fiscal

import (
	"embed"
	"encoding/json"
)

//go:embed data
var files embed.FS

// load reads one of the data files, which tests read as well.
func load[T any](name string) (out T) {
	b, err := files.ReadFile("data/" + name)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		panic(err)
	}
	return out
}
