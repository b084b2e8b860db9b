package sqlstore

import (
	"encoding/binary"
	"errors"
	"strconv"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// maxJoined is the number of writes that one statement of PostgreSQL carries out.
// One of more rows than maxJoinedRows stands alone: counting what it returns costs
// more than a round trip.
const (
	maxJoined     = 12
	maxJoinedRows = 100
)

// joinKey finds a statement again that joins the same writes.
type joinKey [maxJoined]struct {
	*change
	rows int // 0: any number
}

// batches makes statements of parts. On PostgreSQL neighbours that write to
// different rows become one data-modifying WITH, which is one round trip.
func (s *store) batches(parts []part) []batch {
	var out []batch
	for len(parts) > 0 {
		n := 1
		if s.db.d.joins {
			n = joinable(parts, s.db.d.params)
		}
		out = append(out, s.batch(parts[:n:n]))
		parts = parts[n:]
	}
	return out
}

func (s *store) batch(parts []part) batch {
	b := batch{parts: parts, args: parts[0].args}
	if len(parts) == 1 {
		if !parts[0].careful(s.db.d) {
			b.statement = s.db.statement(parts[0].change, parts[0].rows)
		}
		return b
	}
	b.args = nil
	var key joinKey
	keep := true
	for i, p := range parts {
		b.args = append(b.args, p.args...)
		if key[i].change = p.change; !p.wide() {
			key[i].rows = p.rows
			keep = keep && p.rows <= maxCached
		}
	}
	build := func() *statement { return s.db.one(func(b *builder) { b.join(parts) }) }
	if keep {
		b.statement = s.db.cached(key, build)
	} else {
		b.statement = build()
		b.statement.refused[0].Store(true)
	}
	return b
}

// joinable returns how many of the first parts can be one statement. The writes
// of a WITH do not see each other, so no row may be met twice.
func joinable(parts []part, params int) int {
	used := 0
	for n, p := range parts {
		used += len(p.args)
		switch {
		case n == 0 && p.heavy():
			return 1
		case n == 0:
		case n == maxJoined, used >= params, p.heavy():
			return n
		}
		if p.Table == schema.Permit {
			return max(n, 1)
		}
		for _, q := range parts[:n] {
			if q.Table == p.Table && !q.apart(&p) {
				return n
			}
		}
	}
	return len(parts)
}

// heavy reports whether a write is better carried out by itself.
func (p *part) heavy() bool { return p.rows > maxJoinedRows && !p.wide() }

// apart reports whether two writes to one table surely meet different rows.
func (p *part) apart(q *part) bool {
	if p.rows != 1 || q.rows != 1 || len(p.key) == 0 || len(q.key) == 0 || len(p.Table.Unique) > 0 {
		return false
	}
	return p.keyOf(p.args) != q.keyOf(q.args)
}

// keyOf returns the key among the arguments as one string.
func (c *change) keyOf(args []any) string {
	b := make([]byte, 0, 256)
	for _, i := range c.key {
		switch a := args[i].(type) {
		case int64:
			b = binary.BigEndian.AppendUint64(b, uint64(a))
		case string:
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(a))), a...)
		case []byte:
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(a))), a...)
		}
	}
	return string(b)
}

// join writes
//
//	WITH w0 AS (INSERT ... RETURNING 1), w1 AS (...) SELECT (SELECT count(*) FROM w0), ...
//
// The count of a write with Must divides by zero unless it is one, so that the
// statement fails as a whole.
func (b *builder) join(parts []part) {
	for i, p := range parts {
		if i == 0 {
			b.put("WITH w0 AS (")
		} else {
			b.put("), w", strconv.Itoa(i), " AS (")
		}
		b.change(p.change, p.rows)
		b.put(" RETURNING 1")
	}
	b.put(") SELECT ")
	for i, p := range parts {
		if i > 0 {
			b.put(", ")
		}
		count := "(SELECT count(*) FROM w" + strconv.Itoa(i) + ")"
		if p.Must {
			count = "1 / CASE WHEN " + count + " = 1 THEN 1 ELSE 0 END"
		}
		b.put(count)
	}
}

func (s *store) joined(run session, b *batch, counts []int64) error {
	if run.t != nil {
		if err := run.t.save(run.ctx); err != nil {
			return err
		}
	}
	ns := make([]int64, len(b.parts))
	dest := make([]any, len(b.parts))
	for i := range ns {
		dest[i] = &ns[i]
	}
	err := run.row(b.statement, b.statement.args(s.tenant, b.args), 0, b.parts[0].Table.Name, dest)
	var e *engineError
	if errors.As(err, &e) && e.code == "22012" { // division by zero
		return storage.ErrStale
	}
	for i, p := range b.parts {
		counts[p.run] += ns[i]
	}
	return err
}

// careful reports whether a Put cannot be one statement: MySQL's ON DUPLICATE KEY
// UPDATE would also change a row that meets another unique constraint.
func (c *change) careful(d *dialect) bool {
	return c.Verb == storage.Put && d.anyKey && len(c.Table.Unique) > 0
}

// putCarefully looks for each row first, and locks it.
func (s *store) putCarefully(run session, p *part) error {
	n := len(p.args) / p.rows
	for i := range p.rows {
		args := p.args[i*n : (i+1)*n]
		var one int64
		st := p.exists
		err := run.row(st, st.args(s.tenant, args), 0, p.Table.Name, []any{&one})
		switch {
		case err == nil:
			st = p.replace
		case errors.Is(err, storage.ErrNotFound):
			st = p.create
		default:
			return err
		}
		if st == nil { // nothing but the key
			continue
		}
		if _, err := run.exec(st, st.args(s.tenant, args), p.Table.Name); err != nil {
			return err
		}
	}
	return nil
}

// prepareCareful builds the statements of putCarefully.
func (db *DB) prepareCareful(c *change) {
	byKey := func(b *builder) {
		b.where(nil)
		for i, k := range c.Table.Key {
			b.put(" AND ", b.d.id(k), " = ")
			b.param(c.key[i])
		}
	}
	c.exists = db.one(func(b *builder) {
		b.put("SELECT 1 FROM ")
		b.table(c.Table)
		byKey(b)
		b.put(b.d.lock)
	})
	plain := *c.Write
	plain.Verb = storage.Insert
	c.create = db.one(func(b *builder) { b.insert(&change{Write: &plain}, 1) })
	if len(c.rest) == 0 {
		return
	}
	c.replace = db.one(func(b *builder) {
		b.put("UPDATE ")
		b.table(c.Table)
		sep := " SET "
		for i, s := range c.Set {
			if !within([]string{s}, c.Table.Key) {
				b.put(sep, b.d.id(s), " = ")
				b.param(i)
				sep = ", "
			}
		}
		byKey(b)
	})
}
