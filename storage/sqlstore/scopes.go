package sqlstore

import (
	"context"
	"iter"
	"strconv"

	"github.com/gdprkit/gdprkit/storage"
)

// Scopes yields, in ascending order, the tenants that have a row in t. It reads
// one index entry per tenant, and holds nothing while the loop's body runs.
func (db *DB) Scopes(ctx context.Context, t *storage.Table) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		last := ""
		for {
			page, err := db.scopes(ctx, t, last)
			if err != nil {
				yield("", err)
				return
			}
			for _, name := range page {
				if !yield(name, nil) {
					return
				}
				last = name
			}
			if len(page) == 0 {
				return
			}
		}
	}
}

type scopesKey struct{ *storage.Table }

// scopes returns the next tenants after last.
func (db *DB) scopes(ctx context.Context, t *storage.Table, last string) ([]string, error) {
	st := db.cached(scopesKey{t}, func() *statement {
		return db.one(func(b *builder) {
			b.put("SELECT DISTINCT ", b.d.id("tenant"), " FROM ")
			b.table(t)
			b.put(" WHERE ", b.d.id("tenant"), " > ")
			b.tenant()
			b.order([]string{"tenant"}, false)
			b.put(" LIMIT ", strconv.Itoa(pageRows))
		})
	})
	run, err := db.session(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := run.query(st, st.args(last, nil), 0, t.Name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var page []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, run.failed(err, t.Name)
		}
		page = append(page, name)
	}
	return page, run.failed(rows.Err(), t.Name)
}
