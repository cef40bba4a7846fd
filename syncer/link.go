package syncer

import "time"

// Kind says what a link is about.
type Kind string

// The kinds.
const (
	KindProduct     Kind = "product"      // a product of TotalGest; ID is TotalGest's
	KindOrder       Kind = "order"        // an order of the shop; ID is the shop's
	KindShopProduct Kind = "shop_product" // a product of the shop without a partner; ID is the shop's
)

// State is where an item stands; [State.Label] says it for people.
type State string

// The states.
const (
	NotLinked State = "not_linked" // seen; nothing has been sent, and nothing is due yet
	Queued    State = "queued"     // waits for a worker
	Sending   State = "sending"    // a write is on its way; made durable before its first byte
	InDoubt   State = "in_doubt"   // a write may have happened: TotalGest is being asked
	Synced    State = "synced"     // the other side's own id is known
	Retrying  State = "retrying"   // failed for a passing reason; DueAt says when it goes on
	Blocked   State = "blocked"    // a person must act; Reason says on what
	Conflict  State = "conflict"   // the order changed in the shop after it was exported
	Skipped   State = "skipped"    // a rule says that it is not exported; Code says which
)

// States lists all states in the order in which people should see them.
func States() []State {
	return []State{InDoubt, Blocked, Conflict, Retrying, Sending, Queued, NotLinked, Synced, Skipped}
}

// Reason says why a link is blocked.
type Reason string

// The reasons.
const (
	ReasonData     Reason = "data"     // the record is incomplete or does not add up
	ReasonRefused  Reason = "refused"  // the other side said no
	ReasonUnmapped Reason = "unmapped" // a word of the shop has no meaning in the settings yet
	ReasonGaveUp   Reason = "gave_up"  // too many attempts
	ReasonReview   Reason = "review"   // only a person can tell
)

// Key identifies a link.
type Key struct {
	Connection string
	Kind       Kind
	ID         string
}

// Problem is a complaint about one field of an item. It describes values by
// their shape and holds no personal data.
type Problem struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Link is what is known of one product or order and its partner. It holds no
// personal data.
type Link struct {
	Key
	Revision int64 // raised by every Put; 0: not stored yet

	State    State
	Reason   Reason // of Blocked
	Code     string // stable, such as TG-ORD-007; empty: nothing to say
	Message  string
	Problems []Problem
	Warnings []string // codes of what is odd and did not stop it

	Title  string // what people know it by: an order's number, a product's name
	SKU    string // of a product
	EAN    string // of a product
	PeerID string // the other side's own id; empty: none is known
	PeerNo string // and its number for people

	Version int64     // raised when the item may have changed
	Done    int64     // the version that was worked to its end
	DueAt   time.Time // when a worker should look at it; zero: never by itself

	Owner     string    // of the claim; empty: not claimed
	LeaseEnds time.Time // of the claim
	Attempts  int       // failed ones in a row
	Asked     int       // questions about a write in doubt
	SentBy    time.Time // deadline of a write whose effect is not known; zero: there is none
	Marked    bool      // the last write of the order put a mark into its note, to tell it by in a list
	ClearedAt time.Time // when it was last certain that TotalGest does not have the order; zero: never

	Parts    string    // fingerprint of the content last written: name=hash pairs
	Sent     string    // of an order: fingerprint of the state, courier and tracking last brought back; of a product: of what was last repaired
	Created  time.Time // the item itself, by its own system; zero: not known
	SeenAt   time.Time // when the link was made
	SyncedAt time.Time // when the partner was last known to be equal; zero: never
	WalkedAt time.Time // start of the last walk of everything that showed the product; zero: none did
	Holds    string    // of an order: quantities that it takes, as JSON by TotalGest's product id
}

// Claimed reports whether somebody else than owner works on the link at now.
func (l *Link) Claimed(owner string, now time.Time) bool {
	return l.Owner != "" && l.Owner != owner && now.Before(l.LeaseEnds)
}

// unresolved reports whether a write may have happened that nobody has answered
// for: nothing may be sent before that is settled, whatever the state says.
func (l *Link) unresolved() bool { return !l.SentBy.IsZero() && l.PeerID == "" }
