package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/gdpr"
	"github.com/gdprkit/gdprkit/storage"
)

var note = &storage.Table{Name: "gdpr_note", Key: []string{"a", "b"}, Unique: [][]string{{"ref"}}, Columns: []storage.Column{
	{Name: "a", Kind: storage.Text, Size: 10},
	{Name: "b", Kind: storage.Int},
	{Name: "ref", Kind: storage.Bytes, Size: 16},
	{Name: "body", Kind: storage.Bytes, Null: true},
}}

// noDriver is a driver that connects to nothing.
type noDriver struct{}

func (noDriver) Connect(context.Context) (driver.Conn, error) { return nil, driver.ErrBadConn }
func (n noDriver) Driver() driver.Driver                      { return n }
func (noDriver) Open(string) (driver.Conn, error)             { return nil, driver.ErrBadConn }

func open(t *testing.T, d Dialect) *DB {
	t.Helper()
	db, err := New(sql.OpenDB(noDriver{}), d, nil)
	require.NoError(t, err)
	return db
}

func TestSelectText(t *testing.T) {
	s := &storage.Select{From: note, Columns: []string{"a", "b", "body"}, Order: []string{"a", "b"}, Mode: storage.Current}
	for d, want := range map[Dialect]string{
		SQLite:   `SELECT "a", "b", "body" FROM "gdpr_note" WHERE "tenant" = ? AND ("a", "b") > (?, ?) ORDER BY "a", "b" LIMIT 500`,
		Postgres: `SELECT "a", "b", "body" FROM "gdpr_note" WHERE "tenant" = $1 AND ("a", "b") > ($2, $3) ORDER BY "a", "b" LIMIT 500`,
		MySQL:    "SELECT `a`, `b`, `body` FROM `gdpr_note` WHERE `tenant` = ? AND `a` >= ? AND (`a` > ? OR (`a` = ? AND `b` > ?)) ORDER BY `a`, `b` LIMIT 500 LOCK IN SHARE MODE",
	} {
		r, err := open(t, d).newRead(s)
		require.NoError(t, err)
		require.Equal(t, want, r.next[1].text)
	}
	r, err := open(t, MySQL).newRead(s)
	require.NoError(t, err)
	require.Equal(t, []any{"t", "x", "x", "x", 1}, r.next[0].args("t", []any{"x", 1}))
}

// A column that Where holds to one value is no part of the place where a page
// continues.
func TestSelectCursor(t *testing.T) {
	s := &storage.Select{From: note, Columns: []string{"b"}, Where: storage.By("a"), Order: []string{"a", "b"}, Desc: true, Limit: 7}
	r, err := open(t, Postgres).newRead(s)
	require.NoError(t, err)
	require.NoError(t, r.noScan)
	require.Equal(t, `SELECT "b" FROM "gdpr_note" WHERE "tenant" = $1 AND "a" = $2 AND "b" < $3 ORDER BY "a" DESC, "b" DESC LIMIT 7`, r.next[0].text)
}

func TestScanNeedsUniqueOrder(t *testing.T) {
	for _, s := range []*storage.Select{
		{From: note, Columns: []string{"a", "b"}, Order: []string{"a"}},
		{From: note, Columns: []string{"a"}, Order: []string{"a", "b"}},
		{From: note, Columns: []string{storage.Count}},
	} {
		r, err := open(t, SQLite).newRead(s)
		require.NoError(t, err)
		require.Error(t, r.noScan)
	}
	_, err := open(t, SQLite).newRead(&storage.Select{From: note, Columns: []string{"c"}})
	require.ErrorContains(t, err, `no column "c"`)
}

func TestWriteText(t *testing.T) {
	put := &storage.Write{Verb: storage.Put, Table: note, Set: []string{"a", "b", "body"}}
	insertNew := &storage.Write{Verb: storage.InsertNew, Table: note, Set: []string{"a", "b"}}
	remove := &storage.Write{Verb: storage.Delete, Table: note, Where: storage.By("a", "b")}
	removeRef := &storage.Write{Verb: storage.Delete, Table: note, Where: storage.By("ref")}
	add := &storage.Write{Verb: storage.Update, Table: note, Set: []string{"body"}, Add: []string{"b"}, Where: storage.By("a")}
	for _, c := range []struct {
		d    Dialect
		w    *storage.Write
		n    int
		want string
	}{
		{SQLite, put, 1, `INSERT INTO "gdpr_note" ("tenant", "a", "b", "body") VALUES (?, ?, ?, ?) ON CONFLICT ("tenant", "a", "b") DO UPDATE SET "body" = excluded."body"`},
		{SQLite, insertNew, 2, `INSERT INTO "gdpr_note" ("tenant", "a", "b") VALUES (?1, ?, ?), (?1, ?, ?) ON CONFLICT DO NOTHING`},
		{Postgres, insertNew, 2, `INSERT INTO "gdpr_note" ("tenant", "a", "b") VALUES ($1, $2, $3), ($1, $4, $5) ON CONFLICT DO NOTHING`},
		{MySQL, insertNew, 1, "INSERT IGNORE INTO `gdpr_note` (`tenant`, `a`, `b`) VALUES (?, ?, ?)"},
		{Postgres, remove, 2, `DELETE FROM "gdpr_note" WHERE "tenant" = $1 AND (("a" = $2 AND "b" = $3) OR ("a" = $4 AND "b" = $5))`},
		{Postgres, remove, 17, `DELETE FROM "gdpr_note" USING (SELECT unnest($2::text[]) AS _0, unnest($3::bigint[]) AS _1) AS v WHERE "tenant" = $1 AND "a" = v._0 AND "b" = v._1`},
		{Postgres, removeRef, 1000, `DELETE FROM "gdpr_note" WHERE "tenant" = $1 AND "ref" = ANY ($2::bytea[])`},
		{MySQL, add, 1, "UPDATE `gdpr_note` SET `body` = ?, `b` = `b` + ? WHERE `tenant` = ? AND `a` = ?"},
	} {
		db := open(t, c.d)
		change, err := db.newChange(c.w)
		require.NoError(t, err)
		require.Equal(t, c.want, db.statement(change, c.n).text)
	}
}

// On PostgreSQL neighbouring writes to different rows are one statement.
func TestJoinText(t *testing.T) {
	db := open(t, Postgres)
	s := db.Tenant("t").(*store)
	set := &storage.Write{Verb: storage.Update, Table: note, Set: []string{"body"}, Where: storage.By("a", "b"), Must: true}
	other := &storage.Table{Name: "gdpr_other", Key: []string{"a"}, Columns: note.Columns[:1]}
	add := &storage.Write{Verb: storage.Insert, Table: other, Set: []string{"a"}}
	parts, runs, err := s.parts([]storage.Op{set.With([]byte{1}, "x", 1), add.With("y"), add.With("z"), set.With([]byte{1}, "x", 1)})
	require.NoError(t, err)
	require.Equal(t, 3, runs)
	batches := s.batches(parts)
	require.Len(t, batches, 2, "the last write meets the row of the first")
	require.Equal(t, `WITH w0 AS (UPDATE "gdpr_note" SET "body" = $2 WHERE "tenant" = $1 AND "a" = $3 AND "b" = $4 RETURNING 1), `+
		`w1 AS (INSERT INTO "gdpr_other" ("tenant", "a") VALUES ($1, $5), ($1, $6) RETURNING 1) `+
		`SELECT 1 / CASE WHEN (SELECT count(*) FROM w0) = 1 THEN 1 ELSE 0 END, (SELECT count(*) FROM w1)`, batches[0].text)
	require.Equal(t, []any{"t", []byte{1}, "x", int64(1), "y", "z"}, batches[0].statement.args("t", batches[0].args))
}

func TestWriteRefused(t *testing.T) {
	for _, w := range []*storage.Write{
		{},
		{Verb: storage.Insert, Table: note, Set: []string{"a"}},
		{Verb: storage.Insert, Table: note, Set: []string{"a", "b"}, Where: storage.By("a")},
		{Verb: storage.Update, Table: note, Where: storage.By("a")},
		{Verb: storage.Update, Table: note, Add: []string{"a"}, Where: storage.By("a")},
		{Verb: storage.Delete, Table: note, Set: []string{"a"}},
		{Verb: 9, Table: note},
	} {
		_, err := open(t, SQLite).newChange(w)
		require.Error(t, err)
	}
}

func TestBind(t *testing.T) {
	type name string
	columns := []*storage.Column{&note.Columns[0], &note.Columns[1], &note.Columns[2], &note.Columns[3]}
	got, err := bind(note, columns, 4, []any{name("x"), true, []byte(nil), nil})
	require.NoError(t, err)
	require.Equal(t, []any{"x", int64(1), []byte{}, nil}, got)
	for _, args := range [][]any{
		{"12345678901", 1, []byte{}, nil}, {"\xff", 1, []byte{}, nil}, {"a\x00", 1, []byte{}, nil},
		{[]byte("x"), 1, []byte{}, nil}, {"x", "1", []byte{}, nil}, {"x", 1.5, []byte{}, nil}, {nil, 1, []byte{}, nil},
		{"x", 1, make([]byte, 17), nil}, {"x", 1, nil, nil}, {"x", 1, "text", nil},
	} {
		_, err := bind(note, columns, 4, args)
		require.ErrorIs(t, err, gdpr.ErrInvalid)
		require.ErrorContains(t, err, "gdpr_note.")
	}
	_, err = bind(note, columns, 0, []any{"longer than its column", 1, []byte{}, []byte{}})
	require.NoError(t, err, "a comparison has no limit")
}

// What the index of a sparse column leaves out is excluded in the same words.
func TestSparseColumn(t *testing.T) {
	sparse := &storage.Table{Name: "gdpr_due", Key: []string{"id"}, Index: [][]string{{"until", "id"}}, Columns: []storage.Column{
		{Name: "id", Kind: storage.Int}, {Name: "until", Kind: storage.Int, Sparse: true}}}
	s := &storage.Select{From: sparse, Columns: []string{"until", "id"}, Order: []string{"until", "id"},
		Where: []storage.Term{{Column: "until", Cmp: storage.Gt}, {Column: "until", Cmp: storage.Le}}}
	for d, want := range map[Dialect][2]string{
		SQLite: {`CREATE INDEX IF NOT EXISTS "gdpr_due_i1" ON "gdpr_due" ("tenant", "until", "id") WHERE "until" <> 0`,
			`SELECT "until", "id" FROM "gdpr_due" WHERE "tenant" = ? AND "until" > ? AND "until" <= ? AND "until" <> 0 ORDER BY "until", "id" LIMIT 500`},
		Postgres: {`CREATE INDEX IF NOT EXISTS "gdpr_due_i1" ON "gdpr_due" ("tenant", "until", "id") WHERE "until" <> 0`,
			`SELECT "until", "id" FROM "gdpr_due" WHERE "tenant" = $1 AND "until" > $2 AND "until" <= $3 AND "until" <> 0 ORDER BY "until", "id" LIMIT 500`},
		MySQL: {"INDEX `gdpr_due_i1` (`tenant`, `until`, `id`)\n",
			"SELECT `until`, `id` FROM `gdpr_due` WHERE `tenant` = ? AND `until` > ? AND `until` <= ? ORDER BY `until`, `id` LIMIT 500"},
	} {
		r, err := open(t, d).newRead(s)
		require.NoError(t, err)
		require.Equal(t, want[1], r.first[0].text)
		require.Contains(t, strings.Join(CreateTable(d, sparse), "\n"), want[0])
	}
}
