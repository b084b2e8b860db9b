package memstore

import (
	"context"
	"iter"

	"github.com/gdprkit/gdprkit/storage"
)

// store is the rows of one tenant.
type store struct {
	db    *DB
	scope string
	bad   error // what is wrong with scope
}

func (s *store) Scope() string          { return s.scope }
func (s *store) Traits() storage.Traits { return s.db.traits }

// State tells of a finished transaction as of a living one, so that the caller
// goes on and gets ErrTxDone.
func (s *store) State(ctx context.Context) storage.State {
	if s.db.current(ctx) != nil {
		return storage.Owned
	}
	return storage.Outside
}

func (s *store) InTx(ctx context.Context, f func(context.Context) error) error {
	if s.bad != nil {
		return s.bad
	}
	return s.db.InTx(ctx, f)
}

func (s *store) query(sel *storage.Select) (*query, error) {
	if s.bad != nil {
		return nil, s.bad
	}
	if q, ok := s.db.shapes.Load(sel); ok {
		return q.(*query), nil
	}
	d, err := s.db.table(sel.From)
	if err != nil {
		return nil, err
	}
	q, err := newQuery(d, sel)
	if err == nil {
		s.db.shapes.Store(sel, q)
	}
	return q, err
}

func (s *store) Get(ctx context.Context, sel *storage.Select, args []any, dest ...any) error {
	q, err := s.query(sel)
	if err != nil {
		return err
	}
	vals, err := q.bind(args)
	if err != nil {
		return err
	}
	t, err := s.db.enter(ctx)
	if err != nil {
		return err
	}
	var rs *rows
	if t != nil {
		defer t.mu.Unlock()
		rs = t.rows(q.d)
	} else if tables := *s.db.snapshot.Load(); q.d.id < len(tables) {
		rs = tables[q.d.id]
	}
	if q.count {
		return q.countInto(rs, s.scope, vals, dest)
	}
	err = storage.ErrNotFound
	q.run(rs, s.scope, vals, 1, func(r row) bool {
		err = copyOut(q.d, q.cols, r, dest)
		return false
	})
	return err
}

func (q *query) countInto(rs *rows, tenant string, vals []value, dest []any) error {
	if len(dest) != 1 {
		return errDest("Int", dest)
	}
	n := int64(0)
	q.walk(rs, tenant, vals, false, func(row) bool { n++; return true })
	return assignInt(n, dest[0])
}

func (s *store) Scan(ctx context.Context, sel *storage.Select, args []any) iter.Seq2[storage.Row, error] {
	return func(yield func(storage.Row, error) bool) {
		if err := s.scan(ctx, sel, args, yield); err != nil {
			yield(nil, err)
		}
	}
}

func (s *store) scan(ctx context.Context, sel *storage.Select, args []any, yield func(storage.Row, error) bool) error {
	q, err := s.query(sel)
	if err != nil {
		return err
	}
	if q.scan != nil {
		return q.scan
	}
	vals, err := q.bind(args)
	if err != nil {
		return err
	}
	rs, err := s.db.freeze(ctx, q.d)
	if err != nil {
		return err
	}
	out, n, err := &result{q: q}, 0, error(nil)
	q.run(rs, s.scope, vals, q.limit, func(r row) bool {
		if n++; n%128 == 0 {
			if err = ctx.Err(); err != nil {
				return false
			}
		}
		out.r = r
		return yield(out, nil)
	})
	return err
}

// result is one row of a Scan.
type result struct {
	q *query
	r row
}

func (r *result) Scan(dest ...any) error { return copyOut(r.q.d, r.q.cols, r.r, dest) }

func (s *store) Claim(ctx context.Context, c *storage.Claim, args []any, dest ...any) error {
	shape, err := s.claim(c)
	if err != nil {
		return err
	}
	d := shape.d
	if len(args) != len(shape.set) {
		return errArgs(d, len(args), len(shape.set))
	}
	vals, err := d.values(shape.set, args)
	if err != nil {
		return err
	}
	t, err := s.db.enter(ctx)
	if err != nil {
		return err
	}
	if t == nil {
		return storage.ErrNoTx
	}
	defer t.mu.Unlock()
	r := d.newRow(s.scope, shape.set, vals)
	if rs := t.rows(d); rs != nil {
		if old, ok := d.find(rs, r); ok {
			return copyOut(d, shape.read, old, dest)
		}
	}
	return t.step(func() error {
		rs := t.writable(d)
		if d.meets(rs, r, "") {
			return storage.ErrDuplicate
		}
		d.insert(rs, r)
		return copyOut(d, shape.read, r, dest)
	})
}

func (s *store) claim(c *storage.Claim) (*claim, error) {
	if s.bad != nil {
		return nil, s.bad
	}
	if shape, ok := s.db.shapes.Load(c); ok {
		return shape.(*claim), nil
	}
	d, err := s.db.table(c.Into)
	if err != nil {
		return nil, err
	}
	shape, err := newClaim(d, c)
	if err == nil {
		s.db.shapes.Store(c, shape)
	}
	return shape, err
}

func (s *store) write(w *storage.Write) (*write, error) {
	if shape, ok := s.db.shapes.Load(w); ok {
		return shape.(*write), nil
	}
	d, err := s.db.table(w.Table)
	if err != nil {
		return nil, err
	}
	shape, err := newWrite(d, w)
	if err == nil {
		s.db.shapes.Store(w, shape)
	}
	return shape, err
}

// Apply checks and converts everything before it changes anything.
func (s *store) Apply(ctx context.Context, ops ...storage.Op) ([]int64, error) {
	if s.bad != nil {
		return nil, s.bad
	}
	todo := make([]bound, len(ops))
	for i, op := range ops {
		w, err := s.write(op.Write)
		if err != nil {
			return nil, err
		}
		if todo[i], err = w.bind(op.Args); err != nil {
			return nil, err
		}
	}
	t, err := s.db.enter(ctx)
	if err != nil {
		return nil, err
	}
	if t != nil {
		defer t.mu.Unlock()
		return s.apply(t, todo)
	}
	if t, err = s.db.begin(ctx); err != nil {
		return nil, err
	}
	defer s.db.end(t)
	counts, err := s.apply(t, todo)
	if err != nil {
		return nil, err
	}
	return counts, s.db.commit(t)
}

func (s *store) apply(t *tx, ops []bound) (counts []int64, err error) {
	err = t.step(func() error {
		for i := range ops {
			n, err := ops[i].apply(s.db, t, s.scope)
			if err != nil {
				return err
			}
			if i == 0 || ops[i].Write != ops[i-1].Write {
				counts = append(counts, 0)
			}
			counts[len(counts)-1] += n
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return counts, nil
}
