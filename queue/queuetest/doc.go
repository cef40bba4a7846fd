// Package queuetest is the conformance suite of [queue.Queue]: one subtest for
// each rule of its contract. A back end's own test calls [Run] and says in
// [Caps] what it is able to do:
//
//	func TestConformance(t *testing.T) {
//		queuetest.Run(t, func(t *testing.T) queue.Queue {
//			return myqueue.New(...)
//		}, queuetest.Caps{RerunWhileRunning: true})
//	}
//
// The suite runs on the real clock and does not sleep: it waits for what must
// happen, at most [Caps].Patience, and gives what must not happen a chance by
// waiting for something that comes later. Every rule also watches that no key
// is in two handlers at once and that no handler outlives its Work.
package queuetest
