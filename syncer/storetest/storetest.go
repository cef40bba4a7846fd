package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/tg360/tg360/syncer"
)

// Run checks the stores that open returns against the contract of
// [syncer.Store], each rule in a parallel subtest. open is called once a
// subtest, and must give an empty store that shares nothing with the others; the
// suite closes it. The subtest AgreesWithModel runs random histories, whose
// number and seed the flags of package rapid set.
func Run(t *testing.T, open func(t *testing.T) syncer.Store) {
	t.Helper()
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			if err := rule.verify(t.Context(), open(t)); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("AgreesWithModel", func(t *testing.T) {
		t.Parallel()
		agreesWithModel(t, open(t))
	})
}

// rule is one sentence of the contract. A check returns an error rather than
// failing a test, so that the suite can be tried on stores that break it.
type rule struct {
	name  string
	check func(*rig) error
}

// verify applies the rule to s and closes it.
func (r rule) verify(ctx context.Context, s syncer.Store) error {
	err := r.check(&rig{ctx: ctx, Store: s})
	if closed := s.Close(); closed != nil {
		err = errors.Join(err, fmt.Errorf("closing: %w", closed))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	return nil
}

var rules = []rule{
	{"RoundTrip", roundTrip},
	{"OddTexts", oddTexts},
	{"OddTimes", oddTimes},
	{"PutReplacesEveryField", putReplacesEveryField},
	{"NamesAreExact", namesAreExact},
	{"ConnectionsAndKindsAreApart", connectionsAndKindsAreApart},
	{"GetLeavesOutUnknown", getLeavesOutUnknown},
	{"NothingAtAll", nothingAtAll},
	{"ManyAtOnce", manyAtOnce},

	{"NewNeedsRevisionZero", newNeedsRevisionZero},
	{"StalePutIsRefused", stalePutIsRefused},
	{"BatchIsAllOrNone", batchIsAllOrNone},
	{"SameKeyTwiceIsRefused", sameKeyTwiceIsRefused},
	{"PartOfAKeyIsRefused", partOfAKeyIsRefused},
	{"RevisionGrows", revisionGrows},
	{"OneClaimWins", oneClaimWins},
	{"OneCreationWins", oneCreationWins},
	{"NoUpdateIsLost", noUpdateIsLost},

	{"EachFilter", eachFilter},
	{"FiltersTogether", filtersTogether},
	{"ListFollowsPuts", listFollowsPuts},
	{"ScopeIsRequired", scopeIsRequired},
	{"ByteOrder", byteOrder},
	{"Paging", paging},
	{"PagingWhileLinksAreAdded", pagingWhileLinksAreAdded},
	{"PagingWithFilter", pagingWithFilter},
	{"DueBy", dueBy},
	{"TextIgnoresCase", textIgnoresCase},
	{"TextIsNoPattern", textIsNoPattern},
	{"CodesAndWarnings", codesAndWarnings},
	{"CountByState", countByState},

	{"DocRoundTrip", docRoundTrip},
	{"DocRevisions", docRevisions},
	{"DocsAreApart", docsAreApart},
	{"OneDocWins", oneDocWins},

	{"ReturnedValuesAreTheCallers", returnedValuesAreTheCallers},
	{"PassedValuesStayTheCallers", passedValuesStayTheCallers},
	{"EndedContext", endedContext},
	{"ClosedStore", closedStore},
	{"CloseWhileInUse", closeWhileInUse},
}
