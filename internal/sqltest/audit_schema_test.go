package sqltest_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gdprkit/gdprkit/audit"
	"github.com/gdprkit/gdprkit/internal/audittest"
	"github.com/gdprkit/gdprkit/internal/sqltest"
	"github.com/gdprkit/gdprkit/storage"
)

// TestAuditHalfMigrated: with a column missing, Check names the table, an append fails
// and writes nothing, nor does the transaction that it is a step of.
func TestAuditHalfMigrated(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, e *sqltest.Engine) {
		pool := e.SQL(t, e.DSN(t))
		db := e.DB(t, pool, nil)
		log, err := audit.New(db.Tenant("acme"), nil)
		require.NoError(t, err)
		require.NoError(t, log.Record(t.Context(), "fine", "c-1"))
		before := audittest.Stored(t, db)
		run(t, pool, "ALTER TABLE gdpr_audit_entry DROP COLUMN chain", "ALTER TABLE gdpr_audit_stage DROP COLUMN mac")
		half := e.New(t, pool, nil)
		err = half.Check(t.Context())
		require.ErrorIs(t, err, storage.ErrSchema)
		for _, name := range []string{"gdpr_audit_entry", "gdpr_audit_stage"} {
			require.Contains(t, found(t, err, "schema"), "table "+name+" lacks a column or is missing: run Migrate")
		}
		log, err = audit.New(half.Tenant("acme"), nil)
		require.NoError(t, err)
		for range 2 {
			err = log.Record(t.Context(), "x", "c-1")
			require.ErrorContains(t, err, "gdpr_audit_")
			err = half.InTx(t.Context(), func(ctx context.Context) error { return log.Record(ctx, "x", "c-1") })
			require.ErrorContains(t, err, "gdpr_audit_")
		}
		require.Equal(t, before, audittest.Stored(t, half))
	})
}
