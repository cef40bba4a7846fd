// Package tg360 keeps the TotalGest ERP and a Framework360 web shop in step:
// products, prices and stock flow to the shop, completed orders flow back, and
// no order is lost or made twice on the way.
//
// The package itself is empty. It is the map of the house.
//
// # Where to start
//
// To see it work, run the whole trip in memory from a checkout, both ends included:
//
//	go run ./examples/quickstart
//
// To talk to one of the two systems from a program of your own, take its typed
// client: [github.com/tg360/tg360/totalgest] or
// [github.com/tg360/tg360/framework360]. Each stands alone and brings few
// modules.
//
// To run the synchronisation inside a service, take
// [github.com/tg360/tg360/syncer] and give it both clients, a store and a queue.
// The program of [github.com/tg360/tg360/examples/quickstart] is that wiring in
// one file.
//
// To run it for real shops without a program of your own, take
// [github.com/tg360/tg360/examples/connector]: one binary, one settings file.
//
// To fit a real site, whose wire differs from what is assumed here, write a
// profile: docs/wire.md in the repository goes through it step by step.
//
// # The floors
//
// Imports only ever point down this list.
//
//   - [github.com/tg360/tg360/examples/quickstart] is the trial run: fakes of
//     both systems on this machine, a catalogue, orders, and the report.
//   - [github.com/tg360/tg360/examples/connector] is the complete connector: it
//     serves any number of shops, on one machine or on several.
//   - [github.com/tg360/tg360/syncer/sqlstore] is a durable store, on SQLite or
//     PostgreSQL.
//   - [github.com/tg360/tg360/queue/riverqueue] is a queue for several processes,
//     on River over PostgreSQL.
//   - [github.com/tg360/tg360/syncer] holds the two pipelines, the state of every
//     product and order, run history and reports. It declares the small
//     interfaces that it needs of the two systems, and of a store.
//   - [github.com/tg360/tg360/queue] wakes workers up. It holds no truth: what is
//     to be done stands in the store, and a lost job costs time, never an order.
//   - [github.com/tg360/tg360/totalgest] and
//     [github.com/tg360/tg360/framework360] are the clients. What they send and
//     read is data, a profile with a grade for every operation and field, and not
//     code.
//
// # Testing with it
//
// Every part that others plug into comes with what proves it:
//
//   - [github.com/tg360/tg360/totalgest/totalgesttest] and
//     [github.com/tg360/tg360/framework360/framework360test] are fake servers
//     with a memory and with faults that a test switches on.
//   - [github.com/tg360/tg360/queue/queuetest] and
//     [github.com/tg360/tg360/syncer/storetest] are suites by which a queue or a
//     store of your own shows that it keeps the contract.
//
// # What holds everywhere
//
// Clients, queues and stores are safe for concurrent use. Every call that may
// wait takes a context and ends with it. Amounts are exact decimals. Absent, null
// and empty are three different things. Errors, logs and metrics hold neither
// secrets nor a customer's data.
package tg360
