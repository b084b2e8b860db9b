package dsar

import (
	"errors"
	"slices"
	"strings"
)

// copier decides what of a record goes into an answer, and checks that a source
// keeps its contract. It serves one reading of one source for one subject.
type copier struct {
	d       *Desk
	kind    Kind
	scope   Scope
	parts   map[*Section]*part
	last    int
	lastKey string
}

// part says which columns of a section an answer gives.
type part struct {
	order   int
	section *Section
	columns []int
}

func (d *Desk) newCopier(r *row, f *file) *copier {
	return &copier{d: d, kind: r.kind, scope: f.Scope, last: -1}
}

var errContract = errors.New("dsar: source broke its contract")

// prepare looks at the sections of s once.
func (c *copier) prepare(s Source) {
	c.parts = map[*Section]*part{}
	for i, sec := range s.Sections() {
		c.parts[sec] = &part{order: i, section: sec, columns: c.columns(sec)}
	}
}

// columns returns the columns of sec that an answer gives: all for access, but no
// staff in logs of views; for portability those that the person provided or
// caused, on consent or contract (GDPR art. 20(1)).
func (c *copier) columns(sec *Section) []int {
	var out []int
	for i := range sec.Columns {
		col := &sec.Columns[i]
		switch {
		case sec.View && col.Staff:
		case c.kind == Portability && !portable(col):
		case c.kind.reads() && len(c.scope.Fields) > 0 && !slices.Contains(c.scope.Fields, col.Name):
		default:
			out = append(out, i)
		}
	}
	return out
}

func portable(c *Column) bool {
	return (c.Origin == Provided || c.Origin == Observed) &&
		(strings.HasPrefix(c.Basis, "A6-1-a") || strings.HasPrefix(c.Basis, "A6-1-b") || c.Basis == "A9-2-a")
}

// check holds a record against the contract of [Source].
func (c *copier) check(s Source, rec *Record) error {
	if c.parts == nil {
		c.prepare(s)
	}
	if rec == nil || rec.Section == nil {
		return errContract
	}
	p := c.parts[rec.Section]
	switch {
	case p == nil, rec.Key == "", len(rec.Key) > 191, len(rec.Values) != len(rec.Section.Columns):
		return errContract
	case p.order < c.last, p.order == c.last && rec.Key == c.lastKey:
		return errContract
	}
	c.last, c.lastKey = p.order, rec.Key
	return nil
}

// wanted reports whether the answer has something of the record.
func (c *copier) wanted(rec *Record) bool { return len(c.parts[rec.Section].columns) > 0 }

// redacted returns what stands in place of a value that is not given.
func (c *copier) redacted(rec *Record, i int) (string, bool) {
	col := &rec.Section.Columns[i]
	if rec.Values[i] == nil {
		return "", false
	}
	if col.ThirdParty || rec.Shared && col.FreeText {
		return redactedText, true
	}
	if c.d.o.Redact != nil {
		return c.d.o.Redact(rec, col)
	}
	return "", false
}

const redactedText = "[redacted: art. 15(4) GDPR]"

// redactions counts the values of rec that are not given.
func (c *copier) redactions(rec *Record) int {
	n := 0
	for _, i := range c.parts[rec.Section].columns {
		if _, ok := c.redacted(rec, i); ok {
			n++
		}
	}
	return n
}
