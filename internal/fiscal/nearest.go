package fiscal

import (
	"iter"
	"strings"
)

// Nearest returns the candidate that an unknown SKU is most likely a misspelling
// of: with at most one edit in three characters and never more than three; case
// doesn't count. Of equally near ones it is the alphabetically first; false when
// none is near. It is a hint for people, never a match. Candidates come as a
// sequence because a catalogue need not fit into memory.
func Nearest(sku string, candidates iter.Seq[string]) (nearest string, found bool) {
	want := []rune(strings.ToLower(sku))
	limit := min(3, len(want)/3)
	if limit == 0 {
		return "", false
	}
	for c := range candidates {
		d := distance(want, []rune(strings.ToLower(c)), limit)
		if d < limit || (d == limit && (!found || c < nearest)) {
			nearest, found, limit = c, true, d
		}
	}
	return nearest, found
}

// distance counts the characters that were put in, left out or changed; it does
// not look at lengths that differ by more than limit.
func distance(a, b []rune, limit int) int {
	if max(len(a)-len(b), len(b)-len(a)) > limit {
		return limit + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := i
		row[0] = i + 1
		for j, y := range b {
			change := diagonal
			if x != y {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
