package api

import (
	"time"
	_ "time/tzdata" // the zone must be right also in a container without a zone database
)

// Rome is the zone of dates without one, unless the settings say otherwise.
func Rome() *time.Location {
	loc, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		panic("the embedded zone database lacks Europe/Rome")
	}
	return loc
}
