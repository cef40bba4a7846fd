package api

import (
	"fmt"
	"time"

	"github.com/tg360/tg360/internal/wire"
)

// Contract is all that it takes to speak a client's wire from the other side.
type Contract struct {
	Profile []byte         // the embedded one
	Spec    wire.Spec      // what a profile may name
	Schemas map[string]any // *wire.Schema[T] by record
}

// Codec compiles a record of a contract with a profile.
func Codec[T any](c Contract, record string, p *wire.Profile, loc *time.Location) (*wire.Codec[T], error) {
	s, ok := c.Schemas[record].(*wire.Schema[T])
	if !ok {
		return nil, fmt.Errorf("record %s is not a %T", record, *new(T))
	}
	return wire.Compile(s, p, loc)
}
