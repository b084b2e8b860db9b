package sqltest

import (
	"bufio"
	"compress/gzip"
	"database/sql"
	"embed"
	"strings"
	"testing"

	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// Chinook returns a migrated DB in a database that holds the sample data of
// Chinook, as published.
func Chinook(t testing.TB, e *Engine) *sqlstore.DB {
	t.Helper()
	pool := e.SQL(t, e.DSN(t))
	LoadChinook(t, e, pool)
	return e.DB(t, pool, nil)
}

//go:embed testdata/chinook/*.sql.gz
var chinook embed.FS

// LoadChinook creates the tables of Chinook and fills them.
func LoadChinook(t testing.TB, e *Engine, pool *sql.DB) {
	t.Helper()
	file := map[sqlstore.Dialect]string{sqlstore.SQLite: "sqlite", sqlstore.Postgres: "postgresql", sqlstore.MySQL: "mysql"}[e.Dialect]
	tx, err := pool.Begin()
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range script(t, "testdata/chinook/chinook_"+file+".sql.gz") {
		if _, err := tx.Exec(q); err != nil {
			t.Fatalf("%.80s: %v", q, err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// script returns the statements of a compressed script, without those that make
// or choose a database.
func script(t testing.TB, path string) []string {
	t.Helper()
	f, err := chinook.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	var b strings.Builder
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := strings.TrimPrefix(lines.Text(), "\ufeff")
		switch {
		case b.Len() == 0 && (strings.HasPrefix(line, "USE ") || strings.HasPrefix(line, `\c `) ||
			strings.HasPrefix(line, "DROP DATABASE") || strings.HasPrefix(line, "CREATE DATABASE")):
			continue
		case b.Len() == 0 && (strings.HasPrefix(line, "/*") || strings.HasPrefix(line, " ") || strings.HasPrefix(line, "*")) || strings.TrimSpace(line) == "":
			continue // comments between statements
		case strings.HasSuffix(line, "***/") || strings.HasPrefix(line, "   ") && b.Len() == 0:
			continue
		}
		b.WriteString(line + "\n")
		if strings.HasSuffix(strings.TrimSpace(line), ";") {
			out = append(out, strings.TrimSuffix(strings.TrimSpace(b.String()), ";"))
			b.Reset()
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
