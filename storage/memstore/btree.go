package memstore

import "sort"

// A node of a copy-on-write B-tree. Whoever holds the owner token may change the
// node in place; everybody else copies it first, so that a root once shared stays
// as it is.
type node struct {
	owner *token
	items []row
	kids  []*node // empty in a leaf, else one more than items
}

// token marks the nodes that one step has made. It has a size, so that two tokens
// never share an address.
type token struct{ _ byte }

const (
	maxItems = 31
	minItems = maxItems / 2
)

type compare func(a, b row) int

func (n *node) mutable(o *token) *node {
	if n.owner == o {
		return n
	}
	c := &node{owner: o, items: append(make([]row, 0, maxItems+1), n.items...)}
	if len(n.kids) > 0 {
		c.kids = append(make([]*node, 0, maxItems+2), n.kids...)
	}
	return c
}

func (n *node) search(it row, cmp compare) (int, bool) {
	lo, hi := 0, len(n.items)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		switch c := cmp(n.items[mid], it); {
		case c == 0:
			return mid, true
		case c < 0:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return lo, false
}

// insertRoot puts it into the tree, in the place of an equal one if there is.
func insertRoot(n *node, o *token, it row, cmp compare) *node {
	if n == nil {
		return &node{owner: o, items: append(make([]row, 0, maxItems+1), it)}
	}
	n, mid, right := n.insert(o, it, cmp)
	if right == nil {
		return n
	}
	top := &node{owner: o, items: make([]row, 1, maxItems+1), kids: make([]*node, 2, maxItems+2)}
	top.items[0], top.kids[0], top.kids[1] = mid, n, right
	return top
}

func (n *node) insert(o *token, it row, cmp compare) (out *node, mid row, right *node) {
	i, found := n.search(it, cmp)
	n = n.mutable(o)
	if found {
		n.items[i] = it
		return n, mid, nil
	}
	if len(n.kids) == 0 {
		n.items = insertAt(n.items, i, it)
	} else {
		kid, m, r := n.kids[i].insert(o, it, cmp)
		n.kids[i] = kid
		if r != nil {
			n.items = insertAt(n.items, i, m)
			n.kids = insertAt(n.kids, i+1, r)
		}
	}
	if len(n.items) <= maxItems {
		return n, mid, nil
	}
	return n.split(o)
}

func (n *node) split(o *token) (left *node, mid row, right *node) {
	h := len(n.items) / 2
	mid = n.items[h]
	right = &node{owner: o, items: append(make([]row, 0, maxItems+1), n.items[h+1:]...)}
	clear(n.items[h:])
	n.items = n.items[:h]
	if len(n.kids) > 0 {
		right.kids = append(make([]*node, 0, maxItems+2), n.kids[h+1:]...)
		clear(n.kids[h+1:])
		n.kids = n.kids[:h+1]
	}
	return n, mid, right
}

// deleteRoot takes it out of the tree, which must contain it.
func deleteRoot(n *node, o *token, it row, cmp compare) *node {
	n = n.delete(o, it, cmp)
	switch {
	case len(n.items) > 0:
		return n
	case len(n.kids) > 0:
		return n.kids[0]
	}
	return nil
}

func (n *node) delete(o *token, it row, cmp compare) *node {
	i, found := n.search(it, cmp)
	n = n.mutable(o)
	switch {
	case len(n.kids) == 0:
		if found {
			n.items = deleteAt(n.items, i)
		}
		return n
	case found: // its predecessor takes its place
		n.kids[i], n.items[i] = n.kids[i].popMax(o)
	default:
		n.kids[i] = n.kids[i].delete(o, it, cmp)
	}
	n.refill(o, i)
	return n
}

func (n *node) popMax(o *token) (*node, row) {
	n = n.mutable(o)
	last := len(n.items) - 1
	if len(n.kids) == 0 {
		it := n.items[last]
		n.items = deleteAt(n.items, last)
		return n, it
	}
	kid, it := n.kids[last+1].popMax(o)
	n.kids[last+1] = kid
	n.refill(o, last+1)
	return n, it
}

// refill gives child i at least minItems again, from a sibling or by a merge.
func (n *node) refill(o *token, i int) {
	if len(n.kids[i].items) >= minItems {
		return
	}
	switch {
	case i > 0 && len(n.kids[i-1].items) > minItems:
		n.rotateRight(o, i-1)
	case i < len(n.items) && len(n.kids[i+1].items) > minItems:
		n.rotateLeft(o, i)
	case i > 0:
		n.merge(o, i-1)
	default:
		n.merge(o, i)
	}
}

func (n *node) rotateRight(o *token, i int) {
	l, r := n.kids[i].mutable(o), n.kids[i+1].mutable(o)
	last := len(l.items) - 1
	r.items = insertAt(r.items, 0, n.items[i])
	n.items[i] = l.items[last]
	l.items = deleteAt(l.items, last)
	if len(l.kids) > 0 {
		r.kids = insertAt(r.kids, 0, l.kids[last+1])
		l.kids = deleteAt(l.kids, last+1)
	}
	n.kids[i], n.kids[i+1] = l, r
}

func (n *node) rotateLeft(o *token, i int) {
	l, r := n.kids[i].mutable(o), n.kids[i+1].mutable(o)
	l.items = append(l.items, n.items[i])
	n.items[i] = r.items[0]
	r.items = deleteAt(r.items, 0)
	if len(r.kids) > 0 {
		l.kids = append(l.kids, r.kids[0])
		r.kids = deleteAt(r.kids, 0)
	}
	n.kids[i], n.kids[i+1] = l, r
}

// merge joins child i, item i and child i+1.
func (n *node) merge(o *token, i int) {
	l, r := n.kids[i].mutable(o), n.kids[i+1]
	l.items = append(append(l.items, n.items[i]), r.items...)
	l.kids = append(l.kids, r.kids...)
	n.kids[i] = l
	n.items = deleteAt(n.items, i)
	n.kids = deleteAt(n.kids, i+1)
}

// ascend yields the items from the first for which before is false on; before
// must be true for a prefix of the tree. A nil before means all.
func (n *node) ascend(before func(row) bool, yield func(row) bool) bool {
	if n == nil {
		return true
	}
	i := 0
	if before != nil {
		i = sort.Search(len(n.items), func(i int) bool { return !before(n.items[i]) })
	}
	if len(n.kids) > 0 && !n.kids[i].ascend(before, yield) {
		return false
	}
	for ; i < len(n.items); i++ {
		if !yield(n.items[i]) || len(n.kids) > 0 && !n.kids[i+1].ascend(nil, yield) {
			return false
		}
	}
	return true
}

// descend yields, in descending order, the items for which upTo is true; it must
// be true for a prefix of the tree. A nil upTo means all.
func (n *node) descend(upTo func(row) bool, yield func(row) bool) bool {
	if n == nil {
		return true
	}
	i := len(n.items)
	if upTo != nil {
		i = sort.Search(len(n.items), func(i int) bool { return !upTo(n.items[i]) })
	}
	if len(n.kids) > 0 && !n.kids[i].descend(upTo, yield) {
		return false
	}
	for i--; i >= 0; i-- {
		if !yield(n.items[i]) || len(n.kids) > 0 && !n.kids[i].descend(nil, yield) {
			return false
		}
	}
	return true
}

func insertAt[T any](s []T, i int, v T) []T {
	s = append(s, v)
	copy(s[i+1:], s[i:])
	s[i] = v
	return s
}

func deleteAt[T any](s []T, i int) []T {
	copy(s[i:], s[i+1:])
	var zero T
	s[len(s)-1] = zero
	return s[:len(s)-1]
}
