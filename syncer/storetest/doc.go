// Package storetest is the conformance suite of [syncer.Store]: one subtest for
// each rule of its contract, and a random history that is compared with a plain
// model. A back end's own test calls [Run], and [Bench] from a benchmark:
//
//	func TestConformance(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) syncer.Store {
//			return mystore.Open(...)
//		})
//	}
//
// The suite does not sleep and knows no back end: it says what a store must do
// and not how. Texts in it are valid UTF-8 without NUL, as those of databases
// must be.
package storetest
