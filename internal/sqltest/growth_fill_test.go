package sqltest_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"math/bits"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit/merkle"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
	"github.com/gdprkit/gdprkit/storage/schema"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// filler makes the rows that n persons leave behind, inside the server: for each one
// a consent, its record, an entry of the log with its alias, and a row of the host.
// Columns have the sizes that the library writes; hashes are made up, and so the
// log does not verify, but everything that reads or writes a part of it works.
type filler struct {
	t    testing.TB
	d    sqlstore.Dialect
	pool *sql.DB
	log  string // id of the log, 32 hex digits
	text string // hash of the words, hex
}

// fillBase is a time in the past, in milliseconds: row i is so many later.
const fillBase = 1_700_000_000_000

func fillSubject(i int) string { return fmt.Sprintf("c-%09d", i) }

// cat joins SQL expressions of text.
func (f *filler) cat(parts ...string) string {
	if f.d == sqlstore.MySQL {
		return "CONCAT(" + strings.Join(parts, ", ") + ")"
	}
	return "(" + strings.Join(parts, " || ") + ")"
}

// hex returns a number in lower-case hex digits of a fixed width.
func (f *filler) hex(width int, expr string) string {
	switch f.d {
	case sqlstore.SQLite:
		return fmt.Sprintf("printf('%%0%dx', %s)", width, expr)
	case sqlstore.Postgres:
		return fmt.Sprintf("lpad(to_hex(CAST(%s AS BIGINT)), %d, '0')", expr, width)
	}
	return fmt.Sprintf("LPAD(LOWER(HEX(CAST(%s AS SIGNED))), %d, '0')", expr, width)
}

func (f *filler) bytes(hex string) string {
	if f.d == sqlstore.Postgres {
		return "decode(" + hex + ", 'hex')"
	}
	return "unhex(" + hex + ")"
}

func (f *filler) subject() string {
	switch f.d {
	case sqlstore.SQLite:
		return "printf('c-%09d', i)"
	case sqlstore.Postgres:
		return "('c-' || lpad(CAST(i AS TEXT), 9, '0'))"
	}
	return "CONCAT('c-', LPAD(i, 9, '0'))"
}

// text turns an expression into bytes where the column holds bytes.
func (f *filler) blob(expr string) string {
	switch f.d {
	case sqlstore.SQLite:
		return "CAST(" + expr + " AS BLOB)"
	case sqlstore.Postgres:
		return "convert_to(" + expr + ", 'UTF8')"
	}
	return expr
}

const spread = "((i * 2654435761) % 4294967296)"

// id is a UUID of version 7 as 32 hex digits, and uuid the same with dashes.
func (f *filler) id() string {
	return f.cat(f.hex(12, fmt.Sprint(int64(fillBase), " + i")), "'7000a000'", f.hex(12, spread))
}

func (f *filler) uuid() string {
	return f.cat(f.hex(8, fmt.Sprintf("(%d + i) / 65536", int64(fillBase))), "'-'", f.hex(4, fmt.Sprintf("(%d + i) %% 65536", int64(fillBase))),
		"'-7000-a000-'", f.hex(12, spread))
}

// token is the alias of a subject: 22 characters without order.
func (f *filler) token() string { return f.cat("'T'", f.hex(8, spread), f.hex(12, "i"), "'A'") }

func (f *filler) micros() string { return fmt.Sprintf("(%d + i * 1000)", int64(fillBase)*1000) }

func (f *filler) digits(expr string) string {
	if f.d == sqlstore.MySQL {
		return expr
	}
	return "CAST(" + expr + " AS TEXT)"
}

// numbers is FROM with rows i of lo to hi.
func (f *filler) numbers(lo, hi int) (with, from string) {
	switch f.d {
	case sqlstore.SQLite:
		return fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT %d UNION ALL SELECT i + 1 FROM n WHERE i < %d) ", lo, hi), " FROM n"
	case sqlstore.Postgres:
		return "", fmt.Sprintf(" FROM generate_series(CAST(%d AS BIGINT), %d) AS n(i)", lo, hi)
	}
	return "", fmt.Sprintf(" FROM (SELECT seq AS i FROM seq_%d_to_%d) n", lo, hi)
}

// insert fills a table with a row for each number, in transactions of bounded size.
func (f *filler) insert(table, columns string, from, to int, exprs ...string) {
	const part = 500_000
	for lo := from; lo <= to; lo += part {
		with, numbers := f.numbers(lo, min(lo+part-1, to))
		text := "SELECT " + strings.Join(exprs, ", ") + numbers
		if f.d == sqlstore.MySQL {
			text = "INSERT INTO " + table + " (" + columns + ") " + text
		} else {
			text = with + "INSERT INTO " + table + " (" + columns + ") " + text
		}
		_, err := f.pool.ExecContext(f.t.Context(), text)
		require.NoError(f.t, err, "%.200s", text)
	}
}

// fill makes the rows of persons 1 to n. The log has been opened.
func (f *filler) fill(n int) {
	subject, id, at := f.subject(), f.bytes(f.id()), f.micros()
	null, zero := f.bytes("''"), f.bytes("'00000000000000000000000000000000'")
	body := f.blob(f.cat(`'{"pairs":{"news|email":{"status":4,"event":"'`, f.uuid(), `'","version":1,"from":'`, f.digits(at), `'}}}'`))
	f.insert("gdpr_consent", "tenant, purpose, channel, subject, seq, event, body", 1, n, "'acme'", "'*'", "''", subject, "1", zero, body)
	f.insert("gdpr_consent", "tenant, purpose, channel, subject, status, version, valid_from, event", 1, n,
		"'acme'", "'news'", "'email'", subject, "4", "1", at, id)
	f.insert("gdpr_consent_event", "tenant, subject, seq, id, kind, purpose, channel, version, at, recorded, ground, text_hash, proof_hash, idem, request, detail", 1, n,
		"'acme'", subject, "1", id, "'given'", "'news'", "'email'", "1", at, at, "'A6-1-a'", f.bytes("'"+f.text+"'"), null, id,
		f.bytes(f.cat(f.id(), f.id())), `'{"method":"checkbox","by":"subject","language":"en"}'`)
	f.insert("gdpr_audit_alias", "tenant, domain, subject, token", 1, n, "'acme'", "'audit'", subject, f.token())
	hash := f.bytes(f.cat(f.id(), f.id()))
	leaf := f.blob(f.cat(`'{"v":1,"log":"`+f.log+`","id":"'`, f.uuid(), `'","salt":"T`+strings.Repeat("0", 20)+`A","at":'`, f.digits(at),
		`',"by":"","act":"contact.read","sub":["'`, f.token(), `'"],"attr":[["n","i","7"]]}'`))
	f.insert("gdpr_audit_entry", "tenant, log, seq, id, at, action, sub, leaf, hash, chain", 1, n,
		"'acme'", "1", "i", id, at, "'contact.read'", f.token(), leaf, hash, hash)
	f.insert("crm", "id, subject, a", 1, n, "i", subject, at)
	f.tree(n + 1) // the log has an opening entry
}

// tree makes tiles and head of a log of that size.
func (f *filler) tree(size int) {
	if full := size / merkle.TileWidth; full > 0 {
		tile := "unhex(REPEAT(MD5(i), 512))"
		switch f.d {
		case sqlstore.SQLite:
			tile = "randomblob(8192)"
		case sqlstore.Postgres:
			tile = "(SELECT decode(string_agg(md5(CAST(n.i * 512 + k AS TEXT)), ''), 'hex') FROM generate_series(1, 512) AS k)"
		}
		f.insert("gdpr_audit_tile", "tenant, log, level, idx, hashes", 0, full-1, "'acme'", "1", "0", "i", tile)
	}
	db, err := sqlstore.New(f.pool, f.d, nil)
	require.NoError(f.t, err)
	s := db.Tenant("acme")
	put := &storage.Write{Verb: storage.Put, Table: schema.AuditTile, Set: []string{"log", "level", "idx", "hashes"}}
	level := 1
	for nodes := size / merkle.TileWidth; nodes > 0; nodes /= merkle.TileWidth {
		for idx := 0; idx*merkle.TileWidth < nodes; idx++ {
			width := min(merkle.TileWidth, nodes-idx*merkle.TileWidth)
			_, err := s.Apply(f.t.Context(), put.With(1, level, idx, bytes.Repeat([]byte{byte(idx + 1)}, 32*width)))
			require.NoError(f.t, err)
		}
		level++
	}
	frontier := bytes.Repeat([]byte{9}, 32*bits.OnesCount(uint(size)))
	tree, ok := merkle.ParseFrontier(uint64(size), frontier)
	require.True(f.t, ok)
	root := tree.Root()
	move := &storage.Write{Verb: storage.Update, Table: schema.AuditHead, Set: []string{"size", "root", "frontier"}, Where: storage.By("slot"), Must: true}
	_, err = s.Apply(f.t.Context(), move.With(size, root[:], frontier, 0))
	require.NoError(f.t, err)
}

// honest gives the entry of one person its true hash, so that it can be read.
func (f *filler) honest(i int) {
	at := fmt.Sprintf(" WHERE tenant = 'acme' AND log = 1 AND seq = %d", i)
	var leaf []byte
	require.NoError(f.t, f.pool.QueryRow("SELECT leaf FROM gdpr_audit_entry"+at).Scan(&leaf))
	hash := merkle.Leaf(leaf)
	_, err := f.pool.Exec("UPDATE gdpr_audit_entry SET hash = " + f.bytes(fmt.Sprintf("'%x'", hash[:])) + at)
	require.NoError(f.t, err)
}

// settle does what a server does by itself in the hours after such a load.
func (f *filler) settle() {
	texts := map[sqlstore.Dialect][]string{
		sqlstore.SQLite:   {"PRAGMA optimize", "PRAGMA wal_checkpoint(TRUNCATE)"},
		sqlstore.Postgres: {"VACUUM ANALYZE", "CHECKPOINT"},
		sqlstore.MySQL:    {"ANALYZE TABLE gdpr_consent, gdpr_consent_event, gdpr_audit_entry, gdpr_audit_alias, crm"},
	}[f.d]
	for _, text := range texts {
		_, err := f.pool.ExecContext(f.t.Context(), text)
		require.NoError(f.t, err, text)
	}
}

// fillPool is a pool for loading: without the durability that nobody needs there.
func fillPool(t testing.TB, e *sqltest.Engine, dsn string) *sql.DB {
	pool := e.SQL(t, dsn)
	pool.SetMaxOpenConns(1)
	switch e.Dialect {
	case sqlstore.SQLite:
		run(t, pool, "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -1500000")
	case sqlstore.MySQL:
		run(t, pool, "SET SESSION unique_checks = 0", "SET SESSION foreign_key_checks = 0")
	}
	return pool
}

var tableSizes = map[sqlstore.Dialect]string{
	sqlstore.SQLite:   "SELECT sum(d.pgsize) FROM sqlite_master m JOIN dbstat d ON d.name = m.name AND d.aggregate WHERE m.tbl_name = '%[1]s'",
	sqlstore.Postgres: "SELECT pg_total_relation_size('%[1]s')",
	sqlstore.MySQL:    "SELECT data_length + index_length FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = '%[1]s'",
}

// rowBytes logs what a row of each table takes with its indexes.
func (f *filler) rowBytes(n int) {
	var b strings.Builder
	for _, x := range []struct {
		table string
		per   float64
	}{{"gdpr_consent", 2}, {"gdpr_consent_event", 1}, {"gdpr_audit_entry", 1}, {"gdpr_audit_alias", 1}, {"gdpr_audit_tile", 1. / 256}, {"crm", 1}} {
		var size float64
		err := f.pool.QueryRowContext(f.t.Context(), fmt.Sprintf(tableSizes[f.d], x.table)).Scan(&size)
		if err != nil {
			fmt.Fprintf(&b, " %s: %v", x.table, err)
			continue
		}
		fmt.Fprintf(&b, " %s %.0f", x.table, size/(x.per*float64(n)))
	}
	f.t.Logf("%9d: bytes per row with indexes:%s", n, b.String())
}

func timed(f func()) time.Duration {
	begun := time.Now()
	f()
	return time.Since(begun)
}
