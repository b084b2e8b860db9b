package audittest

import (
	"context"
	"slices"
	"testing"

	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
	"github.com/stretchr/testify/require"
)

// row is the content of a row in the order of the columns: int64, string or []byte.
type row []any

func (r row) clone() row {
	c := slices.Clone(r)
	for i, v := range c {
		if b, ok := v.([]byte); ok {
			c[i] = slices.Clone(b)
		}
	}
	return c
}

// raw reaches the rows of a table behind the back of the log.
type raw struct {
	t     testing.TB
	s     storage.Store
	table *storage.Table
	all   *storage.Select
	ins   *storage.Write
	del   *storage.Write
}

func rawTable(t testing.TB, s storage.Store, table *storage.Table) *raw {
	var columns []string
	for _, c := range table.Columns {
		columns = append(columns, c.Name)
	}
	return &raw{
		t: t, s: s, table: table,
		all: &storage.Select{From: table, Columns: columns, Order: table.Key},
		ins: &storage.Write{Verb: storage.Insert, Table: table, Set: columns},
		del: &storage.Write{Verb: storage.Delete, Table: table, Where: storage.By(table.Key...)},
	}
}

func (r *raw) index(column string) int {
	return slices.IndexFunc(r.table.Columns, func(c storage.Column) bool { return c.Name == column })
}

func (r *raw) rows() []row {
	r.t.Helper()
	var out []row
	for x, err := range r.s.Scan(context.Background(), r.all, nil) {
		require.NoError(r.t, err)
		vals := make(row, len(r.table.Columns))
		dest := make([]any, len(vals))
		for i, c := range r.table.Columns {
			switch c.Kind {
			case storage.Int:
				dest[i] = new(int64)
			case storage.Text:
				dest[i] = new(string)
			default:
				dest[i] = new([]byte)
			}
		}
		require.NoError(r.t, x.Scan(dest...))
		for i, d := range dest {
			switch d := d.(type) {
			case *int64:
				vals[i] = *d
			case *string:
				vals[i] = *d
			case *[]byte:
				vals[i] = slices.Clone(*d)
				if *d == nil {
					vals[i] = nil
				} else if len(*d) == 0 {
					vals[i] = []byte{}
				}
			}
		}
		out = append(out, vals)
	}
	return out
}

func (r *raw) key(x row) []any {
	var k []any
	for _, c := range r.table.Key {
		k = append(k, x[r.index(c)])
	}
	return k
}

func (r *raw) ops(remove, add []row) []storage.Op {
	var ops []storage.Op
	for _, x := range remove {
		ops = append(ops, r.del.With(r.key(x)...))
	}
	for _, x := range add {
		ops = append(ops, r.ins.With(x...))
	}
	return ops
}

// swap replaces rows. It reports an error of the store, which may refuse.
func (r *raw) swap(remove, add []row) error {
	ctx := context.Background()
	return r.s.InTx(ctx, func(ctx context.Context) error {
		_, err := r.s.Apply(ctx, r.ops(remove, add)...)
		return err
	})
}

var auditTables = []*storage.Table{
	schema.AuditHead, schema.AuditEntry, schema.AuditSubject, schema.AuditStage, schema.AuditKey,
	schema.AuditTile, schema.AuditCheckpoint, schema.AuditRedaction,
}

// dump reads everything that the log stores for a tenant.
func dump(t testing.TB, s storage.Store) map[*storage.Table][]row {
	all := map[*storage.Table][]row{}
	for _, table := range auditTables {
		all[table] = rawTable(t, s, table).rows()
	}
	return all
}

// restore sets the tables back to a dump.
func restore(t testing.TB, s storage.Store, old map[*storage.Table][]row) {
	t.Helper()
	for _, table := range auditTables {
		r := rawTable(t, s, table)
		require.NoError(t, r.swap(r.rows(), old[table]))
	}
}

// Backup reads what the log stores for a tenant and returns what sets it back.
func Backup(t testing.TB, s storage.Store) (restored func()) {
	old := dump(t, s)
	return func() { restore(t, s, old) }
}
