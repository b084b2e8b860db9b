package memstore

import (
	"cmp"
	"encoding/binary"
	"strings"

	"github.com/gdprkit/gdprkit/storage"
)

// A row is one immutable string: eight bytes per column, then the texts. An Int
// stands in its eight bytes; a Text or Bytes has its offset and length there.
// Column 0 is the tenant. All trees of a table share the strings.
type row string

const null = 1<<32 - 1 // length of a Bytes column that holds nil

// A value is one argument or column outside a row.
type value struct {
	n    int64
	s    string
	null bool
}

func newRow(kinds []storage.Kind, vals []value) row {
	size := 8 * len(vals)
	for i := range vals {
		size += len(vals[i].s)
	}
	b := make([]byte, 8*len(vals), size)
	for i, v := range vals {
		slot := b[8*i:]
		switch {
		case kinds[i] == storage.Int:
			binary.LittleEndian.PutUint64(slot, uint64(v.n))
		case v.null:
			binary.LittleEndian.PutUint32(slot[4:], null)
		default:
			binary.LittleEndian.PutUint32(slot, uint32(len(b)))
			binary.LittleEndian.PutUint32(slot[4:], uint32(len(v.s)))
			b = append(b, v.s...)
		}
	}
	return row(b)
}

func (r row) num(col int) int64 {
	s := r[8*col : 8*col+8]
	return int64(uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56)
}

// text returns the bytes of a Text or Bytes column, and whether it holds any.
func (r row) text(col int) (string, bool) {
	slot := uint64(r.num(col))
	off, n := slot&null, slot>>32
	if n == null {
		return "", false
	}
	return string(r[off : off+n]), true
}

func (r row) value(kind storage.Kind, col int) value {
	if kind == storage.Int {
		return value{n: r.num(col)}
	}
	s, ok := r.text(col)
	return value{s: s, null: !ok}
}

// compareColumn compares one column of two rows; nil comes before every value.
func compareColumn(kind storage.Kind, col int, a, b row) int {
	if kind == storage.Int {
		return cmp.Compare(a.num(col), b.num(col))
	}
	x, okX := a.text(col)
	y, okY := b.text(col)
	if okX && okY {
		return strings.Compare(x, y)
	}
	return boolInt(okX) - boolInt(okY)
}

// compareValue compares a column of a row with a value that is not nil.
func compareValue(kind storage.Kind, col int, r row, v *value) int {
	if kind == storage.Int {
		return cmp.Compare(r.num(col), v.n)
	}
	s, ok := r.text(col)
	if !ok {
		return -1
	}
	return strings.Compare(s, v.s)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
