package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gdprkit/gdprkit/storage"
)

// A claim is a compiled [storage.Claim].
type claim struct {
	*storage.Claim
	args, read []*storage.Column
	key        []int // arguments that are the key
	from       []int // argument of each column to read; -1: its zero value

	lock   *statement // reads and locks the row by its key
	insert *statement // inserts it, or does nothing
	hold   *statement // inserts it, or locks the one that is there
	whole  *statement // all in one, where the dialect can
}

func (db *DB) newClaim(s *storage.Claim) (*claim, error) {
	if s.Into == nil || len(s.Read) == 0 {
		return nil, fmt.Errorf("sqlstore: a Claim needs a table and columns to read")
	}
	if !within(s.Into.Key, s.Columns) {
		return nil, fmt.Errorf("sqlstore: table %s: the columns of a Claim must contain the key", s.Into.Name)
	}
	c := &claim{Claim: s}
	var err error
	if c.args, err = columnsOf(s.Into, s.Columns); err != nil {
		return nil, err
	}
	if c.read, err = columnsOf(s.Into, s.Read); err != nil {
		return nil, err
	}
	for _, k := range s.Into.Key {
		c.key = append(c.key, slices.Index(s.Columns, k))
	}
	for _, r := range s.Read {
		c.from = append(c.from, slices.Index(s.Columns, r))
	}
	c.lock = db.one(c.writeLock)
	w := &change{Write: &storage.Write{Verb: storage.Insert, Table: s.Into, Set: s.Columns}}
	key := db.d.ids(withTenant(s.Into.Key))
	suffix := func(text string) func(b *builder) {
		return func(b *builder) {
			b.insert(w, 1)
			b.put(strings.NewReplacer("{key}", key, "{c}", db.d.id("tenant")).Replace(text))
		}
	}
	if db.dialect == Postgres {
		c.whole = db.one(func(b *builder) {
			cols := db.d.ids(s.Read)
			b.put("WITH fresh AS (")
			suffix(" ON CONFLICT ({key}) DO NOTHING RETURNING " + cols)(b)
			b.put("), old AS (")
			c.writeLock(b)
			b.put(") SELECT ", cols, " FROM fresh UNION ALL SELECT ", cols, " FROM old")
		})
		return c, nil
	}
	if touch := untouched(s.Into); db.d.onClaim != "" && touch != "" {
		c.whole = db.one(suffix(strings.ReplaceAll(db.d.onClaim, "{touch}", db.d.id(touch)) + " RETURNING " + db.d.ids(s.Read)))
		return c, nil
	}
	c.hold = db.one(suffix(db.d.onLock))
	ignore := &change{Write: &storage.Write{Verb: storage.InsertNew, Table: s.Into, Set: s.Columns}}
	c.insert = db.one(func(b *builder) { b.insert(ignore, 1) })
	return c, nil
}

// untouched returns a column that is in no key and no index, so that writing it
// writes nothing but the row, or "".
func untouched(t *storage.Table) string {
	indexed := slices.Concat(slices.Concat(t.Unique...), slices.Concat(t.Index...), t.Key)
	for i := range t.Columns {
		if name := t.Columns[i].Name; !slices.Contains(indexed, name) {
			return name
		}
	}
	return ""
}

func (c *claim) writeLock(b *builder) {
	b.put("SELECT ", b.d.ids(c.Read), " FROM ")
	b.table(c.Into)
	b.where(nil)
	for i, k := range c.Into.Key {
		b.put(" AND ", b.d.id(k), " = ")
		b.param(c.key[i])
	}
	b.put(b.d.lock)
}

func (s *store) Claim(ctx context.Context, shape *storage.Claim, args []any, dest ...any) error {
	if s.bad != nil {
		return s.bad
	}
	c, err := s.db.claim(shape)
	if err != nil {
		return err
	}
	if args, err = bind(c.Into, c.args, len(c.args), args); err != nil {
		return err
	}
	targets, err := s.db.d.dests(c.Into, c.read, dest, nil)
	if err != nil {
		return err
	}
	if s.db.current(ctx) == nil {
		return storage.ErrNoTx
	}
	run, err := s.db.session(ctx)
	if err != nil {
		return err
	}
	if err = s.claim(run, c, args, dest, targets); err != nil {
		run.t.set(&run.t.doomed)
	}
	return err
}

func (s *store) claim(run session, c *claim, args, dest, targets []any) error {
	if c.whole != nil {
		return s.claimWhole(run, c, args, targets)
	}
	name := c.Into.Name
	if !run.t.owned { // the lock comes first: a locking read of what is missing invites deadlocks
		if _, err := run.exec(c.hold, c.hold.args(s.tenant, args), name); err != nil {
			return err
		}
		return missing(run.row(c.lock, c.lock.args(s.tenant, args), 0, name, targets))
	}
	for range 10 {
		err := run.row(c.lock, c.lock.args(s.tenant, args), 0, name, targets)
		if !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		n, err := run.exec(c.insert, c.insert.args(s.tenant, args), name)
		if err != nil {
			return err
		}
		if n == 1 {
			return c.inserted(args, dest)
		}
	}
	return missing(storage.ErrNotFound)
}

// claimWhole is one statement. It finds nothing only if, on PostgreSQL, another
// transaction inserted or deleted the row while it ran.
func (s *store) claimWhole(run session, c *claim, args, targets []any) error {
	for range 10 {
		if err := run.t.save(run.ctx); err != nil {
			return err
		}
		err := run.row(c.whole, c.whole.args(s.tenant, args), 0, c.Into.Name, targets)
		if !errors.Is(err, storage.ErrNotFound) {
			return err
		}
	}
	return missing(storage.ErrNotFound)
}

// inserted gives the caller the row that was just inserted.
func (c *claim) inserted(args, dest []any) error {
	for i, col := range c.read {
		var v any
		switch at := c.from[i]; {
		case at >= 0:
			v = args[at]
		case col.Null:
		case col.Kind == storage.Int:
			v = int64(0)
		case col.Kind == storage.Text:
			v = ""
		default:
			v = []byte{}
		}
		if err := assign(col.Kind, v, dest[i]); err != nil {
			return err
		}
	}
	return nil
}

// missing tells of a claim that met another unique constraint than the key: the
// row is neither there nor can it be inserted.
func missing(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return storage.ErrDuplicate
	}
	return err
}
