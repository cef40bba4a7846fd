package wire_test

import (
	"testing"

	"github.com/tg360/tg360/internal/wire"
)

func TestOptStates(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name              string
		opt               wire.Opt[int]
		set, null, absent bool
		value             int
	}{
		{"absent", wire.Opt[int]{}, false, false, true, 9},
		{"null", wire.Null[int](), false, true, false, 9},
		{"zero", wire.Some(0), true, false, false, 0},
		{"set", wire.Some(5), true, false, false, 5},
	} {
		v, ok := tc.opt.Get()
		if ok != tc.set || (ok && v != tc.value) || tc.opt.IsSet() != tc.set || tc.opt.IsNull() != tc.null || tc.opt.IsAbsent() != tc.absent || tc.opt.Or(9) != tc.value {
			t.Errorf("%s: %+v", tc.name, tc.opt)
		}
	}
}

func TestOptEqual(t *testing.T) {
	t.Parallel()
	same := func(a, b int) bool { return a == b }
	all := []wire.Opt[int]{{}, wire.Null[int](), wire.Some(0), wire.Some(1)}
	for i, a := range all {
		for j, b := range all {
			if a.Equal(b, same) != (i == j) {
				t.Errorf("%+v and %+v", a, b)
			}
		}
	}
	if !wire.Some(1).Equal(wire.Some(2), func(a, b int) bool { return true }) {
		t.Error("eq does not decide")
	}
}
