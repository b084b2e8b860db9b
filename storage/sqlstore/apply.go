package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/gdprkit/gdprkit/storage"
)

// batch is a statement of a step: part of a run, or on PostgreSQL several runs.
type batch struct {
	parts []part
	*statement
	args []any
}

// part is some consecutive operations of one run.
type part struct {
	*change
	run, rows int
	args      []any
}

func (s *store) Apply(ctx context.Context, ops ...storage.Op) ([]int64, error) {
	if s.bad != nil {
		return nil, s.bad
	}
	parts, runs, err := s.parts(ops)
	if err != nil {
		return nil, err
	}
	t := s.db.current(ctx)
	if t == nil && s.db.opts.RequireTx {
		return nil, storage.ErrNoTx
	}
	if len(parts) == 0 {
		return nil, ctx.Err()
	}
	batches := s.batches(parts)
	counts := make([]int64, runs)
	switch atomic := len(batches) == 1 && batches[0].atomic(s.db.d); {
	case t == nil && atomic:
		err = s.db.retry(ctx, func() error { return s.alone(ctx, batches, counts) })
	case t == nil:
		how := openingOf(parts)
		err = s.db.retry(ctx, func() error {
			return s.db.attempt(ctx, how, func(ctx context.Context) error {
				clear(counts)
				return s.apply(ctx, batches, counts)
			})
		})
	case !atomic && !t.owned && !t.inStep:
		err = t.step(ctx, func(ctx context.Context) error { return s.apply(ctx, batches, counts) })
	default:
		if err = s.apply(ctx, batches, counts); err != nil {
			t.set(&t.doomed)
		}
	}
	if err != nil {
		return nil, err
	}
	return counts, nil
}

// openingOf returns how to begin the transaction of a step.
func openingOf(parts []part) opening {
	for i := range parts {
		switch p := &parts[i]; {
		case p.Verb == storage.Insert:
		case p.Verb == storage.Update && p.Must && len(p.key) > 0:
		default:
			return writing
		}
	}
	return naming
}

// atomic reports whether the statement is a step by itself.
func (b *batch) atomic(d *dialect) bool {
	if len(b.parts) > 1 {
		return true // fails as a whole
	}
	c := b.parts[0].change
	return (!c.Must || c.lone) && !c.careful(d)
}

// alone runs one statement on the pool. If its answer is lost nobody knows
// whether it was committed.
func (s *store) alone(ctx context.Context, batches []batch, counts []int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	clear(counts)
	run, err := s.db.session(ctx)
	if err != nil {
		return err
	}
	first := *s
	if s.db.repeats {
		first.tenant = &once{value: s.tenant}
	}
	err = first.write(run, &batches[0], counts)
	var e *engineError
	if errors.As(err, &e) && (e.class == Lost || e.sentinel == context.Canceled || e.sentinel == context.DeadlineExceeded) {
		return errors.Join(s.db.unknown(ctx, e.cause, e.what), ctx.Err())
	}
	return err
}

// parts checks and converts all arguments before anything is written.
func (s *store) parts(ops []storage.Op) (parts []part, runs int, err error) {
	for i := 0; i < len(ops); runs++ {
		c, err := s.db.change(ops[i].Write)
		if err != nil {
			return nil, 0, err
		}
		end := i + 1
		for end < len(ops) && ops[end].Write == c.Write {
			end++
		}
		for i < end {
			p := part{change: c, run: runs}
			if i, err = p.take(ops[:end], i); err != nil {
				return nil, 0, err
			}
			parts = append(parts, p)
		}
	}
	return parts, runs, nil
}

// take adds operations from i on, all of the same Write, as many as fit into a
// statement, and returns the next.
func (p *part) take(ops []storage.Op, i int) (int, error) {
	most, size := p.most(len(ops)-i), 0
	var seen map[string]bool
	for ; i < len(ops) && p.rows < most && size < maxPacket; i++ {
		args, err := bind(p.Table, p.change.args, p.set, ops[i].Args)
		if err != nil {
			return i, err
		}
		if p.Verb == storage.Put && p.bulk > 1 { // one statement cannot put the same row twice
			key := p.keyOf(args)
			if seen[key] {
				break
			}
			if seen == nil {
				seen = make(map[string]bool)
			}
			seen[key] = true
		}
		if p.rows == 0 && i+1 == len(ops) {
			p.args, p.rows = args, 1
			return i + 1, nil
		}
		if p.args == nil {
			p.args = make([]any, 0, min(most, len(ops)-i)*len(args))
		}
		p.args = append(p.args, args...)
		p.rows++
		for _, a := range args {
			size += width(a)
		}
	}
	if p.wide() {
		p.args = arrays(len(p.change.args), p.args)
	}
	return i, nil
}

func width(arg any) int {
	switch a := arg.(type) {
	case string:
		return len(a) + 4
	case []byte:
		return len(a) + 4
	}
	return 8
}

// apply runs the statements of a step and adds up the rows affected.
func (s *store) apply(ctx context.Context, batches []batch, counts []int64) error {
	for i := range batches {
		run, err := s.db.session(ctx)
		if err != nil {
			return err
		}
		if err := s.write(run, &batches[i], counts); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) write(run session, b *batch, counts []int64) error {
	if len(b.parts) > 1 {
		return s.joined(run, b, counts)
	}
	return s.single(run, b, counts)
}

func (s *store) single(run session, b *batch, counts []int64) error {
	p := &b.parts[0]
	if p.careful(s.db.d) {
		if err := s.putCarefully(run, p); err != nil {
			return err
		}
		counts[p.run] += int64(p.rows)
		return nil
	}
	n, err := run.exec(b.statement, b.statement.args(s.tenant, b.args), p.Table.Name)
	if err != nil {
		return err
	}
	if p.Verb == storage.Put {
		n = int64(p.rows) // MySQL counts 2 for an update
	}
	if p.Must && n != 1 {
		return storage.ErrStale
	}
	counts[p.run] += n
	return nil
}

// once is an argument that refuses to be sent twice. It stops database/sql from
// repeating a write on another connection after the driver took a connection that
// broke afterwards for one that broke before.
type once struct {
	value any
	sent  bool
}

// Value implements driver.Valuer.
func (o *once) Value() (driver.Value, error) {
	if o.sent {
		return nil, driver.ErrBadConn
	}
	o.sent = true
	return o.value, nil
}
