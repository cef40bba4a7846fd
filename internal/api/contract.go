package api

import (
	"fmt"
	"time"
	_ "time/tzdata" // the zone must be right also in a container without a zone database

	"github.com/tg360/tg360/internal/wire"
)

// Contract is all that it takes to speak a client's wire, from either side.
type Contract struct {
	Profile []byte        // the embedded one
	Spec    wire.Spec     // what a profile may name
	Schemas []wire.Record // of each record
}

// NewContract makes a contract; the records of spec are those of schemas.
func NewContract(profile []byte, spec wire.Spec, schemas ...wire.Record) Contract {
	for _, s := range schemas {
		spec.Records = append(spec.Records, s.Info())
	}
	return Contract{Profile: profile, Spec: spec, Schemas: schemas}
}

// Codec compiles a record of a contract with a profile.
func Codec[T any](c Contract, record string, p *wire.Profile, loc *time.Location) (*wire.Codec[T], error) {
	for _, r := range c.Schemas {
		if s, ok := r.(*wire.Schema[T]); ok && s.Record == record {
			return wire.Compile(s, p, loc)
		}
	}
	return nil, fmt.Errorf("record %s is not a %T", record, *new(T))
}

// Rome is the zone of dates without one, unless the settings say otherwise.
func Rome() *time.Location {
	loc, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		panic("the embedded zone database lacks Europe/Rome")
	}
	return loc
}
