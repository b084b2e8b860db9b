package sqlstore

import (
	"context"

	"github.com/gdprkit/gdprkit/storage"
)

// store holds the rows of one tenant.
type store struct {
	db     *DB
	scope  string
	tenant any   // scope, boxed once
	bad    error // what is wrong with scope
}

func (s *store) Scope() string          { return s.scope }
func (s *store) Traits() storage.Traits { return s.db.d.traits }

// State tells of a finished transaction as of a living one, so that the caller
// goes on and gets ErrTxDone.
func (s *store) State(ctx context.Context) storage.State {
	switch t := s.db.current(ctx); {
	case t == nil:
		return storage.Outside
	case t.owned:
		return storage.Owned
	}
	return storage.Joined
}

func (s *store) InTx(ctx context.Context, f func(context.Context) error) error {
	if s.bad != nil {
		return s.bad
	}
	return s.db.InTx(ctx, f)
}

func (s *store) Get(ctx context.Context, sel *storage.Select, args []any, dest ...any) error {
	if s.bad != nil {
		return s.bad
	}
	r, err := s.db.read(sel)
	if err != nil {
		return err
	}
	if args, err = bind(r.From, r.args, 0, args); err != nil {
		return err
	}
	columns := r.columns
	if columns == nil {
		columns = countColumns
	}
	if dest, err = s.db.d.dests(r.From, columns, dest, nil); err != nil {
		return err
	}
	run, err := s.db.session(ctx)
	if err != nil {
		return err
	}
	st := run.db.causal(run, sel.Mode, r.get[run.lock(sel.Mode)])
	return run.row(st, st.args(s.tenant, args), run.readPool(sel.Mode), r.From.Name, dest)
}

var countColumns = []*storage.Column{{Name: storage.Count, Kind: storage.Int}}

// causal returns the statement of a read that must see what any node of a Galera
// cluster has committed, and otherwise st itself.
func (db *DB) causal(run session, m storage.Mode, st *statement) *statement {
	if m != storage.Current || run.t != nil || db.dialect != MySQL || !db.engine.Load().galera {
		return st
	}
	return db.cached(causalKey{st}, func() *statement {
		return &statement{text: waiting + st.text, plan: st.plan}
	})
}

type causalKey struct{ *statement }
