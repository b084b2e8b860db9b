package sqltest_test

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/pseudonymtest"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/pseudonym"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// inFiles searches the files of the database as an examiner of the disk would.
func (s *site) inFiles(name string, needle []byte) bool {
	for _, suffix := range []string{"", "-wal", "-journal"} {
		b, err := os.ReadFile(filepath.Join(s.dir, name+suffix))
		if err == nil && bytes.Contains(b, needle) {
			return true
		}
	}
	return false
}

// wrappedKeys reads the wrapped keys of a subject from the table.
func wrappedKeys(t *testing.T, db *sql.DB, subject string) (list [][]byte) {
	rows, err := db.Query(`SELECT wrapped FROM gdpr_key WHERE subject = ?`, subject)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var b []byte
		require.NoError(t, rows.Scan(&b))
		if len(b) > 0 {
			list = append(list, b)
		}
	}
	require.NoError(t, rows.Err())
	return list
}

// After a clean report no wrapped key of the shredded subject is in the main file
// or the write-ahead log; while a reader is open the report says pending.
func TestNoRemnantsInSQLite(t *testing.T) {
	ctx := t.Context()
	s := newSite(t, true, false)
	v, db := s.open("db", "")
	for _, subject := range []string{"c-1", "c-2", "c-3"} {
		mustSeal(t, v, subject)
		_, err := v.Token(ctx, "subject", subject)
		require.NoError(t, err)
	}
	keys := wrappedKeys(t, db.SQL(), "c-1")
	require.Len(t, keys, 2)
	require.NoError(t, v.Rotate(ctx)) // the earlier wrapping must not linger either
	keys = append(keys, wrappedKeys(t, db.SQL(), "c-1")...)
	require.Len(t, keys, 4)

	closeReader := s.reader("db")
	require.NoError(t, v.Shred(ctx, "c-1"))
	r, err := v.Report(ctx)
	require.NoError(t, err)
	require.Equal(t, pseudonym.RemnantsPending, r.Remnants, "a reader is open")
	closeReader()
	r, err = v.Report(ctx)
	require.NoError(t, err)
	require.Equal(t, pseudonym.RemnantsClean, r.Remnants)
	for i, k := range keys {
		require.False(t, s.inFiles("db", k), "wrapped key %d is still in the files", i)
	}
	for _, k := range wrappedKeys(t, db.SQL(), "c-2") {
		require.True(t, s.inFiles("db", k), "the search finds a key that is there")
	}
}

// reader holds a read transaction open on a connection of its own.
func (s *site) reader(name string) (end func()) {
	conn, err := s.e.SQL(s.t, sqlstore.SQLiteDSN(filepath.Join(s.dir, name))).Conn(s.t.Context())
	require.NoError(s.t, err)
	_, err = conn.ExecContext(s.t.Context(), "BEGIN DEFERRED")
	require.NoError(s.t, err)
	var n int
	require.NoError(s.t, conn.QueryRowContext(s.t.Context(), "SELECT count(*) FROM gdpr_key").Scan(&n))
	return func() {
		_, err := conn.ExecContext(s.t.Context(), "ROLLBACK")
		require.NoError(s.t, err)
		require.NoError(s.t, conn.Close())
	}
}

// On PostgreSQL and MariaDB the report promises nothing physical.
func TestRemnantsOfServers(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		if e.Dialect == sqlstore.SQLite {
			t.Skip("cleans its files")
		}
		v := pseudonymtest.NewVault(t, e.Open(t).Tenant("acme"), pseudonymtest.NewKMS(), nil)
		mustSeal(t, v, "c-1")
		require.NoError(t, v.Shred(t.Context(), "c-1"))
		r, err := v.Report(t.Context())
		require.NoError(t, err)
		require.Equal(t, pseudonym.RemnantsEngine, r.Remnants)
		require.Positive(t, r.Bound)
	})
}
