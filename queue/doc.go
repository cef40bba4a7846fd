// Package queue hands out wake-ups: small jobs that say which record of which
// connection wants attention, and nothing else.
//
// # A queue is only a wake-up
//
// What is to be done, how often it was tried and whether it failed stands in
// the store, which is durable. A [Job] carries no data: the [Handler] reads the
// record afresh, decides there whether anything is left to do, and writes the
// outcome back. So a lost job costs time and never an order, because a sweep
// over the store enqueues again what is due, and a job that comes twice costs
// one look at the store. This is why a queue needs no attempts, no backoff, no
// leases and no dead letters, and why a [Queue] has four methods.
//
// # Lanes
//
// Each connection has a lane. Lanes are served in turn and a lane may only use
// a part of the workers, so that one shop with a hundred thousand jobs, or one
// whose ERP hangs, does not delay the others. Within a lane urgent jobs, such
// as an export that a person waits for, go before the rest.
//
// # One key, one job
//
// A job is known by its lane, kind and key. While it waits, a further Enqueue
// of it joins it: it is pulled forward when the new one is earlier or urgent,
// and never put off.
//
// # Back ends
//
// [Memory] is exact and lives in one process: with a store and its sweep it is
// all that one machine needs. Package riverqueue serves several processes, on
// River over PostgreSQL. Package queuetest holds the conformance suite by
// which another back end proves that it keeps the contract of [Queue].
package queue
