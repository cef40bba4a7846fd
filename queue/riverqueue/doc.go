// Package riverqueue is a [queue.Queue] on River over PostgreSQL, for several
// processes that share the work. A job is a River job that names its record and
// no more, so River's own tools show it.
//
// It keeps the contract of [queue.Queue]. What is left to a back end is so:
//
//   - A job whose key is being run is dropped, and so is one that comes up to
//     0.3 s after the handler's return, because River writes down in batches what
//     is done. The sweep of the store finds what was missed.
//   - A job that may start does so within milliseconds, in whatever process; one
//     that was pulled forward, and the first of a lane, within half a second. One
//     with a NotBefore starts up to six seconds late.
//   - A call of Work takes at most two jobs of a lane at a time. Where handlers
//     occupy all of Options.Workers, they wait there for a worker and count as
//     running.
//   - Handlers may run for as long as they like. Every five seconds it is noted
//     that they do; a job without a note for twenty seconds is taken for one of a
//     dead process and runs again, 20 to 30 seconds after the process died, or
//     was frozen or cut off from the database. Clocks must agree to 10 seconds.
//   - While the database is away, Enqueue, Counts and a Work that begins return an
//     error; the same call works later. A Work that is under way leaves its
//     handlers alone and goes on when the database is back, within half a minute;
//     if its ctx ends before, it returns up to ten seconds after its handlers.
//   - Kind and Key are UTF-8 without zero bytes. A lane has up to 40 bytes, or 64
//     if they are a-z and 0-9 with single _ or - in between.
//   - What is done stays in the database for a day.
package riverqueue
