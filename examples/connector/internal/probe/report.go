package probe

import (
	"time"

	"github.com/tg360/tg360/internal/fake/shape"
)

// Answer says what became of an operation.
type Answer string

// The answers.
const (
	Allowed  Answer = "allowed"
	Refused  Answer = "refused"   // the key or user may not do it
	Absent   Answer = "not there" // neither is the address known, nor the operation
	Inactive Answer = "inactive"  // its module is off
	Failed   Answer = "failed"    // no usable reply
	Untried  Answer = "not tried" // what it needs was not there
)

// Sure says how far a finding can be relied on.
type Sure string

// The degrees.
const (
	Certain Sure = "certain"
	Likely  Sure = "likely"
	Hint    Sure = "only a hint"
	Unknown Sure = "not known"
)

// Report is the result of a probe of one shop. Its fields are also those of its
// JSON form.
type Report struct {
	Shop     string    `json:"shop"`
	At       time.Time `json:"at"`
	Ready    bool      `json:"ready"` // all that a sync reads could be read with the profiles that are set
	Verdicts []Verdict `json:"verdicts"`
	Systems  []System  `json:"systems"`
	Settings []Setting `json:"settings"`
	Files    []string  `json:"files,omitempty"` // that were written, relative to the folder of the record
}

// Verdict is a sentence about a whole system. Its code stays the same over
// versions and languages.
type Verdict struct {
	System string `json:"system,omitempty"`
	Code   string `json:"code"`
	Args   []any  `json:"args,omitempty"` // of the sentence
	Text   string `json:"text"`           // in English
}

// System is what was found out about one of the two.
type System struct {
	Name       string      `json:"name"` // totalgest or framework360
	Profile    string      `json:"profile"`
	Operations []Operation `json:"operations"`
	Fields     []Field     `json:"fields,omitempty"`  // missing or not readable
	Unknown    []Key       `json:"unknown,omitempty"` // keys of records that no path names
	Findings   []Finding   `json:"findings"`
	Changes    []Change    `json:"changes,omitempty"` // of the draft profile
	Writes     []string    `json:"writes,omitempty"`  // assumed, and not confirmed by anybody
	Requests   int         `json:"requests"`
	Limited    int         `json:"limited"` // answers that asked for fewer requests

	draft, toSign []byte
	shapes        []*shape.File
}

// Operation is a line of the table of abilities.
type Operation struct {
	Name       string `json:"name"`
	Grade      string `json:"grade,omitempty"`
	Needed     bool   `json:"needed"` // a sync can't do without
	Answer     Answer `json:"answer"`
	Permission string `json:"permission,omitempty"` // where the key lacks it
	Reason     string `json:"reason,omitempty"`     // why there is no usable reply
	Records    int    `json:"records"`              // that were seen
	Read       int    `json:"read"`                 // of them, with the profile that is set
	Drafted    int    `json:"drafted"`              // of them, with the draft profile
	Typical    string `json:"typical,omitempty"`    // time of an answer, median
}

// Field is a field of a record that was never found, or not in a spelling that
// can be read.
type Field struct {
	Record   string       `json:"record"`
	Name     string       `json:"name"`
	Required bool         `json:"required"`
	Tried    []string     `json:"tried"`
	Kinds    []shape.Kind `json:"kinds,omitempty"` // of what is there and can't be read
	Guess    string       `json:"guess,omitempty"` // path of the draft profile
}

// Key is a place in a record that no path of the profile names.
type Key struct {
	Record string       `json:"record"`
	Path   string       `json:"path"`
	Kinds  []shape.Kind `json:"kinds"`
	Seen   int          `json:"seen"`
}

// Finding is something that was measured.
type Finding struct {
	Name string `json:"name"`
	Says string `json:"says"`
	How  string `json:"how"`
	Sure Sure   `json:"sure"`
}

// Change is a difference between the draft profile and the one that is set.
type Change struct {
	Where string `json:"where"` // such as records.order.total
	To    string `json:"to"`
	Why   string `json:"why"`
}

// Setting is a line for the settings file.
type Setting struct {
	Table  string `json:"table"` // such as shop.milano
	Line   string `json:"line"`  // as in the file; a person has to finish one that begins with #
	Reason string `json:"reason"`
}
