package sqlstore

import (
	"context"
	"errors"
	"iter"

	"github.com/gdprkit/gdprkit/storage"
)

// Scopes yields, in ascending order, the tenants that have a row in t. Each is one
// look-up in the key, however many rows it has, and nothing is held while the
// loop's body runs.
func (db *DB) Scopes(ctx context.Context, t *storage.Table) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for last := ""; ; {
			next, err := db.scopeAfter(ctx, t, last)
			if errors.Is(err, storage.ErrNotFound) || !yield(next, err) || err != nil {
				return
			}
			last = next
		}
	}
}

type scopesKey struct{ *storage.Table }

// scopeAfter returns the next tenant after last, or storage.ErrNotFound.
func (db *DB) scopeAfter(ctx context.Context, t *storage.Table, last string) (next string, err error) {
	st := db.cached(scopesKey{t}, func() *statement {
		return db.one(func(b *builder) {
			b.put("SELECT ", b.d.id("tenant"), " FROM ")
			b.table(t)
			b.put(" WHERE ", b.d.id("tenant"), " > ")
			b.tenant()
			b.order([]string{"tenant"}, false)
			b.put(" LIMIT 1")
		})
	})
	run, err := db.session(ctx)
	if err != nil {
		return "", err
	}
	err = run.row(st, st.args(last, nil), 0, t.Name, []any{&next})
	return next, err
}
