package syncer_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/syncer"
)

// The model is one store, two processes that work on it, and both systems as
// small pieces of memory that may do everything that the real ones may do. All
// of it lives in a synctest bubble, so that hours cost nothing.

// modelT is the model's Settings.Settle: by then a request has taken effect or
// never will.
const modelT = 5 * time.Minute

// erpKind says what a TotalGest is able to do.
type erpKind string

const (
	honest  erpKind = "honest search"
	prefix  erpKind = "search by prefix"
	dedupes erpKind = "dedupes, no search"
	ignores erpKind = "search ignores its filter"
	silent  erpKind = "search always answers nothing"
	neither erpKind = "neither"
	noted   erpKind = "no search, but a list with notes"
)

var erpKinds = []erpKind{honest, prefix, dedupes, ignores, silent, neither, noted}

// mishap is what strikes one call; the zero mishap does nothing.
type mishap struct {
	kind string
	wait time.Duration
}

// entry is an order that TotalGest has.
type entry struct {
	externalID, id, content string
	mark                    string // what the note begins with
	at                      time.Time
}

// poison is what is wrong with an order from the start, whatever happens else.
type poison string

// shopOrder is an order of the shop, and what people did to it by hand.
type shopOrder struct {
	order    framework360.Order
	poison   poison
	told     string // what it was when an event was last accepted
	forced   bool   // exported by hand, which overrides the rules
	resolved bool   // a person settled a conflict: its content is what they wanted
	restored bool   // the store may have forgotten what became of it
}

// now is what of an order an export may differ from.
func (o *shopOrder) now() string { return o.order.StateName + " " + o.order.Note }

func (o *shopOrder) eligible() bool {
	return o.poison == "" && o.order.PaymentState == "paid" && o.order.StateName != "Annullato"
}

// world is everything outside of the processes.
type world struct {
	kind  erpKind
	lag   time.Duration // of each write to the store, so that steps interleave
	ctx   context.Context
	tasks sync.WaitGroup
	procs [2]*process

	mu      sync.Mutex
	disk    *syncer.MemoryStore // what both processes share
	backup  *syncer.MemoryStore // a copy of it; nil: there is none
	docs    map[string]bool     // names of the documents in them
	putBack time.Time           // when the copy was last put back
	ledger  []entry             // what TotalGest has
	orders  map[string]*shopOrder
	ids     []string // of the orders, oldest first
	mishaps map[string][]mishap
	open    map[string]time.Time // by external id: deadline of a write with an unknown end
	asked   map[string]time.Time // by external id: when it was last asked for, and answered
	scanned time.Time            // when the list was last read whole: all were asked for
	sure    map[string]sure      // by external id: an answer that must be stored
	allowed map[string]time.Time // by external id: deadline of the write that did not arrive, as a person says
	wrong   []string             // what must never happen, and did
	seen    map[string]int       // what the history led to, to see that it was no idle one
	trace   []scene              // the same in order, to understand a failure
}

// newWorld starts both processes.
func newWorld(ctx context.Context, kind erpKind, lag time.Duration) *world {
	w := &world{kind: kind, lag: lag, ctx: ctx, disk: syncer.NewMemoryStore(), docs: map[string]bool{"origin": true}, orders: map[string]*shopOrder{},
		mishaps: map[string][]mishap{}, open: map[string]time.Time{}, asked: map[string]time.Time{}, allowed: map[string]time.Time{}, sure: map[string]sure{}, seen: map[string]int{}}
	if err := w.disk.PutDoc(ctx, &syncer.Doc{Connection: connection, Name: "origin", Data: []byte("t1")}); err != nil { // it has lived
		panic(err)
	}
	for i := range w.procs {
		w.start(i)
	}
	return w
}

// store returns what both processes share now.
func (w *world) store() *syncer.MemoryStore {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.disk
}

// copied returns a store with the same content; all revisions are raised, so that
// they can be made ones that nobody works with.
func (w *world) copied(from *syncer.MemoryStore, raised int64) *syncer.MemoryStore {
	w.mu.Lock()
	names := slices.Sorted(maps.Keys(w.docs))
	w.mu.Unlock()
	to := syncer.NewMemoryStore()
	links, err := from.List(w.ctx, syncer.Query{Connection: connection, Kind: syncer.KindOrder})
	for _, l := range links {
		want := l.Revision + raised
		for l.Revision = 0; err == nil && l.Revision < want; {
			err = to.Put(w.ctx, &l)
		}
	}
	for _, name := range names {
		d, missing := from.Doc(w.ctx, connection, name)
		want := d.Revision + raised
		for d.Revision = 0; missing == nil && err == nil && d.Revision < want; {
			err = to.PutDoc(w.ctx, &d)
		}
	}
	if err != nil {
		w.complain("copy the store: %v", err)
	}
	return to
}

// swap puts another store in the place of the one that is shared.
func (w *world) swap(store *syncer.MemoryStore) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.disk, w.putBack = store, time.Now()
	clear(w.sure)
}

// restore puts the copy back, under the feet of the processes.
func (w *world) restore() {
	if w.backup == nil {
		return
	}
	back := w.copied(w.backup, 50)
	d := syncer.AskFirst(connection, time.Now())
	if have, err := back.Doc(w.ctx, connection, d.Name); err == nil {
		d.Revision = have.Revision
	}
	if err := back.PutDoc(w.ctx, &d); err != nil {
		w.complain("put the store back: %v", err)
	}
	w.saw("put back")
	w.swap(back)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.docs[d.Name] = true
	for _, o := range w.orders {
		o.told, o.restored = "", true
	}
}

// scene is one line of a trace.
type scene struct {
	at   time.Time
	p    string
	what string
	id   string
	info any
}

func (e scene) String() string {
	return fmt.Sprintf("%s %s %s %s %v", e.at.Format(time.TimeOnly+".000000000"), e.p, e.what, e.id, e.info)
}

func (w *world) note(p *process, what, id string, info any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := "-"
	if p != nil {
		name = p.name
	}
	w.trace = append(w.trace, scene{time.Now(), name, what, id, info})
}

// saw counts what a history led to.
func (w *world) saw(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[what]++
}

// complain notes what must never happen.
func (w *world) complain(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
}

// expect makes a mishap strike one of the next calls of an operation.
func (w *world) expect(operation string, m ...mishap) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.mishaps[operation]) > 3 {
		return // or nothing would ever go well
	}
	w.mishaps[operation] = append(w.mishaps[operation], m...)
}

func (w *world) take(operation string) mishap {
	w.mu.Lock()
	defer w.mu.Unlock()
	q := w.mishaps[operation]
	if len(q) == 0 {
		return mishap{}
	}
	w.mishaps[operation] = q[1:]
	if q[0].kind != "" {
		w.seen[operation+" "+q[0].kind]++
	}
	return q[0]
}

// inLedger returns what TotalGest has under an external id.
func (w *world) inLedger(externalID string) (entry, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.ledger, func(e entry) bool { return e.externalID == externalID })
	if i < 0 {
		return entry{}, false
	}
	return w.ledger[i], true
}

// book is the effect of a creation.
func (w *world) book(externalID, note string) (entry, bool) {
	if e, have := w.inLedger(externalID); have {
		if w.kind == dedupes {
			return e, false
		}
		w.complain("%s is in TotalGest twice", externalID)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.orders[strings.TrimPrefix(externalID, "t1-")] == nil {
		w.wrong = append(w.wrong, externalID+" is in TotalGest, and the shop has no such order")
	}
	w.trace = append(w.trace, scene{time.Now(), "", "booked", externalID, note})
	e := entry{externalID: externalID, id: fmt.Sprintf("TG%d", 1+len(w.ledger)), content: note, at: time.Now()}
	if mark, rest, marked := strings.Cut(note, "]\n"); marked {
		e.mark, e.content = mark+"]", rest
	}
	w.ledger = append(w.ledger, e)
	w.seen["booked"]++
	return e, true
}

// attempt notes that a creation begins, and whether it may: what is in doubt
// is sent again only where that is harmless, or certain never to have arrived.
// Undo is called when it is known to have had no effect.
func (w *world) attempt(p *process, externalID string, deadline time.Time) (undo func()) {
	w.note(p, "creating", externalID, deadline)
	w.mu.Lock()
	before, open := w.open[externalID]
	asked, allowed := w.asked[externalID], w.allowed[externalID]
	if w.kind == noted {
		asked = w.scanned
	}
	w.open[externalID] = deadline
	w.mu.Unlock()
	undo = func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.open[externalID] = before; !open {
			delete(w.open, externalID)
		}
	}
	if !open {
		return undo
	}
	w.saw("sent again")
	certain := before.Add(modelT - time.Microsecond) // a store keeps no more of a time
	switch {
	case time.Now().Before(before.Add(-time.Microsecond)):
		w.complain("%s was sent again while the first request was still running", externalID)
	case w.kind == dedupes, allowed.Equal(before):
	case w.kind == honest, w.kind == prefix, w.kind == noted:
		if asked.Before(certain) {
			w.complain("%s was sent again, and not asked for after T", externalID)
		}
	default:
		w.complain("%s was in doubt and sent again without a decision", externalID)
	}
	return undo
}

// sure is an answer of TotalGest that a process has received.
type sure struct {
	p    *process
	at   time.Time
	puts int // of the process, that failed until then
}

// confirm notes that a process knows that an order has arrived.
func (w *world) confirm(p *process, externalID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.putBack.IsZero() && !w.open[externalID].After(w.putBack.Add(20*time.Second)) {
		return // it was sent before the store was put back, which may not know its link
	}
	w.sure[externalID] = sure{p, time.Now(), p.failed()}
}

// kept checks that no answer was thrown away by a process that could store it.
func (w *world) kept() {
	w.mu.Lock()
	all := maps.Clone(w.sure)
	w.mu.Unlock()
	for externalID, s := range all {
		found := w.links(func(l *syncer.Link) bool { return "t1-"+l.ID == externalID && l.PeerID != "" })
		awake := max(time.Since(s.at), 0)
		awake = min(awake, -s.p.frozen())
		switch {
		case len(found) == 0 && s.p.alive() && s.p.failed() == s.puts:
			if awake < 3*time.Second {
				continue
			}
			w.complain("%s was confirmed, and the answer thrown away", externalID)
		}
		w.mu.Lock()
		if w.sure[externalID] == s {
			delete(w.sure, externalID)
		}
		w.mu.Unlock()
	}
}

// process is one program: it may die and freeze at every call that leaves it.
type process struct {
	w    *world
	name string
	sync *syncer.Syncer
	ctx  context.Context
	stop context.CancelFunc

	mu       sync.Mutex
	dead     bool
	crash    trap
	freeze   trap
	freezes  time.Duration
	thaws    time.Time
	failures int                // of writes to the store
	writes   int                // to the store, so far
	badPuts  []mishap           // strike the next writes to the store
	onPut    func(*syncer.Link) // called before each of them; nil: not
	forgets  int                // calls of Enqueue that come to nothing
}

// trap says at which point something happens: at the in-th one of any kind, or
// of a certain kind; 0: at none.
type trap struct {
	in int
	at string
}

// sprung counts a point.
func (t *trap) sprung(at string) bool {
	if t.in == 0 || t.at != "" && t.at != at {
		return false
	}
	t.in--
	return t.in == 0
}

var errDead = errors.New("this process is dead")

// start runs a fresh process in place of the i-th one.
func (w *world) start(i int) {
	p := &process{w: w, name: string(rune('A' + i))}
	p.ctx, p.stop = context.WithCancel(w.ctx)
	w.procs[i] = p
	s, err := syncer.New(syncer.Config{Store: handle{p: p}, SweepEvery: 15 * time.Second,
		Queue: forgetful{queue.NewMemory(queue.MemoryConfig{Workers: 4, PerLane: 3}), p}})
	if err != nil {
		panic(err)
	}
	err = s.Add(p.ctx, w.connection(p))
	if err != nil {
		panic(err)
	}
	p.sync = s
	w.tasks.Go(func() {
		if err := s.Work(p.ctx); err != nil {
			w.complain("Work of %s: %v", p.name, err)
		}
	})
}

// connection is the same in both processes.
func (w *world) connection(p *process) syncer.Connection {
	return syncer.Connection{ID: connection, Origin: "t1", GoLive: time.Now().Add(-24 * time.Hour),
		TotalGest: &modelERP{p: p}, Framework360: &modelShop{p: p},
		Settings: syncer.Settings{Prices: syncer.PricesGross, Rows: syncer.RowsUnit, Products: syncer.ProductsOff, PluginIsFine: true,
			Settle: modelT, MaxAttempts: 3, RetryFirst: 5 * time.Second, RetryMost: time.Minute, MapOrder: mapModel,
			Rules: syncer.Rules{
				States:        map[string]syncer.Meaning{"Completato": syncer.MeansCompleted, "Annullato": syncer.MeansCancelled},
				PaymentStates: map[string]syncer.Meaning{"paid": syncer.MeansPaid, "unpaid": syncer.MeansWait},
			}}}
}

// do runs f in the process, in the background: it may take long.
func (p *process) do(f func(ctx context.Context, s *syncer.Syncer)) {
	p.w.tasks.Go(func() { f(p.ctx, p.sync) })
}

func (p *process) alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.dead
}

// kill ends the process at once: nothing that it does from now on has an effect.
func (p *process) kill() {
	p.mu.Lock()
	p.dead = true
	p.mu.Unlock()
	p.stop()
}

// point is passed before and after every call that leaves the process. It waits
// while the process is frozen, and fails when it is dead.
func (p *process) point(at string) error {
	for wait := p.passed(at); wait > 0; wait = p.frozen() {
		pause(wait)
	}
	if !p.alive() {
		return errDead
	}
	return nil
}

// passed counts a point and returns for how long the process is frozen.
func (p *process) passed(at string) time.Duration {
	p.mu.Lock()
	if p.crash.sprung(at) && !p.dead {
		p.w.saw("crash " + at)
		p.dead = true
		p.stop()
	}
	if p.freeze.sprung(at) {
		p.w.saw("freeze " + at)
		if until := time.Now().Add(p.freezes); until.After(p.thaws) {
			p.thaws = until
		}
	}
	p.mu.Unlock()
	return p.frozen()
}

func (p *process) failed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failures
}

// frozen returns for how long it still is; negative: for how long it no longer
// is.
func (p *process) frozen() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return 0
	}
	return time.Until(p.thaws)
}

// calm ends all that is still to strike the process.
func (p *process) calm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.crash, p.freeze, p.badPuts, p.forgets = trap{}, trap{}, nil, 0
}

// handle is a process's way to the store that both share.
type handle struct {
	syncer.Store // nil: each method that is called is below
	p            *process
}

func (h handle) Count(ctx context.Context, q syncer.Query) (map[syncer.State]int, error) {
	return h.p.w.store().Count(ctx, q)
}

func (h handle) Get(ctx context.Context, connection string, kind syncer.Kind, ids ...string) ([]syncer.Link, error) {
	if err := h.p.point("get"); err != nil {
		return nil, err
	}
	return h.p.w.store().Get(ctx, connection, kind, ids...)
}

func (h handle) List(ctx context.Context, q syncer.Query) ([]syncer.Link, error) {
	if !h.p.alive() {
		return nil, errDead
	}
	return h.p.w.store().List(ctx, q)
}

// Put may fail without an effect, and fail with one.
func (h handle) Put(ctx context.Context, links ...*syncer.Link) error {
	if err := h.p.point("put"); err != nil {
		return err
	}
	var m mishap
	h.p.mu.Lock()
	h.p.writes++
	lag := h.p.w.lag + time.Duration(h.p.writes*7919%31)*time.Millisecond // so that steps interleave, and the same way each time
	if len(h.p.badPuts) > 0 {
		m, h.p.badPuts = h.p.badPuts[0], h.p.badPuts[1:]
	}
	h.p.mu.Unlock()
	if m.kind != "" {
		h.p.w.saw("put " + m.kind)
		h.p.mu.Lock()
		h.p.failures++
		h.p.mu.Unlock()
	}
	if m.kind == "before" {
		return errors.New("the store did not answer")
	}
	pause(lag)
	before := make([]int64, len(links))
	for i, l := range links {
		if h.p.onPut != nil {
			h.p.onPut(l)
		}
		before[i] = l.Revision
	}
	err := h.p.w.store().Put(ctx, links...)
	for _, l := range links {
		h.p.w.note(h.p, "put", l.ID, fmt.Sprint(brief(*l), m.kind, " ", err))
	}
	at := "stored"
	if len(links) > 0 && links[0].State == syncer.Sending {
		at = "sending" // the intent is durable, and nothing is sent yet
	}
	if dead := h.p.point(at); err == nil && (dead != nil || m.kind == "after") {
		for i, l := range links {
			l.Revision = before[i]
		}
		return errors.New("the store's answer was lost")
	}
	return err
}

func (h handle) Doc(ctx context.Context, connection, name string) (syncer.Doc, error) {
	if !h.p.alive() {
		return syncer.Doc{}, errDead
	}
	return h.p.w.store().Doc(ctx, connection, name)
}

// PutDoc fails in a frozen process: the syncer calls it with a mutex held, and
// who waits for that would hold up the time of the bubble.
func (h handle) PutDoc(ctx context.Context, d *syncer.Doc) error {
	if h.p.passed("doc") > 0 || !h.p.alive() {
		return errors.New("the store did not answer")
	}
	h.p.w.mu.Lock()
	h.p.w.docs[d.Name] = true
	h.p.w.mu.Unlock()
	return h.p.w.store().PutDoc(ctx, d)
}

// forgetful is a process's queue.
type forgetful struct {
	queue.Queue
	p *process
}

func (q forgetful) Enqueue(ctx context.Context, jobs ...queue.Job) error {
	q.p.mu.Lock()
	forgets := q.p.forgets
	q.p.forgets = max(forgets-1, 0)
	q.p.mu.Unlock()
	switch {
	case forgets == 0:
		return q.Queue.Enqueue(ctx, jobs...)
	case forgets%2 == 0:
		return errors.New("no room")
	}
	return nil
}

// end kills the processes and waits until nothing of them runs.
func (w *world) end() {
	for _, p := range w.procs {
		p.kill()
	}
	w.tasks.Wait()
}
