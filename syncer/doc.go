// Package syncer keeps a TotalGest and a Framework360 shop in step: products and
// stock go to the shop on a schedule, completed orders go to TotalGest through a
// background queue, people can force the export of selected orders, and every
// item has a state that can be shown.
//
// # Putting it together
//
// A [Syncer] works on a [Store], which is the truth, and a [queue.Queue], which
// only wakes workers. [NewMemoryStore] and queue.NewMemory do for a trial. Each
// shop is a [Connection]; [Syncer.Add] checks its settings, [Syncer.Run] works
// until its context ends. [Syncer.SyncProducts], [Syncer.PollOrders] and
// [Syncer.Export] do one thing once, and return a report.
//
// # How an order gets across once
//
// A look at the list of orders, or [Syncer.Notify], makes a [Link] in the state
// [Queued]. A worker claims it, reads the order afresh, checks the rules and the
// sums, stores [Sending], and only then sends. If no usable answer comes the
// order is [InDoubt]: TotalGest is asked for its external id until it is certain
// that the write has taken effect or never will. Only then is it sent again, and
// where TotalGest can't be asked a person decides with [Syncer.Decide].
//
// This rests on one assumption: TotalGest recognises a repeated external id, or
// it can be searched and a request takes effect within Settings.Settle or never.
// Where it can't be searched and has a list of orders, orders bear a mark in their
// note, and that list is read instead.
//
// A store that may have forgotten what was sent makes the question come first: one
// that was put back from a backup ([AskFirst]), and one without a sign of life for
// longer than Settings.Settle, ask TotalGest for each order that is not younger
// ahead of its first write. One that is new although GoLive has passed exports
// nothing before [Syncer.ConfirmOrigin]. Where TotalGest can't be asked, or has not
// been seen to find an order, a person decides on such orders.
//
// [Syncer.Reconcile] compares the orders of a period on both sides with what is
// known of them, links what was missed, and reports the differences.
//
// Other ways into the same pipeline are [Syncer.Export], which a person uses for
// selected orders, and the shop's webhooks, which framework360.WebhookHandler
// turns into [Syncer.Notify]. What an order becomes in TotalGest comes back to the
// shop with [Syncer.SyncStatuses], where Settings.BackFlow is on. An order that
// changes in the shop after its export is a [Conflict], which a person settles
// with [Syncer.Resolve].
//
// # Several processes
//
// Any number of processes may run on one store: claims keep them from working on
// the same order, and each cycle is begun once in its interval, by whoever looks
// first. What a process leaves behind when it dies is taken up by the others when
// its lease has ended. When the context of [Syncer.Run] ends, reads end at once,
// and writes that are under way may go on for Config.StopWithin.
//
// # What a product cycle does
//
// It reads what changed, compares each product with what was last written, field
// by field, and writes the differences. An unchanged catalogue makes no write
// call. What TotalGest does not say is left out, never zeroed. Once in
// Settings.FullEvery everything is read; a product that such a walk does not show
// is asked for by its id before it is hidden, and [Brakes] stop a run that would
// do harm. Quantities leave out what open orders take. [Syncer.Plan] says what a
// run would do, and [Syncer.Audit] compares the shop with what was written.
//
// # Errors
//
// A passing failure is tried again with growing waits; one that only a person
// can mend blocks its item, with a stable code such as TG-ORD-007, and never the
// others; refused credentials pause the connection and consume no attempt.
package syncer
