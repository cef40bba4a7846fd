package wire

import (
	"fmt"
	"iter"
	"strings"
)

// node is a level of the tree of candidate paths of one record.
type node struct {
	children map[string]*node
	leaves   []leaf
}

// leaf says that a path belongs to a field, as its rank-th candidate.
type leaf struct {
	field int
	rank  uint8
}

// add enters one candidate path.
func (n *node) add(path string, l leaf) {
	for key := range splitPath(path) {
		if n.children == nil {
			n.children = make(map[string]*node)
		}
		next := n.children[key]
		if next == nil {
			next = &node{}
			n.children[key] = next
		}
		n = next
	}
	n.leaves = append(n.leaves, l)
}

// splitPath parts a path at its points.
func splitPath(path string) iter.Seq[string] { return strings.SplitSeq(path, ".") }

// checkPath refuses what can't be a path.
func checkPath(p string) error {
	if p == "" || strings.HasPrefix(p, ".") || strings.HasSuffix(p, ".") || strings.Contains(p, "..") {
		return fmt.Errorf("%q is not a path: write keys parted by single points, such as totals.gross", p)
	}
	return nil
}
