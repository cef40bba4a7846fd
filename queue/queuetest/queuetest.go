package queuetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tg360/tg360/queue"
)

// Caps says what a back end is able to do beyond what each must. The zero value
// claims nothing: rules that need more are skipped, and say so.
type Caps struct {
	// RerunWhileRunning: a job enqueued while its key is being run runs once
	// more after that. Without it such a job may be dropped, and the suite goes
	// on enqueuing a key that has just finished until it runs, as a sweep would.
	RerunWhileRunning bool
	// Patience is how long the suite waits for what must happen. Zero means ten
	// seconds.
	Patience time.Duration
}

// Run checks the queues that open returns against the contract of
// [queue.Queue], each rule in a parallel subtest. open is called once a subtest,
// and must give an empty queue that shares no jobs with the others; the suite
// closes it. Lanes and kinds in use are short: letters, digits and hyphens.
func Run(t *testing.T, open func(t *testing.T) queue.Queue, caps Caps) {
	t.Helper()
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			if rule.lacks != nil {
				if what := rule.lacks(caps); what != "" {
					t.Skip("not claimed by the back end: " + what)
				}
			}
			if err := rule.verify(t.Context(), open(t), caps); err != nil {
				t.Error(err)
			}
		})
	}
}

// rule is one sentence of the contract. A check returns an error rather than
// failing a test, so that the suite can be tried on queues that break it.
type rule struct {
	name  string
	lacks func(Caps) string // what the rule needs and caps don't claim
	check func(*rig) error
}

// verify applies the rule to q and closes it.
func (r rule) verify(ctx context.Context, q queue.Queue, caps Caps) error {
	if caps.Patience <= 0 {
		caps.Patience = 10 * time.Second
	}
	rig := newRig(ctx, q, caps)
	err := errors.Join(r.check(rig), rig.stop())
	if err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	return nil
}

var rules = []rule{
	{name: "EveryJobRunsOnce", check: everyJobRunsOnce},
	{name: "NoJobsAtAll", check: noJobsAtAll},
	{name: "LaneKindAndKeyNameAJob", check: laneKindAndKeyNameAJob},
	{name: "SameKeyTwiceInOneCall", check: sameKeyTwiceInOneCall},
	{name: "WaitingKeyIsOneJob", check: waitingKeyIsOneJob},
	{name: "FinishedKeyRunsAgain", check: finishedKeyRunsAgain},
	{name: "HandlersMayEnqueue", check: handlersMayEnqueue},
	{name: "RunningKeyRunsAlone", check: runningKeyRunsAlone},
	{name: "RunningKeyRunsOnceMore", check: runningKeyRunsOnceMore, lacks: rerun},
	{name: "EmptyNamesAreRefused", check: emptyNamesAreRefused},
	{name: "NotBefore", check: notBefore},
	{name: "EarlierPullsForward", check: earlierPullsForward},
	{name: "LaterNeverPutsOff", check: laterNeverPutsOff},
	{name: "UrgentGoesFirst", check: urgentGoesFirst},
	{name: "UrgentPullsForward", check: urgentPullsForward},
	{name: "HangingLaneDelaysNoOther", check: hangingLaneDelaysNoOther},
	{name: "PanicStopsNothing", check: panicStopsNothing},
	{name: "WorkEndsWithItsContext", check: workEndsWithItsContext},
	{name: "WaitingJobsOutliveWork", check: waitingJobsOutliveWork},
	{name: "SeveralWorksShare", check: severalWorksShare},
	{name: "CountsByLane", check: countsByLane},
	{name: "EndedContext", check: endedContext},
	{name: "CloseEndsWork", check: closeEndsWork},
	{name: "ClosedQueue", check: closedQueue},
}

func rerun(c Caps) string {
	if c.RerunWhileRunning {
		return ""
	}
	return "running a key again that is enqueued while it runs"
}
