package syncer

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// What a Store answers, for errors.Is.
var (
	ErrNotFound = errors.New("syncer: not found")
	ErrStale    = errors.New("syncer: changed by somebody else since it was read")
	ErrClosed   = errors.New("syncer: store is closed")
)

// StaleError names the links whose revision was not the stored one. It matches
// [ErrStale].
type StaleError struct{ Keys []Key }

// Error implements error.
func (e *StaleError) Error() string { return fmt.Sprintf("%v (%d links)", ErrStale, len(e.Keys)) }

// Is reports whether target is ErrStale.
func (e *StaleError) Is(target error) bool { return target == ErrStale }

// Store keeps links and small documents. It is the truth of a sync: what it has
// acknowledged survives, and a queue beside it may forget everything.
//
// Every method is safe for concurrent use, honours its context and, after Close,
// returns [ErrClosed]. Texts and times come back as they were stored: times as
// the same instant to the microsecond, absent ones as the zero time. What a Store
// returns is the caller's to change.
type Store interface {
	// Get returns the links with these ids, in no order; ids without a link are
	// left out, which is not an error, and an id given twice is one link.
	Get(ctx context.Context, connection string, kind Kind, ids ...string) ([]Link, error)

	// Put stores the links, all of them or none. Each must bear the revision
	// that is stored, 0 for a new one; otherwise nothing is stored and the error
	// is a *StaleError that names those that don't. Afterwards each Revision is
	// the new one; after an error it is as it was. The same key twice in one
	// call, and a key with an empty part, are errors that do not match ErrStale.
	// A claim is a Put: of two that start from the same revision one fails, and
	// with a *StaleError, whatever the back end calls that.
	Put(ctx context.Context, links ...*Link) error

	// List returns the links that match, ordered by ID (as bytes), or by DueAt
	// and then ID when Query.DueBy is set.
	List(ctx context.Context, q Query) ([]Link, error)

	// Count returns how many links match, by state; states without any are left
	// out. Query.After and Limit are ignored.
	Count(ctx context.Context, q Query) (map[State]int, error)

	// Doc returns a document; the error is ErrNotFound when there is none.
	Doc(ctx context.Context, connection, name string) (Doc, error)

	// PutDoc stores a document, under the same rule of revisions as Put (the
	// error is ErrStale), and sets its new Revision.
	PutDoc(ctx context.Context, d *Doc) error

	// Close releases the store. Closing twice is harmless.
	Close() error
}

// Query selects links. Every field that is set must match; the zero value of a
// field, and an empty list, do not narrow. Connection and Kind are required: a
// query without them is an error.
type Query struct {
	Connection string
	Kind       Kind
	States     []State
	SKUs       []string  // exact; "" is that of a link without one
	EANs       []string  // exact
	PeerIDs    []string  // exact
	Codes      []string  // exact, in Code or Warnings
	Text       string    // ID, PeerID, PeerNo or SKU is this, or Title begins with it; without case, as strings.ToLower
	DueBy      time.Time // DueAt is set and not after it
	After      string    // ID is greater: for paging
	Limit      int       // 0: no bound
}

// Doc is a small versioned document of a connection: a watermark, a checkpoint,
// a lease, a run.
type Doc struct {
	Connection string
	Name       string
	Revision   int64 // 0: not stored yet
	Data       []byte
}
