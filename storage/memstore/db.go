package memstore

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
)

// Options configures a [DB]. The zero value of each field is a safe default.
type Options struct {
	// ConflictEvery makes every n-th attempt of a transaction begun by InTx be
	// rolled back at its commit and run again, as databases do when transactions
	// conflict. Default: 0, never.
	ConflictEvery int
	// Retries is how often InTx runs again before it gives up with
	// storage.ErrConflict; negative: never. Default: 10.
	Retries int
	// Traits takes the place of what the stores say about themselves, so that a
	// test sees how a part works with another engine. Default: SealInside.
	Traits *storage.Traits
}

// DB is a set of tables in memory. It implements [storage.Directory]. Use [New].
type DB struct {
	opts     Options
	key      any // boxed once: the context key of its transactions
	traits   storage.Traits
	snapshot atomic.Pointer[[]*rows] // by table id
	writer   chan struct{}           // holds one element while somebody writes
	attempts atomic.Int64

	mu     sync.Mutex // guards byName and the making of tables
	byName map[string]*table
	tables sync.Map // *storage.Table -> *table
	shapes sync.Map // *storage.Select -> *query, *storage.Write -> *write, *storage.Claim -> *claim
}

// New returns an empty database. Options may be nil.
func New(o *Options) *DB {
	db := &DB{writer: make(chan struct{}, 1), byName: map[string]*table{}}
	if o != nil {
		db.opts = *o
	}
	if db.opts.Retries == 0 {
		db.opts.Retries = 10
	}
	db.traits = storage.Traits{SealInside: true}
	if db.opts.Traits != nil {
		db.traits = *db.opts.Traits
	}
	db.key = storage.TxKey{DB: db}
	db.snapshot.Store(new([]*rows))
	return db
}

var _ storage.Directory = (*DB)(nil)

// Tenant returns the store of a tenant. The name has 1 to 191 bytes of UTF-8
// without control characters; otherwise each call of the store returns an error
// that wraps gdpr.ErrInvalid.
func (db *DB) Tenant(name string) storage.Store {
	return &store{db: db, scope: strings.Clone(name), bad: checkScope(name)}
}

func checkScope(name string) error {
	switch {
	case name == "":
		return gdpr.Invalid("Tenant", "is empty")
	case len(name) > 191:
		return gdpr.Invalid("Tenant", "has %d bytes; the limit is 191", len(name))
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return gdpr.Invalid("Tenant", "must be UTF-8 without control characters")
	}
	return nil
}

// Scopes yields, in ascending order, the tenants that have a row in t.
func (db *DB) Scopes(ctx context.Context, t *storage.Table) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		d, err := db.table(t)
		if err != nil {
			yield("", err)
			return
		}
		rs, err := db.freeze(ctx, d)
		if err != nil {
			yield("", err)
			return
		}
		for last, more := "", rs != nil; more; {
			more = false
			rs.roots[0].ascend(func(r row) bool { s, _ := r.text(0); return s <= last }, func(r row) bool {
				last, _ = r.text(0)
				more = true
				return false
			})
			if more && !yield(strings.Clone(last), nil) {
				return
			}
		}
	}
}

// table returns what is known of t, which it learns at first use.
func (db *DB) table(t *storage.Table) (*table, error) {
	if d, ok := db.tables.Load(t); ok {
		return d.(*table), nil
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if d, ok := db.tables.Load(t); ok {
		return d.(*table), nil
	}
	if db.byName[t.Name] != nil {
		return nil, fmt.Errorf("memstore: two tables are called %s", t.Name)
	}
	d, err := newTable(t, len(db.byName))
	if err != nil {
		return nil, err
	}
	db.byName[t.Name] = d
	db.tables.Store(t, d)
	return d, nil
}

// permits reports whether the erasure of the subject of r is open.
func (db *DB) permits(t *tx, tenant string, d *table, r row) bool {
	p, err := db.table(schema.Permit)
	if err != nil {
		return false
	}
	subject, _ := r.text(d.subject)
	want := newRow(p.kinds, []value{{s: tenant}, {s: subject}})
	rs := t.rows(p)
	return rs != nil && p.exists(rs, 0, want, "")
}
