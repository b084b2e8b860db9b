package memstore

import (
	"context"
	"slices"
	"sync"

	"github.com/gdprkit/gdprkit/storage"
)

// tx is an attempt of a transaction: the tables as it sees them.
type tx struct {
	mu     sync.Mutex // one call at a time
	tables []*rows    // by table id
	token  *token
	done   bool
	doomed bool // a step failed; there is no commit
}

// rows returns the content of d for reading, or nil if it never had any.
func (t *tx) rows(d *table) *rows {
	if d.id < len(t.tables) {
		return t.tables[d.id]
	}
	return nil
}

// writable returns the content of d for changing.
func (t *tx) writable(d *table) *rows {
	for len(t.tables) <= d.id {
		t.tables = append(t.tables, nil)
	}
	switch rs := t.tables[d.id]; {
	case rs == nil:
		t.tables[d.id] = &rows{owner: t.token, roots: make([]*node, len(d.trees))}
	case rs.owner != t.token:
		t.tables[d.id] = &rows{owner: t.token, roots: slices.Clone(rs.roots)}
	}
	return t.tables[d.id]
}

// freeze makes everything that the tables now hold unchangeable.
func (t *tx) freeze() { t.token = new(token) }

// step runs f with the lock held and undoes its writes if it fails.
func (t *tx) step(f func() error) error {
	t.freeze()
	before := slices.Clone(t.tables)
	err := f()
	if err != nil {
		t.tables = before
		t.freeze()
		t.doomed = true
	}
	return err
}

// current returns the transaction that ctx holds for db, or nil.
func (db *DB) current(ctx context.Context) *tx {
	t, _ := ctx.Value(db.key).(*tx)
	return t
}

// enter locks the transaction that ctx holds for one call. Without one it
// returns nil.
func (db *DB) enter(ctx context.Context) (*tx, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t := db.current(ctx)
	if t == nil {
		return nil, nil
	}
	t.mu.Lock()
	if t.done {
		t.mu.Unlock()
		return nil, storage.ErrTxDone
	}
	return t, nil
}

// freeze returns the content of d as ctx sees it, which nobody changes any more.
// It is nil if d never had any.
func (db *DB) freeze(ctx context.Context, d *table) (*rows, error) {
	t, err := db.enter(ctx)
	if err != nil {
		return nil, err
	}
	if t != nil {
		defer t.mu.Unlock()
		t.freeze()
		return t.rows(d), nil
	}
	if tables := *db.snapshot.Load(); d.id < len(tables) {
		return tables[d.id], nil
	}
	return nil, nil
}

// InTx runs f in a transaction, over all tenants: see [storage.Store].
func (db *DB) InTx(ctx context.Context, f func(context.Context) error) error {
	if db.current(ctx) != nil {
		return db.nested(ctx, f)
	}
	for range max(db.opts.Retries, 0) + 1 {
		again, err := db.attempt(ctx, f)
		if !again {
			return err
		}
	}
	return storage.ErrConflict
}

func (db *DB) nested(ctx context.Context, f func(context.Context) error) (err error) {
	t, err := db.enter(ctx)
	if err != nil {
		return err
	}
	t.freeze()
	before := slices.Clone(t.tables)
	t.mu.Unlock()
	finished := false
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if !finished || err != nil {
			t.tables = before
			t.freeze()
			t.doomed = true
		}
	}()
	err = f(ctx)
	finished = true
	return err
}

// attempt runs f once. It reports true if it has to run again.
func (db *DB) attempt(ctx context.Context, f func(context.Context) error) (again bool, err error) {
	t, err := db.begin(ctx)
	if err != nil {
		return false, err
	}
	defer db.end(t)
	inner, hooks := storage.WithHooks(context.WithValue(ctx, db.key, t))
	if err := f(inner); err != nil {
		return false, err
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if n := db.opts.ConflictEvery; n > 0 && db.attempts.Add(1)%int64(n) == 0 {
		return true, nil
	}
	if err := db.commit(t); err != nil {
		return false, err
	}
	hooks.Run()
	return false, nil
}

// begin waits for the writer.
func (db *DB) begin(ctx context.Context) (*tx, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case db.writer <- struct{}{}:
		return &tx{tables: slices.Clone(*db.snapshot.Load()), token: new(token)}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// end finishes t, without effect if it has committed.
func (db *DB) end(t *tx) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.done {
		t.done = true
		<-db.writer
	}
}

func (db *DB) commit(t *tx) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.doomed {
		return storage.ErrRolledBack
	}
	tables := t.tables
	db.snapshot.Store(&tables)
	t.done = true
	<-db.writer
	return nil
}
