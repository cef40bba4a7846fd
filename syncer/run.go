package syncer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tg360/tg360/totalgest"
)

// Run is the report of one product cycle, of one look at the list of orders, or
// of bringing order states back.
type Run struct {
	ID       string    `json:"id"`
	Kind     Kind      `json:"kind"`
	Started  time.Time `json:"started"`
	Ended    time.Time `json:"ended"`
	Since    time.Time `json:"since"`            // only what changed since; zero: everything
	Complete bool      `json:"complete"`         // the whole list was read to its end, and did not move meanwhile
	Reason   string    `json:"reason,omitempty"` // why it is not complete
	Resume   string    `json:"resume,omitempty"` // cursor of the page where the next run goes on; empty: at the first
	Mark     time.Time `json:"mark"`             // the server's clock at the first page: what changes later is for the next run
	Passes   int       `json:"passes,omitempty"` // times that the list was read, until nothing moved
	Digest   string    `json:"digest,omitempty"` // of the ids in the last pass, whatever their order
	Missing  int       `json:"missing"`          // linked products that a walk of everything did not show

	Drift map[string]int `json:"drift,omitempty"` // products that differ in the shop, by field: of an audit

	Pages     int `json:"pages"`     // pages read
	Read      int `json:"read"`      // elements read
	Created   int `json:"created"`   // products created; orders seen for the first time
	Linked    int `json:"linked"`    // products found in the shop and linked
	Updated   int `json:"updated"`   // products updated; orders brought up to date, or that a dry run would
	Unchanged int `json:"unchanged"` // nothing to do
	Rejected  int `json:"rejected"`  // blocked: a person must act
	Failed    int `json:"failed"`    // to be tried again
	Foreign   int `json:"foreign"`   // orders of TotalGest that are not linked with one of this shop
	Writes    int `json:"writes"`    // calls that changed something in the shop
}

// keptRuns bounds the history of each kind.
const keptRuns = 50

// Runs returns the reports of the latest runs of a connection, newest first.
func (s *Syncer) Runs(ctx context.Context, connection string, kind Kind) ([]Run, error) {
	if _, err := s.conn(connection); err != nil {
		return nil, err
	}
	runs, _, err := s.runs(ctx, connection, kind)
	return runs, err
}

func (s *Syncer) runs(ctx context.Context, connection string, kind Kind) ([]Run, Doc, error) {
	name := "runs/" + string(kind)
	d, err := s.store.Doc(ctx, connection, name)
	if errors.Is(err, ErrNotFound) {
		return nil, Doc{Connection: connection, Name: name}, nil
	}
	if err != nil {
		return nil, d, fmt.Errorf("syncer: read runs: %w", err)
	}
	var runs []Run
	if err := json.Unmarshal(d.Data, &runs); err != nil {
		return nil, d, fmt.Errorf("syncer: the stored runs of %s can't be read: %w", connection, err)
	}
	return runs, d, nil
}

// keep adds a run to the history.
func (s *Syncer) keep(ctx context.Context, c *conn, r Run) error {
	runs, d, err := s.runs(ctx, c.ID, r.Kind)
	if err != nil {
		return err
	}
	runs = append([]Run{r}, runs...)
	if d.Data, err = json.Marshal(runs[:min(len(runs), keptRuns)]); err != nil {
		return err
	}
	if err := s.store.PutDoc(ctx, &d); err != nil {
		return fmt.Errorf("keep the run: %w", err)
	}
	return nil
}

// cycle is what survives between the runs of one kind.
type cycle struct {
	Owner     string    `json:"owner,omitempty"`     // who runs one now
	Until     time.Time `json:"until"`               // end of the lease
	Started   time.Time `json:"started"`             // our clock at the start of the last run
	Watermark time.Time `json:"watermark"`           // the server's clock at the start of the last complete run
	Completed time.Time `json:"completed"`           // our clock at the start of the last complete look at the orders, at the end of the last complete run of others
	Indexed   bool      `json:"indexed"`             // the shop's own products were read once
	FullAt    time.Time `json:"full_at"`             // our clock at the start of the last walk of everything that came to its end
	FullSum   uint64    `json:"full_sum"`            // of its ids
	Walk      walk      `json:"walk"`                // under way, or broken off
	BrakeOff  bool      `json:"brake_off,omitempty"` // a person has released the brake for one run

	Pending map[string]totalgest.OrderRef `json:"pending,omitempty"` // by the shop's id: what is still to be brought back
	Applied string                        `json:"applied,omitempty"` // fingerprint of the settings by which the rest was
}

// ErrBusy means that another process, or another call, runs the same cycle.
var ErrBusy = errors.New("syncer: the same cycle is already running")

// lease holds a cycle's document while it runs.
type lease struct {
	s     *Syncer
	holds time.Duration           // a cycle is safe from others for so long after its holder's last sign of life
	stop  context.CancelCauseFunc // ends the heartbeat
	mu    sync.Mutex
	doc   Doc
	state cycle
}

// due is when a cycle that runs once in an interval may be begun: at once where
// the last one was cut short.
func (state *cycle) due(interval time.Duration) time.Time {
	if state.Owner != "" {
		return state.Until
	}
	return state.Started.Add(interval)
}

// cycle reads where the runs of one kind stand.
func (s *Syncer) cycle(ctx context.Context, c *conn, kind Kind) (state cycle, d Doc, err error) {
	d, err = s.store.Doc(ctx, c.ID, "cycle/"+string(kind))
	switch {
	case errors.Is(err, ErrNotFound):
		return state, Doc{Connection: c.ID, Name: "cycle/" + string(kind)}, nil
	case err != nil:
		return state, d, fmt.Errorf("syncer: read cycle: %w", err)
	}
	if err := json.Unmarshal(d.Data, &state); err != nil {
		return state, d, fmt.Errorf("syncer: the stored cycle of %s can't be read: %w", c.ID, err)
	}
	return state, d, nil
}

// begin takes a cycle, on schedule only when it is due. The context that it
// returns ends when the lease is lost.
func (s *Syncer) begin(ctx context.Context, c *conn, kind Kind) (context.Context, *lease, error) {
	l := &lease{s: s, holds: c.Lease}
	var err error
	if l.state, l.doc, err = s.cycle(ctx, c, kind); err != nil {
		return ctx, nil, err
	}
	interval, _ := ctx.Value(onSchedule{}).(time.Duration)
	if s.now().Before(l.state.due(interval)) && (l.state.Owner != "" || interval > 0) {
		return ctx, nil, ErrBusy
	}
	l.state.Owner, l.state.Started = newOwner(), s.now()
	if err := l.update(ctx, func(*cycle) {}); err != nil {
		if errors.Is(err, ErrStale) {
			return ctx, nil, ErrBusy
		}
		return ctx, nil, err
	}
	ctx, l.stop = context.WithCancelCause(ctx)
	go l.heartbeat(ctx)
	return ctx, l, nil
}

// heartbeat renews the lease until the cycle ends, and ends the cycle when that
// fails.
func (l *lease) heartbeat(ctx context.Context) {
	t := time.NewTicker(l.holds / 3)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if err := l.update(ctx, func(*cycle) {}); err != nil {
				l.stop(err)
			}
		}
	}
}

// update changes the state, stores it, and moves the end of the lease.
func (l *lease) update(ctx context.Context, change func(*cycle)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.state)
	if l.state.Until = (time.Time{}); l.state.Owner != "" {
		l.state.Until = l.s.now().Add(l.holds)
	}
	var err error
	if l.doc.Data, err = json.Marshal(l.state); err != nil {
		return err
	}
	if err := l.s.store.PutDoc(ctx, &l.doc); err != nil {
		return fmt.Errorf("syncer: keep cycle: %w", err)
	}
	return nil
}

// newRun starts a report.
func (s *Syncer) newRun(kind Kind) Run { return Run{ID: newOwner(), Kind: kind, Started: s.now()} }

// finish ends a report, keeps it, and gives the lease back, also while we stop;
// done notes what a complete run leaves for the next.
func (s *Syncer) finish(ctx context.Context, c *conn, l *lease, r *Run, err error, done func(*cycle)) error {
	if cause := context.Cause(ctx); cause != nil && err != nil {
		err = errors.Join(err, cause)
	}
	l.stop(nil)
	ctx = context.WithoutCancel(ctx)
	r.Ended, r.Complete = s.now(), err == nil
	if err != nil {
		r.Reason = err.Error()
		// A key that may not write order states still lets orders through.
		if classify(err) == connectionWide && r.Kind != KindStatus {
			c.health.pause(err)
		}
	}
	s.log.InfoContext(ctx, "cycle", "connection", c.ID, "kind", r.Kind, "complete", r.Complete, "read", r.Read,
		"created", r.Created, "updated", r.Updated, "unchanged", r.Unchanged, "rejected", r.Rejected, "failed", r.Failed, "writes", r.Writes)
	err = errors.Join(err, s.keep(ctx, c, *r), l.update(ctx, func(state *cycle) {
		state.Owner = ""
		if err == nil {
			done(state)
		}
	}))
	if s.config.OnRun != nil {
		s.config.OnRun(c.ID, *r)
	}
	return err
}
