package syncer_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// defence is one thing that keeps orders from being lost or made twice: taking
// it out of the source must make a test fail.
type defence struct {
	name     string
	file     string
	old, new string // old stands in the file once
	tests    string // which of them must notice, together; empty: TestModel
}

var defences = []defence{
	{"a claim is a compare-and-set", "claim.go",
		"		return errBusy\n	case err != nil:",
		"		have, _ := s.link(ctx, c, l.Kind, l.ID)\n		l.Revision = have.Revision\n		return s.store.Put(ctx, l)\n	case err != nil:", ""},
	{"a worker that lost its claim stores nothing", "claim.go", "if have.Owner != owner {", "if false {", ""},
	{"the end of a lease makes an order due", "claim.go", "	l.DueAt = l.LeaseEnds\n", "	l.DueAt = time.Time{}\n", ""},
	{"an event during a claim is taken over", "claim.go", "l.Revision, l.Version = have.Revision, have.Version", "l.Revision = have.Revision", "TestModel|TestEventDuringAClaimIsNotLost"},
	{"an event during a claim makes the order due again", "claim.go", "if l.Version > version && !l.unresolved() {", "if false {", "TestModel|TestEventDuringAClaimIsNotLost"},
	{"an event raises the version", "orders.go", "		l.Version++\n", "", "TestModel|TestEventDuringAClaimIsNotLost"},
	{"what happened is recorded also while we stop", "claim.go", "ctx = context.WithoutCancel(ctx) // what happened", "// what happened", "TestStoppingFinishesTheWrite"},

	{"the intent to send is durable before the write", "export.go",
		"if err := s.save(ctx, c, l, l.Owner, func() { s.extend(c, l) }); err != nil {", "if err := ctx.Err(); err != nil {", ""},
	{"what may have been sent is never sent blindly", "export.go", "	if l.unresolved() {\n		return s.resolve(ctx, c, l)\n	}\n", "", ""},
	{"a doubt does not end with its state", "link.go", "return !l.SentBy.IsZero() && l.PeerID == \"\"", "return l.State == InDoubt", ""},
	{"the deadline is looked at right before the write", "export.go", "if !s.now().Before(l.SentBy) {", "if false {", ""},
	{"the write ends with its deadline", "export.go",
		"context.WithDeadline(context.WithoutCancel(ctx), deadline)", "context.WithCancel(context.WithoutCancel(ctx))", ""},
	{"the deadline is by the clock on the wall", "export.go", ".Truncate(time.Microsecond)", "", "TestDeadlineIsByTheClockOnTheWall"},
	{"a write is finished also while we stop", "export.go",
		"context.WithDeadline(context.WithoutCancel(ctx), deadline)", "context.WithDeadline(ctx, deadline)", "TestStoppingFinishesTheWrite"},
	{"a lease outlives a write", "connection.go", "if c.WriteWithin >= c.Lease {", "if false {", "TestLeaseMustOutliveAWrite"},
	{"an unknown error leaves a doubt", "failure.go", "outcome := totalgest.OutcomeInDoubt", "outcome := totalgest.OutcomeNotSent", ""},
	{"an exported order is not sent again", "export.go", "if l.PeerID != \"\" && (err == nil || errors.As(err, new(*ItemError))) {", "if false {", ""},
	{"the shop answers for the order that it was asked for", "export.go", "if err == nil && o.ID != id {", "if false {", ""},
	{"a mapping keeps the external id", "export.go", "if err == nil && out.ExternalID != oc.ExternalID {", "if false {", ""},
	{"the origin never changes", "askfirst.go", "len(counts) > 0 {", "len(counts) < 0 {", "TestOriginMayNotChangeOnceOrdersAreLinked"},
	{"nothing is exported beside the vendor's plugin", "orders.go", "if p.Active.Or(true) && ", "if false && ", "TestVendorPlugin"},

	{"a reply about another order confirms nothing", "export.go", "case err == nil && ref.ExternalID != \"\" && ref.ExternalID != o.ExternalID:", "case false:", ""},
	{"a reply without an id confirms nothing", "export.go", "case err == nil && ref.ID == \"\":", "case false:", ""},
	{"an answer outlives a lost claim", "export.go", "for errors.Is(err, errLost) {", "for false {", ""},
	{"an answer outlives several lost claims", "export.go",
		"		err = s.release(ctx, c, have, version, time.Time{})\n", "		return s.release(ctx, c, have, version, time.Time{})\n", "TestConfirmationOutlivesLostClaims"},

	{"nothing is asked or repeated while the write may run", "doubt.go", "wait > 0 { // the write itself", "false && wait > 0 { // the write itself", ""},
	{"no answer counts before T", "doubt.go", "	case !final:\n", "	case false:\n", ""},
	{"what counts is when TotalGest was asked", "doubt.go", "	refs, err := s.ask(ctx, c, l, since, final)\n",
		"	refs, err := s.ask(ctx, c, l, since, final)\n	final = !s.now().Before(l.SentBy.Add(c.Settle))\n", ""},
	{"an unproven search is not believed", "doubt.go", "	case !proven:\n", "	case proven && !proven:\n", ""},
	{"a search that finds what is not there proves nothing", "doubt.go", "err != nil || len(refs) > 0 {\n			return", "err != nil {\n			return", ""},
	{"only an order that was just confirmed proves a search", "doubt.go", "if err != nil || len(refs) != 1 || refs[0].ID != peerID || refs[0].ExternalID != c.externalID(orderID) && !c.scans() {", "if err != nil {", ""},
	{"an answer about other orders proves nothing", "doubt.go", "if r.ExternalID != c.externalID(l.ID) && !c.scans() {", "if false {", ""},
	{"an answer without an id confirms nothing", "doubt.go", "		if r.ID == \"\" {\n", "		if false {\n", ""},
	{"several orders go to a person", "doubt.go", "	case len(refs) > 1:\n", "	case false:\n", ""},
	{"several orders are not one", "doubt.go", "	case len(refs) == 1:\n", "	case len(refs) > 0:\n", ""},
	{"TotalGest that can't be asked goes to a person", "doubt.go", "	case !c.TotalGest.Can(totalgest.AbilitySearch) && !c.scans():\n", "	case false:\n", ""},
	{"a person is not asked before T", "doubt.go", "s.now().Before(from) {\n		l.Code,", "false && s.now().Before(from) {\n		l.Code,", "TestModel|TestNobodyDecidesWhileTheOrderMayStillArrive"},
	{"a person can't say no before T", "doubt.go", "case !arrived && s.now().Before(from):", "case false:", "TestNobodyDecidesWhileTheOrderMayStillArrive"},
	{"a decision is about one write", "doubt.go", "case !l.SentBy.Equal(seen.SentBy):", "case false:", ""},
	{"a decision needs a doubt", "doubt.go", "case !l.unresolved() && (l.State != Blocked || l.Reason != ReasonReview):", "case false:", "TestModel|TestDoubtThatNobodyCanResolveWaitsForAPerson"},
	{"an event during a doubt is seen after the decision", "doubt.go",
		"s.block(ctx, c, l, l.Done, ItemError{Reason: ReasonReview, Code: codeOrderUnprovable", "s.block(ctx, c, l, l.Version, ItemError{Reason: ReasonReview, Code: codeOrderUnprovable", ""},
	{"an event is compared after the decision", "doubt.go", "if l.Version > l.Done { // what was sent", "if false { // what was sent", ""},

	{"what a store may have forgotten is asked for first", "export.go", "	case !until.IsZero():\n", "	case false && !until.IsZero():\n", ""},
	{"a question takes what a store may have forgotten into account", "doubt.go", "	if until.After(l.SentBy) {\n", "	if false {\n", ""},
	{"a decision is younger than what a store may have forgotten", "doubt.go", "case !arrived && until.After(l.SentBy):", "case false:", "TestModel|TestDecisionIsYoungerThanTheStore"},
	{"a list is read from the order's beginning where a write may be forgotten", "doubt.go", "	if !until.IsZero() {\n		since", "	if false {\n		since", "TestModel|TestForgottenOrderIsFoundInTheList"},
	{"a gap in the signs of life makes us ask first", "askfirst.go", "now.Sub(last) > c.Settle", "false", "TestGapMakesUsAskFirst"},
	{"a store that goes back makes us ask first", "askfirst.go", "d.Revision < p.revision", "false", "TestStoreThatGoesBackMakesUsAskFirst"},
	{"a store that may have been lost exports nothing", "askfirst.go", "	case s.now().Sub(c.GoLive) > newlyLive:\n", "	case false:\n", "TestNewStoreWaitsForItsOrigin"},
	{"a confirmed origin is asked under first", "askfirst.go", "	if err := s.askFirst(ctx, c); err != nil {\n		return fmt.Errorf(\"syncer: confirm", "	if err := ctx.Err(); err != nil {\n		return fmt.Errorf(\"syncer: confirm", "TestNewStoreWaitsForItsOrigin"},

	{"the content that arrived first is kept", "export.go", "		if created { // not", "		if created || true { // not", ""},
	{"a repeated order is compared once more", "export.go", "		l.Version++\n", "", "TestRepeatedOrderThatChangedMeanwhile"},
	{"a refused repetition leaves the doubt", "export.go", "l.SentBy = earlier // refused", "l.SentBy = time.Time{} // refused", "TestRefusedRepetitionLeavesTheDoubt"},
	{"a list is believed about marked orders only", "doubt.go", "	case c.scans() && !l.Marked:\n", "	case false:\n", "TestOrderThatWasSentWithoutAMark"},
	{"a list that can't be read in full is not believed", "scan.go", "if unreadable && len(found) == 0 {", "if false {", "TestListThatCannotBeReadInFullIsNotBelieved"},
	{"a list is read twice before it is believed", "scan.go", "if err == nil && len(found) == 0 && twice {", "if false {", "TestOrderThatOneReadingMisses"},

	{"the sweep finds lost jobs", "work.go", "errs = append(errs, s.wake(ctx, due))", "_ = due", ""},
	{"one bad name does not keep jobs from the others", "work.go", "len(jobs) > 1 && errors.As", "false && errors.As", "TestNameThatTheQueueRefusesStopsNoOther"},
	{"an unpaid order is looked at again", "export.go", "			due = s.now().Add(wait)\n", "			_ = wait\n", ""},
	{"failures are counted in a row", "export.go", "l.Problems, l.Attempts = v.state, v.reason, v.code, v.message, nil, 0", "l.Problems = v.state, v.reason, v.code, v.message, nil", "TestFailuresAreCountedInARow"},
	{"an interrupted look goes as deep again", "orders.go", "known = known && l.SeenAt.Before(p.last) //", "known = known && !l.SeenAt.IsZero() //", ""},
	{"an interrupted look goes as deep again among orders that can't be read", "orders.go", "known = known && l.SeenAt.Before(p.last)\n			continue", "_ = l\n			continue", "TestInterruptedLookAmong"},
	{"a look vouches for what was there when it began", "orders.go", "state.Completed = run.Started.Truncate(time.Microsecond)", "state.Completed = s.now()", "TestOrderPlacedDuringALongLook"},
	{"only a complete look is remembered", "run.go", "		if err == nil {\n			done(state)\n		}\n", "		done(state)\n", ""},
	{"an order that can't be read in the list is linked", "orders.go", "fresh = append(fresh, p.newLink(&framework360.Order{ID: id}))", "_ = id", ""},
	{"a link that exists is not overwritten", "orders.go", "		if !errors.As(err, &se) {\n			return stale, err\n		}\n",
		"		if !errors.As(err, &se) {\n			return stale, err\n		}\n		for _, l := range links {\n			if have, err := s.store.Get(ctx, l.Connection, l.Kind, l.ID); err == nil && len(have) == 1 {\n				l.Revision = have[0].Revision\n			}\n		}\n		continue\n", ""},
	{"a mistaken resolution leaves the schedule alone", "conflict.go", "case err == nil && l.State != Conflict:", "case false:", ""},
}

// TestDefences takes each defence out in turn and expects a failure. It compiles
// the package once for each of them, so it runs only where TG360_DEFENCES=1 is set.
func TestDefences(t *testing.T) {
	t.Parallel()
	for _, d := range defences {
		t.Run(d.name, func(t *testing.T) {
			// One after the other: each run takes all processors that there are.
			source, err := os.ReadFile(d.file)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(source), d.old); n != 1 {
				t.Fatalf("%q stands %d times in %s: bring this table up to date", d.old, n, d.file)
			}
			if os.Getenv("TG360_DEFENCES") != "1" || testing.Short() {
				return // the table is checked always
			}
			t.Log(without(t, d, strings.Replace(string(source), d.old, d.new, 1)))
		})
	}
}

var (
	falsified = regexp.MustCompile(`(?m)(?:failed after \d+ tests: |Original traceback \()(.*)$`)
	failed    = regexp.MustCompile(`(?m)^ +\w+_test\.go:\d+: (.*)$`)
	compiling = regexp.MustCompile(`(?m)^.*(build failed|vet: ).*$`)
)

// without runs the tests on changed source and returns what they say.
func without(t *testing.T, d defence, source string) string {
	t.Helper()
	dir := t.TempDir()
	changed, overlay := filepath.Join(dir, d.file), filepath.Join(dir, "overlay.json")
	original, err := filepath.Abs(d.file)
	if err != nil {
		t.Fatal(err)
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {original: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{changed: []byte(source), overlay: replace} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := "^(TestModel)$"
	if d.tests != "" {
		tests = "^(" + d.tests + ")"
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-overlay="+overlay, "-run="+tests, "-count=1", "-timeout=60s", ".")
	cmd.Env = append(os.Environ(), "TG360_DEFENCES=", "RAPID_CHECKS=400", "RAPID_SHRINKTIME=0s", "RAPID_NOFAILFILE=1")
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		t.Errorf("nobody noticed that %q became %q", d.old, d.new)
	case compiling.Match(out):
		t.Errorf("the changed source is no Go: %s", out)
	}
	for _, said := range []*regexp.Regexp{falsified, failed} {
		if m := said.FindSubmatch(out); m != nil {
			return string(m[1])
		}
	}
	return string(out)
}
