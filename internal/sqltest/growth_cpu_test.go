//go:build unix

package sqltest_test

import (
	"database/sql"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// thread returns the number of the server's thread, or process, that serves the
// only connection of a pool; "" with SQLite, which runs in this process.
func thread(t testing.TB, e *sqltest.Engine, pool *sql.DB) (id string) {
	query := map[sqlstore.Dialect]string{
		sqlstore.Postgres: "SELECT pg_backend_pid()",
		sqlstore.MySQL:    "SELECT tid FROM information_schema.processlist WHERE id = CONNECTION_ID()",
	}[e.Dialect]
	if query != "" {
		require.NoError(t, pool.QueryRowContext(t.Context(), query).Scan(&id))
	}
	return id
}

// cpu returns the processor time of this process and of a thread of a server on
// the same machine, where the system tells it.
func cpu(t testing.TB, thread string) time.Duration {
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	used := time.Duration(u.Utime.Nano() + u.Stime.Nano())
	if thread == "" {
		return used
	}
	text, err := os.ReadFile("/proc/" + thread + "/schedstat")
	if err != nil {
		return used
	}
	var ns int64
	_, err = fmt.Sscan(strings.Fields(string(text))[0], &ns)
	require.NoError(t, err)
	return used + time.Duration(ns)
}
