package sqltest_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage/sqlstore"
)

// A column that somebody with SQL made empty or too long is a finding like any other,
// of an entry with its payload and of one without.
func TestAuditColumnsOfAnySize(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		if e.Dialect == sqlstore.MySQL {
			t.Skip("the server refuses what is longer than the column")
		}
		pool := e.SQL(t, e.Migrated(t))
		log, err := audit.New(e.DB(t, pool, nil).Tenant("acme"), nil)
		require.NoError(t, err)
		for range 3 {
			require.NoError(t, log.Record(t.Context(), "contact.read", "c-1"))
		}
		_, err = log.Sealed(t.Context())
		require.NoError(t, err)
		require.NoError(t, log.Redact(t.Context(), 1, "test"))
		_, err = log.Verify(t.Context())
		require.NoError(t, err)
		mark := func(n int) string {
			if e.Dialect == sqlstore.Postgres {
				return fmt.Sprint("$", n)
			}
			return "?"
		}
		for _, column := range []string{"id", "hash", "chain"} {
			for _, seq := range []int{1, 2} {
				where := " FROM gdpr_audit_entry WHERE seq = " + mark(1)
				var was []byte
				require.NoError(t, pool.QueryRow("SELECT "+column+where, seq).Scan(&was))
				update := fmt.Sprintf("UPDATE gdpr_audit_entry SET %s = %s WHERE seq = %s", column, mark(1), mark(2))
				for _, size := range []int{0, 8, 300} {
					_, err := pool.Exec(update, bytes.Repeat(was[:8], 40)[:size], seq)
					require.NoError(t, err)
					_, err = log.Verify(t.Context())
					require.ErrorIs(t, err, audit.ErrTampered, "%s of entry %d, %d bytes", column, seq, size)
				}
				_, err := pool.Exec(update, was, seq)
				require.NoError(t, err)
			}
		}
		_, err = log.Verify(t.Context())
		require.NoError(t, err)
	})
}
