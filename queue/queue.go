package queue

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrClosed is returned by every method of a queue that was closed, Close
// itself excepted.
var ErrClosed = errors.New("queue: closed")

// Job asks for one record to be looked at. Lane, Kind and Key name it and must
// not be empty; jobs that agree in all three are one job. They appear in logs:
// never build them from personal data.
type Job struct {
	// Lane is the connection that the job belongs to.
	Lane string
	// Kind says what is to be done, such as "order".
	Kind string
	// Key names the record within lane and kind.
	Key string
	// NotBefore is the earliest time to run; the zero time, like any in the
	// past, means now.
	NotBefore time.Time
	// Urgent puts the job before those of its lane that are not.
	Urgent bool
}

// Validate returns an *ArgumentError that names the first of Lane, Kind and Key
// that is empty, and nil when there is none.
func (j Job) Validate() error {
	for _, f := range [...]struct{ name, value string }{{"Lane", j.Lane}, {"Kind", j.Kind}, {"Key", j.Key}} {
		if f.value == "" {
			return &ArgumentError{Field: f.name, Reason: "must not be empty"}
		}
	}
	return nil
}

// ArgumentError says which argument a queue refused. Nothing of that call was
// done, and repeating it is of no use.
type ArgumentError struct {
	Field  string // as in the source: Lane, Kind, Key, Handler
	Reason string // never holds the value
}

// Error implements error.
func (e *ArgumentError) Error() string { return fmt.Sprintf("queue: %s %s", e.Field, e.Reason) }

// Handler does a job. It returns nothing: what failed is the store's business,
// and a queue never retries. Lane, Kind and Key of the job are as they were
// enqueued; NotBefore and Urgent may be joined from several calls, or be lost.
// It must be safe for concurrent use, return soon after ctx has ended, and bear
// being called for a record that needs nothing any more.
type Handler func(ctx context.Context, job Job)

// Counts is what a lane holds. Each waiting key counts once.
type Counts struct {
	Waiting   int // may start now, as far as workers are free
	Scheduled int // NotBefore is in the future
	Running   int // a handler has it
}

// Queue hands jobs to handlers. All methods are safe for concurrent use, also
// from within a handler. After Close each returns an error that is [ErrClosed].
// A ctx that has ended makes Enqueue and Counts return its error.
//
// What every back end keeps:
//
//   - Delivery is at least once, as long as the queue lives: a job that was
//     accepted is handed to a handler, whatever becomes of others. A durable
//     back end also keeps it over a restart. Once handed out it is done, whether
//     the handler returned, panicked or was cut short.
//   - A key is never in two handlers at once. Only where a process died or froze
//     may a durable back end hand out again what still runs there.
//   - Lanes are fair: a backlog in one lane, however long, and handlers that
//     hang in one lane do not keep jobs of another from starting.
//   - A handler that panics is recovered; it stops neither the queue nor others.
type Queue interface {
	// Enqueue accepts jobs and returns before they run. None at all is fine.
	//
	// A job whose key already waits joins the one that waits, and one given
	// twice in a call is one job: it keeps the earlier NotBefore and is urgent
	// if either is. So a further Enqueue pulls a job forward and never puts it
	// off.
	//
	// A job whose key is being run is either run again after the running
	// handler has returned, or dropped: the sweep of the store finds what was
	// missed. A back end that drops says so in its documentation, together with
	// how long after the handler's return it may still do so. Once the key is
	// at rest, it can be enqueued again.
	//
	// A job with an empty Lane, Kind or Key gives an *ArgumentError that names
	// the field, and then no job of the call is accepted. A back end that can't
	// hold every name refuses the others in the same way. After any other error
	// some of the jobs may have been accepted; enqueuing them again does no harm.
	Enqueue(ctx context.Context, jobs ...Job) error

	// Work hands jobs to h until ctx ends, and then returns nil; after Close it
	// returns ErrClosed, and another error when the back end breaks. In each
	// case it first ends the ctx of the handlers that it started and waits for
	// them to return: no handler outlives its Work.
	//
	// A job never starts before its NotBefore. Of the jobs of a lane that may
	// start, urgent ones go first; the order is otherwise the back end's.
	// Handlers run at the same time, as many as the back end is set to. Several
	// calls of Work share the jobs, each going to one of them, and jobs that
	// none has started wait for the next call.
	Work(ctx context.Context, h Handler) error

	// Counts tells what each lane holds. A lane with nothing may be left out.
	// The figures of a distributed back end may lag behind.
	Counts(ctx context.Context) (map[string]Counts, error)

	// Close ends every Work and frees what the queue holds; an in-memory queue
	// forgets its jobs. It may return before the Work calls have. Closing again
	// does nothing and returns nil.
	Close() error
}
