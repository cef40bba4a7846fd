// Package faults makes the fake servers misbehave as real ones do: requests and
// replies get lost, the effect comes late or without a reply, a proxy answers
// with HTML, success is reported for a failure.
//
// An [Injector] wraps a handler and applies rules to its requests, the same ones
// whenever seed and order of requests are the same. [RoundTripper] serves a
// handler in memory, without sockets, so that clients can be tested on the
// clock of testing/synctest; it behaves as net/http's server and transport do
// together, faults included.
package faults
