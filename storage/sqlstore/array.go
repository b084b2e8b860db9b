package sqlstore

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// On PostgreSQL a Delete of many keys has one array for each column. Its text is
// the same for any number of keys, and so is its plan: with an OR for each key a
// plan that walks over the table compares each row with all of them. An array is
// passed as the text of PostgreSQL's array literal, which every driver sends in
// every mode. Rows to insert are not passed so: reading their bytes from
// hexadecimal takes the server as long as planning the longer text.

// wide reports whether the keys are passed as arrays.
func (p *part) wide() bool { return p.array != nil && p.rows > maxListed }

// among writes the Delete of any number of keys.
func (b *builder) among(c *change) {
	if len(c.Where) == 1 {
		b.where(nil)
		b.put(" AND ", b.d.id(c.Where[0].Column), " = ANY (")
		b.arg()
		b.put("::", b.d.arrays[c.args[0].Kind], ")")
		return
	}
	sep := " USING (SELECT "
	for i, column := range c.args {
		b.put(sep, "unnest(")
		b.arg()
		b.put("::", b.d.arrays[column.Kind], ") AS _", strconv.Itoa(i))
		sep = ", "
	}
	b.put(") AS v")
	b.where(nil)
	for i, t := range c.Where {
		b.put(" AND ", b.d.id(t.Column), " = v._", strconv.Itoa(i))
	}
}

// arrays turns the arguments of rows, one row after the other, into one literal
// for each column.
func arrays(columns int, args []any) []any {
	out := make([]any, columns)
	for c := range columns {
		b := []byte{'{'}
		for i := c; i < len(args); i += columns {
			if i > c {
				b = append(b, ',')
			}
			b = appendElement(b, args[i])
		}
		out[c] = string(append(b, '}'))
	}
	return out
}

// appendElement appends an argument, as bind returns it for a comparison, to an
// array literal.
func appendElement(b []byte, arg any) []byte {
	switch a := arg.(type) {
	case string:
		b = append(b, '"')
		for i := strings.IndexAny(a, `"\`); i >= 0; i = strings.IndexAny(a, `"\`) {
			b = append(append(b, a[:i]...), '\\', a[i])
			a = a[i+1:]
		}
		return append(append(b, a...), '"')
	case []byte:
		return append(hex.AppendEncode(append(b, `"\\x`...), a), '"')
	}
	return strconv.AppendInt(b, arg.(int64), 10)
}
